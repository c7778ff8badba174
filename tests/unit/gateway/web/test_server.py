from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme
from aiohttp import ClientSession, UnixConnector, web

from gateway.settings import Listen, Web
from gateway.web.listen import open_sockets
from gateway.web.metrics import CONNECTIONS_REFUSED, CONNECTIONS_SILENT
from gateway.web.response_headers import Drain
from gateway.web.server import HttpServer
from gateway.web.tls import WebCertificate
from tests.waiting import until


class Slow:
    """An application whose one answer comes when the test lets it."""

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.was_cancelled = asyncio.Event()
        self.app = web.Application()
        self.app.router.add_get("/slow", self._slow)
        self.app.router.add_get("/broken", self._broken)

    async def _slow(self, _request: web.Request) -> web.Response:
        self.arrived.set()
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.was_cancelled.set()
            raise
        return web.Response(text="done")

    async def _broken(self, _request: web.Request) -> web.Response:
        msg = "planted-secret"
        raise RuntimeError(msg)


@pytest.fixture
def slow() -> Slow:
    return Slow()


def make(
    slow: Slow, listen: Listen, limits: Web | None = None, certificate: WebCertificate | None = None
) -> HttpServer:
    return HttpServer(slow.app, listen=listen, limits=limits or Web(), certificate=certificate, drain=Drain())


@pytest.fixture
async def server(slow: Slow) -> AsyncIterator[HttpServer]:
    listen = Listen(kind="tcp", port=0, drain_s=2.0)
    made = make(slow, listen)
    await made.start(open_sockets(listen))
    yield made
    slow.may_answer.set()
    await made.stop()


async def send(server: HttpServer, request: bytes) -> bytes:
    port = int(server.addresses[0].rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /planted-secret HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost : planted-secret\r\n\r\n",
        b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 10_000 + b"\r\n\r\n",
    ],
)
async def test_malformed_http_is_answered_with_a_problem_and_not_repeated(
    server: HttpServer, caplog: pytest.LogCaptureFixture, request_bytes: bytes
) -> None:
    caplog.set_level(logging.INFO)

    head, _, body = (await send(server, request_bytes)).partition(b"\r\n\r\n")

    assert head.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))
    assert b"Content-Security-Policy" in head
    assert json.loads(body)["code"] == "invalid_request"
    assert b"planted-secret" not in body
    assert "planted-secret" not in caplog.text
    assert [record.getMessage() for record in caplog.records] == ["request_malformed"]


async def test_unknown_expectation_is_ignored(server: HttpServer, slow: Slow) -> None:
    slow.may_answer.set()

    answer = await send(server, b"GET /slow HTTP/1.1\r\nHost: x\r\nexpect: the-unexpected\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 OK")


