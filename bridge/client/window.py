"""Counting what happened lately, in constant memory."""

from __future__ import annotations

from collections import deque

_STEPS = 30


class Window:
    """Counts of ``kinds`` kinds over the last ``span_s`` seconds.

    Time is cut into 30 steps, so that what is counted is between 29/30 and the whole of ``span_s`` old at most. The
    caller's ``now`` (seconds, monotonic) decides; should it go back, counts land in the newest step.
    """

    __slots__ = ("_step_s", "_steps", "totals")

    def __init__(self, *, kinds: int, span_s: float) -> None:
        self._step_s = span_s / _STEPS
        self._steps: deque[tuple[int, list[int]]] = deque()
        self.totals = [0] * kinds
        """The sums as of the last :meth:`expire` or :meth:`add`, one a kind. To be read only."""

    def add(self, now: float, kind: int) -> None:
        """Count one of ``kind``."""
        self.expire(now)
        step = int(now // self._step_s)
        if not self._steps or self._steps[-1][0] < step:
            self._steps.append((step, [0] * len(self.totals)))
        self._steps[-1][1][kind] += 1
        self.totals[kind] += 1

    def expire(self, now: float) -> None:
        """Forget what is older than the span."""
        oldest = int(now // self._step_s) - _STEPS + 1
        while self._steps and self._steps[0][0] < oldest:
            for kind, count in enumerate(self._steps.popleft()[1]):
                self.totals[kind] -= count
