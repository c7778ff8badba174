"""Whom the renewal listener lets in: who ended less than a year ago, and nobody else whom the usual one refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from cryptography.x509 import load_der_x509_certificate

from bridge.pki import IDENTITY_FILE, ROOTS_FILE, read_identity, write_certificates
from bridge.process.clock import SystemClock
from bridge.tls import Refusal, RenewalServerTLS, certificate_of_peer
from tests.certificates import Folders, serial_in
from tests.tls_listener import Caller, call, listening
from tests.waiting import until

LEAF_LIFE_DAYS: Final = 30


def ended(folders: Folders, days_ago: float, unit: str = "gateway") -> Path:
    return folders.issue(unit, now=datetime.now(UTC) - timedelta(days=LEAF_LIFE_DAYS + days_ago))


def renewal_tls(folder: Path) -> RenewalServerTLS:
    return RenewalServerTLS(folder, {"gateway", "monitor"}, SystemClock())


@pytest.mark.parametrize("days_ago", [-20.0, 0.01, 10.0, 364.9])
async def test_unit_is_let_in_when_its_certificate_ended_within_a_year(folders: Folders, days_ago: float) -> None:
    folder = folders.issue("agent")
    async with listening(folder, tls=renewal_tls(folder)) as agent:
        assert await call(agent.port, ended(folders, days_ago)) == "gateway"


async def test_unit_is_let_in_nowhere_else_when_its_certificate_ended(folders: Folders) -> None:
    async with listening(folders.issue("agent")) as agent:
        await call(agent.port, ended(folders, 10))

        await until(lambda: bool(agent.refused))
        assert agent.reasons == [Refusal.EXPIRED]


def more_than_a_year_ago(folders: Folders) -> Path:
    return ended(folders, 365.1)


def four_hundred_days_ago(folders: Folders) -> Path:
    return ended(folders, 400)


def not_begun(folders: Folders) -> Path:
    return ended(folders, -LEAF_LIFE_DAYS - 8)


def revoked(folders: Folders) -> Path:
    folder = ended(folders, 10)
    folders.authority.revoke([serial_in(folder)], folders=[folders.folder / "agent"])
    return folder


def no_unit_of_ours(folders: Folders) -> Path:
    return ended(folders, 10, "printer")


def of_another_ca(folders: Folders) -> Path:
    folder = ended(Folders(folders.folder / "elsewhere"), 10)
    write_certificates(folder / ROOTS_FILE, folders.roots)
    return folder


def of_the_agent(folders: Folders) -> Path:
    return folders.issue("agent", into="stolen", now=datetime.now(UTC) - timedelta(days=40))


@pytest.mark.parametrize(
    ("stranger", "reason"),
    [
        (more_than_a_year_ago, Refusal.EXPIRED),
        (four_hundred_days_ago, Refusal.EXPIRED),
        (not_begun, Refusal.NOT_YET_VALID),
        (revoked, Refusal.REVOKED),
        (no_unit_of_ours, Refusal.WRONG_NAME),
        (of_another_ca, Refusal.UNKNOWN_CA),
        (of_the_agent, Refusal.WRONG_PURPOSE),
    ],
)
async def test_stranger_is_turned_away_at_the_renewal_listener_when_it_knocks(
    folders: Folders, stranger: Callable[[Folders], Path], reason: Refusal
) -> None:
    folder = folders.issue("agent")
    credentials = stranger(folders)
    async with listening(folder, tls=renewal_tls(folder)) as agent:
        answer = await call(agent.port, credentials)

        await until(lambda: bool(agent.refused))
        assert answer in set(Refusal)
        assert agent.reasons == [reason]


async def test_live_connection_of_an_ended_certificate_is_cut_when_it_is_revoked(folders: Folders) -> None:
    folder, gateway = folders.issue("agent"), ended(folders, 10)
    tls = renewal_tls(folder)
    async with listening(folder, tls=tls) as agent, await Caller.connect(agent.port, gateway) as caller:
        assert await caller.ask() == "gateway"

        folders.authority.revoke([serial_in(gateway)], folders=[folder])
        assert tls.reload_if_changed()

        with pytest.raises((OSError, EOFError)):
            await caller.ask()


async def test_certificate_of_the_other_end_is_told_when_it_showed_one(folders: Folders) -> None:
    folder, gateway = folders.issue("agent"), folders.issue("gateway")
    async with listening(folder) as agent, await Caller.connect(agent.port, gateway) as caller:
        assert await caller.ask() == "gateway"

        (transport,) = agent.tls.connections._serials
        leaf = read_identity(gateway / IDENTITY_FILE).certificate
        assert load_der_x509_certificate(certificate_of_peer(transport)) == leaf


async def test_no_certificate_is_told_when_the_connection_is_not_tls() -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        assert certificate_of_peer(writer.transport) == b""
        writer.close()
