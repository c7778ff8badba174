"""Hearing a router say that it has restarted: RFC 6886, section 3.2.1, and RFC 6887, section 14.1.

Such a datagram is a reason to ask the router, and never believed: whoever forges one causes a question, no more.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Final

from gateway.ddns.mapping import natpmp, pcp
from gateway.ddns.mapping.method import Gateway

GROUP: Final = "224.0.0.1"
PORT: Final = 5350


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, source: tuple[str, int], heard: Callable[[], None]) -> None:
        self._source = source
        self._heard = heard

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr == self._source and (pcp.decode(data) or natpmp.decode(data)):
            self._heard()


@contextlib.contextmanager
def _joined(gateway: Gateway) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.setblocking(False)  # noqa: FBT003 - takes no keyword
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # another program of this host may listen too
        listening.bind((GROUP, PORT))
        membership = struct.pack("4s4si", socket.inet_aton(GROUP), gateway.own_address.packed, gateway.interface)
        listening.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        yield listening


async def listen(gateway: Gateway, heard: Callable[[], None]) -> None:
    """Call ``heard`` for each announcement of ``gateway``, until cancelled. Raises OSError where it cannot listen."""
    loop = asyncio.get_running_loop()
    with _joined(gateway) as listening:
        source = (str(gateway.address), pcp.PORT)
        transport, _ = await loop.create_datagram_endpoint(lambda: _Ear(source, heard), sock=listening)
        try:
            await asyncio.Event().wait()
        finally:
            transport.close()
