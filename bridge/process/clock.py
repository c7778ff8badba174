"""The one place that reads a clock; everything else is told the time, so that tests can tell it another."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final, Protocol

STEP_MIN_S: Final = 5.0
"""What is less may be a clock that is slewed, and changes no length that anybody is told."""


class Clock(Protocol):
    def monotonic(self) -> float:
        """Seconds that never go backwards, from an arbitrary start. For durations and intervals."""

    def time(self) -> float:
        """Unix time, seconds. A Pi has no clock chip: it may be wrong and may jump."""


class SystemClock:
    """The machine's own clocks."""

    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)


class ClockSteps:
    """Notices that the time of day was stepped: a Pi has no clock chip, and gets its time once the network is there."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_s = self._offset()

    def by_s(self) -> float:
        """Return by how many seconds it was stepped since this was last asked; 0 for less than :data:`STEP_MIN_S`."""
        before, self._offset_s = self._offset_s, self._offset()
        by_s = self._offset_s - before
        return by_s if abs(by_s) >= STEP_MIN_S else 0.0

    def _offset(self) -> float:
        return self._clock.time() - self._clock.monotonic()


def utc(unix_s: float) -> datetime:
    """Return the aware UTC datetime of a Unix time in seconds."""
    return datetime.fromtimestamp(unix_s, UTC)


def rfc3339(unix_s: float, *, timespec: str = "milliseconds") -> str:
    """Return a Unix time in seconds as UTC text, such as ``2026-11-21T08:00:00.250Z``; cut off, never rounded up."""
    return utc(unix_s).replace(tzinfo=None).isoformat(timespec=timespec) + "Z"
