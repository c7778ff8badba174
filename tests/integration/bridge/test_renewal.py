"""Certificates renewed over the bridge: real TLS, signed calls, a CA on the agent's side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bridge.client.call import Credentials
from bridge.client.renewal import RenewalCalls
from bridge.client.session import Message, SignedSession
from bridge.client.transport import Endpoint, Transport
from bridge.contracts.operation import Anonymous, Lane, Nothing, Operation
from bridge.contracts.system import RENEW, STATUS
from bridge.errors import AppError, Busy, Code, Conflict, Denied, Invalid
from bridge.pki import IDENTITY_FILE, Identity, Profile, Renewal, generate_key, read_identity, serial_text, unit_name
from bridge.problem import error_from_problem
from bridge.process.clock import SystemClock
from bridge.server import AnonymousCaller, Answer, BridgeServer, CallerContext, Issuer
from bridge.server.renewal import RENEWALS_PER_DAY
from bridge.signing import SigningKey
from bridge.tls import (
    Refusal,
    ReloadingClientTLS,
    ReloadingServerTLS,
    RenewalServerTLS,
    bind,
    serve_tls,
    unit_of_peer,
)
from tests.bridge_pair import NAME, TRACEPARENT, Events, FixedKeys, Numbers, SkewedClock, Sum, authenticate, gateway
from tests.certificates import Folders, serial_in
from tests.waiting import until

UNITS: Final = ("gateway", "monitor")
ADD: Final = Operation(name="test.add", params=Numbers, result=Sum, principal=Anonymous())


class Clocks(SkewedClock):
    """Both of the machine's clocks, ahead."""

    def monotonic(self) -> float:
        return SystemClock.monotonic() + self.ahead_s


class Units:
    """The keys of both units, as the agent has them."""

    def __init__(self) -> None:
        self.of = {unit: FixedKeys(unit) for unit in UNITS}

    def unit_of(self, key_id: str) -> str | None:
        return key_id.partition(".")[0]

    def find_request_key(self, key_id: str) -> SigningKey | None:
        return self.of[key_id.partition(".")[0]].find_request_key(key_id)

    def response_key(self, key_id: str) -> SigningKey | None:
        return self.of[key_id.partition(".")[0]].response_key(key_id)


@dataclass
class Keep:
    """A running agent that renews, with its two ports."""

    folders: Folders
    tls: ReloadingServerTLS
    port: int
    renewal_port: int
    refused: list[Refusal]
    issuer_clock: Clocks

    def unit(self, unit: str = "gateway", *, issued_days_ago: float, ahead_s: float = 0.0) -> Unit:
        folder = self.folders.issue(unit, now=datetime.now(UTC) - timedelta(days=issued_days_ago))
        clock = SkewedClock(ahead_s)
        session = SignedSession(authority=NAME, keys=FixedKeys(unit), clock=clock)
        tls = ReloadingClientTLS(folder)
        endpoints = [Endpoint("127.0.0.1", port, NAME) for port in (self.port, self.renewal_port)]
        return Unit(folder, session, tls, RenewalCalls(session, tls, endpoints, clock))

    @property
    def issued(self) -> set[str]:
        return {one.serial for one in self.folders.authority.issued()}


@dataclass
class Unit:
    """A unit of the RPI4 that renews its certificate."""

    folder: Path
    session: SignedSession
    tls: ReloadingClientTLS
    calls: RenewalCalls

    @property
    def renewal(self) -> Renewal:
        return Renewal(self.folder, self.calls.sign, now=self.calls.now, check_s=3600.0)

    @property
    def leaf(self) -> x509.Certificate:
        return read_identity(self.folder / IDENTITY_FILE).certificate

    async def ask(self, request: x509.CertificateSigningRequest | None = None) -> x509.Certificate:
        request = request or Identity(generate_key(), ()).request()
        return (await self.calls.sign(self.leaf, request))[0]

    async def send(self, port: int, operation: str, body: bytes) -> AppError | None:
        """Send one message by hand and return the error that it was answered with."""
        transport = Transport(Endpoint("127.0.0.1", port, NAME), self.tls)
        try:
            message = Message(operation=operation, body=body, traceparent=TRACEPARENT)
            return error_from_problem((await self.session.exchange(transport, message)).body)
        finally:
            await transport.close()


async def add(_context: CallerContext, params: Numbers) -> Answer:
    return Answer(b'{"sum":%d}' % (params.a + params.b))


async def unused(_context: CallerContext, _params: Nothing) -> Answer:
    raise NotImplementedError


@pytest.fixture
async def keep(tmp_path: Path) -> AsyncIterator[Keep]:
    async with running(Folders(tmp_path)) as keep:
        yield keep


