"""This box's own addresses, from the kernel, and the news that they changed."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

from pyroute2 import AsyncIPRoute
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.rtnl import (
    RTMGRP_IPV4_IFADDR,
    RTMGRP_IPV4_ROUTE,
    RTMGRP_IPV6_IFADDR,
    RTMGRP_IPV6_ROUTE,
    RTMGRP_LINK,
)

from bridge.process.logs import log
from gateway.ddns.addresses.choice import LocalAddress

_log: Final = logging.getLogger(__name__)

READ_TIMEOUT_S: Final = 5.0
_AGAIN_S: Final = 5.0
_GROUPS: Final = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE

# linux/if_addr.h
_TEMPORARY: Final = 0x01
_DAD_FAILED: Final = 0x08
_DEPRECATED: Final = 0x20
_TENTATIVE: Final = 0x40
_MANAGE_TEMPORARY: Final = 0x100
_KERNEL_RA: Final = 2  # IFAPROT_KERNEL_RA


@dataclass(frozen=True, slots=True)
class Interfaces:
    """The interface toward the Internet of each family (its default route's), and its addresses."""

    ipv4_name: str
    ipv4: tuple[LocalAddress, ...]
    ipv6_name: str
    ipv6: tuple[LocalAddress, ...]


async def read_interfaces(only: str | None = None) -> Interfaces:
    """Return the addresses of the interface ``only``, or else of those with the default routes.

    Raises OSError (TimeoutError, after :data:`READ_TIMEOUT_S`).
    """
    try:
        async with asyncio.timeout(READ_TIMEOUT_S), AsyncIPRoute() as kernel:
            routes = [] if only else [message async for message in await kernel.get_default_routes()]
            links = {int(m["index"]): str(m.get_attr("IFLA_IFNAME")) async for m in await kernel.get_links()}
            messages = [message async for message in await kernel.get_addr()]
    except NetlinkError as error:
        raise OSError(error.code, "the kernel does not tell its addresses") from error

    def of(family: int) -> tuple[str, tuple[LocalAddress, ...]]:
        index = _index_of(only, links) if only else _way_out(routes, family)
        if index is None:
            return only or "this box, which has no default route for it,", ()
        locals_ = tuple(_local(m) for m in messages if m["family"] == family and m["index"] == index)
        return links.get(index, "the interface"), locals_

    return Interfaces(*of(socket.AF_INET), *of(socket.AF_INET6))


def _index_of(name: str, links: dict[int, str]) -> int | None:
    return next((index for index, link in links.items() if link == name), None)


def _way_out(routes: list[Any], family: int) -> int | None:
    """Return the interface of the default route that the kernel prefers."""
    ours = [route for route in routes if route["family"] == family and route.get_attr("RTA_OIF") is not None]
    best = min(ours, key=lambda route: route.get_attr("RTA_PRIORITY") or 0, default=None)
    return None if best is None else int(best.get_attr("RTA_OIF"))


def _local(message: Any) -> LocalAddress:  # noqa: ANN401 - pyroute2's messages have no types
    flags = message.get_attr("IFA_FLAGS") or message["flags"]
    # on a point-to-point link IFA_ADDRESS is the other end
    address = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
    return LocalAddress(
        ip_address(address),
        temporary=bool(flags & _TEMPORARY),
        deprecated=bool(flags & _DEPRECATED),
        unusable=bool(flags & (_TENTATIVE | _DAD_FAILED)),
        generated=message.get_attr("IFA_PROTO") == _KERNEL_RA or bool(flags & _MANAGE_TEMPORARY),
    )


async def watch_interfaces(on_change: Callable[[], None]) -> None:
    """Call ``on_change`` for each change of links, addresses and routes, until cancelled.

    A watch that ends is begun anew, and that counts as a change: something may have happened meanwhile.
    """
    while True:
        try:
            async for _ in _events():
                on_change()
        except (OSError, NetlinkError, KeyError) as error:  # KeyError: pyroute2 found no free address for its socket
            log(_log, "interface_watch_failed", level=logging.WARNING, cause=type(error).__name__)
        await asyncio.sleep(_AGAIN_S)
        on_change()


async def _events() -> AsyncIterator[object]:
    async with AsyncIPRoute() as kernel:
        await kernel.bind(groups=_GROUPS)
        yield None  # from now on nothing is missed
        while True:
            async for message in kernel.get():
                yield message
