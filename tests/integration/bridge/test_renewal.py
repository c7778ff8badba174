"""Certificates renewed over the bridge: real TLS, signed calls, a CA on the agent's side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bridge.client.call import Credentials
from bridge.client.retry import RetryRule
from bridge.client.session import Message
from bridge.client.transport import Endpoint, Transport
from bridge.contracts.operation import Lane, Operation
from bridge.contracts.system import RENEW, STATUS
from bridge.errors import AppError, Busy, Code, Conflict, Denied, Invalid
from bridge.keys import KeyStore
from bridge.pki import Profile, Renewal, generate_key, serial_text, unit_name
from bridge.problem import error_from_problem
from bridge.process.clock import SystemClock
from bridge.server import AnonymousCaller, CallerContext, Issuer
from bridge.server.renewal import RENEWALS_PER_DAY
from bridge.tls import Refusal, ReloadingClientTLS
from tests.bridge_pair import NAME, TRACEPARENT, Numbers, gateway
from tests.certificates import Folders, serial_in
from tests.renewing_agent import ADD, UNITS, Keep, renewing_agent
from tests.waiting import until


@pytest.fixture
async def keep(tmp_path: Path) -> AsyncIterator[Keep]:
    async with renewing_agent(Folders(tmp_path)) as keep:
        yield keep


# Who gets a new one


@pytest.mark.story("health/US-BE-44.5")
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
    keys: Any = KeyStore(keep.keys_of("gateway"))
    never = RetryRule(attempts_max=0)  # a repeated call would hide a lost one
    async with gateway(keep.port, certificates, keys=keys, retry=never) as door, asyncio.TaskGroup() as tasks:

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