@asynccontextmanager
async def running(folders: Folders) -> AsyncIterator[Keep]:
    folder, clock = folders.issue("agent"), Clocks()
    bridge = BridgeServer(
        boot="boot-0001",
        authority=NAME,
        keys=Units(),
        unit_of_peer=unit_of_peer,
        handlers={RENEW: Issuer(folders.folder / "pki", clock).renew, STATUS: unused, ADD: add},
        authenticate=authenticate,
        feed=Events(),
        clock=SystemClock(),
    )
    refused: list[Refusal] = []
    usual, renewing = ReloadingServerTLS(folder, UNITS), RenewalServerTLS(folder, UNITS, SystemClock())
    async with AsyncExitStack() as stack:
        ports = []
        for tls, handler in ((usual, bridge.handle), (renewing, partial(bridge.handle, only=RENEW))):
            server, sock = web.Server(handler, access_log=None), bind("127.0.0.1", 0)
            ports.append(sock.getsockname()[1])
            listener = await serve_tls(server, sock, tls=tls, on_refused=lambda _peer, reason: refused.append(reason))
            stack.push_async_callback(server.shutdown, 0.1)
            stack.push_async_callback(listener.wait_closed)
            stack.callback(listener.close)
        yield Keep(folders, usual, ports[0], ports[1], refused, clock)


# Who gets a new one


@pytest.mark.parametrize("unit", UNITS)
async def test_unit_renews_by_itself_when_its_certificate_is_due(keep: Keep, unit: str) -> None:
    it = keep.unit(unit, issued_days_ago=11)
    before = it.leaf

    assert await it.renewal.renew_if_due()

    assert it.leaf.public_key() != before.public_key()
    assert Profile.of_certificate(it.leaf) == Profile.of_unit(unit)
    assert it.leaf.not_valid_after_utc > before.not_valid_after_utc + timedelta(days=10)
    assert serial_text(it.leaf) in keep.issued
    assert keep.refused == []
    assert it.tls.reload_if_changed()
    assert not await it.renewal.renew_if_due()


@pytest.mark.parametrize("days_ago", [31, 394])
async def test_unit_comes_back_by_itself_when_its_certificate_ended_within_a_year(keep: Keep, days_ago: int) -> None:
    it = keep.unit(issued_days_ago=days_ago)

    assert await it.renewal.renew_if_due()

    assert keep.refused == [Refusal.EXPIRED]
    assert it.tls.reload_if_changed()
    error = await it.send(keep.port, ADD.name, b"{}")
    assert error is None


async def test_unit_renews_when_the_clocks_are_an_hour_apart(keep: Keep) -> None:
    for ahead_s in (-3600.0, 3600.0):
        assert await keep.unit(issued_days_ago=40, ahead_s=ahead_s).renewal.renew_if_due()


# Who gets none


async def test_unit_gets_none_when_its_certificate_ended_four_hundred_days_ago(keep: Keep) -> None:
    it = keep.unit(issued_days_ago=430)

    with pytest.raises(ConnectionError, match=rf"port {keep.port}: .*; port {keep.renewal_port}: "):
        await it.renewal.renew_if_due()

    await until(lambda: len(keep.refused) == 2)
    assert keep.refused == [Refusal.EXPIRED, Refusal.EXPIRED]


@pytest.mark.parametrize("issued_days_ago", [15, 40])
async def test_unit_gets_none_when_its_certificate_was_revoked(keep: Keep, issued_days_ago: int) -> None:
    """The listener has not heard of it yet: the CA has the last word."""
    it = keep.unit(issued_days_ago=issued_days_ago)
    before = keep.issued
    keep.folders.authority.revoke([serial_in(it.folder)])

    with pytest.raises(Denied) as refused:
        await it.ask()

    assert refused.value.code is Code.FORBIDDEN
    assert keep.issued == before


async def test_unit_gets_none_when_its_certificate_is_not_in_the_list(
    keep: Keep, caplog: pytest.LogCaptureFixture
) -> None:
    it = keep.unit(issued_days_ago=40)
    (keep.folders.folder / "pki" / "issued" / f"{serial_text(it.leaf)}.pem").unlink()

    with pytest.raises(Denied):
        await it.ask()

    (record,) = [record for record in caplog.records if record.message == "renewal_refused"]
    assert "is not in the list" in record.__dict__["drawbridge_fields"]["reason"]


async def test_unit_gets_none_when_its_certificate_is_not_due(keep: Keep) -> None:
    it = keep.unit(issued_days_ago=9)
    before = keep.issued

    with pytest.raises(Conflict, match="not due"):
        await it.ask()

    assert keep.issued == before


