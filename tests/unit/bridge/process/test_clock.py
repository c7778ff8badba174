from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from bridge.process.clock import STEP_MIN_S, Clock, ClockSteps, SystemClock, rfc3339, utc
from tests.clocks import HurriedClock, TurnedClock


def test_system_clock_tells_the_machines_time() -> None:
    clock: Clock = SystemClock()
    assert abs(clock.time() - time.time()) < 5
    before = clock.monotonic()
    assert 0 <= clock.monotonic() - before < 5


def test_step_is_told_once_when_the_time_of_day_is_set() -> None:
    clock = HurriedClock()
    steps = ClockSteps(clock)
    clock.advance(3600)
    assert steps.by_s() == 0
    TurnedClock.advance(clock, -86_400)
    assert (steps.by_s(), steps.by_s()) == (-86_400, 0)
    TurnedClock.advance(clock, STEP_MIN_S / 2)
    assert steps.by_s() == 0


def test_utc_is_aware_when_given_unix_seconds() -> None:
    moment = utc(1_700_000_000.5)
    assert moment == datetime(2023, 11, 14, 22, 13, 20, 500_000, tzinfo=UTC)
    assert moment.utcoffset() == timedelta(0)


def test_rfc3339_is_cut_off_when_the_moment_is_finer() -> None:
    assert rfc3339(1_700_000_000.9996) == "2023-11-14T22:13:20.999Z"
    assert rfc3339(1_700_000_000.9996, timespec="seconds") == "2023-11-14T22:13:20Z"
