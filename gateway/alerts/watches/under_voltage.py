"""Whether a host gets too little power: the first thing that ruins SD cards."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.alerts.watches.condition import Condition, Watch, of_host
from gateway.alerts.watches.facts import Facts
from gateway.alerts.watches.settings import Settings

_CLEAR_AFTER_S = 3600.0


def _look(facts: Facts, settings: Settings) -> Iterator[Condition]:
    del settings
    for host in facts.hosts:
        if host.under_voltage:
            yield Condition(
                cause=f"power.low:{host.host}",
                severity="warning",
                summary=f"The {host.host} gets too little power",
                detail="Use the power supply and the cable that were made for it; a card is soon ruined otherwise.",
                host=host.host,
                clear_after_s=_CLEAR_AFTER_S,
            )


WATCH = Watch(("power.low",), _look, of_host)
