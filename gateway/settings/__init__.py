"""Every setting of the gateway's machine, one module a service. ``docs/settings.md`` is made of the descriptions here.

The environment's prefix is ``DRAWBRIDGE_GATEWAY_`` (see :mod:`bridge.process.settings`).
"""

from __future__ import annotations

from typing import Final

from bridge.process.settings import Section
from gateway.settings.alerts import Alerts
from gateway.settings.connectivity import Connectivity
from gateway.settings.ddns import Ddns
from gateway.settings.protection import Protection
from gateway.settings.relay import Relay
from gateway.settings.serving import (
    SEAL_KEY_BYTES,
    Breaker,
    Bridge,
    Cache,
    CacheTimes,
    Chat,
    Feed,
    Joining,
    Limits,
    Listen,
    Log,
    Oidc,
    Session,
    Tracing,
    Web,
)
from gateway.settings.status import Status
from gateway.settings.types import Network
from gateway.settings.watches import Watches

PREFIX: Final = "DRAWBRIDGE_GATEWAY_"

__all__ = [
    "PREFIX",
    "SEAL_KEY_BYTES",
    "Alerts",
    "Breaker",
    "Bridge",
    "Cache",
    "CacheTimes",
    "Chat",
    "Connectivity",
    "Ddns",
    "Feed",
    "GatewaySettings",
    "Joining",
    "Limits",
    "Listen",
    "Log",
    "Network",
    "Oidc",
    "Protection",
    "Relay",
    "Session",
    "Status",
    "Tracing",
    "Watches",
    "Web",
]


class GatewaySettings(Section):
    """The gateway's settings file."""

    listen: Listen = Listen()
    bridge: Bridge = Bridge()
    web: Web = Web()
    limits: Limits = Limits()
    session: Session = Session()
    joining: Joining = Joining()
    oidc: Oidc = Oidc()
    protection: Protection = Protection()
    chat: Chat = Chat()
    log: Log = Log()
    tracing: Tracing = Tracing()
    ddns: Ddns = Ddns()
    relay: Relay = Relay()
    connectivity: Connectivity = Connectivity()
    alerts: Alerts = Alerts()
    watches: Watches = Watches()
    status: Status = Status()
