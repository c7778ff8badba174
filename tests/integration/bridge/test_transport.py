"""The transport against a real TLS peer that behaves, or does not; the lean one and aiohttp's alike."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pytest
import trustme

from bridge.client.http1 import Data, Head, ProtocolError
from bridge.client.transport import ConnectFailed, ConnectionLost, Endpoint, Transport
from tests.reference_transport import ReferenceTransport
from tests.waiting import until

NAME = "agent.drawbridge.internal"
OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


@dataclass
class FixedTLS:
    context: ssl.SSLContext


@dataclass
class Certificates:
    server: ssl.SSLContext
    client: FixedTLS
    renewed: FixedTLS
    stranger: FixedTLS


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    authority, other = trustme.CA(), trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.minimum_version = ssl.TLSVersion.TLSv1_3
    server.verify_mode = ssl.CERT_REQUIRED
    authority.issue_cert(NAME).configure_cert(server)
    authority.configure_trust(server)
    clients = []
    for issuer in (authority, authority, other):
        context = ssl.create_default_context()
        issuer.issue_cert("gateway.drawbridge.internal").configure_cert(context)
        authority.configure_trust(context)
        clients.append(FixedTLS(context))
    return Certificates(server, *clients)


Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Peer:
    """A TLS server that runs ``script`` on each connection, and counts them."""

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates
        self.connections = 0
        self.script: Script = self.answer
        self.requests: list[bytes] = []
        self.left = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self.endpoint = Endpoint("127.0.0.1", 0, NAME)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Peer]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._certificates.server)
        self.endpoint = Endpoint("127.0.0.1", server.sockets[0].getsockname()[1], NAME)
        try:
            yield self
        finally:
            server.close()
            for writer in self._writers:
                writer.transport.abort()
            await until(lambda: not self._writers)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                await self.script(reader, writer)
        finally:
            self.left.set()
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()
            self._writers.discard(writer)

    async def read_request(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        request = head + await reader.readexactly(int(length.split(b":")[1]))
        self.requests.append(request)
        return request

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await self.read_request(reader)
            writer.write(OK)
            await writer.drain()

    async def hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Never answer."""
        await self.read_request(reader)
        await reader.read()

    def say(self, *answers: bytes) -> Script:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for answer in answers:
                await self.read_request(reader)
                writer.write(answer)
                await writer.drain()

        return script


@pytest.fixture
async def peer(certificates: Certificates) -> AsyncIterator[Peer]:
    async with Peer(certificates).running() as running:
        yield running


@pytest.fixture
async def transport(peer: Peer, certificates: Certificates) -> AsyncIterator[Transport]:
    lean = Transport(peer.endpoint, certificates.client, size=2)
    yield lean
    await lean.close()


@pytest.fixture(params=["lean", "aiohttp"])
async def either(
    request: pytest.FixtureRequest, peer: Peer, certificates: Certificates
) -> AsyncIterator[Transport | ReferenceTransport]:
    if request.param == "lean":
        lean = Transport(peer.endpoint, certificates.client, size=2)
        yield lean
        await lean.close()
    else:
        async with ReferenceTransport(peer.endpoint, certificates.client, size=2) as reference:
            yield reference


# What both transports owe


async def test_exchange_posts_what_it_was_given(peer: Peer, either: Transport | ReferenceTransport) -> None:
    response = await either.exchange("/v1/a.b", {"content-type": "application/json", "x-test": "1"}, b'{"a":1}')
    assert (response.head.status, response.body) == (200, b"{}")
    request = peer.requests[0].lower()
    assert request.startswith(b"post /v1/a.b http/1.1\r\n")
    assert b"host: " + NAME.encode() in request
    assert b"x-test: 1" in request
    assert request.endswith(b'\r\n\r\n{"a":1}')


@pytest.mark.story("health/US-BE-43.3", "hub/AC-062")
async def test_exchange_uses_one_connection_when_calls_follow_each_other(
    peer: Peer, either: Transport | ReferenceTransport
) -> None:
    for _ in range(5):
        await either.exchange("/v1/a.b", {}, b"{}")
    assert peer.connections == 1


@pytest.mark.story("health/US-BE-43.3")
async def test_exchange_uses_at_most_size_connections_when_many_call(
    peer: Peer, either: Transport | ReferenceTransport
) -> None:
    async with asyncio.TaskGroup() as tasks:
        calls = [tasks.create_task(either.exchange("/v1/a.b", {}, b"{}")) for _ in range(20)]
    assert {call.result().body for call in calls} == {b"{}"}
    assert peer.connections <= 2


