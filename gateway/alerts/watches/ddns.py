"""Whether the DDNS updater lives. What it cannot publish, and why, it reports itself."""

from __future__ import annotations

from typing import Final

from gateway.alerts.watches.condition import Condition, Watch
from gateway.alerts.watches.facts import Facts
from gateway.alerts.watches.settings import Settings

UNIT: Final = "gateway-ddns.service"


def _look(facts: Facts, settings: Settings) -> list[Condition]:
    if facts.ddns is None or facts.door is None or not any(unit.name == UNIT for unit in facts.door.units):
        return []  # it is not installed, or so it seems
    at = facts.ddns.at
    if at is not None and facts.now - at <= settings.ddns_silent_s:
        return []
    since = "since it started" if at is None else f"for {(facts.now - at) / 60:.0f} minutes"
    return [
        Condition(
            cause="ddns.silent",
            severity="warning",
            summary=f"The DDNS updater has not said {since} how it is",
            detail=f"Our name may come to lead elsewhere: systemctl status {UNIT}",
            after_s=settings.ddns_silent_s if at is None else 0.0,
        )
    ]


WATCH: Final = Watch(("ddns.silent",), _look, lambda facts, _cause: facts.ddns is not None)
