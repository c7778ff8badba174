"""Whether the website's certificate is renewed, as the unit tells that asks for it: long before it ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bridge.process.host_report import UnitState
from gateway.alerts.watches.condition import Condition, Watch
from gateway.alerts.watches.facts import Facts
from gateway.alerts.watches.settings import Settings

UNIT: Final = "certificate.service"
_LASTING_S: Final = 2 * 3600.0
"""Four tries: systemd starts it again half an hour after each that failed."""


def _look(facts: Facts, settings: Settings) -> Iterator[Condition]:
    del settings
    for unit in facts.door.units if facts.door else ():
        if unit.name == UNIT and _fails(unit):
            yield Condition(
                cause="certificate.renewal:web",
                severity="warning",
                summary="The website's certificate cannot be renewed",
                detail=f"It is tried again every half hour: journalctl -u {UNIT}",
                after_s=_LASTING_S,
            )


def _fails(unit: UnitState) -> bool:
    """Say whether the last try failed. systemd calls the wait and the next try "activating"; it counts the latter."""
    is_between_tries = unit.sub == "auto-restart" or unit.restarts > 0
    return unit.active == "failed" or (unit.active == "activating" and is_between_tries)


def _knows(facts: Facts, cause: str) -> bool:
    del cause
    return facts.door is not None and bool(facts.door.units)


WATCH: Final = Watch(("certificate.renewal",), _look, _knows)