async def test_exchange_raises_connect_failed_when_nobody_listens(
    either: Transport | ReferenceTransport, peer: Peer, certificates: Certificates
) -> None:
    nowhere = Endpoint("127.0.0.1", 1, NAME)
    if isinstance(either, Transport):
        with pytest.raises(ConnectFailed):
            await Transport(nowhere, certificates.client).exchange("/v1/a.b", {}, b"{}")
    else:
        async with ReferenceTransport(nowhere, certificates.client) as reference:
            with pytest.raises(ConnectFailed):
                await reference.exchange("/v1/a.b", {}, b"{}")


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\ncontent-le", OK[:-1]])
async def test_exchange_raises_connection_lost_when_the_answer_is_cut(
    peer: Peer, either: Transport | ReferenceTransport, answer: bytes
) -> None:
    peer.script = peer.say(answer)
    with pytest.raises(ConnectionLost):
        await either.exchange("/v1/a.b", {}, b"{}")
    peer.script = peer.answer
    assert (await either.exchange("/v1/a.b", {}, b"{}")).body == b"{}"


async def test_exchange_tells_the_peer_when_it_is_cancelled(peer: Peer, either: Transport | ReferenceTransport) -> None:
    peer.script = peer.hold
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await either.exchange("/v1/a.b", {}, b"{}")
    await peer.left.wait()
    peer.script = peer.answer
    assert (await either.exchange("/v1/a.b", {}, b"{}")).body == b"{}"


# What only the lean one promises


async def test_exchange_says_that_the_connection_was_new_when_the_certificate_is_refused(
    peer: Peer, certificates: Certificates
) -> None:
    transport = Transport(peer.endpoint, certificates.stranger)
    with pytest.raises(ConnectionLost) as lost:
        await transport.exchange("/v1/a.b", {}, b"{}")
    assert not lost.value.was_reused
    await transport.close()


