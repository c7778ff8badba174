"""All sources, asked as far as they are needed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from gateway.ddns.addresses.choice import Found, choose_ipv4, choose_ipv6
from gateway.ddns.addresses.echo import Echo
from gateway.ddns.addresses.interface import read_interfaces
from gateway.ddns.addresses.router import Router, read_router
from gateway.ddns.addresses.scope import Scope
from gateway.ddns.families import Family

INTERFACE: Final = "interface"
ROUTER: Final = "router"
ECHO: Final = "echo"


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds both families' addresses."""

    sources: Collection[str]
    """Who may be asked for the IPv4 address: interface, router, echo."""
    interface: str | None
    router: Router | None
    echo: Echo

    async def find(self) -> dict[Family, Found]:
        """Return each family's address, or why there is none. Router and echo are asked where it is not ours."""
        try:
            local = await read_interfaces(self.interface)
        except OSError:
            reason = "the kernel does not tell this box's addresses"
            return {family: Found(family, None, "none", Scope.UNKNOWN, reason) for family in Family}
        ours = local.ipv4 if INTERFACE in self.sources else ()
        ipv4 = choose_ipv4(ours, None, None, interface=local.ipv4_name)
        if ipv4.value is None:
            router = read_router(self.router) if ROUTER in self.sources else None
            router_says = None if router is None else router.address
            echo = await self.echo.read(router_says) if ECHO in self.sources else None
            ipv4 = choose_ipv4(ours, router, echo, interface=local.ipv4_name)
        return {Family.IPV4: ipv4, Family.IPV6: choose_ipv6(local.ipv6, interface=local.ipv6_name)}
