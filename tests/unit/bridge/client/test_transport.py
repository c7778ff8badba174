"""Moments between two steps of the event loop, which a real peer cannot be made to hit."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

import pytest

from bridge.client.http1 import ProtocolError
from bridge.client.transport import ConnectionLost, Endpoint, Transport
from tests.bridge_pair import FixedTLS

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


class Wire(asyncio.Transport):
    """What a connection writes to, with nobody at the other end."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self.protocol = protocol
        self.written = b""
        self.is_aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def abort(self) -> None:
        if not self.is_aborted:
            self.is_aborted = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)


class Wires:
    """Stands in for ``create_connection``: makes wires, at once or when told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[Wire] = []
        self.dies_at_once = False
        monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", self._connect)

    async def _connect(
        self, factory: Callable[[], asyncio.Protocol], *_args: object, **_options: object
    ) -> tuple[Wire, asyncio.Protocol]:
        protocol = factory()
        wire = Wire(protocol)
        protocol.connection_made(wire)
        self.made.append(wire)
        if self.dies_at_once:
            protocol.connection_lost(None)
        return wire, protocol


@pytest.fixture
async def wires(monkeypatch: pytest.MonkeyPatch) -> Wires:
    return Wires(monkeypatch)


def transport(size: int = 1) -> Transport:
    return Transport(Endpoint("127.0.0.1", 1, "agent"), FixedTLS(ssl.create_default_context()), size=size)


async def steps(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_answer_that_comes_as_the_caller_leaves_is_dropped(wires: Wires) -> None:
    pool = transport()
    async with asyncio.TaskGroup() as tasks:
        call = tasks.create_task(pool.exchange("/v1/a", {}, b"{}"))
        await steps()
        call.cancel()
        wires.made[0].protocol.data_received(OK)
    assert call.cancelled()
    await steps()
    assert pool.open_count == 0


async def test_exchange_raises_when_the_connection_dies_as_it_is_made(wires: Wires) -> None:
    wires.dies_at_once = True
    pool = transport()
    with pytest.raises(ConnectionLost):
        await pool.exchange("/v1/a", {}, b"{}")
    assert pool.open_count == 0


async def test_exchange_says_what_was_wrong_when_the_peer_broke_the_protocol(wires: Wires) -> None:
    async with asyncio.TaskGroup() as tasks:
        call = tasks.create_task(_broken(transport()))
        await steps()
        wires.made[0].protocol.data_received(b"SSH-2.0\r\n\r\n")
    assert call.done()


async def _broken(pool: Transport) -> None:
    with pytest.raises(ProtocolError, match="status line"):
        await pool.exchange("/v1/a", {}, b"{}")


async def test_turn_goes_on_when_it_comes_to_a_caller_who_is_leaving(wires: Wires) -> None:
    pool = transport()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(pool.exchange("/v1/a", {}, b"1"))
        await steps()
        leaving, last = (tasks.create_task(pool.exchange("/v1/a", {}, body)) for body in (b"2", b"3"))
        await steps()
        wires.made[0].protocol.data_received(OK)
        await asyncio.sleep(0)  # the first ends and hands its turn to the one who ...
        leaving.cancel()  # ... leaves in this moment
        await steps()
        wires.made[-1].protocol.data_received(OK)
    assert (first.result().body, last.result().body) == (b"{}", b"{}")
    assert leaving.cancelled()


async def test_turn_passes_by_a_caller_who_has_left(wires: Wires) -> None:
    pool = transport()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(pool.exchange("/v1/a", {}, b"1"))
        await steps()
        leaving, last = (tasks.create_task(pool.exchange("/v1/a", {}, body)) for body in (b"2", b"3"))
        await steps()
        leaving.cancel()
        wires.made[0].protocol.data_received(OK)
        await steps()
        wires.made[-1].protocol.data_received(OK)
    assert (first.result().body, last.result().body) == (b"{}", b"{}")


async def test_turn_is_not_taken_by_who_comes_at_the_right_moment(wires: Wires) -> None:
    pool = transport()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(pool.exchange("/v1/a", {}, b"1"))
        await steps()
        tasks.create_task(pool.exchange("/v1/a", {}, b"2"))
        await steps()
        wire = wires.made[0]
        wire.protocol.data_received(OK)
        tasks.create_task(pool.exchange("/v1/a", {}, b"3"))  # its first step comes before that of the second call
        for _ in range(2):
            await steps()
            wire.protocol.data_received(OK)
    assert [request[:1] for request in wire.written.split(b"\r\n\r\n")[1:]] == [b"1", b"2", b"3"]
