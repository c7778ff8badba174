"""Certificates, CAs and revocations that change under a listener that goes on listening."""

from __future__ import annotations

import asyncio
import logging
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.pki import (
    IDENTITY_FILE,
    REVOKED_FILE,
    ROOTS_FILE,
    Identity,
    generate_key,
    read_identity,
    write_certificates,
)
from bridge.process.files import replace_file
from bridge.tls import Refusal, ReloadingClientTLS, ReloadingServerTLS, TLSRefused, unit_of_peer
from bridge.tls.contexts import server_context
from bridge.tls.reload import serial_of
from tests.certificates import AGENT_NAME, Folders, serial_in, shake_hands
from tests.tls_listener import Caller, Listening, call, listening
from tests.waiting import until


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith("bridge.tls")]


async def is_cut(caller: Caller) -> bool:
    try:
        await caller.ask()
    except (OSError, EOFError):
        return True
    return False


async def test_new_connections_see_the_new_certificate_when_it_was_renewed(
    folders: Folders, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    folder, gateway = folders.issue("agent"), folders.issue("gateway")
    async with listening(folder) as agent, await Caller.connect(agent.port, gateway) as early:
        first = serial_in(folder)
        assert not agent.tls.reload_if_changed()

        folders.authority.renew(folder, now=datetime.now(UTC))

        assert agent.tls.reload_if_changed()
        assert agent.tls.not_after == read_identity(folder / IDENTITY_FILE).certificate.not_valid_after_utc
        assert await early.ask() == "gateway"
        assert early.server_serial == first
        async with await Caller.connect(agent.port, gateway) as late:
            assert await late.ask() == "gateway"
            assert late.server_serial == serial_in(folder) != first
        assert events(caplog) == ["certificates_loaded"]


@pytest.mark.parametrize("damaged", [IDENTITY_FILE, ROOTS_FILE, REVOKED_FILE])
async def test_listener_keeps_what_it_has_and_says_so_once_when_a_file_is_damaged(
    folders: Folders, caplog: pytest.LogCaptureFixture, damaged: str
) -> None:
    folder, gateway = folders.issue("agent"), folders.issue("gateway")
    good = (folder / damaged).read_bytes()
    async with listening(folder) as agent, await Caller.connect(agent.port, gateway) as early:
        replace_file(folder / damaged, b"-----BEGIN ")

        assert not agent.tls.reload_if_changed()
        assert not agent.tls.reload_if_changed()
        assert events(caplog) == ["certificates_refused"]
        assert await early.ask() == "gateway"
        assert await call(agent.port, gateway) == "gateway"

        replace_file(folder / damaged, good)
        assert agent.tls.reload_if_changed()
        assert await call(agent.port, gateway) == "gateway"


async def test_listener_keeps_what_it_has_when_key_and_certificate_do_not_match(
    folders: Folders, caplog: pytest.LogCaptureFixture
) -> None:
    folder, gateway = folders.issue("agent"), folders.issue("gateway")
    chain = read_identity(folder / IDENTITY_FILE).chain
    async with listening(folder) as agent:
        replace_file(folder / IDENTITY_FILE, Identity(generate_key(), chain).pem)

        assert not agent.tls.reload_if_changed()

        assert events(caplog) == ["certificates_refused"]
        assert await call(agent.port, gateway) == "gateway"


async def test_revocations_stay_when_their_list_is_lost(folders: Folders) -> None:
    folder, gateway = folders.issue("agent"), folders.issue("gateway")
    folders.authority.revoke([serial_in(gateway)], folders=[folder])
    async with listening(folder) as agent:
        (folder / REVOKED_FILE).unlink()

        assert not agent.tls.reload_if_changed()

        assert await call(agent.port, gateway) == Refusal.CLOSED
        assert agent.reasons == [Refusal.REVOKED]


async def test_live_connection_is_cut_when_its_certificate_is_revoked(
    folders: Folders, caplog: pytest.LogCaptureFixture
) -> None:
    folder, gateway, monitor = (folders.issue(unit) for unit in ("agent", "gateway", "monitor"))
    async with (
        listening(folder) as agent,
        await Caller.connect(agent.port, gateway) as lost,
        await Caller.connect(agent.port, monitor) as kept,
    ):
        assert [await lost.ask(), await kept.ask()] == ["gateway", "monitor"]

        folders.authority.revoke([serial_in(gateway)], folders=[folder])
        assert agent.tls.reload_if_changed()

        assert await is_cut(lost)
        assert await kept.ask() == "monitor"
        assert len(agent.tls.connections) == 1
        assert events(caplog) == ["connection_revoked"]
        assert await call(agent.port, gateway) == Refusal.CLOSED
        assert agent.reasons == [Refusal.REVOKED]


async def test_both_cas_are_good_when_one_is_added(folders: Folders) -> None:
    folder, gateway, elsewhere = folders.issue("agent"), folders.issue("gateway"), other_ca(folders)
    async with listening(folder) as agent, await Caller.connect(agent.port, gateway) as early:
        write_certificates(folder / ROOTS_FILE, (*folders.roots, *elsewhere.roots))
        assert agent.tls.reload_if_changed()

        assert await early.ask() == "gateway"
        assert await call(agent.port, gateway) == "gateway"
        assert await call(agent.port, stranger_of(folders, elsewhere)) == "monitor"


async def test_dropped_ca_is_out_at_once_when_it_was_trusted(folders: Folders) -> None:
    folder, gateway, elsewhere = folders.issue("agent"), folders.issue("gateway"), other_ca(folders)
    monitor = stranger_of(folders, elsewhere)
    write_certificates(folder / ROOTS_FILE, (*folders.roots, *elsewhere.roots))
    async with listening(folder) as agent, await Caller.connect(agent.port, gateway) as early:
        assert await early.ask() == "gateway"

        write_certificates(folder / ROOTS_FILE, elsewhere.roots)
        assert agent.tls.reload_if_changed()

        assert await is_cut(early)
        assert await call(agent.port, gateway) == Refusal.CLOSED
        assert agent.reasons == [Refusal.UNKNOWN_CA]
        assert await call(agent.port, monitor) == "monitor"


def other_ca(folders: Folders) -> Folders:
    return Folders(folders.folder / "elsewhere")


def stranger_of(folders: Folders, elsewhere: Folders) -> Path:
    """Return a monitor's folder with the other CA's certificate, that trusts our agent."""
    folder = elsewhere.issue("monitor")
    write_certificates(folder / ROOTS_FILE, folders.roots)
    return folder


@pytest.mark.story("health/US-BE-44.5")
async def test_no_call_is_lost_when_certificates_change_under_load(folders: Folders) -> None:
    folder, gateway = folders.issue("agent"), folders.issue("gateway")
    answers: list[str] = []

    async def call_often(agent: Listening, tls: ReloadingClientTLS) -> None:
        for _ in range(20):
            async with await Caller.connect(agent.port, tls.context) as caller:
                answers.append(await caller.ask())
                answers.append(await caller.ask())

    async with listening(folder) as agent:
        tls = ReloadingClientTLS(gateway)
        async with asyncio.TaskGroup() as load:
            for _ in range(3):
                load.create_task(call_often(agent, tls))
            for answered in (20, 40, 60, 80):
                await until(lambda: len(answers) >= answered)  # noqa: B023 - it is waited for within the turn
                for changed, reloading in ((folder, agent.tls), (gateway, tls)):
                    folders.authority.renew(changed, now=datetime.now(UTC))
                    assert reloading.reload_if_changed()

        assert answers == ["gateway"] * 120
        assert agent.refused == []


# without a network


def test_client_context_is_another_object_when_its_certificate_changed(folders: Folders) -> None:
    folder, gateway = folders.issue("agent"), folders.issue("gateway")
    server, client = ReloadingServerTLS(folder, {"gateway"}), ReloadingClientTLS(gateway)
    before = client.context

    folders.authority.renew(gateway, now=datetime.now(UTC))
    assert client.reload_if_changed()

    assert client.context is not before
    server_end, *_ = shake_hands(server.context, client.context, server_hostname=AGENT_NAME)
    assert serial_of(server_end.getpeercert() or {}) == serial_in(gateway)


def test_folder_is_refused_by_name_when_it_cannot_be_used_at_first(folders: Folders) -> None:
    with pytest.raises(TLSRefused, match=r"nowhere/identity\.pem cannot be read"):
        ReloadingClientTLS(folders.folder / "nowhere")


def test_folder_is_refused_by_name_when_a_file_goes_while_it_is_read(folders: Folders) -> None:
    folder = folders.issue("agent")

    def load_too_late(identity: Path, roots: Path) -> ssl.SSLContext:
        roots.unlink()
        return server_context(identity, roots)

    with pytest.raises(TLSRefused, match=r"/agent: .*No such file"):
        ReloadingServerTLS(folder, {"gateway"}, load_too_late)


def test_peer_is_no_unit_when_the_connection_has_no_certificate() -> None:
    assert unit_of_peer(asyncio.Transport()) is None
