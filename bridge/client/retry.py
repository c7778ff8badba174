"""Retries that cannot become a storm: few, spread out, and paid for out of a budget that successes fill.

Pure: the caller passes ``now`` (seconds, monotonic).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from bridge.client.window import Window

_CALL: Final = 0
_RETRY: Final = 1


@dataclass(frozen=True, slots=True)
class RetryRule:
    """How often to try again: ``attempts_max`` further attempts a call, while the budget reaches.

    The longest wait before each grows geometrically, from ``backoff_min_s`` (the first) to ``backoff_max_s`` (the
    last). Over all calls, the further attempts of the last ``budget_window_s`` are at most ``budget_share`` of its
    calls, and ``budget_per_s`` besides.
    """

    attempts_max: int = 2
    backoff_min_s: float = 0.025
    backoff_max_s: float = 0.25
    budget_share: float = 0.2
    budget_window_s: float = 10.0
    budget_per_s: float = 1.0


class Backoff:
    """How long to wait before a retry: "full jitter", so that clients which failed together do not return together.

    Source: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
    """

    def __init__(self, rule: RetryRule) -> None:
        steps = max(rule.attempts_max - 1, 1)
        growth = (rule.backoff_max_s / rule.backoff_min_s) ** (1 / steps)
        self._ceilings_s = tuple(rule.backoff_min_s * growth**step for step in range(rule.attempts_max))

    def delay_s(self, attempt: int, rng: random.Random) -> float | None:
        """Return the seconds to wait before retry number ``attempt`` (from 1), None where there is none left."""
        return rng.uniform(0.0, self._ceilings_s[attempt - 1]) if attempt <= len(self._ceilings_s) else None


class RetryBudget:
    """What retries may cost, all calls together: when everything fails, load grows by a fifth and not threefold."""

    def __init__(self, rule: RetryRule) -> None:
        self._rule = rule
        self._window = Window(kinds=2, span_s=rule.budget_window_s)

    def count_call(self, now: float) -> None:
        """Count one call (its first attempt), which earns a share of a retry."""
        self._window.add(now, _CALL)

    def spend(self, now: float) -> bool:
        """Pay for one retry and return True; False where the budget does not reach. Ask before the back-off."""
        self._window.expire(now)
        calls, retries = self._window.totals
        rule = self._rule
        if retries + 1 > rule.budget_share * calls + rule.budget_per_s * rule.budget_window_s:
            return False
        self._window.add(now, _RETRY)
        return True
