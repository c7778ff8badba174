"""The settings of the watches as the monitor gets them: JSON that ``gateway.settings`` has checked, without pydantic.

The same fields as ``gateway.settings.alerts.Watches``, with the same defaults; a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

_HOUR_S = 3600.0
_DAY_S = 24 * _HOUR_S


@dataclass(frozen=True, slots=True)
class Settings:
    sockets: tuple[Path, ...] = (Path("/run/drawbridge/gateway-1.sock"), Path("/run/drawbridge/gateway-2.sock"))
    bans_socket: Path = Path("/run/drawbridge/bans.sock")
    ddns_status: Path = Path("/run/drawbridge/ddns/status.json")
    taken: Path = Path("/var/lib/drawbridge/monitor/taken.json")
    release: Path = Path("/opt/drawbridge/current")
    disk: Path = Path("/")
    units: tuple[str, ...] = (
        "nginx.service", "gateway@1.service", "gateway@2.service", "gateway-ddns.service", "gateway-relay.service",
        "bans.service", "rescue-sshd.service", "rescue-helper.service", "rescue-selftest.service",
        "certificate.service",
    )  # fmt: skip
    web_names: tuple[str, ...] = ()
    web_port: int = 443
    window_s: float = 300.0
    errors_min: int = 10
    errors_share: float = 0.05
    errors_critical_share: float = 0.5
    slow_requests_min: int = 20
    slow_p95_ms: float = 1000.0
    breaker_open_s: float = 60.0
    gateway_silent_s: float = 60.0
    keep_silent_s: float = 900.0
    web_warn_days: float = 14.0
    web_critical_days: float = 3.0
    leaf_warn_days: float = 15.0
    leaf_critical_days: float = 5.0
    ca_warn_days: float = 60.0
    ca_critical_days: float = 20.0
    backup_age_max_s: float = 26 * _HOUR_S
    drill_age_max_s: float = 8 * _DAY_S
    bans_summary_s: float = _HOUR_S
    bans_silent_s: float = 120.0
    disk_warn_share: float = 0.10
    disk_critical_share: float = 0.03
    unsynchronized_s: float = _HOUR_S
    clock_offset_s: float = 60.0
    temperature_warn_c: float = 80.0
    temperature_critical_c: float = 85.0
    restarts_max: int = 3
    restarts_within_s: float = 600.0
    ddns_silent_s: float = 900.0

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Settings:
        """Return what ``gateway.settings.alerts.Watches.model_dump(mode="json")`` gives."""
        default = cls()
        made = {}
        for each in fields(cls):
            value = values[each.name]
            if isinstance(getattr(default, each.name), Path):
                value = Path(value)
            elif isinstance(value, list):
                value = tuple(map(Path, value)) if each.name == "sockets" else tuple(value)
            made[each.name] = value
        return cls(**made)
