from __future__ import annotations

import pytest

from agent.db.availability import Availability, Condition
from tests.clocks import TurnedClock


def test_availability_is_logged_once_each_way_when_it_changes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    clock = TurnedClock(100.0)
    availability = Availability("store", clock)
    assert availability.condition == Condition("down", 100.0, "starting")
    assert not availability.is_up
    clock.advance(1)
    availability.mark_down("ConnectionRefusedError")
    availability.mark_down("TimeoutError")
    assert availability.condition == Condition("down", 101.0, "ConnectionRefusedError")
    clock.advance(1)
    availability.mark_up()
    availability.mark_up()
    assert availability.condition == Condition("up", 102.0, "")
    assert availability.is_up
    availability.mark_down("TimeoutError")
    assert availability.condition == Condition("down", 102.0, "TimeoutError")
    assert len(caplog.records) == 3


def test_availability_keeps_its_time_when_it_is_disabled_for_the_same_reason(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    clock = TurnedClock(100.0)
    availability = Availability("health", clock)
    availability.mark_disabled("there is no table entries")
    clock.advance(1)
    availability.mark_disabled("there is no table entries")
    assert availability.condition == Condition("disabled", 100.0, "there is no table entries")
    availability.mark_disabled("there is no column name")
    assert availability.condition == Condition("disabled", 101.0, "there is no column name")
    availability.mark_down("never reached")
    assert availability.condition.state == "disabled"
    assert len(caplog.records) == 2
