"""The rungs of the ladder, one file each, in the order in which they carry each other.

A check looks once and says what it found; when something counts as down is for :mod:`gateway.connectivity.ladder`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from gateway.connectivity.checks import address, bridge, database, dns, https, link, name, port, router
from gateway.connectivity.findings import Finding, Rung
from gateway.connectivity.line import Line

Check = Callable[[Line], Awaitable[Finding]]

CHECKS: Final[Mapping[Rung, Check]] = {
    Rung.LINK: link.check,
    Rung.ADDRESS: address.check,
    Rung.ROUTER: router.check,
    Rung.DNS: dns.check,
    Rung.HTTPS: https.check,
    Rung.NAME: name.check,
    Rung.PORT: port.check,
    Rung.BRIDGE: bridge.check,
    Rung.DATABASE: database.check,
}