async def test_unit_gets_its_own_name_when_it_asks_for_anothers(keep: Keep) -> None:
    key = generate_key()
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, unit_name("monitor"))]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(unit_name("agent"))]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )

    leaf = await keep.unit(issued_days_ago=15).ask(request)

    assert Profile.of_certificate(leaf) == Profile.of_unit("gateway")
    assert leaf.subject.rfc4514_string() == "CN=gateway.drawbridge.internal"
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert leaf.public_key() == key.public_key()


async def test_unit_gets_none_when_it_sends_no_request(keep: Keep) -> None:
    refused = await keep.unit(issued_days_ago=15).send(keep.port, RENEW.name, b'{"request":"please"}')

    assert isinstance(refused, Invalid)
    assert [field.name for field in refused.fields] == ["request"]


async def test_unit_gets_no_more_when_it_asks_too_often_a_day(keep: Keep) -> None:
    it, other = keep.unit(issued_days_ago=15), keep.unit("monitor", issued_days_ago=15)
    for _ in range(RENEWALS_PER_DAY):
        await it.ask()

    with pytest.raises(Busy) as refused:
        await it.ask()

    assert refused.value.code is Code.RATE_LIMITED
    assert refused.value.retry_after_s == pytest.approx(86_400, abs=10)
    assert serial_text(await other.ask()) in keep.issued
    keep.issuer_clock.ahead_s = 86_400
    assert serial_text(await it.ask()) in keep.issued


# The listener for those whose certificate has ended


@pytest.mark.parametrize("operation", [STATUS, ADD], ids=lambda operation: operation.name)
async def test_renewal_listener_answers_nothing_but_renewals_when_asked(
    keep: Keep, operation: Operation[Any, Any]
) -> None:
    for issued_days_ago in (0, 40):
        refused = await keep.unit(issued_days_ago=issued_days_ago).send(keep.renewal_port, operation.name, b"{}")

        assert refused is not None
        assert refused.code is Code.NOT_FOUND


async def test_message_is_taken_once_when_it_comes_to_both_listeners(keep: Keep) -> None:
    it = keep.unit(issued_days_ago=15)
    assert await it.send(keep.port, ADD.name, b"{}") is None
    sent = it.session._sign(Message(operation=RENEW.name, body=b"{}", traceparent=TRACEPARENT))
    codes = []
    for port in (keep.port, keep.renewal_port):
        transport = Transport(Endpoint("127.0.0.1", port, NAME), it.tls)
        response = await transport.exchange(f"/v1/{RENEW.name}", sent.request.headers, b"{}")
        await transport.close()
        codes.append(error_from_problem(response.body))

    assert [error.code for error in codes if error] == [Code.INVALID_REQUEST, Code.REPLAYED]


async def test_answer_is_an_internal_error_when_it_is_no_problem(keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.client.renewal.error_from_problem", lambda _body: None)

    with pytest.raises(AppError) as unknown:
        await keep.unit(issued_days_ago=1).ask()

    assert unknown.value.code is Code.INTERNAL


def test_unit_is_told_apart_from_a_person_when_a_handler_asks() -> None:
    context = CallerContext(AnonymousCaller(), "", "", 0.0, "", "")

    with pytest.raises(TypeError, match="not declared for machines"):
        _ = context.machine


# Under load


@dataclass(frozen=True)
class _Certificates:
    client: ReloadingClientTLS


async def test_no_call_is_lost_when_certificates_are_renewed_under_load(keep: Keep) -> None:
    it = keep.unit(issued_days_ago=15)
    old = it.leaf
    agent = Renewal(
        keep.folders.issue("agent", now=datetime.now(UTC) - timedelta(days=15)),
        Issuer(keep.folders.folder / "pki", SystemClock()).sign,
        now=lambda: datetime.now(UTC),
        check_s=3600.0,
    )
    assert keep.tls.reload_if_changed()
    answered, is_over = 0, False
    certificates: Any = _Certificates(it.tls)
    async with gateway(keep.port, certificates) as door, asyncio.TaskGroup() as tasks:

        async def call_again_and_again() -> None:
            nonlocal answered
            while not is_over:
                await door.client.call(ADD, Numbers(a=1), credentials=Credentials(), context=door.context())
                answered += 1

        async def answers(more: int) -> None:
            until_now = answered
            await until(lambda: answered >= until_now + more)

        for _ in range(4):
            tasks.create_task(call_again_and_again())
        await answers(20)
        assert await it.renewal.renew_if_due()
        await answers(20)
        assert it.tls.reload_if_changed()
        await answers(20)
        assert await agent.renew_if_due()
        assert keep.tls.reload_if_changed()
        await answers(20)
        keep.folders.authority.revoke([old.serial_number], folders=[keep.folders.folder / "agent"])
        assert keep.tls.reload_if_changed()
        await answers(20)
        is_over = True

    assert door.transports[Lane.DATA].open_count == 0
    assert keep.refused == []
