"""Whether a gateway has stopped to ask the keep, for longer than a moment."""

from __future__ import annotations

from gateway.alerts.watches.condition import Condition, Watch, of_gateways
from gateway.alerts.watches.facts import Facts
from gateway.alerts.watches.settings import Settings


def _look(facts: Facts, settings: Settings) -> list[Condition]:
    where: dict[str, list[str]] = {}
    for gateway in facts.gateways:
        for lane, state in gateway.breakers.items():
            if state != "closed":  # half open is the probe of one that does not close
                where.setdefault(lane, []).append(gateway.name)
    return [
        Condition(
            cause=f"breaker.open:{lane}",
            severity="warning",
            summary=f"The breaker for {lane} calls to the keep is open",
            detail=f"At {', '.join(names)}. Calls to the keep failed or were slow; one probe at a time goes on.",
            after_s=settings.breaker_open_s,
            clear_after_s=settings.breaker_open_s / 2,
        )
        for lane, names in sorted(where.items())
    ]


WATCH = Watch(("breaker.open",), _look, of_gateways)
