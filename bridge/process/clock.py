"""The one place that reads a clock; everything else is told the time, so that tests can tell it another."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def monotonic(self) -> float:
        """Seconds that never go backwards, from an arbitrary start. For durations and intervals."""

    def time(self) -> float:
        """Unix time, seconds. A Pi has no clock chip: it may be wrong and may jump."""


class SystemClock:
    """The machine's own clocks."""

    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)


def utc(unix_s: float) -> datetime:
    """Return the aware UTC datetime of a Unix time in seconds."""
    return datetime.fromtimestamp(unix_s, UTC)


def rfc3339(unix_s: float, *, timespec: str = "milliseconds") -> str:
    """Return a Unix time in seconds as UTC text, such as ``2026-11-21T08:00:00.250Z``; cut off, never rounded up."""
    return utc(unix_s).replace(tzinfo=None).isoformat(timespec=timespec) + "Z"
