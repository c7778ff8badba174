"""Limits for browsers: the generic cell rate algorithm (GCRA), one number a client.

Pure: the caller passes ``now`` (seconds, monotonic). What a client is told follows RFC 9110, section 10.2.3, and
draft-ietf-httpapi-ratelimit-headers-10 (structured fields: a List of Strings with Integer parameters)::

    RateLimit-Policy: "account";q=60;w=60, "address";q=600;w=60     the quotas: requests in so many seconds
    RateLimit: "account";r=12;t=1, "address";r=571;t=1              what remains of each, and when there is one more
    Retry-After: 4                                                  where it was refused
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import Final, NamedTuple

KEYS_MAX: Final = 50_000
_MINUTE_S: Final = 60
_TOLERANCE_S: Final = 1e-6  # what sums of floats may be off


@dataclass(frozen=True, slots=True)
class Quota:
    """``count`` requests in ``window_s`` whole seconds: all at once if need be, then they come back one by one."""

    name: str
    count: int
    window_s: int = 60


class Decision(NamedTuple):
    """``remaining``: requests left now. ``reset_s``: seconds until there is one more.

    ``retry_after_s``: seconds until the refused request would be let through, 0 where it was.
    """

    quota: Quota
    is_allowed: bool
    remaining: int
    reset_s: float
    retry_after_s: float


class GcraLimiter:
    """Holds each key to one quota, in bounded memory: of more than ``keys_max`` keys, those idle longest are forgotten.

    For each key it remembers the theoretical arrival time: when the whole quota will be there again. In any span of
    ``s`` seconds a key gets at most ``count · (1 + s / window_s)`` requests.

    Source: ITU-T I.371, annex A, virtual scheduling; https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
    """

    def __init__(self, quota: Quota, *, keys_max: int = KEYS_MAX) -> None:
        self.quota: Final = quota
        self._keys_max = keys_max
        self._interval_s = quota.window_s / quota.count
        self._whole_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._whole_at)

    def check(self, key: str, now: float) -> Decision:
        """Take one request from ``key``'s quota, if there is one left. A refused request costs nothing."""
        interval_s = self._interval_s
        whole_at = max(self._whole_at.get(key, now), now)
        left_s = now + self.quota.window_s - whole_at - interval_s
        is_allowed = left_s > -_TOLERANCE_S
        self._whole_at[key] = whole_at + interval_s if is_allowed else whole_at
        self._whole_at.move_to_end(key)
        if len(self._whole_at) > self._keys_max:
            self._whole_at.popitem(last=False)
        if not is_allowed:
            return Decision(self.quota, is_allowed=False, remaining=0, reset_s=-left_s, retry_after_s=-left_s)
        remaining = int((left_s + _TOLERANCE_S) / interval_s)
        reset_s = (remaining + 1) * interval_s - left_s
        return Decision(self.quota, is_allowed=True, remaining=remaining, reset_s=reset_s, retry_after_s=0.0)


def policy_field(quotas: Iterable[Quota]) -> str:
    """Return the value of ``RateLimit-Policy``: always the same for the same quotas."""
    return ", ".join(f'"{quota.name}";q={quota.count};w={quota.window_s}' for quota in quotas)


def limit_item(decision: Decision) -> str:
    """Return one quota's item of the list ``RateLimit``."""
    return f'"{decision.quota.name}";r={decision.remaining};t={whole_s(decision.reset_s)}'


def whole_s(seconds: float) -> int:
    """Return seconds as a delay in whole ones, never too early, for ``RateLimit`` and ``Retry-After``."""
    return ceil(seconds - _TOLERANCE_S)


def retry_after(seconds: float) -> str:
    """Return the value of ``Retry-After``: never 0, which would say at once."""
    return str(max(whole_s(seconds), 1))


def wait_in_words(seconds: float | None) -> str:
    """Return how long to wait before another try, as people say it, or "" where nobody knows."""
    if seconds is None:
        return ""
    whole = max(whole_s(seconds), 1)
    if whole < _MINUTE_S:
        return "a second" if whole == 1 else f"{whole} seconds"
    minutes = ceil(whole / _MINUTE_S)
    return "a minute" if minutes == 1 else f"{minutes} minutes"
