"""What stands behind nginx: the real gateway's application on its real server, or one that does as the test wants."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from gateway.settings import GatewaySettings, Limits, Listen, Protection
from gateway.web.server import HttpServer
from tests.gateway_door import Door

Doors = tuple[Door, Door]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def socket_of(run: Path, number: int) -> Path:
    return run / f"gateway-{number}.sock"


class Activated:
    """A gateway's socket, held as systemd holds it: who connects while no gateway runs waits for the next one."""

    def __init__(self, run: Path, number: int) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(socket_of(run, number)))
        self._listener.listen(128)
        self._listener.setblocking(False)  # noqa: FBT003 - as the standard library has it

    @asynccontextmanager
    async def gateway(self, protection: Protection | None = None) -> AsyncIterator[Door]:
        """Serve the gateway's application, in front of an agent whose answers the test chooses."""
        settings = GatewaySettings(
            listen=Listen(kind="systemd", drain_s=1.0),
            limits=Limits(address_per_minute=600),
            protection=protection or Protection(),
        )
        door = Door(settings)
        server = HttpServer(door.app, listen=settings.listen, limits=settings.web, certificate=None, drain=door.drain)
        await server.start([self._listener.dup()])
        try:
            yield door
        finally:
            await server.stop()

    def close(self) -> None:
        self._listener.close()


@asynccontextmanager
async def real_gateways(run: Path, protection: Protection | None = None) -> AsyncIterator[Doors]:
    with closing(Activated(run, 1)) as one, closing(Activated(run, 2)) as two:
        async with one.gateway(protection) as first, two.gateway(protection) as second:
            yield first, second


@asynccontextmanager
async def answering(run: Path, number: int, handler: Handler) -> AsyncIterator[None]:
    """Serve ``handler`` in the place of gateway ``number``, for every path."""
    runner = web.ServerRunner(web.Server(handler, access_log=None))  # type: ignore[arg-type]
    await runner.setup()
    site = web.UnixSite(runner, str(socket_of(run, number)))
    await site.start()
    try:
        yield
    finally:
        await runner.cleanup()


@dataclass
class Wire:
    """A gateway that keeps every byte that nginx sends it, and answers each request with ``answer``.

    With no answer it hangs up instead, as a process does that is killed; ``is_silent``: it does neither.
    """

    answer: bytes = OK
    is_silent: bool = False
    received: list[bytes] = field(default_factory=list)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"\r\ncontent-length: (\d+)\r\n", head, re.IGNORECASE)
            self.received.append(head + await reader.readexactly(int(length[1]) if length else 0))
            if self.is_silent:
                await reader.read()
            if not self.answer:
                return
            writer.write(self.answer)
            await writer.drain()
            self.received[-1] += await reader.read()  # whatever follows, until nginx hangs up
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.writers.discard(writer)
            writer.transport.abort()


@asynccontextmanager
async def wires(
    run: Path, *, first: Wire | None = None, second: Wire | None = None
) -> AsyncIterator[tuple[Wire, Wire]]:
    """Serve two of them."""
    both = first or Wire(), second or Wire()
    async with AsyncExitStack() as stack:
        for number, wire in enumerate(both, start=1):
            server = await asyncio.start_unix_server(wire.handle, str(socket_of(run, number)))
            stack.callback(server.close)
        yield both
        for wire in both:
            for writer in tuple(wire.writers):
                writer.transport.abort()
