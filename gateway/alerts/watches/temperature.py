"""Whether a host is too hot."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.alerts.watches.condition import Condition, Watch, of_host
from gateway.alerts.watches.facts import Facts
from gateway.alerts.watches.settings import Settings

_LASTS_S = 120.0


def _look(facts: Facts, settings: Settings) -> Iterator[Condition]:
    for host in facts.hosts:
        if host.temperature_c is not None and (severity := settings.of_temperature(host.temperature_c)):
            yield Condition(
                cause=f"temperature.high:{host.host}",
                severity=severity,
                summary=f"The {host.host} is hot: {host.temperature_c:.0f} °C",
                detail="It makes itself slower. Give it air, or a heat sink.",
                host=host.host,
                after_s=_LASTS_S,
                clear_after_s=5 * _LASTS_S,
            )


WATCH = Watch(("temperature.high",), _look, of_host)
