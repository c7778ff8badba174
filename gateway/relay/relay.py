"""An allow-listed CONNECT proxy, for the keep alone.

It leads to a server only where host and port are, as they are written, on the list; the name is looked up here, and an
address of this machine or of no single one is never connected to: a name server that lies opens nothing of the door's.
What passes is not looked at: TLS is the keep's, which verifies the server.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from bridge.process.clock import Clock
from bridge.process.logs import log
from gateway.relay.passing import End, join
from gateway.relay.request import HEAD_MAX_BYTES, Refusal, Why, parse_head, split
from gateway.settings.relay import Relay as Settings

_log: Final = logging.getLogger(__name__)
_CLOSE_S: Final = 2.0
_LED: Final = b"HTTP/1.1 200 Connected\r\n\r\n"


class Relay:
    """Serves connections until it is closed; see :mod:`gateway.settings.relay` for its limits."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._clients = frozenset(settings.clients)
        self._allow = frozenset(settings.allow)
        self._open: set[End] = set()

    async def start(self) -> asyncio.Server:
        """Listen. Raises OSError where the address cannot be had."""
        return await asyncio.start_server(
            self._serve, str(self._settings.host), self._settings.port, limit=HEAD_MAX_BYTES
        )

    def cut(self) -> None:
        """End every connection."""
        for near in self._open:
            near.cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        near = End(reader, writer)
        client = _address_of(writer)
        if client not in self._clients:  # not a word to who has no business here
            near.cut()
            log(_log, "relay_refused", level=logging.WARNING, client=str(client), reason="stranger")
            return
        is_full = len(self._open) >= self._settings.connections_max
        self._open.add(near)
        try:
            if is_full:
                raise Refusal(Why.TOO_MANY)  # noqa: TRY301 - one way to refuse
            await self._lead(near)
        except Refusal as refusal:
            log(_log, "relay_refused", level=logging.WARNING, client=str(client), reason=refusal.why)
            writer.write(f"HTTP/1.1 {refusal.why.status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await near.close(_CLOSE_S)
        except OSError:
            near.cut()
        finally:
            self._open.discard(near)
            near.cut()

    async def _lead(self, near: End) -> None:
        target = await self._asked(near)
        far = await self._reach(target)
        started = self._clock.monotonic()
        try:
            near.writer.write(_LED)
            up, down, outcome = await join(
                near, far, idle_s=self._settings.idle_s, life_s=self._settings.life_s, clock=self._clock
            )
            if outcome == "closed":
                await near.close(_CLOSE_S)
                await far.close(_CLOSE_S)
        finally:
            far.cut()
        duration_ms = round((self._clock.monotonic() - started) * 1000)
        log(_log, "relay_ended", target=target, outcome=outcome, up_bytes=up, down_bytes=down, duration_ms=duration_ms)

    async def _asked(self, near: End) -> str:
        try:
            async with asyncio.timeout(self._settings.head_s):
                head = await near.reader.readuntil(b"\r\n\r\n")
        except TimeoutError:
            raise Refusal(Why.SLOW) from None
        except asyncio.LimitOverrunError:
            raise Refusal(Why.TOO_LARGE) from None
        except asyncio.IncompleteReadError:
            raise Refusal(Why.NO_REQUEST) from None
        target = parse_head(head)
        if target not in self._allow:
            raise Refusal(Why.NOT_ON_THE_LIST)
        return target

    async def _reach(self, target: str) -> End:
        """Connect to a target of the list. Raises Refusal."""
        host, port = split(target)
        try:
            async with asyncio.timeout(self._settings.connect_s):
                loop = asyncio.get_running_loop()
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                addresses = [str(address[0]) for *_, address in found]
                if not _is_literal(host):
                    addresses = [each for each in addresses if _is_elsewhere(each)]
                for address in addresses:
                    try:
                        far = await _open_connection(address, port)
                    except OSError as error:
                        log(_log, "relay_target_failed", target=target, error=type(error).__name__)
                        continue
                    if _is_literal(host) or not _is_of_this_machine(far.writer):
                        return far
                    far.cut()
        except TimeoutError:
            raise Refusal(Why.TARGET_SLOW) from None
        except OSError:
            raise Refusal(Why.TARGET_UNREACHABLE) from None
        raise Refusal(Why.TARGET_UNREACHABLE)


async def _open_connection(address: str, port: int) -> End:
    return End(*await asyncio.open_connection(address, port))


def _address_of(writer: asyncio.StreamWriter) -> IPv4Address | IPv6Address | None:
    peer = writer.get_extra_info("peername")
    if not peer:  # gone already
        return None
    address = ip_address(str(peer[0]).partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_of_this_machine(writer: asyncio.StreamWriter) -> bool:
    """Return whether a connection leads to this machine itself, on whichever network: to the address it begins at."""
    own, other = (writer.get_extra_info(name) or ("gone",) for name in ("sockname", "peername"))
    return bool(own[0] == other[0])


def _is_elsewhere(text: str) -> bool:
    """Return whether an address is of one other machine."""
    address = ip_address(text.partition("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    return not (address.is_loopback or address.is_unspecified or address.is_multicast or address.is_link_local)
