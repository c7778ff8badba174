"""The updater whole: addresses in, names out, over restarts; and as a process in a network namespace."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final

import pytest
import trustme

from bridge.process.settings import SettingsError
from gateway.ddns import state
from gateway.ddns.addresses import echo as echo_source
from gateway.ddns.addresses.router import Router
from gateway.ddns.alerts import MISSING_S
from gateway.ddns.mapping import alerts as mapping_alerts
from gateway.ddns.mapping.start import keeper
from gateway.ddns.providers import dyndns2
from gateway.ddns.requests import ask_for_update
from gateway.ddns.service import Service, Surroundings
from gateway.ddns.snapshot import read_snapshot
from gateway.settings.ddns import Ddns
from tests.bind import KEY_NAME, NAME, SECRET, Bind, bind
from tests.clocks import HurriedClock, TurnedClock
from tests.ddns_servers import ProviderServer, Said, provider_server, trusting
from tests.namespaces import LAN, LAN_IPV6, Edge, edge
from tests.waiting import until

ROOT = Path(__file__).parents[4]
REST_S: Final = echo_source.REST_S


class Box:
    """A box behind a router that tells nothing: its address is what the echo servers see."""

    def __init__(self, folder: Path, ca: trustme.CA, echo: ProviderServer) -> None:
        self.folder = folder
        self.clock = TurnedClock()
        self.reports: list[tuple[str, str]] = []
        self._ca = ca
        self._echo = echo
        self.settings = Ddns(
            ipv4_sources=("echo",),
            echo_urls=(echo.url, f"{echo.url}/other"),
            state_dir=folder / "state",
            status_path=folder / "run" / "status.json",
        )

    def moves_to(self, address: str) -> None:
        self._echo.will(Said(f"{address}\n"))

    def is_seen_differently(self) -> None:
        """Have the echo servers contradict each other."""
        self._echo.will(lambda asked: Said("192.88.98.3" if asked.path == "/other" else "192.88.98.4"))

    async def has_looked(self) -> None:
        """Return when the service has looked at its addresses, and told of them, since now."""
        self.clock.advance(0.001)
        now = self.clock.time()
        ask_for_update(self.settings.state_dir, "wakes.it.up")
        await until(lambda: (read_snapshot(self.settings.status_path) or {"at": 0})["at"] >= now, timeout_s=8)

    def keeps(self, **record: object) -> None:
        given = {"records": [{"name": NAME, "families": ["ipv4"]} | record]}
        self.settings = Ddns.model_validate(self.settings.model_dump() | given)

    @asynccontextmanager
    async def running(self, router: Router | None = None) -> AsyncIterator[None]:
        def report(*, cause: str, state: str, severity: str, summary: str, detail: str) -> bool:
            self.reports.append((cause, state))
            return True

        stopping = asyncio.Event()
        around = Surroundings(clock=self.clock, report=report, router=router, tls=trusting(self._ca))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(Service(self.settings, around).run(stopping))
            try:
                yield
            finally:
                stopping.set()

    def row(self) -> dict[str, Any]:
        snapshot = read_snapshot(self.settings.status_path)
        return snapshot["names"][0] if snapshot and snapshot["names"] else {"state": None, "published": None}

    async def comes_to(self, state: str) -> dict[str, Any]:
        await until(lambda: self.row()["state"] == state, timeout_s=8)
        return self.row()


@pytest.fixture
async def box(tmp_path: Path, ca: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Box]:
    monkeypatch.setattr(echo_source, "REST_S", 0.0)
    monkeypatch.setattr("gateway.ddns.service.POLL_S", 0.05)
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "ddns.dyndns2").write_text("hunter2\n")
    (credentials / "ddns.rfc2136").write_text(f"{SECRET}\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    async with provider_server(ca) as echo:
        made = Box(tmp_path, ca, echo)
        made.moves_to("192.88.98.1")
        yield made


@pytest.mark.story("health/US-BE-18.1", "health/US-BE-18.3")
async def test_name_is_current_when_the_authoritative_server_shows_the_update(box: Box, named: Bind) -> None:
    box.keeps(provider="rfc2136", username=KEY_NAME, server=named.address)
    box.settings = box.settings.model_copy(update={"authoritative": (named.address,)})

    async with box.running():
        await until(lambda: box.row()["published"] is not None, timeout_s=8)
        assert box.row()["state"] == "updating"
        box.clock.advance(3)
        ask_for_update(box.settings.state_dir, "wakes.it.up")
        row = await box.comes_to("current")

    assert named.look_up(NAME) == {"192.88.98.1"}
    assert (row["wanted"], row["published"], row["reason"]) == ("192.88.98.1", "192.88.98.1", "")
    assert row["verified"] == box.clock.time()
    assert json.loads(box.settings.status_path.read_text())["addresses"]["ipv4"] == {
        "value": "192.88.98.1", "source": "echo", "state": "public", "reason": ""
    }  # fmt: skip


async def test_nothing_is_published_when_the_address_is_behind_cgnat(box: Box, server: ProviderServer) -> None:
    box.keeps(provider="dyndns2", username="me", server=server.url)
    box.moves_to("100.64.3.2")

    async with box.running():
        row = await box.comes_to("refused")

    assert server.asked == []
    assert "CGNAT" in row["reason"]
    assert box.reports == [("ddns.address:ipv4", "raised")]


async def test_address_is_told_to_be_missing_once_when_the_sources_disagree_for_a_quarter_of_an_hour(
    box: Box, server: ProviderServer
) -> None:
    box.keeps(provider="dyndns2", username="me", server=server.url)
    server.will(Said("good"))
    box.clock, cause = HurriedClock(), "ddns.address:ipv4"
    async with box.running():
        await box.comes_to("updating")
        box.is_seen_differently()
        ask_for_update(box.settings.state_dir, "wakes.it.up")
        row = await box.comes_to("waiting")
        assert "no two agree" in row["reason"]
        box.clock.advance(MISSING_S - 2)
        await box.has_looked()
        assert box.reports == []
        box.clock.advance(2)
        await box.has_looked()
        assert box.reports == [(cause, "raised")]
    async with box.running():
        await box.has_looked()
        assert box.reports == [(cause, "raised")], "a restart neither ends it nor tells it again"
        box.moves_to("192.88.98.2")
        ask_for_update(box.settings.state_dir, "wakes.it.up")
        await until(lambda: len(box.reports) > 1, timeout_s=8)
    assert box.reports == [(cause, "raised"), (cause, "cleared")]


class Telling:
    """A router that tells its outer address."""

    reason = ""

    def __init__(self, address: str) -> None:
        self.address = IPv4Address(address)

    def external_ipv4(self) -> IPv4Address:
        return self.address


async def test_new_address_is_sent_at_once_when_the_router_announces_it_a_moment_after_the_last_look(
    box: Box, named: Bind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(echo_source, "REST_S", REST_S)
    router, box.clock = Telling("192.88.98.1"), HurriedClock()
    box.keeps(provider="rfc2136", username=KEY_NAME, server=named.address)
    changed = {"ipv4_sources": ("router", "echo"), "authoritative": (named.address,)}
    box.settings = box.settings.model_copy(update=changed)
    async with box.running(router):
        await until(lambda: box.row()["published"] == "192.88.98.1", timeout_s=8)
        box.clock.advance(REST_S / 2)
        router.address = IPv4Address("192.88.98.2")
        box.moves_to("192.88.98.2")
        ask_for_update(box.settings.state_dir, "wakes.it.up")
        await until(lambda: box.row()["published"] == "192.88.98.2", timeout_s=8)
    assert named.look_up(NAME) == {"192.88.98.2"}


async def test_nothing_is_sent_after_a_restart_when_the_provider_said_abuse(box: Box, server: ProviderServer) -> None:
    box.keeps(provider="dyndns2", username="me", server=server.url)
    server.will(Said("abuse"))
    async with box.running():
        await box.comes_to("blocked")
    box.settings.status_path.unlink()
    box.moves_to("192.88.98.2")
    box.clock.advance(40 * 86_400)

    async with box.running():
        row = await box.comes_to("blocked")

    assert len(server.asked) == 1
    assert row["reason"] == "the provider has blocked this name for abuse (abuse)"
    assert box.reports == [(f"ddns.abuse:{NAME}", "raised")]


async def test_name_is_sent_again_when_its_owner_asks_for_it(box: Box, server: ProviderServer) -> None:
    box.keeps(provider="dyndns2", username="me", server=server.url)
    server.will(Said("badauth"))
    async with box.running():
        await box.comes_to("blocked")
        server.will(Said("good 192.88.98.1"))
        box.clock.advance(3600)
        ask_for_update(box.settings.state_dir, NAME)
        await box.comes_to("updating")

    assert len(server.asked) == 2
    assert box.reports == [(f"ddns.badauth:{NAME}", "raised"), (f"ddns.badauth:{NAME}", "cleared")]
    assert list((box.settings.state_dir / "requests").iterdir()) == []


async def test_name_is_sent_again_when_its_settings_changed(box: Box, server: ProviderServer, tmp_path: Path) -> None:
    box.keeps(provider="dyndns2", username="me", server=server.url)
    server.will(Said("badauth"))
    async with box.running():
        await box.comes_to("blocked")
    (tmp_path / "credentials" / "ddns.dyndns2").write_text("the right one\n")
    server.will(Said("good 192.88.98.1"))
    box.clock.advance(61)

    async with box.running():
        await box.comes_to("updating")

    assert len(server.asked) == 2


@pytest.mark.story("health/US-BE-39.3")
async def test_wait_goes_on_after_a_restart_when_the_provider_has_trouble(box: Box, server: ProviderServer) -> None:
    box.keeps(provider="dyndns2", username="me", server=server.url)
    server.will(Said("911"))
    async with box.running():
        first = await box.comes_to("waiting")
    box.settings.status_path.unlink()
    box.clock.advance(1799)
    async with box.running():
        second = await box.comes_to("waiting")
    assert len(server.asked) == 1
    assert first["next_try"] == second["next_try"]
    server.will(Said("good 192.88.98.1"))
    box.clock.advance(1)

    async with box.running():
        await box.comes_to("updating")

    assert len(server.asked) == 2


async def test_limits_hold_when_the_service_is_killed_while_it_asks(
    box: Box, server: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.keeps(provider="dyndns2", username="me", server=server.url)
    server.delay = asyncio.Event()
    server.will(Said("good"))
    async with box.running():
        await until(lambda: len(server.asked) == 1, timeout_s=8)
    server.delay.set()

    async with box.running():
        row = await box.comes_to("waiting")

    assert len(server.asked) == 1
    assert row["next_try"] == pytest.approx(box.clock.time() + dyndns2.RULES.limits[0].seconds)


async def test_nothing_is_sent_when_the_state_cannot_be_saved(
    box: Box, server: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.keeps(provider="dyndns2", username="me", server=server.url)

    def refuse(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(state, "replace_file", refuse)

    async with box.running():
        await until(lambda: bool(box.reports), timeout_s=8)

    assert server.asked == []
    assert box.reports == [("ddns.state", "raised")]


async def test_secret_is_nowhere_when_everything_went_wrong(
    box: Box, server: ProviderServer, caplog: pytest.LogCaptureFixture
) -> None:
    box.keeps(provider="dyndns2", username="me", server=server.url)
    server.will(lambda asked: Said(f"{dict(asked.headers)}", status=418))
    async with box.running():
        await box.comes_to("waiting")

    written = "".join(path.read_text() for path in box.folder.rglob("*.json"))
    logged = "".join(str(vars(record)) for record in caplog.records)
    assert "hunter2" not in written + logged
    assert NAME in written


async def test_service_idles_and_says_so_when_no_names_are_configured(box: Box) -> None:
    async with box.running():
        await until(box.settings.status_path.exists, timeout_s=8)

    assert json.loads(box.settings.status_path.read_text())["names"] == []


async def test_unmapped_port_is_told_once_over_a_restart_and_over_when_mapping_is_switched_off(
    box: Box, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def no_router() -> None:
        return None

    monkeypatch.setattr("gateway.ddns.service.keeper", partial(keeper, route=no_router))
    monkeypatch.setattr(mapping_alerts, "FAILED_S", 0.0)
    mapping = {"enabled": True, "ports": [443], "nonce_file": tmp_path / "nonce"}
    box.settings = Ddns.model_validate(box.settings.model_dump() | {"mapping": mapping})
    for _ in range(2):
        async with box.running():
            await until(box.settings.status_path.exists, timeout_s=8)
        assert box.reports == [("mapping.failed:443", "raised")]
        box.settings.status_path.unlink()

    box.settings = Ddns.model_validate(box.settings.model_dump() | {"mapping": mapping | {"enabled": False}})
    async with box.running():
        await until(box.settings.status_path.exists, timeout_s=8)

    assert box.reports == [("mapping.failed:443", "raised"), ("mapping.failed:443", "cleared")]


async def test_service_does_not_start_when_a_secret_is_missing(box: Box) -> None:
    box.keeps(provider="duckdns", name="box.duckdns.org", credential="duck-2")
    service = Service(box.settings, Surroundings(clock=box.clock))

    with pytest.raises(SettingsError, match=r"ddns\.records\.0 \(box\.duckdns\.org\): ddns\.duck-2: .* No such file"):
        await service.run(asyncio.Event())


CHANGED_S: Final = 5.0
LOOK_UP: Final = """\
import sys
import dns.message, dns.query
name, kind, port = sys.argv[1:]
reply = dns.query.udp(dns.message.make_query(name, kind), "127.0.0.1", port=int(port), timeout=2)
print(*(each for records in reply.answer for each in records))
"""


@pytest.fixture
def world() -> Iterator[Edge]:
    with edge() as made:
        yield made


def _wait_for(condition: Callable[[], bool]) -> None:
    asyncio.run(until(condition, timeout_s=20))


@pytest.mark.story("health/US-BE-18.2")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "kind", "address"),
    [("ipv4", "A", "9.9.9.9"), ("ipv6", "AAAA", "2620:fe::9")],
    ids=["IPv4", "IPv6"],
)
def test_name_follows_the_interface_when_its_address_changes(
    world: Edge, tmp_path: Path, family: str, kind: str, address: str
) -> None:
    """The process as its unit starts it, in a namespace with an interface of its own."""
    (tmp_path / "ddns.rfc2136").write_text(SECRET)
    folder = tmp_path / "bind"
    folder.mkdir()
    status, config = tmp_path / "status.json", tmp_path / "gateway.toml"

    def row() -> dict[str, Any]:
        names = (read_snapshot(status) or {}).get("names") or [{"state": None, "published": None}]
        return dict(names[0])

    def shown() -> list[str]:
        return world.host.run(sys.executable, "-c", LOOK_UP, NAME, kind, str(serving.port)).split()

    def told() -> list[str]:
        return systemd.recv(4096).decode().splitlines()

    with (
        bind(folder, enter=world.host.enter) as serving,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
    ):
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        config.write_text(
            f'[ddns]\nipv4_sources = ["interface"]\nstate_dir = "{tmp_path}/state"\nstatus_path = "{status}"\n'
            f'authoritative = ["{serving.address}"]\n[[ddns.records]]\nname = "{NAME}"\nprovider = "rfc2136"\n'
            f'families = ["{family}"]\nusername = "{KEY_NAME}"\nserver = "{serving.address}"\n'
        )
        environment = [f"PYTHONPATH={ROOT}", f"CREDENTIALS_DIRECTORY={tmp_path}", f"NOTIFY_SOCKET={tmp_path}/notify"]
        command = [sys.executable, "-m", "gateway", "ddns", "serve", "--config", str(config)]
        with world.host.start("env", *environment, *command) as process:
            try:
                assert told() == ["READY=1"]
                _wait_for(lambda: row()["state"] == "refused")
                assert row()["published"] is None
                began = time.monotonic()
                change = (address, "dev", "eth0", *(["nodad"] if family == "ipv6" else []))
                world.host.run("ip", "address", "add", *change)
                _wait_for(lambda: row()["published"] == address)
                assert time.monotonic() - began < CHANGED_S
                assert shown() == [address]
                world.host.run("ip", "address", "del", address, "dev", "eth0")
                _wait_for(lambda: row()["state"] == "refused")
                assert shown() == [address], "what cannot be published leaves what is there"
                process.send_signal(signal.SIGTERM)
                assert told() == ["STOPPING=1"]
                assert process.wait(10) == 0
            finally:
                process.kill()


def _flush(world: Edge, family: str) -> None:
    world.host.run("ip", f"-{family}", "address", "flush", "dev", "eth0")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("without", "states"),
    [
        (None, {"ipv4": "current", "ipv6": "current"}),
        ("6", {"ipv4": "current", "ipv6": "off"}),
        ("4", {"ipv4": "waiting", "ipv6": "current"}),
    ],
    ids=["both", "IPv4 only", "IPv6 only"],
)
def test_name_is_proved_at_the_servers_of_its_zone_when_the_house_has(
    world: Edge, tmp_path: Path, without: str | None, states: dict[str, str]
) -> None:
    """The zone's server has an address of each family, and the box finds it by its resolver."""
    (tmp_path / "ddns.rfc2136").write_text(SECRET)
    folder = tmp_path / "bind"
    folder.mkdir()
    status, config = tmp_path / "status.json", tmp_path / "gateway.toml"
    addresses = {"ipv4": "9.9.9.9", "ipv6": "2620:fe::9"}
    world.host.run("ip", "address", "add", f"{addresses['ipv4']}/32", "dev", "eth0")
    world.host.run("ip", "address", "add", f"{addresses['ipv6']}/128", "dev", "eth0", "nodad")
    if without is not None:
        _flush(world, without)
    server = LAN_IPV6 if without == "4" else LAN

    def told() -> dict[str, str]:
        return {row["family"]: row["state"] for row in (read_snapshot(status) or {}).get("names", ())}

    config.write_text(
        f'[ddns]\nipv4_sources = ["interface"]\nstate_dir = "{tmp_path}/state"\nstatus_path = "{status}"\n'
        f'resolvers = ["{server}"]\n[[ddns.records]]\nname = "{NAME}"\nprovider = "rfc2136"\n'
        f'username = "{KEY_NAME}"\nserver = "{server}"\n'
    )
    environment = [f"PYTHONPATH={ROOT}", f"CREDENTIALS_DIRECTORY={tmp_path}"]
    gateway = ("env", *environment, sys.executable, "-m", "gateway", "ddns")
    with bind(folder, enter=world.world.enter, at=(LAN, LAN_IPV6), port=53):
        with world.host.start(*gateway, "serve", "--config", str(config)) as process:
            try:
                asyncio.run(until(lambda: told() == states, timeout_s=40))
            finally:
                process.terminate()
        checked = world.host.run(*gateway, "check", "--config", str(config), check=False)
    for family, expected in states.items():
        assert (f"well  {NAME} leads to {addresses[family]}" in checked) == (expected == "current"), checked
    assert ("NOT " in checked) == (without == "4"), "whoever names no families, and has no IPv4, is told of that"
