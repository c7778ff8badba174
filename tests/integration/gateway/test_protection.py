"""A whole gateway process before a ban helper."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest

from gateway.serving import Gateway
from gateway.settings import Bridge, GatewaySettings, Listen, Protection
from tests.ban_helper import helper
from tests.integration.gateway.keep_and_door import Hosts
from tests.waiting import until

SCANNER = {"X-Forwarded-For": "203.0.113.7"}
VISITOR = {"X-Forwarded-For": "203.0.113.8"}


async def ask(socket: Path, path: str, headers: Mapping[str, str]) -> int:
    connector = aiohttp.UnixConnector(str(socket))
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.get(f"http://door.test{path}", headers=headers) as response:
            return response.status


@pytest.mark.story("health/US-BE-31.4")
async def test_scanner_is_in_the_firewall_when_the_appliance_has_a_helper(hosts: Hosts, tmp_path: Path) -> None:
    socket = tmp_path / "bans.sock"
    settings = GatewaySettings(
        listen=Listen(kind="unix", path=hosts.socket, drain_s=0.1),
        bridge=Bridge(port=1, tls_dir=tmp_path / "gateway-tls", keys_dir=tmp_path / "gateway-keys"),
        protection=Protection(helper_socket=socket, threshold=90),
    )
    stop = asyncio.Event()
    gateway = Gateway(settings)
    async with helper(socket) as asked, asyncio.TaskGroup() as tasks:
        tasks.create_task(gateway.run(stop))
        try:
            await until(lambda: bool(gateway.addresses), timeout_s=8.0)
            for _ in range(5):
                assert await ask(hosts.socket, "/.git/config", SCANNER) == 404
            assert await ask(hosts.socket, "/health", SCANNER) == 403
            await until(lambda: len(asked.ledger) == 1)
            assert await ask(hosts.socket, "/health", VISITOR) == 200
        finally:
            stop.set()
    [ban] = asked.ledger
    assert (str(ban.network), ban.reason, ban.duration_s) == ("203.0.113.7/32", "probing", 600)
