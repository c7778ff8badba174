"""What the agent counts of the bridge."""

from __future__ import annotations

from functools import cache
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from bridge.errors import Outcome

_REQUEST_DURATION_S: Final = Histogram(
    "agent_request_duration_seconds",
    "Time from a verified request to its signed response.",
    ("operation", "outcome"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
REFUSED: Final = Counter(
    "agent_refused_messages_total", "Messages refused before their content was looked at.", ("step",)
)
FEED_STREAMS: Final = Gauge("agent_feed_streams", "Feed streams held open.")


@cache
def request_duration_s(operation: str, outcome: Outcome) -> Histogram:
    """Return the histogram of these labels; prometheus_client's own look for it takes ten times as long."""
    return _REQUEST_DURATION_S.labels(operation, outcome.value)