async def test_client_is_told_to_continue_when_it_expects_that(server: HttpServer, slow: Slow) -> None:
    slow.may_answer.set()

    answer = await send(server, b"GET /slow HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


@pytest.mark.story("health/US-BE-05.5", "hub/IH-026.2", "todo/US-4.4")
async def test_bug_outside_the_application_is_answered_without_its_cause(server: HttpServer) -> None:
    answer = await send(server, b"GET /broken HTTP/1.1\r\nHost: x\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 500")
    assert b"planted-secret" not in answer


async def test_work_is_cancelled_when_the_client_goes_away(server: HttpServer, slow: Slow) -> None:
    port = int(server.addresses[0].rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
    await slow.arrived.wait()

    writer.close()
    await until(slow.was_cancelled.is_set)
    assert len(server.connections) == 0


async def test_request_in_flight_is_answered_when_the_server_stops(slow: Slow) -> None:
    listen = Listen(kind="tcp", port=0, drain_s=5.0)
    server = make(slow, listen)
    await server.start(open_sockets(listen))
    assert server.is_listening
    async with ClientSession(server.addresses[0]) as client, asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(client.get("/slow"))
        await slow.arrived.wait()
        stopping = tasks.create_task(server.stop())
        await until(lambda: not server.is_listening)

        slow.may_answer.set()

        response = await asked
        assert await response.text() == "done"
        await stopping


async def test_request_is_given_up_when_the_server_has_waited_long_enough(slow: Slow) -> None:
    listen = Listen(kind="tcp", port=0, drain_s=0.05)
    server = make(slow, listen)
    await server.start(open_sockets(listen))
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(send(server, b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"))
        await slow.arrived.wait()

        await server.stop()

        assert slow.was_cancelled.is_set()
        assert await asked == b""


@pytest.mark.parametrize("is_tls", [False, True])
async def test_connection_is_cut_when_its_address_has_too_many(slow: Slow, tmp_path: Path, *, is_tls: bool) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "web.pem")
    trusting = ssl.create_default_context() if is_tls else None
    if trusting:
        authority.configure_trust(trusting)
    listen = Listen(kind="tcp", port=0)
    certificate = WebCertificate(tmp_path / "web.pem", None) if is_tls else None
    server = make(slow, listen, Web(connections_per_address=2), certificate)
    await server.start(open_sockets(listen))
    slow.may_answer.set()
    port = int(server.addresses[0].rpartition(":")[2])
    before = CONNECTIONS_REFUSED._value.get()

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", port, ssl=trusting)

    async def is_answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            return await reader.read(15) == b"HTTP/1.1 200 OK"
        except ConnectionError:
            return False

    first, second, third = [await connect() for _ in range(3)]
    answered = [await is_answered(*each) for each in (first, second, third)]
    first[1].transport.abort()
    await until(lambda: len(server.connections) == 1)
    fourth = await connect()
    answered.append(await is_answered(*fourth))
    for _, writer in (second, third, fourth):
        writer.transport.abort()
    await server.stop()

    assert answered == [True, True, False, True]
    assert CONNECTIONS_REFUSED._value.get() == before + 1


async def test_unix_socket_is_served_and_removed_when_stopped(slow: Slow, tmp_path: Path) -> None:
    path = tmp_path / "s"
    listen = Listen(kind="unix", path=path)
    server = make(slow, listen)
    await server.start(open_sockets(listen))
    slow.may_answer.set()

    async with ClientSession("http://x", connector=UnixConnector(str(path))) as client:
        assert await (await client.get("/slow")).text() == "done"
    await server.stop()

    assert server.addresses == [f"unix:{path}"]
    assert not path.exists()


async def test_ipv6_address_is_named_as_urls_do(slow: Slow) -> None:
    listen = Listen(kind="tcp", host="::1", port=0)
    server = make(slow, listen)
    await server.start(open_sockets(listen))
    await server.stop()

    assert server.addresses[0].startswith("http://[::1]:")


@pytest.mark.parametrize("beginning", [b"", b"GET /slow HTTP/1.1\r\nHost: x\r\nX-Drip: "], ids=["silent", "dripping"])
async def test_connection_is_cut_when_its_first_request_does_not_come(slow: Slow, beginning: bytes) -> None:
    listen = Listen(kind="tcp", port=0)
    server = make(slow, listen, Web(first_request_s=0.05))
    await server.start(open_sockets(listen))
    slow.may_answer.set()
    before = CONNECTIONS_SILENT._value.get()

    with contextlib.suppress(ConnectionError):
        assert await send(server, beginning) == b""
    answer = await send(server, b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    await server.stop()

    assert answer.startswith(b"HTTP/1.1 200")
    assert CONNECTIONS_SILENT._value.get() == before + 1


async def test_connection_is_cut_when_its_handshake_does_not_come(slow: Slow, tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "web.pem")
    listen = Listen(kind="tcp", port=0)
    server = make(slow, listen, Web(first_request_s=0.05), WebCertificate(tmp_path / "web.pem", None))
    await server.start(open_sockets(listen))

    async with asyncio.timeout(3):
        with contextlib.suppress(ConnectionError):
            assert await send(server, b"") == b""
    await server.stop()


async def test_request_is_answered_when_it_takes_longer_than_its_headers_may(slow: Slow) -> None:
    listen = Listen(kind="tcp", port=0)
    server = make(slow, listen, Web(first_request_s=0.02))
    await server.start(open_sockets(listen))
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(send(server, b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
        await slow.arrived.wait()
        await asyncio.sleep(0.04)
        slow.may_answer.set()
    await server.stop()

    assert asked.result().startswith(b"HTTP/1.1 200")


async def test_request_is_refused_when_it_has_too_many_headers(server: HttpServer) -> None:
    lines = b"".join(b"X-%d: a\r\n" % number for number in range(200))

    answer = await send(server, b"GET /slow HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n")

    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))
