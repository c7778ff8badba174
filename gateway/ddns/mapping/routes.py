"""Which router this host sends everything to, as the kernel says."""

from __future__ import annotations

import asyncio
import logging
import socket
from ipaddress import IPv4Address
from typing import Any, Final

from pyroute2 import AsyncIPRoute
from pyroute2.netlink.exceptions import NetlinkError

from bridge.process.logs import log
from gateway.ddns.mapping.method import Gateway

_log: Final = logging.getLogger(__name__)

_MAIN_TABLE: Final = 254
_UNICAST: Final = 1
_TIMEOUT_S: Final = 5.0


async def default_gateway() -> Gateway | None:
    """Return the router of the IPv4 default route with the lowest metric; None where there is none.

    A route that goes away while it is looked at is none either.
    """
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            return await _ask_kernel()
    except (NetlinkError, OSError) as error:  # a TimeoutError is an OSError
        log(_log, "routes_not_read", level=logging.WARNING, exc_info=error)
        return None


async def _ask_kernel() -> Gateway | None:
    async with AsyncIPRoute() as netlink:
        routes = [route async for route in await netlink.route("dump", family=socket.AF_INET, table=_MAIN_TABLE)]
        defaults = [route for route in routes if _leads_out(route)]
        if not defaults:
            return None
        chosen = min(defaults, key=lambda route: route.get("RTA_PRIORITY") or 0)
        router = str(chosen.get("RTA_GATEWAY"))
        way = await netlink.route("get", dst=router)
    own = next((route.get("RTA_PREFSRC") for route in way), None)
    return None if own is None else Gateway(IPv4Address(router), int(chosen.get("RTA_OIF")), IPv4Address(own))


def _leads_out(route: Any) -> bool:  # noqa: ANN401 - pyroute2 has no type for a message
    return route["dst_len"] == 0 and route["type"] == _UNICAST and route.get("RTA_GATEWAY") is not None
