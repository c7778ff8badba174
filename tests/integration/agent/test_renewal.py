"""The agent's CA: for its own certificate, and for a gateway out of a drawer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.client.call import Credentials
from bridge.client.renewal import RenewalCalls
from bridge.client.session import SignedSession
from bridge.client.transport import Endpoint
from bridge.contracts.operation import Nothing
from bridge.contracts.system import RENEW, STATUS
from bridge.errors import Code, Unavailable
from bridge.keys import KeyStore
from bridge.pki import IDENTITY_FILE, Authority, Identity, Profile, Renewal, generate_key, read_identity, request_text
from bridge.process.clock import SystemClock
from bridge.tls import ReloadingClientTLS
from tests.bridge_pair import NAME
from tests.integration.agent.conftest import StoreDsns
from tests.integration.agent.machine import Machine
from tests.waiting import until


@pytest.fixture
def machine(tmp_path: Path, store_dsns: StoreDsns, database: str) -> Machine:
    return Machine.set_up(tmp_path, store_dsns, database)


def with_ca(machine: Machine, **settings: object) -> dict[str, Any]:
    return {**machine.values()["bridge"], "ca_dir": str(machine.folder / "pki"), **settings}


def issue_again(machine: Machine, unit: str, *, days_ago: float) -> None:
    now = datetime.now(UTC) - timedelta(days=days_ago)
    Authority(machine.folder / "pki").issue_unit(unit, machine.folder / f"{unit}-tls", now=now)


async def test_agent_renews_its_own_certificate_and_uses_it_when_it_has_ended(machine: Machine) -> None:
    issue_again(machine, "agent", days_ago=40)
    path = machine.folder / "agent-tls" / IDENTITY_FILE
    before = read_identity(path).certificate

    async with machine.running(bridge=with_ca(machine)) as running:
        await until(lambda: read_identity(path).certificate != before)
        after = read_identity(path).certificate
        await until(lambda: running.agent._identity.tls.not_after == after.not_valid_after_utc)
        assert (await running.call(STATUS)).boot == running.agent.boot

    assert Profile.of_certificate(after) == Profile.of_unit("agent")


async def test_gateway_renews_at_the_second_port_when_its_certificate_has_ended(machine: Machine) -> None:
    issue_again(machine, "gateway", days_ago=200)
    tls, clock = machine.folder / "gateway-tls", SystemClock()
    before = read_identity(tls / IDENTITY_FILE).certificate
    session = SignedSession(authority=NAME, keys=KeyStore(machine.folder / "gateway-keys"), clock=clock)

    async with machine.running(bridge=with_ca(machine, renewal_port=0)) as running:
        assert running.agent.ports[0] == running.port
        endpoints = [Endpoint("127.0.0.1", port, NAME) for port in running.agent.ports]
        calls = RenewalCalls(session, ReloadingClientTLS(tls), endpoints, clock)
        assert await Renewal(tls, calls.sign, now=calls.now, check_s=3600.0).renew_if_due()

        assert read_identity(tls / IDENTITY_FILE).certificate != before
        async with machine.door(running.port) as door:
            reply = await door.client.call(STATUS, Nothing(), credentials=Credentials(), context=door.context())
            assert STATUS.result.model_validate_json(reply.body).boot == running.agent.boot


async def test_certificates_are_of_the_agents_terms_when_it_renews_them(machine: Machine) -> None:
    issue_again(machine, "agent", days_ago=26)
    path = machine.folder / "agent-tls" / IDENTITY_FILE
    before = read_identity(path).certificate

    terms = {"life_days": 9, "backdated_days": 2, "due_days": 5}
    async with machine.running(bridge=with_ca(machine), certificates=terms):
        await until(lambda: read_identity(path).certificate != before)

    leaf = read_identity(path).certificate
    assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).days == 11


async def test_certificate_stays_when_the_agents_terms_say_that_it_is_not_due(machine: Machine) -> None:
    issue_again(machine, "agent", days_ago=24)
    path = machine.folder / "agent-tls" / IDENTITY_FILE
    before = read_identity(path).certificate

    async with machine.running(bridge=with_ca(machine, renew_check_s=0.01), certificates={"due_days": 5}) as running:
        assert (await running.call(STATUS)).boot == running.agent.boot

    assert read_identity(path).certificate == before


def test_settings_are_refused_when_a_new_certificate_would_be_due_at_once(machine: Machine) -> None:
    with pytest.raises(ValidationError, match="would be due at once"):
        machine.settings(certificates={"life_days": 10})


async def test_message_is_refused_when_it_is_older_than_the_agents_window(machine: Machine) -> None:
    async with machine.running(bridge={**machine.values()["bridge"], "clock_window_s": 5.0}) as running:
        assert running.agent._server._rules.clock_window_s == 5.0
        assert (await running.call(STATUS)).boot == running.agent.boot
    with pytest.raises(ValidationError, match="clock_window_s"):
        machine.settings(bridge={**machine.values()["bridge"], "clock_window_s": 31})


async def test_renewal_is_refused_clearly_when_the_agent_has_no_ca(machine: Machine) -> None:
    async with machine.running() as running:
        assert len(running.agent.ports) == 1
        with pytest.raises(Unavailable, match=r"renews no certificates: its setting bridge\.ca_dir is not set") as off:
            await running.call(RENEW, request=request_text(Identity(generate_key(), ()).request()))
        assert off.value.code is Code.APP_DISABLED


def test_settings_are_refused_when_renewals_have_a_port_and_no_ca(machine: Machine) -> None:
    with pytest.raises(ValidationError, match=r"bridge\.renewal_port needs bridge\.ca_dir"):
        machine.settings(bridge={"renewal_port": 8444})


async def test_agent_does_not_start_when_the_second_port_is_taken(machine: Machine) -> None:
    async with machine.running(bridge=with_ca(machine)) as running:
        with pytest.raises(ExceptionGroup) as taken:
            async with machine.running(bridge=with_ca(machine, renewal_port=running.port)):
                pytest.fail("it serves")
        assert taken.group_contains(OSError)
