"""Memory of the nonces that were used: a sliding window of counters for each sending process.

As in RFC 4303, section 3.4.3 (the anti-replay window of IPsec), with a window for each sender. The memory's size is
constant at any rate of calls. What it forgets is refused by something else: counters behind the window by the window,
processes long silent by the time window of the signature, everything before a restart by the boot id.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

WINDOW_COUNTERS: Final = 4096
PROCESSES_MAX: Final = 16
FORGET_AFTER_S: Final = 60.0
"""A message is accepted until 30 s after its ``created``, which may itself lie 30 s ahead of the verifier's clock."""


@dataclass(slots=True)
class _Window:
    highest: int
    used: int  # bit n stands for the counter ``highest - n``
    accepted_at: float
    not_before: float  # what this process sent before, and is forgotten, may be accepted until then


class ReplayMemory:
    """Accept each (process, counter) once. One instance for each unit, so that no unit can use up another's places.

    Only what carries a right MAC may come here: whoever can add a process can make the memory refuse others. It holds
    ``processes_max`` processes; a new one takes the place of the one silent for longest, if that is longer than
    ``FORGET_AFTER_S``, and is refused otherwise.
    """

    def __init__(self, window: int = WINDOW_COUNTERS, processes_max: int = PROCESSES_MAX) -> None:
        self._window = window
        self._mask = (1 << window) - 1
        self._processes_max = processes_max
        self._windows: dict[str, _Window] = {}

    def accept(self, process: str, counter: int, now: float) -> bool:
        """Return whether this is the first message with that nonce, and remember it.

        ``now`` is the same clock that the message's age was measured by (seconds). Counters may arrive out of order,
        by up to ``window``. False also where the memory cannot tell.
        """
        window = self._windows.get(process)
        if window is None:
            not_before = now if self._is_full else -math.inf  # once it is full, whoever is new may be back
            if not self._has_room(now):
                return False
            self._windows[process] = _Window(counter, 1, now, not_before)
            return True
        if now < window.not_before:  # the clock was set back
            return False
        ahead = counter - window.highest
        if ahead > 0:
            window.used = (window.used << ahead & self._mask | 1) if ahead < self._window else 1
            window.highest = counter
        else:
            place = 1 << -ahead if -ahead < self._window else 0
            if not place or window.used & place:
                return False
            window.used |= place
        window.accepted_at = max(window.accepted_at, now)
        return True

    @property
    def _is_full(self) -> bool:
        return len(self._windows) >= self._processes_max

    def _has_room(self, now: float) -> bool:
        # The longest silent goes first and the memory stays full, so who spoke longest ago never gets younger: where
        # the clock is set back to when a forgotten process spoke, nobody is silent for long enough, and none gets in.
        if not self._is_full:
            return True
        silent = min(self._windows, key=lambda process: self._windows[process].accepted_at)
        if now - self._windows[silent].accepted_at <= FORGET_AFTER_S:
            return False
        del self._windows[silent]
        return True
