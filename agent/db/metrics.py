"""What the agent counts about its databases; shown by ``system.metrics`` and so on the gateway's ``/metrics``."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

QUERY_SECONDS: Final = Histogram(
    "agent_query_duration_seconds",
    "How long a named query took, with its wait for the server and without the wait for a connection.",
    ["query"],
    buckets=(0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0),
)
QUERIES_FAILED: Final = Counter("agent_queries_failed_total", "Queries that did not answer, by error code.", ["code"])
POOL_CONNECTIONS: Final = Gauge("agent_pool_connections", "Open connections of a pool.", ["pool"])
POOL_CONNECTS: Final = Counter("agent_pool_connects_total", "Connections a pool opened.", ["pool"])
