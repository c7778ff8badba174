"""A TLS listener with an HTTP server behind it that tells callers who they are, and a caller."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from aiohttp import web

from bridge.tls import (
    Refusal,
    ReloadingClientTLS,
    ReloadingServerTLS,
    TLSListener,
    bind,
    explain_tls_error,
    serve_tls,
    unit_of_peer,
)
from tests.certificates import AGENT_NAME


@dataclass
class Listening:
    """The listener, and whom it refused."""

    tls: ReloadingServerTLS
    listener: TLSListener
    port: int
    refused: list[tuple[str, Refusal]] = field(default_factory=list)

    @property
    def reasons(self) -> list[Refusal]:
        return [reason for _, reason in self.refused]


@asynccontextmanager
async def listening(
    folder: Path, *units: str, handshake_timeout_s: float = 2.0, tls: ReloadingServerTLS | None = None
) -> AsyncIterator[Listening]:
    async def answer(request: web.BaseRequest) -> web.Response:
        assert request.transport is not None
        return web.Response(text=unit_of_peer(request.transport))

    server = web.Server(answer, access_log=None)
    tls = tls or ReloadingServerTLS(folder, units or ("gateway", "monitor"))
    sock = bind("127.0.0.1", 0)
    refused: list[tuple[str, Refusal]] = []
    listener = await serve_tls(
        server,
        sock,
        tls=tls,
        on_refused=lambda peer, reason: refused.append((peer, reason)),
        handshake_timeout_s=handshake_timeout_s,
    )
    try:
        yield Listening(tls, listener, sock.getsockname()[1], refused)
    finally:
        listener.close()
        await listener.wait_closed()
        await server.shutdown(0.1)


class Caller:
    """One connection to the listener. Use it in ``async with``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(
        cls, port: int, tls: Path | ssl.SSLContext | None, *, server_hostname: str | None = AGENT_NAME
    ) -> Self:
        context = ReloadingClientTLS(tls).context if isinstance(tls, Path) else tls
        return cls(
            *await asyncio.open_connection(
                "127.0.0.1", port, ssl=context, server_hostname=server_hostname if context else None
            )
        )

    async def ask(self) -> str:
        """Return the unit that the listener takes us for. Raises OSError or EOFError where it shows us the door."""
        self._writer.write(b"GET / HTTP/1.1\r\nHost: agent\r\n\r\n")
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return (await self._reader.readexactly(length)).decode()

    @property
    def server_serial(self) -> int:
        return int(self._writer.get_extra_info("peercert")["serialNumber"], 16)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.transport.abort()


async def call(port: int, tls: Path | ssl.SSLContext | None) -> str:
    """Connect, ask once and leave. Returns the answer, or the reason of the refusal as this side sees it."""
    try:
        async with await Caller.connect(port, tls) as caller:
            return await caller.ask()
    except EOFError:
        return Refusal.CLOSED
    except OSError as error:
        return explain_tls_error(error)
