"""What the gateway counts of its web side."""

from __future__ import annotations

from functools import cache
from typing import Final

from prometheus_client import Counter, Histogram

REQUEST_DURATION_S: Final = Histogram(
    "gateway_request_duration_seconds",
    "Time from a request's headers to its response.",
    ("route", "status", "outcome"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
CSP_VIOLATIONS: Final = Counter("gateway_csp_violations_total", "Violations of the CSP that browsers reported.")


@cache  # routes, statuses and outcomes are few, and finding a labelled child takes longer than observing
def request_duration(route: str, status: int, outcome: str) -> Histogram:
    return REQUEST_DURATION_S.labels(route, str(status), outcome)
