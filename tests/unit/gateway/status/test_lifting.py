"""Letting a banned client in again, over HTTP, with the ban helper's own server."""

from __future__ import annotations

import asyncio
import logging
import os
import pwd
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from gateway.settings import GatewaySettings, Protection, Status, Web
from rescue.bans.helper import Peer
from rescue.bans.requests import BanRequest, Reason, network_of
from tests import status_snapshots
from tests.ban_helper import helper
from tests.clocks import HurriedClock
from tests.gateway_door import USER, Door, open_door
from tests.status_snapshots import write

CLIENT = "203.0.113.77"


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    settings = GatewaySettings(
        status=Status(monitor_file=tmp_path / "monitor.json", ddns_file=tmp_path / "ddns.json"),
        web=Web(trusted_hops=(ip_network("127.0.0.0/8"),)),
        protection=Protection(helper_socket=tmp_path / "bans.sock"),
    )
    async with open_door(settings, HurriedClock()) as opened:
        yield opened


async def lift(door: Door, address: str, role: str = "admin") -> int:
    form, headers = {"address": address}, door.bearer(role=role)
    async with door.client.post("/status/bans/lift", data=form, headers=headers, allow_redirects=False) as response:
        return response.status


async def scan(door: Door) -> None:
    for _ in range(5):
        await door.client.get("/.env", headers={"X-Forwarded-For": CLIENT})


async def status_of(door: Door) -> int:
    async with door.client.get("/health", headers={"X-Forwarded-For": CLIENT}) as response:
        return response.status


async def test_client_is_let_in_when_its_ban_is_lifted(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    await scan(door)
    async with door.client.get("/status", headers=door.bearer(role="admin")) as response:
        assert CLIENT in await response.text()
    assert await status_of(door) == 403

    with caplog.at_level(logging.INFO):
        assert await lift(door, CLIENT) == 303

    assert await status_of(door) == 200
    [told] = [record.__dict__["drawbridge_fields"] for record in caplog.records if record.message == "ban_lifted"]
    assert (told["address"], told["user_id"], told["own"], told["firewall"]) == (CLIENT, USER, True, False)


@pytest.mark.parametrize("role", ["viewer", "technician"])
async def test_ban_stays_when_no_administrator_lifts_it(door: Door, role: str) -> None:
    await scan(door)
    assert await lift(door, CLIENT, role) == 403
    assert await status_of(door) == 403


@pytest.mark.parametrize("address", [CLIENT, "2001:db8:1:2::/64"])
async def test_firewall_lets_a_client_in_when_the_gateway_had_it_banned(
    door: Door, tmp_path: Path, address: str
) -> None:
    async with helper(tmp_path / "bans.sock") as made:
        ban = BanRequest(network_of(address), 600, Reason.PROBING)
        made.helper.answer(ban, Peer(pwd.getpwuid(os.getuid()).pw_name, is_root=False))
        assert await lift(door, address) == 303
        assert made.ledger == []


async def test_ban_of_the_console_stays_when_the_page_would_lift_it(door: Door, tmp_path: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b'{"ok":false,"error":"denied","message":"only root"}\n')
        writer.close()

    server = await asyncio.start_unix_server(talk, str(tmp_path / "bans.sock"))
    assert await lift(door, CLIENT) == 403
    await scan(door)
    assert await lift(door, CLIENT) == 303  # this process's own is lifted all the same
    assert await status_of(door) == 200
    server.close()


async def test_page_offers_to_lift_what_it_can_when_there_are_bans(door: Door, tmp_path: Path) -> None:
    monitor = status_snapshots.monitor(door.clock.time())
    bans = monitor["bans"]
    bans["recent"] = [
        bans["recent"][0] | {"address": address, "reason": "probing"} for address in (CLIENT, "203.0.113.9")
    ]
    bans["recent"][1]["reason"] = "manual"
    write(tmp_path, monitor, status_snapshots.ddns(door.clock.time()))
    await scan(door)  # listed already: told once

    async with door.client.get("/status", headers=door.with_page(role="admin")) as response:
        html = await response.text()
    assert html.count(f"<code>{CLIENT}</code>") == html.count(f'name="address" value="{CLIENT}"') == 1
    assert "<code>203.0.113.9</code>" in html
    assert 'value="203.0.113.9"' not in html


async def test_page_says_so_when_the_helper_does_not_answer(door: Door) -> None:
    assert await lift(door, CLIENT) == 503


@pytest.mark.parametrize("address", ["nobody", "203.0.113.7/33", "x" * 65])
async def test_nothing_is_lifted_when_the_address_is_none(door: Door, address: str) -> None:
    assert await lift(door, address) == 400
