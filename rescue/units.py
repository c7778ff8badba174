"""The units of each host, as the console knows them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rescue.settings import Host

CONTROLLED: Final[Mapping[Host, tuple[str, ...]]] = {
    Host.DOOR: ("nginx", "gateway@1", "gateway@2", "gateway-monitor", "gateway-ddns", "gateway-relay", "bans"),
    Host.KEEP: ("agent", "store", "bans"),
}
"""What may be started and stopped. The rescue path itself may not: it would cut the branch that it sits on."""

LOGGED: Final[Mapping[Host, tuple[str, ...]]] = {
    Host.DOOR: (*CONTROLLED[Host.DOOR], "rescue-helper", "rescue-sshd", "rescue-selftest"),
    Host.KEEP: (
        *CONTROLLED[Host.KEEP], "agent-migrate", "audit-witness", "backup", "backup-drill", "keys-rotate",
        "rescue-helper", "rescue-sshd",
    ),
}  # fmt: skip
"""What has a log to read."""

OF_A_RELEASE: Final[Mapping[Host, tuple[str, ...]]] = {Host.DOOR: ("gateway@1", "gateway@2"), Host.KEEP: ("agent",)}
"""What runs from ``/opt/drawbridge/current``, in the order of a restart; each logs the requests that it answers."""

BESIDE: Final[Mapping[Host, tuple[str, ...]]] = {
    Host.DOOR: ("gateway-monitor", "gateway-ddns", "gateway-relay"), Host.KEEP: (),
}  # fmt: skip
"""What runs from there besides, and answers nobody: restarted last, where it runs at all."""

_CLUSTERS: Final = Path("/etc/postgresql")
_STORE: Final = "drawbridge"


def unit_name(unit: str, clusters: Path = _CLUSTERS) -> str:
    """Return systemd's name for ``unit``; ``store`` is the cluster of ours, whichever version it has."""
    if unit != "store":
        return f"{unit}.service"
    versions = sorted((path.parent.name for path in clusters.glob(f"*/{_STORE}")), key=_as_number)
    return f"postgresql@{versions[-1] if versions else 'none'}-{_STORE}.service"


def _as_number(version: str) -> float:
    try:
        return float(version)
    except ValueError:
        return 0.0
