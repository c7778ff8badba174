"""What stands behind nginx: the real gateway's application on its real server, or one that does as the test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from gateway.settings import GatewaySettings, Limits, Listen
from gateway.web.listen import open_sockets
from gateway.web.server import HttpServer
from tests.gateway_door import Door

Doors = tuple[Door, Door]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def socket_of(run: Path, number: int) -> Path:
    return run / f"gateway-{number}.sock"


@asynccontextmanager
async def real_gateway(run: Path, number: int) -> AsyncIterator[Door]:
    """Serve the gateway's application, in front of an agent whose answers the test chooses."""
    listen = Listen(path=socket_of(run, number), drain_s=1.0)
    settings = GatewaySettings(listen=listen, limits=Limits(address_per_minute=600))
    door = Door(settings)
    server = HttpServer(door.app, listen=listen, limits=settings.web, certificate=None, drain=door.drain)
    await server.start(open_sockets(listen))
    try:
        yield door
    finally:
        await server.stop()


@asynccontextmanager
async def real_gateways(run: Path) -> AsyncIterator[Doors]:
    async with real_gateway(run, 1) as first, real_gateway(run, 2) as second:
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
    """A gateway that keeps every byte that nginx sends it, and answers each request head with ``answer``.

    With no answer it hangs up instead, as a process does that is killed.
    """

    answer: bytes = OK
    received: list[bytes] = field(default_factory=list)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        try:
            self.received.append(await reader.readuntil(b"\r\n\r\n"))
            number = len(self.received) - 1
            if self.answer:
                writer.write(self.answer)
                await writer.drain()
                self.received[number] += await reader.read()  # nginx hangs up once it has the answer
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
