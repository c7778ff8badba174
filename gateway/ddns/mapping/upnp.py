"""UPnP Internet Gateway Device: finding it, and asking it. What is sent and understood is in ``igd.py``."""

from __future__ import annotations

import asyncio
import contextlib
import http
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from ipaddress import IPv4Address
from typing import Final, Literal

import aiohttp

from gateway.ddns.mapping import igd
from gateway.ddns.mapping.bounded_xml import XML_MAX_BYTES, NotXml
from gateway.ddns.mapping.method import NO_PUBLIC_ADDRESS, Gateway, Lease, Look, Refused, Unanswered

DESCRIPTION: Final = "Drawbridge"
"""What the router's own page shows."""
_SEARCHES: Final = 3
_SEARCH_WAIT_S: Final = 1.2
"""How long each search waits: the second that MX allows, and the way."""
_HTTP_TIMEOUT_S: Final = 6.0

_NO_SUCH_ENTRY: Final = 714
_PERMANENT_ONLY: Final = 725
_SENTENCES: Final = {
    501: f"the router could not do it: it has {NO_PUBLIC_ADDRESS}, or is busy (501)",
    606: "the router does not allow this host to map ports (606)",
    715: "the router wants a mapping for each outside address (715)",
    718: "the port is taken: another device has it, or the router keeps it for itself (718)",
    724: "the router maps a port to the same port alone (724)",
    728: f"the router has {NO_PUBLIC_ADDRESS}, or no room for another mapping (728)",
    729: "the port is taken by another mechanism of the router, such as PCP or a rule made by hand (729)",
}


class _Answers(asyncio.DatagramProtocol):
    """The first answer from the router that says where its description is."""

    def __init__(self, router: IPv4Address) -> None:
        self._router = router
        self.location: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr[0] != str(self._router) or self.location.done():
            return
        if (url := igd.location(data, self._router)) is not None:
            self.location.set_result(url)


async def find(gateway: Gateway) -> str:
    """Return the address of the router's description. Raises :class:`Unanswered`.

    Asked are the router itself, then the group, as the specification has it. To a firewall that knows connections,
    what comes from the router's port 1900 is an answer then, to whichever it answers.
    """
    loop = asyncio.get_running_loop()
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    transport = None
    try:
        asking.setblocking(False)  # noqa: FBT003 - takes no keyword
        asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 2)
        asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, gateway.own_address.packed)
        asking.bind((str(gateway.own_address), 0))
        transport, answers = await loop.create_datagram_endpoint(lambda: _Answers(gateway.address), sock=asking)
        for _ in range(_SEARCHES):
            for kind in igd.SEARCHED:
                for to in (str(gateway.address), igd.GROUP):
                    transport.sendto(igd.search(kind), (to, igd.PORT))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SEARCH_WAIT_S):
                    return await asyncio.shield(answers.location)
    except OSError as error:
        msg = f"the router cannot be searched for ({error.strerror})"
        raise Unanswered(msg) from error
    finally:
        asking.close() if transport is None else transport.close()
    msg = "the router does not answer a search for UPnP gateways"
    raise Unanswered(msg)