async def test_exchange_says_that_the_connection_was_reused_when_it_dies_between_calls(
    peer: Peer, transport: Transport
) -> None:
    async def answer_once_then_close_at_the_next(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await peer.read_request(reader)
        writer.write(OK)
        await peer.read_request(reader)

    peer.script = answer_once_then_close_at_the_next
    await transport.exchange("/v1/a.b", {}, b"{}")
    with pytest.raises(ConnectionLost) as lost:
        await transport.exchange("/v1/a.b", {}, b"{}")
    assert lost.value.was_reused


async def test_exchange_opens_a_new_connection_when_the_agent_asked_to_close(peer: Peer, transport: Transport) -> None:
    peer.script = peer.say(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
    await transport.exchange("/v1/a.b", {}, b"{}")
    await transport.exchange("/v1/a.b", {}, b"{}")
    assert peer.connections == 2


async def test_exchange_opens_a_new_connection_when_the_certificates_were_replaced(
    peer: Peer, certificates: Certificates
) -> None:
    tls = FixedTLS(certificates.client.context)
    transport = Transport(peer.endpoint, tls)
    await transport.exchange("/v1/a.b", {}, b"{}")
    tls.context = certificates.renewed.context
    await transport.exchange("/v1/a.b", {}, b"{}")
    assert peer.connections == 2
    await transport.close()


async def test_exchange_opens_a_new_connection_when_the_idle_one_is_too_old(
    peer: Peer, certificates: Certificates
) -> None:
    transport = Transport(peer.endpoint, certificates.client, keepalive_s=0.0)
    await transport.exchange("/v1/a.b", {}, b"{}")
    await transport.exchange("/v1/a.b", {}, b"{}")
    assert peer.connections == 2
    await transport.close()


async def test_close_idle_closes_what_was_not_used_for_long(peer: Peer, certificates: Certificates) -> None:
    transport = Transport(peer.endpoint, certificates.client, keepalive_s=0.0)
    await transport.exchange("/v1/a.b", {}, b"{}")
    transport.close_idle()
    await peer.left.wait()
    await transport.close()
    assert transport.open_count == 0


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", b"SSH-2.0-OpenSSH\r\n\r\n"],
    ids=["malformed chunk", "another protocol"],
)
async def test_exchange_never_uses_a_connection_again_when_the_peer_broke_the_protocol(
    peer: Peer, transport: Transport, answer: bytes
) -> None:
    peer.script = peer.say(answer)
    with pytest.raises(ProtocolError):
        await transport.exchange("/v1/a.b", {}, b"{}")
    peer.script = peer.answer
    assert (await transport.exchange("/v1/a.b", {}, b"{}")).body == b"{}"
    assert peer.connections == 2


@pytest.mark.parametrize("behind", [OK, OK[:10]], ids=["a second answer", "the beginning of one"])
async def test_exchange_never_uses_a_connection_again_when_bytes_follow_the_answer(
    peer: Peer, transport: Transport, behind: bytes
) -> None:
    peer.script = peer.say(OK + behind)
    assert (await transport.exchange("/v1/a.b", {}, b"{}")).body == b"{}"
    peer.script = peer.answer
    assert (await transport.exchange("/v1/a.b", {}, b"{}")).body == b"{}"
    assert peer.connections == 2


async def test_an_answer_that_nobody_asked_for_closes_the_idle_connection(peer: Peer, transport: Transport) -> None:
    async def answer_then_add(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await peer.read_request(reader)
        writer.write(OK)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(OK)
        await reader.read()

    peer.script = answer_then_add
    await transport.exchange("/v1/a.b", {}, b"{}")
    await peer.left.wait()
    peer.script = peer.answer
    assert (await transport.exchange("/v1/a.b", {}, b"{}")).body == b"{}"
    assert peer.connections == 2


async def test_waiting_callers_go_on_when_the_one_before_them_fails(peer: Peer, certificates: Certificates) -> None:
    transport = Transport(peer.endpoint, certificates.client, size=1)
    peer.script = peer.hold
    outcomes: list[str] = []

    async def call(timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await transport.exchange("/v1/a.b", {}, b"{}")
        except TimeoutError:
            outcomes.append("timeout")
            peer.script = peer.answer
        else:
            outcomes.append("ok")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(call(0.1))
        for _ in range(3):
            tasks.create_task(call(5))
    assert sorted(outcomes) == ["ok", "ok", "ok", "timeout"]
    await transport.close()


async def test_a_waiting_caller_that_leaves_takes_no_place_with_it(peer: Peer, certificates: Certificates) -> None:
    transport = Transport(peer.endpoint, certificates.client, size=1)
    peer.script = peer.hold
    async with asyncio.TaskGroup() as tasks:
        for timeout_s in (0.15, 0.05, 0.05):
            tasks.create_task(_gives_up(transport, timeout_s))
    peer.script = peer.answer
    assert (await transport.exchange("/v1/a.b", {}, b"{}")).body == b"{}"
    await transport.close()


async def _gives_up(transport: Transport, timeout_s: float) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await transport.exchange("/v1/a.b", {}, b"{}")


async def test_exchange_raises_connect_failed_when_the_transport_is_closed(transport: Transport) -> None:
    await transport.close()
    with pytest.raises(ConnectFailed):
        await transport.exchange("/v1/a.b", {}, b"{}")


async def test_connecting_gives_up_when_the_handshake_stalls(certificates: Certificates) -> None:
    left = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        left.set()

    reasons: list[str] = []
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    endpoint = Endpoint("127.0.0.1", server.sockets[0].getsockname()[1], NAME)
    transport = Transport(endpoint, certificates.client, connect_timeout_s=0.1, on_connect=reasons.append)
    with pytest.raises(ConnectFailed):
        await transport.exchange("/v1/a.b", {}, b"{}")
    assert reasons == ["TimeoutError"]
    server.close()
    await left.wait()


# Streams


async def test_stream_gives_head_and_data_as_they_come(peer: Peer, transport: Transport) -> None:
    peer.script = peer.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
    async with transport.stream("/v1/system.feed", {}, b"{}") as events:
        received = [event async for event in events]
    assert isinstance(received[0], Head)
    assert received[1:] == [Data(b"one"), Data(b"two")]


async def test_stream_raises_when_it_is_cut(peer: Peer, transport: Transport) -> None:
    peer.script = peer.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
    with pytest.raises(ConnectionLost):
        async with transport.stream("/v1/system.feed", {}, b"{}") as events:
            async for _ in events:
                pass


async def test_stream_gives_up_when_its_reader_falls_behind(peer: Peer, transport: Transport) -> None:
    many = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 3000
    peer.script = peer.say(many)
    async with transport.stream("/v1/system.feed", {}, b"{}") as events:
        await anext(events)
        await peer.left.wait()
        with pytest.raises(ProtocolError, match="fell behind"):
            async for _ in events:
                pass


async def test_stream_leaves_its_place_to_others_when_it_is_left(peer: Peer, certificates: Certificates) -> None:
    transport = Transport(peer.endpoint, certificates.client, size=1)
    peer.script = peer.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n")
    async with transport.stream("/v1/system.feed", {}, b"{}") as events:
        await anext(events)
    peer.script = peer.answer
    assert (await transport.exchange("/v1/a.b", {}, b"{}")).body == b"{}"
    await transport.close()
