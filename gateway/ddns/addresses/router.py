"""The router as a source: it knows the address that it has toward the Internet, where it speaks to us at all."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address
from typing import Final, Protocol

from gateway.ddns.addresses.choice import Reading

ASK_TIMEOUT_S: Final = 10.0


class Router(Protocol):
    async def external_ipv4(self) -> IPv4Address | None:
        """Return the address, or None where the router speaks none of the protocols. Raises OSError."""


async def read_router(router: Router | None) -> Reading:
    """Return what ``router`` says within :data:`ASK_TIMEOUT_S`."""
    if router is None:
        return Reading(None, "it is not asked")
    try:
        async with asyncio.timeout(ASK_TIMEOUT_S):
            address = await router.external_ipv4()
    except OSError as error:  # TimeoutError as well
        return Reading(None, "it did not answer" if isinstance(error, TimeoutError) else "it cannot be asked")
    return Reading(address, "" if address else "it does not tell its address")
