"""Whom the listener lets in, whom it turns away, and what it says of them."""

from __future__ import annotations

import asyncio
import resource
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from bridge.pki import ROOTS_FILE, Profile, unit_name, write_certificates
from bridge.tls import Refusal, ReloadingClientTLS, ReloadingServerTLS, bind, listen, serve_tls
from tests.certificates import Folders, serial_in
from tests.tls_listener import Caller, call, listening
from tests.waiting import until


@pytest.mark.story("health/US-BE-43.1")
async def test_units_are_let_in_and_known_when_their_certificates_are_good(folders: Folders) -> None:
    async with listening(folders.issue("agent")) as agent:
        for unit in ("gateway", "monitor"):
            assert await call(agent.port, folders.issue(unit)) == unit

        assert agent.refused == []


async def test_connection_carries_many_calls_when_kept_open(folders: Folders) -> None:
    async with (
        listening(folders.issue("agent")) as agent,
        await Caller.connect(agent.port, folders.issue("gateway")) as caller,
    ):
        assert [await caller.ask() for _ in range(3)] == ["gateway"] * 3
        assert len(agent.tls.connections) == 1


def no_unit_of_ours(folders: Folders) -> Path:
    return folders.issue("printer")


def two_names(folders: Folders) -> Path:
    names = tuple(x509.DNSName(unit_name(unit)) for unit in ("gateway", "monitor"))
    return folders.issue_as(Profile(names, ExtendedKeyUsageOID.CLIENT_AUTH), into="both")


def revoked(folders: Folders) -> Path:
    folder = folders.issue("gateway")
    folders.authority.revoke([serial_in(folder)], folders=[folders.folder / "agent"])
    return folder


def expired(folders: Folders) -> Path:
    return folders.issue("gateway", now=datetime.now(UTC) - timedelta(days=40))


def of_another_ca(folders: Folders) -> Path:
    folder = Folders(folders.folder / "elsewhere").issue("gateway")
    write_certificates(folder / ROOTS_FILE, folders.roots)
    return folder


def without_certificate(folders: Folders) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=folders.folder / "agent" / ROOTS_FILE)


def of_tls_1_2(folders: Folders) -> ssl.SSLContext:
    context = ReloadingClientTLS(folders.issue("gateway")).context
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def without_tls(_folders: Folders) -> None:
    return None


@pytest.mark.story(
    "health/US-BE-07.2", "health/US-BE-44.1", "health/US-BE-44.6", "health/US-BE-49.2", "health/US-BE-49.4",
    "health/US-BE-50.1",
)  # fmt: skip
@pytest.mark.parametrize(
    ("stranger", "reason"),
    [
        (no_unit_of_ours, Refusal.WRONG_NAME),
        (two_names, Refusal.WRONG_NAME),
        (revoked, Refusal.REVOKED),
        (expired, Refusal.EXPIRED),
        (of_another_ca, Refusal.UNKNOWN_CA),
        (without_certificate, Refusal.NO_CERTIFICATE),
        (of_tls_1_2, Refusal.PROTOCOL_VERSION),
        (without_tls, Refusal.NOT_TLS),
    ],
)
async def test_stranger_is_turned_away_and_told_of_when_it_knocks(
    folders: Folders, stranger: Callable[[Folders], Path | ssl.SSLContext | None], reason: Refusal
) -> None:
    agent_folder = folders.issue("agent")
    credentials = stranger(folders)
    async with listening(agent_folder) as agent:
        answer = await call(agent.port, credentials)

        await until(lambda: bool(agent.refused))
        assert answer in set(Refusal)
        assert agent.refused == [("127.0.0.1", reason)]
        assert len(agent.tls.connections) == 0
        assert await call(agent.port, folders.issue("monitor")) == "monitor"


async def test_no_protocol_is_made_when_a_stranger_knocks(folders: Folders) -> None:
    """TLS 1.3 lets a client send its request before the server judged it: not a byte of that may arrive."""
    made: list[asyncio.Protocol] = []
    reasons: list[Refusal] = []

    def make() -> asyncio.Protocol:
        made.append(asyncio.Protocol())
        return made[-1]

    tls = ReloadingServerTLS(folders.issue("agent"), {"gateway"})
    sock = bind("127.0.0.1", 0)
    listener = await serve_tls(make, sock, tls=tls, on_refused=lambda _peer, reason: reasons.append(reason))

    assert await call(sock.getsockname()[1], folders.issue("monitor")) == Refusal.CLOSED

    assert reasons == [Refusal.WRONG_NAME]
    assert made == []
    listener.close()
    await listener.wait_closed()


@pytest.mark.parametrize(
    ("impostor", "reason"),
    [(of_another_ca, Refusal.UNKNOWN_CA), (no_unit_of_ours, Refusal.WRONG_PURPOSE)],
)
async def test_agent_is_refused_by_its_callers_when_it_is_an_impostor(
    folders: Folders, impostor: Callable[[Folders], Path], reason: Refusal
) -> None:
    gateway = folders.issue("gateway", into="caller")
    async with listening(impostor(folders)) as agent:
        assert await call(agent.port, gateway) == reason


