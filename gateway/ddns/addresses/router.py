"""The router as a source: it knows the address that it has toward the Internet, where it speaks to us at all."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Protocol

from gateway.ddns.addresses.choice import Reading


class Router(Protocol):
    """What port mapping learnt of the router: :class:`gateway.ddns.mapping.state.RouterAddress`."""

    reason: str
    """Why there is no address, in a few words."""

    def external_ipv4(self) -> IPv4Address | None: ...


def read_router(router: Router | None) -> Reading:
    """Return what ``router`` said last."""
    if router is None:
        return Reading(None, "it is not asked")
    address = router.external_ipv4()
    return Reading(address, "" if address else router.reason)
