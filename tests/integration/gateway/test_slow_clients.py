"""Clients that take their time on purpose, at a gateway without nginx: whole, on TCP, before an agent that is away."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from gateway.serving import Gateway
from gateway.settings import Bridge, GatewaySettings, Listen, Web
from tests.integration.gateway.keep_and_door import Hosts
from tests.waiting import until

SLOW_S = 0.3
HOST = b"Host: door.test\r\n"
LOGIN = b"POST /auth/login HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
HEALTH = b"GET /health HTTP/1.1\r\n" + HOST


@pytest.fixture
async def port(hosts: Hosts) -> AsyncIterator[int]:
    """Give the port of a gateway with little patience."""
    settings = GatewaySettings(
        listen=Listen(kind="tcp", port=0, drain_s=0.1, keepalive_s=SLOW_S),
        bridge=Bridge(port=1, tls_dir=hosts.folder / "gateway-tls", keys_dir=hosts.folder / "gateway-keys"),
        web=Web(deadline_s=SLOW_S, first_request_s=SLOW_S, unread_s=SLOW_S),
    )
    stop = asyncio.Event()
    gateway = Gateway(settings)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(gateway.run(stop))
        try:
            await until(lambda: bool(gateway.addresses), timeout_s=8.0)
            yield int(gateway.addresses[0].rpartition(":")[2])
        finally:
            stop.set()


async def told(port: int, *parts: bytes, drip: bytes = b"") -> bytes:
    """Send the parts, then ``drip`` again and again; return what came until the other end hung up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got = bytearray()

    async def read() -> None:
        with suppress(ConnectionError):
            while more := await reader.read(65536):
                got.extend(more)

    async with asyncio.timeout(8), asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(read())
        for part in parts:
            writer.write(part)
            await asyncio.sleep(SLOW_S / 3)
        while drip and not reading.done():
            writer.write(drip)
            await asyncio.sleep(SLOW_S / 6)
    writer.transport.abort()
    return bytes(got)


@pytest.mark.parametrize("drip", [b"", b" "], ids=["silent", "dripping"])
async def test_body_is_given_up_when_it_does_not_come_in_time(port: int, drip: bytes) -> None:
    answer = await told(port, LOGIN + b"Content-Length: 60000\r\n\r\n{", drip=drip)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"must arrive faster" in answer


@pytest.mark.parametrize("drip", [b"", b"a"], ids=["silent", "dripping"])
async def test_connection_is_cut_when_a_later_requests_headers_do_not_come(port: int, drip: bytes) -> None:
    answer = await told(port, HEALTH + b"\r\n", HEALTH + b"X: ", drip=drip)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1 ") == 1


async def test_body_is_refused_when_its_chunks_are_more_than_a_body_may_have(port: int) -> None:
    chunk = b"1000\r\n" + b" " * 4096 + b"\r\n"

    answer = await told(port, LOGIN + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 20, drip=chunk)

    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_connection_is_cut_when_its_client_does_not_read(port: int) -> None:
    """It asks and asks, and takes no answer: nothing but its own kernel's buffer is filled."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.settimeout(0)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, ("127.0.0.1", port))
        asked = 0
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(8):
                while True:
                    try:
                        asked += client.send(HEALTH + b"\r\n")
                    except BlockingIOError:
                        await asyncio.sleep(SLOW_S / 6)
        assert asked > 100
