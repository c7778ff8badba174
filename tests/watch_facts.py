"""Facts for the watches: two hosts that are well, to be changed by each test."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, Literal

from bridge.process.host_report import HostReport, UnitState
from gateway.alerts.watches.condition import Condition, Watch
from gateway.alerts.watches.facts import (
    BackupFacts,
    BanFacts,
    DdnsFacts,
    Facts,
    GatewayFacts,
    KeepFacts,
    MailFacts,
    Traffic,
)
from gateway.alerts.watches.settings import Settings

NOW: Final = 1_780_000_000.0
DAY_S: Final = 86_400.0
SETTINGS: Final = Settings()


def unit(name: str, **changes: Any) -> UnitState:  # noqa: ANN401 - any field
    return replace(UnitState(name, "active", "running", NOW - DAY_S, 0, "success"), **changes)


def host(name: Literal["door", "keep"] = "door", **changes: Any) -> HostReport:  # noqa: ANN401 - any field
    well = HostReport(
        host=name,
        at=NOW,
        release="1.2.3",
        uptime_s=DAY_S,
        memory_unused_mib=300,
        disk_free_share=0.5,
        temperature_c=50.0,
        under_voltage=False,
        clock_synchronized=True,
        units=(unit("nginx.service" if name == "door" else "agent.service"),),
    )
    return replace(well, **changes)


def backup(**changes: Any) -> BackupFacts:  # noqa: ANN401 - any field
    return replace(BackupFacts(NOW - 3600, last_ok=True, drill=NOW - DAY_S, drill_ok=True, detail=""), **changes)


def keep(said: HostReport | None = None, **changes: Any) -> KeepFacts:  # noqa: ANN401 - any field
    ends = {"agent": NOW + 25 * DAY_S, "intermediate": NOW + 900 * DAY_S, "root": NOW + 5000 * DAY_S}
    return replace(KeepFacts(said or host("keep"), NOW, backup(), ends, mail=MailFacts(0, None, 0)), **changes)


def gateway(name: str = "gateway@1", **changes: Any) -> GatewayFacts:  # noqa: ANN401 - any field
    well = GatewayFacts(
        name,
        traffic=Traffic(100, {}, 100, {0.1: 100, float("inf"): 100}),
        breakers={"data": "closed"},
        cache={"hits": 1, "misses": 2, "bytes": 3},
        certificates={"gateway": NOW + 25 * DAY_S, "intermediate": NOW + 900 * DAY_S, "root": NOW + 5000 * DAY_S},
    )
    return replace(well, **changes)


def facts(**changes: Any) -> Facts:  # noqa: ANN401 - any field
    well = Facts(
        now=NOW,
        gateways=(gateway("gateway@1"), gateway("gateway@2")),
        door=host(),
        keep=keep(),
        web_ends={"box.example.org": NOW + 60 * DAY_S},
        bans=BanFacts(),
        ddns=DdnsFacts(NOW - 10),
    )
    return replace(well, **changes)


def look(watch: Watch, seen: Facts, settings: Settings = SETTINGS) -> list[Condition]:
    return list(watch.look(seen, settings))


def causes(watch: Watch, seen: Facts, settings: Settings = SETTINGS) -> list[tuple[str, str]]:
    """Return (cause, severity) of what a watch says."""
    return [(condition.cause, condition.severity) for condition in look(watch, seen, settings)]
