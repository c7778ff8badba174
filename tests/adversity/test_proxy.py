from __future__ import annotations

import asyncio
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adversity.proxy import Proxy
from tests.waiting import until

EVERY_MOMENT = range(8)
"""Turns of the event loop after a connection was made; it is being served long before the last of them."""
SOON_S = 0.05
WAIT_S = 2.0


async def _echo(reader: StreamReader, writer: StreamWriter) -> None:
    try:
        while data := await reader.read(1024):
            writer.write(data)
    except ConnectionError:
        pass
    finally:
        writer.transport.abort()


@pytest.fixture(params=["tcp", "unix"])
async def proxy(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Proxy]:
    """Give a proxy before a server that echoes."""
    if request.param == "tcp":
        server = await asyncio.start_server(_echo, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        made = Proxy(("127.0.0.1", 0), (host, port))
    else:
        server = await asyncio.start_unix_server(_echo, tmp_path / "far")
        made = Proxy(tmp_path / "near", tmp_path / "far")
    async with server, made:
        yield made


class Peer:
    """One connection through the proxy."""

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, proxy: Proxy) -> Peer:
        if isinstance(proxy.address, Path):
            return cls(*await asyncio.open_unix_connection(proxy.address))
        return cls(*await asyncio.open_connection(*proxy.address))

    async def say(self, text: bytes) -> None:
        self._writer.write(text)
        await self._writer.drain()

    async def hear(self, within_s: float = WAIT_S) -> bytes:
        async with asyncio.timeout(within_s):
            return await self._reader.read(1024)

    async def ask(self, text: bytes) -> bytes:
        await self.say(text)
        return await self.hear()

    def close(self) -> None:
        self._writer.transport.abort()


@pytest.fixture
async def peer(proxy: Proxy) -> AsyncIterator[Peer]:
    connected = await Peer.connect(proxy)
    yield connected
    connected.close()


async def test_proxy_forwards_both_ways_when_nothing_is_asked_of_it(proxy: Proxy, peer: Peer) -> None:
    assert await peer.ask(b"hello") == b"hello"
    assert (proxy.accepted, proxy.open_count) == (1, 1)


@pytest.mark.story("health/US-BE-39.1")
async def test_cut_proxy_ends_connections_and_refuses_new_ones_until_restored(proxy: Proxy, peer: Peer) -> None:
    await peer.ask(b"hello")
    proxy.cut()
    assert await peer.hear() == b""
    with pytest.raises(OSError, match=r"refused|Errno"):
        await Peer.connect(proxy)
    await proxy.restore()
    again = await Peer.connect(proxy)
    assert await again.ask(b"back") == b"back"
    again.close()


def dial(proxy: Proxy) -> socket.socket:
    """Connect before the proxy has a turn: the kernel holds the connection for it."""
    dialled = socket.socket(socket.AF_UNIX if isinstance(proxy.address, Path) else socket.AF_INET)
    dialled.connect(str(proxy.address) if isinstance(proxy.address, Path) else proxy.address)
    dialled.settimeout(0)
    return dialled


async def heard_until_the_end(dialled: socket.socket) -> bytes:
    """Return what came until the connection ended. Raises TimeoutError where it lives on."""
    heard = b""
    async with asyncio.timeout(WAIT_S):
        try:
            while data := await asyncio.get_running_loop().sock_recv(dialled, 1024):
                heard += data
        except ConnectionResetError:
            pass
    return heard


@pytest.mark.parametrize("turns", EVERY_MOMENT)
async def test_cut_proxy_ends_a_connection_when_it_was_made_that_moment(proxy: Proxy, turns: int) -> None:
    with dial(proxy) as dialled:
        for _ in range(turns):
            await asyncio.sleep(0)
        proxy.cut()
        assert await heard_until_the_end(dialled) == b""
        await until(lambda: proxy.open_count == 0)


@pytest.mark.parametrize("turns", EVERY_MOMENT)
async def test_stopped_proxy_leaves_no_connection_when_one_was_made_that_moment(proxy: Proxy, turns: int) -> None:
    with dial(proxy) as dialled:
        for _ in range(turns):
            await asyncio.sleep(0)
        await proxy.__aexit__()
        assert proxy.open_count == 0
        assert await heard_until_the_end(dialled) == b""


@pytest.mark.story("health/US-BE-39.2")
async def test_stalled_proxy_holds_bytes_back_until_restored(proxy: Proxy, peer: Peer) -> None:
    proxy.stall()
    await peer.say(b"held")
    with pytest.raises(TimeoutError):
        await peer.hear(SOON_S)
    await proxy.restore()
    assert await peer.hear() == b"held"


async def test_lost_connection_stays_silent_when_new_ones_are_served(proxy: Proxy, peer: Peer) -> None:
    await peer.ask(b"hello")
    proxy.lose()
    await peer.say(b"anybody?")
    with pytest.raises(TimeoutError):
        await peer.hear(SOON_S)
    new = await Peer.connect(proxy)
    assert await new.ask(b"new") == b"new"
    new.close()


async def test_delaying_proxy_forwards_late_and_in_order(proxy: Proxy, peer: Peer) -> None:
    loop = asyncio.get_running_loop()
    await peer.ask(b"hello")
    proxy.delay(0.1)
    started = loop.time()
    await peer.say(b"one")
    await asyncio.sleep(0)
    await peer.say(b"two")
    heard = await peer.hear()
    while len(heard) < len(b"onetwo"):
        heard += await peer.hear()
    assert heard == b"onetwo"
    assert 0.2 <= loop.time() - started < 0.2 + WAIT_S


async def test_truncating_proxy_closes_after_so_many_bytes_of_the_answer(proxy: Proxy, peer: Peer) -> None:
    proxy.truncate(3)
    assert await peer.ask(b"hello") == b"hel"
    assert await peer.hear() == b""
    new = await Peer.connect(proxy)
    assert await new.ask(b"whole again") == b"whole again"
    new.close()


async def test_reset_connection_ends_at_once_when_it_was_idle(proxy: Proxy, peer: Peer) -> None:
    await peer.ask(b"hello")
    proxy.reset()
    if isinstance(proxy.address, Path):
        assert await peer.hear() == b""
    else:
        with pytest.raises(ConnectionResetError):
            await peer.hear()
