"""What an administrator hears of the ports: those that have stayed unmapped."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Final

from gateway.ddns.alerts import Alert
from gateway.ddns.mapping.state import PortStatus

FAILED_S: Final = 900.0
"""So long a port has to be unmapped: a router that restarts, or is asked again, maps it within that."""


class Lasting:
    """Follows the ports from look to look."""

    def __init__(self) -> None:
        self._failed_since: dict[int, float] = {}

    def alerts_of(self, statuses: Iterable[PortStatus], raised: AbstractSet[str], *, monotonic: float) -> list[Alert]:
        """Return what is wrong now, one alert a port. What ``raised`` has, from before a restart, has lasted."""
        failed = {status.external: status for status in statuses if status.state == "failed"}
        self._failed_since = {port: self._failed_since.get(port, monotonic) for port in failed}
        alerts = (_alert_of(status) for status in failed.values())
        return [
            alert
            for alert, since in zip(alerts, self._failed_since.values(), strict=True)
            if alert.cause in raised or monotonic - since >= FAILED_S
        ]


def _alert_of(status: PortStatus) -> Alert:
    detail = f"{status.reason}\nSee docs/ports.md, and: python -m gateway ddns ports"
    port = status.external
    return Alert(f"mapping.failed:{port}", "warning", f"the router does not map port {port}", detail)
