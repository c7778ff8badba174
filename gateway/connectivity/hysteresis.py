"""When a rung counts as down: after three bad looks of the last five; and as up again: after two good ones in a row."""

from __future__ import annotations

from collections import deque
from typing import Final, Literal

WINDOW: Final = 5
DOWN_VOTES: Final = 3
UP_VOTES: Final = 2
FLAPS_WINDOW_S: Final = 3600.0
_FLAPS_MAX: Final = 1000


class Votes:
    """The last looks at one rung. Times are seconds of any clock that does not go back."""

    def __init__(self, *, now: float) -> None:
        self.state: Literal["up", "down", "unknown"] = "unknown"
        self.since = now
        self._cast: deque[tuple[bool, float]] = deque(maxlen=WINDOW)
        self._downs: deque[float] = deque(maxlen=_FLAPS_MAX)

    def cast(self, *, is_up: bool, now: float, definitive: bool = False) -> bool:
        """Count one look, and return whether the state changed. A definitive one needs no others.

        The first good look ever is enough: nothing was down before.
        """
        self._cast.append((is_up, now))
        if is_up and self.state != "up":
            last = list(self._cast)[-UP_VOTES:]
            if self.state == "unknown" or (len(last) == UP_VOTES and all(each for each, _ in last)):
                return self._become("up", now)
        if not is_up and self.state != "down" and (definitive or self._bad() >= DOWN_VOTES):
            self._downs.append(now)
            return self._become("down", next(at for each, at in self._cast if not each))
        return False

    def forget(self, *, now: float) -> None:
        """Start anew: what carries this rung is broken, and earlier looks say nothing of later ones."""
        self._cast.clear()
        if self.state != "unknown":
            self._become("unknown", now)

    def flaps(self, *, now: float) -> int:
        """Return how often it went down within the last hour."""
        while self._downs and now - self._downs[0] > FLAPS_WINDOW_S:
            self._downs.popleft()
        return len(self._downs)

    def _bad(self) -> int:
        return sum(not each for each, _ in self._cast)

    def _become(self, state: Literal["up", "down", "unknown"], since: float) -> bool:
        self.state, self.since = state, since
        if state == "up":
            self._cast.clear()  # the bad looks of the outage must not count for the next one
            self._cast.append((True, since))
        return True
