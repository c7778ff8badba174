"""A gateway's figures, of the Prometheus text that it gives, and what they were over the last minutes.

The text format: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import urlencode

from gateway.alerts.watches.facts import Traffic

_BUCKET: Final = "gateway_request_duration_seconds_bucket{"

TARGET: Final = "/metrics?" + urlencode(
    [
        ("name[]", name)
        for name in (
            "gateway_request_duration_seconds_bucket", "bridge_breaker_state", "bridge_cache_requests_total",
            "bridge_cache_bytes", "drawbridge_certificate_end_seconds", "process_start_time_seconds",
        )
    ]
)  # fmt: skip
"""What to ask a gateway for: all that is counted here, and no more."""

TEXT_MAX_BYTES: Final = 8 << 20
"""Above what it can be: 13 buckets of some 120 bytes for each route with each status and outcome."""

_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_BREAKER_STATES: Final = {0: "closed", 1: "half_open", 2: "open"}
_HITS: Final = frozenset({"fresh", "revalidate", "stale", "shared"})
_ERROR_MIN: Final = 500

_OF_MACHINES: Final = re.compile(r"/(health|metrics|version|static|csp-reports|status)\b")
"""Routes that programs ask, this one above all, and streams that never end: no visitor waits for them."""
_SLOW_BY_DESIGN: Final = re.compile(r"(/api/v1)?/(auth|sign-in)\b")
"""A password takes a second to check on a Pi, so that guessing takes long."""


@dataclass(slots=True)
class Figures:
    """What a gateway has counted since its start at ``started``, Unix time."""

    started: float = 0.0
    requests: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    timed: int = 0
    slower: dict[float, int] = field(default_factory=dict)
    breakers: dict[str, str] = field(default_factory=dict)
    cache: dict[str, int] = field(default_factory=lambda: {"hits": 0, "misses": 0, "bytes": 0})
    certificates: dict[str, float] = field(default_factory=dict)


def parse(text: str) -> Figures:
    """Return the figures in what ``/metrics`` gave. Lines that cannot be read are left out."""
    figures = Figures()
    for line in text.splitlines():
        name, _, number = line.rpartition(" ")
        try:
            if line.startswith(_BUCKET):
                _take_bucket(figures, _bucket(name), int(float(number)))
            else:
                _take(figures, name, float(number))
        except (ValueError, KeyError, OverflowError):
            continue
    return figures


def _take(figures: Figures, name: str, value: float) -> None:
    metric, _, text = name.partition("{")
    labels = _labels(text)
    if metric == "bridge_breaker_state":
        figures.breakers[labels["lane"]] = _BREAKER_STATES[int(value)]
    elif metric == "bridge_cache_requests_total":
        if labels["result"] != "bypass":
            figures.cache["hits" if labels["result"] in _HITS else "misses"] += int(value)
    elif metric == "bridge_cache_bytes":
        figures.cache["bytes"] = int(value)
    elif metric == "drawbridge_certificate_end_seconds":
        figures.certificates[labels["name"]] = value
    elif metric == "process_start_time_seconds":
        figures.started = value


class _Bucket(NamedTuple):
    """What a bucket of the histogram is of: requests of a kind that took up to ``bound_s``."""

    is_counted: bool
    is_timed: bool
    bound_s: float
    error: str
    """The outcome, where the answer was an error of ours."""


@lru_cache(maxsize=4096)
def _bucket(name: str) -> _Bucket:
    """Return what the name and labels of a bucket say. Remembered: the same ones come each time."""
    labels = _labels(name)
    route = labels["route"]
    return _Bucket(
        is_counted=not _OF_MACHINES.match(route),
        is_timed=not _SLOW_BY_DESIGN.match(route),
        bound_s=float(labels["le"]),
        error=labels["outcome"] if int(labels["status"]) >= _ERROR_MIN else "",
    )


def _take_bucket(figures: Figures, bucket: _Bucket, count: int) -> None:
    is_counted, is_timed, bound_s, error = bucket
    if not is_counted:
        return
    if is_timed:
        figures.slower[bound_s] = figures.slower.get(bound_s, 0) + count
    if bound_s == math.inf:
        figures.requests += count
        figures.timed += count if is_timed else 0
        if error:
            figures.errors[error] = figures.errors.get(error, 0) + count


def _labels(text: str) -> dict[str, str]:
    return {match[1]: match[2] for match in _LABEL.finditer(text)}


class Window:
    """What a gateway did within the last ``window_s``: the newest figures less those of back then."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._seen: deque[tuple[float, Figures]] = deque()

    def add(self, monotonic: float, figures: Figures) -> None:
        self._seen.append((monotonic, figures))
        while len(self._seen) > 1 and self._seen[1][0] <= monotonic - self._window_s:
            self._seen.popleft()

    def traffic(self) -> Traffic:
        """Return the sum of what was counted between two looks; after a restart, since that."""
        total = Figures()
        for before, after in self._steps():
            total.requests += after.requests - before.requests
            total.timed += after.timed - before.timed
            for outcome, count in after.errors.items():
                more = count - before.errors.get(outcome, 0)
                total.errors[outcome] = total.errors.get(outcome, 0) + more
            for bound, count in after.slower.items():
                total.slower[bound] = total.slower.get(bound, 0) + count - before.slower.get(bound, 0)
        errors = {outcome: count for outcome, count in total.errors.items() if count > 0}
        return Traffic(total.requests, errors, total.timed, total.slower)

    def _steps(self) -> Iterator[tuple[Figures, Figures]]:
        """Yield the first and last look at each process that there was: a new one counts from nothing."""
        first: Figures | None = None
        last: Figures | None = None
        for _, figures in self._seen:
            if first is None or last is None:
                first = last = figures
            elif figures.started == last.started and figures.requests >= last.requests:
                last = figures
            else:
                yield first, last
                first, last = Figures(), figures
        if first is not None and last is not None:
            yield first, last


def quantile_s(traffic: Traffic, share: float) -> float | None:
    """Return the duration that ``share`` of the requests did not exceed; None where there were none.

    Within a bucket evenly spread, as Prometheus's ``histogram_quantile``; beyond the last bound it is that bound.
    """
    wanted = share * traffic.timed
    below_s, below = 0.0, 0
    for bound_s, count in sorted(traffic.slower.items()):
        if count >= wanted and count > 0:
            if math.isinf(bound_s) or count == below:
                return below_s
            return below_s + (bound_s - below_s) * (wanted - below) / (count - below)
        below_s, below = bound_s, count
    return None