class Upnp:
    """A router's Internet Gateway Device. ``find`` returns the address of its description."""

    name: Literal["upnp"] = "upnp"

    def __init__(self, gateway: Gateway, *, find: Callable[[Gateway], Awaitable[str]] = find) -> None:
        self._gateway = gateway
        self._find = find
        self._service: igd.Service | None = None

    async def probe(self) -> None:
        """Find the service that maps ports; of several, the one that has an outer address."""
        url = await self._find(self._gateway)
        async with _session() as session:
            try:
                offered = igd.services(await _fetch(session, "GET", url), url, self._gateway.address)
            except NotXml as error:
                msg = f"the router's UPnP description cannot be read ({error})"
                raise Unanswered(msg) from error
        for service in offered:
            self._service = service
            if len(offered) == 1 or await self._outer_address() is not None:
                return
        if not offered:
            msg = "the router's UPnP description names no service that maps ports"
            raise Unanswered(msg)
        self._service = offered[0]

    async def map(self, port: int, lifetime_s: int) -> Lease:
        """Map ``port``, and look whether it is: some routers say yes and map nothing.

        A router that knows only permanent mappings (725) gets one.
        """
        if (there := await self._entry_if_told(port)) is not None and there.client != str(self._gateway.own_address):
            msg = f"the port is taken: {there.client} has it"
            raise Refused(msg)
        if there is not None and there.port != port:  # ours, from before, to another port of this host
            await self.unmap(port)
        try:
            await self._add(port, lifetime_s)
        except igd.Fault as fault:
            if fault.code != _PERMANENT_ONLY:
                raise _refused(fault) from None
            await self._add_permanent(port)
            lifetime_s = 0
        made = await self._entry_if_told(port, otherwise=igd.Entry("", port, lifetime_s))
        if made is None:
            msg = "the router said yes, and mapped nothing"
            raise Refused(msg)
        return Lease(made.lifetime_s or None, await self._outer_address())

    async def unmap(self, port: int) -> None:
        try:
            await self._call("DeletePortMapping", igd.lookup_arguments(port))
        except igd.Fault as fault:
            if fault.code != _NO_SUCH_ENTRY:
                raise _refused(fault) from None

    async def look(self, ports: Sequence[int]) -> Look:
        """Ask for the outer address, and for each entry: UPnP has no epoch by which a restart could be told."""
        outer = await self._outer_address()
        for port in ports:
            there = await self._entry(port)
            if there is None or (there.client, there.port) != (str(self._gateway.own_address), port):
                return Look(kept=False, external_address=outer)
        return Look(kept=True, external_address=outer)

    async def _add(self, port: int, lifetime_s: int) -> None:
        arguments = igd.add_arguments(port, self._gateway.own_address, lifetime_s, DESCRIPTION)
        await self._call("AddPortMapping", arguments)

    async def _add_permanent(self, port: int) -> None:
        try:
            await self._add(port, 0)
        except igd.Fault as fault:
            raise _refused(fault) from None

    async def _entry(self, port: int) -> igd.Entry | None:
        try:
            given = await self._call("GetSpecificPortMappingEntry", igd.lookup_arguments(port))
        except igd.Fault as fault:
            if fault.code != _NO_SUCH_ENTRY:
                raise _refused(fault) from None
            return None
        return igd.entry(given)

    async def _entry_if_told(self, port: int, *, otherwise: igd.Entry | None = None) -> igd.Entry | None:
        """Return the entry, or ``otherwise`` from a router that does not show entries."""
        try:
            return await self._entry(port)
        except Refused:
            return otherwise

    async def _outer_address(self) -> IPv4Address | None:
        try:
            return igd.outer_address(await self._call("GetExternalIPAddress", {}))
        except igd.Fault:
            return None

    async def _call(self, action: str, arguments: Mapping[str, str]) -> dict[str, str]:
        if self._service is None:
            await self.probe()
        assert self._service is not None  # noqa: S101 - probe raises otherwise
        headers, body = igd.call(self._service, action, arguments)
        async with _session() as session:
            answer = await _fetch(session, "POST", self._service.control_url, headers=headers, body=body)
        try:
            return igd.result(answer, action)
        except NotXml as error:
            msg = f"the router's answer to {action} cannot be read ({error})"
            raise Unanswered(msg) from error


def _refused(fault: igd.Fault) -> Refused:
    return Refused(_SENTENCES.get(fault.code, f"the router refused (UPnP error {fault})"))


@contextlib.asynccontextmanager
async def _session() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=_HTTP_TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


async def _fetch(
    session: aiohttp.ClientSession, verb: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> bytes:
    """Return the body of an answer, a fault's (500) too; redirects are not followed. Raises :class:`Unanswered`."""
    try:
        async with session.request(verb, url, headers=headers, data=body or None, allow_redirects=False) as answer:
            if answer.status not in {http.HTTPStatus.OK, http.HTTPStatus.INTERNAL_SERVER_ERROR}:
                msg = f"the router's UPnP server answers with status {answer.status}"
                raise Unanswered(msg)
            return await _bounded(answer.content)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        msg = "the router's UPnP server does not answer"
        raise Unanswered(msg) from error


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    read = bytearray()
    async for chunk in content.iter_any():
        read += chunk
        if len(read) > XML_MAX_BYTES:
            msg = "the router's UPnP server sends too much"
            raise Unanswered(msg)
    return bytes(read)
