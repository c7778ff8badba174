"""How long people waited: the 95th percentile of the last minutes, sign-in left out, which is slow by design."""

from __future__ import annotations

from gateway.alerts.watches.condition import Condition, Watch, of_gateways
from gateway.alerts.watches.facts import Facts, Traffic
from gateway.alerts.watches.figures import quantile_s
from gateway.alerts.watches.settings import Settings

SHARE = 0.95


def _look(facts: Facts, settings: Settings) -> list[Condition]:
    traffic = facts.traffic or Traffic()
    p95_s = quantile_s(traffic, SHARE)
    if p95_s is None or traffic.timed < settings.slow_requests_min or p95_s * 1000 <= settings.slow_p95_ms:
        return []
    return [
        Condition(
            cause="gateway.slow",
            severity="warning",
            summary=f"One answer in 20 took {p95_s * 1000:.0f} ms or more",
            detail=f"Of {traffic.timed} requests; up to {settings.slow_p95_ms:g} ms is well.",
        )
    ]


WATCH = Watch(("gateway.slow",), _look, of_gateways)
