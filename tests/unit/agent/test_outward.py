"""The way out: straight, or through a relay that leads there or does not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agent.outward import RelayRefused, connect_out
from agent.settings import Relay
from tests.listener import listening


class Listener:
    """Says one thing to who connects, once it has heard a request (where ``waits``)."""

    def __init__(self, answer: bytes, *, waits: bool = True) -> None:
        self.heard = b""
        self.port = 0
        self._answer = answer
        self._waits = waits

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._waits:
            self.heard = await reader.readuntil(b"\r\n\r\n")
        writer.write(self._answer)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Relay]:
        async with listening(self._serve) as self.port:
            yield Relay(host="127.0.0.1", port=self.port)


async def read(sock: socket.socket) -> bytes:
    with sock:
        return await asyncio.get_running_loop().sock_recv(sock, 100)


async def test_connection_leads_straight_there_when_there_is_no_relay() -> None:
    server = Listener(b"220 mail\r\n", waits=False)
    async with server.listening():
        assert await read(await connect_out(Relay(), "localhost", server.port, within_s=5)) == b"220 mail\r\n"


async def test_connection_begins_where_the_relay_ends_when_it_leads_there() -> None:
    relay = Listener(b"HTTP/1.1 200 Connected\r\n\r\n220 mail\r\n")
    async with relay.listening() as settings:
        assert await read(await connect_out(settings, "mail.example.org", 587, within_s=5)) == b"220 mail\r\n"
    assert relay.heard == b"CONNECT mail.example.org:587 HTTP/1.1\r\nHost: mail.example.org:587\r\n\r\n"


async def test_address_stands_in_brackets_when_it_is_ipv6() -> None:
    relay = Listener(b"HTTP/1.1 200 Connected\r\n\r\n")
    async with relay.listening() as settings:
        (await connect_out(settings, "2001:db8::1", 587, within_s=5)).close()
    assert relay.heard.startswith(b"CONNECT [2001:db8::1]:587 HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "the relay does not lead to mail.example.org:587: 403 Forbidden"),
        (b"220 mail\r\n\r\n", "does not lead"),
        (b"HTTP/1.1 20", "hung up"),
        (b"", "hung up"),
        (b"x" * 5000, "talks no HTTP"),
    ],
    ids=["403", "no HTTP", "half", "silence", "long"],
)
async def test_connection_is_refused_when_the_relay_does_not_lead_there(answer: bytes, reason: str) -> None:
    async with Listener(answer).listening() as settings:
        with pytest.raises(RelayRefused, match=reason):
            await connect_out(settings, "mail.example.org", 587, within_s=5)


@pytest.mark.parametrize("is_relayed", [False, True], ids=["straight", "relayed"])
async def test_connection_is_refused_when_nobody_listens(is_relayed: bool) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        relay = Relay(host="127.0.0.1", port=port) if is_relayed else Relay()
        with pytest.raises(ConnectionRefusedError):
            await connect_out(relay, "127.0.0.1", port, within_s=5)


async def test_connection_is_given_up_when_the_relay_says_nothing() -> None:
    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(wait) as port:
        relay = Relay(host="127.0.0.1", port=port)
        with pytest.raises(TimeoutError):
            await connect_out(relay, "mail.example.org", 587, within_s=0.05)
