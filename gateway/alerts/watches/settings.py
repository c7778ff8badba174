"""The settings of the watches as the monitor gets them: JSON that ``gateway.settings`` has checked, without pydantic.

The same fields as ``gateway.settings.alerts.Watches``, with the same defaults; a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from gateway.alerts.limits import HOUR_S, Limits


@dataclass(frozen=True, slots=True)
class Settings(Limits):
    """With the limits, everything."""

    sockets: tuple[Path, ...] = (Path("/run/drawbridge/gateway-1.sock"), Path("/run/drawbridge/gateway-2.sock"))
    bans_socket: Path = Path("/run/drawbridge/bans.sock")
    ddns_status: Path = Path("/run/drawbridge/ddns/status.json")
    taken: Path = Path("/var/lib/drawbridge/monitor/taken.json")
    release: Path = Path("/opt/drawbridge/current")
    disk: Path = Path("/")
    units: tuple[str, ...] = (
        "nginx.service", "gateway@1.service", "gateway@2.service", "gateway@1.socket", "gateway@2.socket",
        "gateway-ddns.service", "gateway-monitor.service", "gateway-relay.service", "bans.service", "bans.socket",
        "rescue-sshd.service", "rescue-helper.service", "rescue-helper.socket", "rescue-selftest.service",
        "rescue-selftest.timer", "certificate.service", "certificate.timer",
    )  # fmt: skip
    web_names: tuple[str, ...] = ()
    web_port: int = 443
    window_s: float = 300.0
    slow_requests_min: int = 20
    slow_p95_ms: float = 1000.0
    breaker_open_s: float = 60.0
    gateway_silent_s: float = 60.0
    bans_summary_s: float = HOUR_S
    bans_silent_s: float = 120.0
    unsynchronized_s: float = HOUR_S
    clock_offset_s: float = 60.0
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
