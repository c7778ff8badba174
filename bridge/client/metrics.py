"""What the gateway counts of the bridge, for Prometheus.

Label values are bounded: operations, lanes, outcomes and the literals named here. The functions give a metric's child
for its labels, and find it in 0.1 µs instead of prometheus_client's 0.8.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from bridge.client.breaker import Change, State
from bridge.contracts.operation import Lane
from bridge.errors import Outcome

_REQUEST_DURATION_S: Final = Histogram(
    "bridge_request_duration_seconds",
    "Time from asking the bridge to having an answer, from the cache or from the agent.",
    ("operation", "outcome"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
_BREAKER_STATE: Final = Gauge("bridge_breaker_state", "0 closed, 1 half open, 2 open.", ("lane",))
_BREAKER_OPENS: Final = Counter("bridge_breaker_opens_total", "How often the breaker opened.", ("lane",))
_BREAKER_PROBES: Final = Counter("bridge_breaker_probes_total", "Calls let through to see if it may close.", ("lane",))
_CACHE_REQUESTS: Final = Counter("bridge_cache_requests_total", "Lookups in the cache.", ("result",))
_CONNECTIONS: Final = Counter("bridge_connections_total", "Attempts to connect to the agent.", ("reason",))
RETRIES: Final = Counter("bridge_retries_total", "Attempts after the first.")
RETRY_BUDGET_EXHAUSTED: Final = Counter(
    "bridge_retry_budget_exhausted_total", "Retries that were not made, because the budget did not reach."
)
CACHE_BYTES: Final = Gauge("bridge_cache_bytes", "Size of the cache, in bytes.")
FEED_BEHIND_S: Final = Gauge("bridge_feed_behind_seconds", "Seconds since the feed was last heard; infinite when lost.")

_STATE_NUMBERS: Final = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}


@cache
def request_duration_s(operation: str, outcome: Outcome) -> Histogram:
    return _REQUEST_DURATION_S.labels(operation, outcome.value)


@cache
def breaker_probes(lane: Lane) -> Counter:
    return _BREAKER_PROBES.labels(lane.value)


@cache
def cache_requests(result: str) -> Counter:
    """Count a lookup. ``result``: fresh, revalidate, stale, miss, shared (another call's flight) or bypass."""
    return _CACHE_REQUESTS.labels(result)


@cache
def connections(reason: str) -> Counter:
    """Count an attempt to connect. ``reason``: "connected", or the name of the error."""
    return _CONNECTIONS.labels(reason)


def breaker_listener(lane: Lane) -> Callable[[Change], None]:
    """Return the listener that keeps a breaker's metrics, which read closed from now on."""
    state, opens = _BREAKER_STATE.labels(lane.value), _BREAKER_OPENS.labels(lane.value)
    state.set(0)

    def on_change(change: Change) -> None:
        state.set(_STATE_NUMBERS[change.after])
        if change.after is State.OPEN:
            opens.inc()

    return on_change
