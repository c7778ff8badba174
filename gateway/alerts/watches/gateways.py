"""The gateways: whether each tells how it is, how many answers were errors, and how long people waited."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.alerts.watches.condition import Condition, Watch, always
from gateway.alerts.watches.facts import Facts
from gateway.alerts.watches.settings import Settings


def _silent(facts: Facts, settings: Settings) -> Iterator[Condition]:
    silent = [gateway for gateway in facts.gateways if gateway.refusal]
    for gateway in silent:
        rest = "no gateway does" if len(silent) == len(facts.gateways) else "visitors get the other one"
        yield Condition(
            cause=f"gateway.silent:{gateway.name}",
            severity="critical" if len(silent) == len(facts.gateways) else "warning",
            summary=f"{gateway.name} does not tell how it is: {gateway.refusal}",
            detail=f"Asked for /metrics at its socket; {rest}.",
            after_s=settings.gateway_silent_s,
        )


SILENT = Watch(("gateway.silent",), _silent, always)
