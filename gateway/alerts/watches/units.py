"""Whether what should run on either host runs, and keeps running. What asks for certificates has a watch of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bridge.process.host_report import HostReport
from gateway.alerts.report import Severity
from gateway.alerts.watches import renewal
from gateway.alerts.watches.condition import Condition, Watch, of_host
from gateway.alerts.watches.facts import Facts
from gateway.alerts.watches.settings import Settings

_AT_TIMES: Final = {
    "backup.service": "backup.failed",
    "backup-drill.service": "backup.drill_failed",
    "audit-witness.service": None,
    "keys-rotate.service": None,
    "agent-migrate.service": None,
    "rescue-selftest.service": None,
}
"""What runs at times, so that nobody waits for it; and the cause under which its failure is told already."""
_UNTOLD_S: Final = 600.0


def _look(facts: Facts, settings: Settings) -> Iterator[Condition]:
    for host in facts.hosts:
        if not host.units:
            summary = f"systemd does not say how the units of the {host.host} are"
            yield Condition(f"units.untold:{host.host}", "warning", summary, "", host.host, after_s=_UNTOLD_S)
        yield from _of_host(host, facts, settings)


def _of_host(host: HostReport, facts: Facts, settings: Settings) -> Iterator[Condition]:
    for unit in host.units:
        if unit.name == renewal.UNIT:
            continue
        where = f"{host.host}/{unit.name}"
        restarted = facts.restarted.get((host.host, unit.name), 0)
        if unit.active == "failed":
            severity: Severity = "warning" if unit.name in _AT_TIMES else "critical"
            summary = f"{unit.name} on the {host.host} has failed: {unit.result}"
            detail = f"systemctl status {unit.name}"
            yield Condition(f"units.failed:{where}", severity, summary, detail, host.host, _AT_TIMES.get(unit.name))
        elif restarted >= settings.restarts_max:
            summary = f"{unit.name} on the {host.host} does not stay up: restarted {restarted} times"
            detail = f"Within {settings.restarts_within_s / 60:g} minutes. journalctl -u {unit.name}"
            yield Condition(f"units.restarting:{where}", "critical", summary, detail, host.host)


WATCH: Final = Watch(("units.failed", "units.restarting", "units.untold"), _look, of_host)
