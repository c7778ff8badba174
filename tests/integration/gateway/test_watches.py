"""The watches as they run: a real agent and a real gateway, the ban helper's server, files and this machine."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bridge.process.clock import SystemClock
from bridge.process.host import Places, ThisHost
from gateway.alerts.report import Inbox, Report
from gateway.alerts.watches import Settings, Watches
from gateway.alerts.watches.sources import Sources
from rescue.bans.server import Server
from tests.integration.gateway.keep_and_door import EVENT, Hosts
from tests.unit.bridge.process.test_bans import helper


@asynccontextmanager
async def bans(path: Path) -> AsyncIterator[None]:
    server = await asyncio.start_unix_server(Server(helper(), gid=os.getegid())._connected, str(path), limit=4096)
    try:
        yield
    finally:
        server.close()


class Monitor:
    """What the monitor does with the watches, each look a whole one."""

    def __init__(self, hosts: Hosts, *, acknowledges: Callable[[], bool] = lambda: True) -> None:
        self.inbox = hosts.folder / "inbox"
        self.inbox.mkdir(exist_ok=True)
        self._settings = Settings(
            sockets=(hosts.folder / "gateway-2.sock", hosts.socket),
            bans_socket=hosts.folder / "bans.sock",
            ddns_status=hosts.folder / "ddns.json",
            taken=hosts.folder / "taken.json",
            release=hosts.folder / "current",
            disk=hosts.folder,
            units=("agent.service",),
            gateway_silent_s=0.0,
            keep_silent_s=0.0,
        )
        self._hosts = hosts
        self.watches = self._start()

    def _start(self) -> Watches:
        there = Places(
            sys=self._hosts.folder / "sys",
            disk=self._hosts.folder,
            release=self._settings.release,
            systemctl=self._hosts.folder / "systemctl",
            timedatectl=self._hosts.folder / "timedatectl",
        )
        clock = SystemClock()
        self.sources = Sources(self._settings, clock, ThisHost("door", ("agent.service",), clock=clock, places=there))
        return Watches(self._settings, report=Inbox(self.inbox).report, clock=clock, sources=self.sources)

    def restart(self) -> None:
        self.watches = self._start()

    async def look(self) -> dict[str, object]:
        self.sources._due.clear()
        return await self.watches.run_once()

    def reported(self) -> list[tuple[str, str]]:
        """Return (cause, state) of what lies in the inbox, and empty it."""
        files = sorted(self.inbox.iterdir())
        reports = [Report.from_json(path.read_bytes()) for path in files]
        for path in files:
            path.unlink()
        return sorted((report.cause, report.state) for report in reports)


async def test_everything_is_known_when_all_runs(hosts: Hosts) -> None:
    (hosts.folder / "ddns.json").write_text(json.dumps({"at": SystemClock.time()}))
    async with (
        hosts.machine.running(report=hosts.report) as running,
        hosts.gateway(running.port),
        bans(hosts.folder / "bans.sock"),
    ):
        monitor = Monitor(hosts)
        part = await monitor.look()
        facts = await monitor.sources.read()

    assert [(gateway.name, bool(gateway.refusal)) for gateway in facts.gateways] == [
        ("gateway@2", True),
        ("gateway", False),
    ]
    assert facts.keep is not None
    assert facts.door is not None
    assert (facts.keep.host.host, facts.door.host, facts.door.release) == ("keep", "door", "1.2.3")
    assert set(facts.keep.certificates) == {"agent", "intermediate", "root"}
    assert set(facts.gateways[1].certificates) == {"gateway", "intermediate", "root"}
    assert facts.gateways[1].breakers["data"] in {"closed", "open", "half_open"}
    assert facts.bans is not None
    assert [ban.address for ban in facts.bans.bans] == ["192.0.2.7"]
    assert facts.ddns is not None
    assert facts.ddns.at is not None
    assert monitor.reported() == [("gateway.silent:gateway@2", "raised")]
    assert json.loads(json.dumps(part))["bans"]["count"] == 1


async def test_keeps_reports_arrive_once_when_acknowledgements_are_lost_and_all_restarts(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [hosts.leave(1), hosts.leave(2)]
    async with hosts.machine.running(report=hosts.report) as running, hosts.gateway(running.port):
        monitor = Monitor(hosts)

        async def lose(_ids: object) -> bool:
            return False

        with monkeypatch.context() as losing:
            losing.setattr(monitor.sources, "acknowledge", lose)
            await monitor.look()
            await monitor.look()
        first = monitor.reported()
        left = len(list(hosts.outbox.iterdir()))
        monitor.restart()
        hosts.leave(3)
        await monitor.look()
        second = monitor.reported()

    event = (EVENT.cause, "event")
    assert len(names) == left == 2
    assert first.count(event) == 2
    assert second.count(event) == 1
    assert list(hosts.outbox.iterdir()) == []


async def test_all_reports_arrive_when_more_wait_than_are_given_at_once(hosts: Hosts) -> None:
    for number in range(45):
        hosts.leave(number)
    async with hosts.machine.running(report=hosts.report) as running, hosts.gateway(running.port):
        monitor = Monitor(hosts)
        for _ in range(3):
            await monitor.look()

    assert monitor.reported().count((EVENT.cause, "event")) == 45
    assert list(hosts.outbox.iterdir()) == []


async def test_keep_is_silent_and_nothing_of_it_is_over_when_it_is_away(hosts: Hosts) -> None:
    (hosts.folder / "show").write_text((hosts.folder / "show").read_text().replace("active", "failed"))
    async with hosts.machine.running(report=hosts.report) as running:
        async with hosts.gateway(running.port):
            monitor = Monitor(hosts)
            await monitor.look()
    first = monitor.reported()
    await monitor.look()
    away = monitor.reported()

    assert ("units.failed:keep/agent.service", "raised") in first
    assert ("keep.silent", "raised") in away
    assert [cause for cause, state in away if state == "cleared"] == []


async def test_nothing_fails_when_nothing_is_there(hosts: Hosts) -> None:
    monitor = Monitor(hosts)
    part = await monitor.look()

    causes = {cause for cause, _ in monitor.reported()}
    assert {"gateway.silent:gateway", "gateway.silent:gateway@2", "keep.silent"} <= causes
    assert (part["keep"], part["bans"]) == (None, None)