async def test_agent_is_refused_by_its_callers_when_its_name_is_not_the_pinned_one(folders: Folders) -> None:
    profile = Profile((x509.DNSName(unit_name("monitor")),), ExtendedKeyUsageOID.SERVER_AUTH)
    async with listening(folders.issue_as(profile, into="impostor")) as agent:
        assert await call(agent.port, folders.issue("gateway")) == Refusal.WRONG_NAME


async def test_silent_caller_is_turned_away_when_the_time_is_up(folders: Folders) -> None:
    async with listening(folders.issue("agent"), handshake_timeout_s=0.05) as agent:
        reader, writer = await asyncio.open_connection("127.0.0.1", agent.port)

        assert await reader.read() == b""

        await until(lambda: bool(agent.refused))
        assert agent.reasons == [Refusal.TIMEOUT]
        writer.close()


async def test_caller_is_told_of_when_it_leaves_amid_the_handshake(folders: Folders) -> None:
    async with listening(folders.issue("agent")) as agent:
        _, writer = await asyncio.open_connection("127.0.0.1", agent.port)
        writer.write(b"\x16\x03\x01")
        await writer.drain()
        writer.close()

        await until(lambda: bool(agent.refused))
        assert agent.reasons == [Refusal.CLOSED]


@pytest.mark.parametrize("limit", ["HANDSHAKES_MAX", "HANDSHAKES_PER_ADDRESS_MAX"])
async def test_caller_is_turned_away_when_too_many_shake_hands(
    folders: Folders, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(listen, limit, 2)
    gateway = folders.issue("gateway")
    async with listening(folders.issue("agent")) as agent:
        silent = [await asyncio.open_connection("127.0.0.1", agent.port) for _ in range(2)]

        assert await call(agent.port, gateway) == Refusal.CLOSED
        assert agent.reasons == [Refusal.TOO_MANY]

        for _, writer in silent:
            writer.close()
        await until(lambda: len(agent.refused) == 3)
        assert await call(agent.port, gateway) == "gateway"


async def test_listener_goes_on_when_a_protocol_fails(folders: Folders, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            raise RuntimeError(transport)

    tls = ReloadingServerTLS(folders.issue("agent"), {"gateway"})
    gateway = folders.issue("gateway")
    sock = bind("127.0.0.1", 0)
    listener = await serve_tls(Broken, sock, tls=tls, on_refused=lambda _peer, _reason: None)

    for count in (1, 2):
        await call(sock.getsockname()[1], gateway)
        await until(lambda: [one.getMessage() for one in caplog.records].count("connection_failed") == count)  # noqa: B023
        assert listener.sockets

    listener.close()
    await listener.wait_closed()


async def test_listener_goes_on_when_file_descriptors_ran_out(
    folders: Folders, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = ReloadingClientTLS(folders.issue("gateway")).context
    async with listening(folders.issue("agent")) as agent:
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        waiting = socket.create_connection(("127.0.0.1", agent.port))
        waiting.settimeout(0)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
        try:
            await until(lambda: "accept_failed" in [one.getMessage() for one in caplog.records])
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)

        reader, writer = await asyncio.open_connection(
            sock=waiting, ssl=gateway, server_hostname="agent.drawbridge.internal"
        )
        async with Caller(reader, writer) as caller:
            assert await caller.ask() == "gateway"


async def test_open_connections_live_on_when_the_listener_closes(folders: Folders) -> None:
    gateway = folders.issue("gateway")
    async with listening(folders.issue("agent")) as agent, await Caller.connect(agent.port, gateway) as caller:
        assert await caller.ask() == "gateway"
        _, silent = await asyncio.open_connection("127.0.0.1", agent.port)
        assert agent.listener.sockets

        agent.listener.close()
        await agent.listener.wait_closed()

        assert not agent.listener.sockets
        assert await caller.ask() == "gateway"
        assert await call(agent.port, gateway) == Refusal.CLOSED
        silent.close()


async def test_waiting_raises_when_the_listener_broke(folders: Folders) -> None:
    def broken(_peer: str, _reason: Refusal) -> None:
        raise RuntimeError

    tls = ReloadingServerTLS(folders.issue("agent"), {"gateway"})
    sock = bind("127.0.0.1", 0)
    listener = await serve_tls(asyncio.Protocol, sock, tls=tls, on_refused=broken)

    await call(sock.getsockname()[1], None)

    with pytest.raises(ExceptionGroup):
        await listener.wait_closed()
    assert not listener.sockets


def test_socket_is_of_the_addresses_family_when_bound() -> None:
    with bind("::1", 0) as six, bind("127.0.0.1", 0) as four:
        assert (six.family, four.family) == (socket.AF_INET6, socket.AF_INET)
