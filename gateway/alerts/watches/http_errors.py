"""How many answers were errors of ours (5xx), of all that people asked within the last minutes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.alerts.watches.condition import Condition, Watch, of_gateways
from gateway.alerts.watches.facts import Facts, Traffic
from gateway.alerts.watches.settings import Settings


def _look(facts: Facts, settings: Settings) -> list[Condition]:
    traffic = facts.traffic or Traffic()
    errors = sum(traffic.errors.values())
    severity = settings.of_errors(errors, traffic.requests)
    if severity is None:
        return []
    share = errors / traffic.requests
    minutes = settings.window_s / 60
    return [
        Condition(
            cause="gateway.errors",
            severity=severity,
            summary=f"{share:.0%} of the answers of the last {minutes:g} minutes were errors",
            detail="\n".join(_by_outcome(traffic.errors, traffic.requests)),
        )
    ]


def _by_outcome(errors: Mapping[str, int], requests: int) -> Iterator[str]:
    yield f"{requests} requests"
    for outcome, count in sorted(errors.items(), key=lambda item: -item[1]):
        yield f"{outcome}: {count}"


WATCH = Watch(("gateway.errors",), _look, of_gateways)
