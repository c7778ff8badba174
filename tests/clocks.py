"""A clock that tests turn by hand."""

from __future__ import annotations

import time


class TurnedClock:
    """Unix time stands still until :meth:`advance`; the monotonic clock is the machine's own, as deadlines need."""

    def __init__(self, unix_s: float = 1_780_000_000.0) -> None:
        self._unix_s = unix_s

    monotonic = staticmethod(time.monotonic)

    def time(self) -> float:
        return self._unix_s

    def advance(self, seconds: float) -> None:
        self._unix_s += seconds


class HurriedClock(TurnedClock):
    """Both clocks stand still but for :meth:`advance`, so that what follows from times is the same on any machine.

    The monotonic one is ahead of the machine's: a deadline by it is late, never over at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self._monotonic_s = time.monotonic() + 10_000

    def monotonic(self) -> float:
        return self._monotonic_s

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        self._monotonic_s += seconds
