"""Each cut of the line gives its own diagnosis, one report raised and one cleared: the real monitor and network."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pytest

from tests.integration.gateway.connectivity.world import (
    BOX,
    KEEP,
    PUBLIC,
    ROUTER,
    World,
    monitoring,
    playing,
)
from tests.namespaces import PROBE
from tests.waiting import until

pytestmark = pytest.mark.slow

DIAGNOSED_S: Final = 15.0

Do = Callable[[World], object]


@dataclass(frozen=True)
class Cut:
    """One thing that goes wrong, how it is put right, and what the monitor has to say."""

    name: str
    code: str
    rung: str
    cut: Do
    mend: Do
    evidence: tuple[str, ...] = ()


def _drop(where: str, hook: str, rule: str, verdict: str = "drop") -> tuple[Do, Do]:
    table = f"table inet cut {{ chain c {{ type filter hook {hook} priority 0; {rule} {verdict}; }}\n}}"
    return (
        lambda world: getattr(world, where).nft("-f", "-", given=table),
        lambda world: getattr(world, where).nft("delete", "table", "inet", "cut"),
    )


def _lie(world: World) -> None:
    world.play(world.internet, "liar", "5354")
    rule = "udp dport 53 redirect to :5354"
    table = f"table ip lies {{ chain c {{ type nat hook prerouting priority -100; {rule}; }}\n}}"
    world.internet.nft("-f", "-", given=table)


def _capture(world: World) -> None:
    pem = str(world.folder / "portal.pem")
    world.play(world.router, "portal", pem, pem)
    redirects = "iifname lan0 tcp dport 80 redirect to :8080; iifname lan0 tcp dport 443 redirect to :8444;"
    table = f"table ip cut {{ chain c {{ type nat hook prerouting priority -100; {redirects} }}\n}}"
    world.router.nft("-f", "-", given=table)


def _ip(where: str, *commands: str) -> Do:
    def run(world: World) -> None:
        for command in commands:
            getattr(world, where).run("ip", *command.split())

    return run


CUTS: Final = (
    Cut(
        "cable out", "cable_out", "link", _ip("router", "link set lan0 down"),
        _ip("router", "link set lan0 up", "route replace 203.0.113.0/24 via 192.0.2.2"), ("eth0",),
    ),
    Cut(
        "address lost", "no_address", "address", _ip("box", f"address del {BOX}/24 dev eth0"),
        _ip("box", f"address add {BOX}/24 dev eth0", f"route add default via {ROUTER}"), ("none",),
    ),
    Cut(
        "route lost", "no_route", "address", _ip("box", "route del default"),
        _ip("box", f"route add default via {ROUTER}"), (f"{BOX}/24",),
    ),
    Cut(
        "router gone", "router_gone", "router",
        _ip("router", f"address del {ROUTER}/24 dev lan0", f"route add {BOX}/32 dev lan0"),
        _ip("router", f"address add {ROUTER}/24 dev lan0"), (ROUTER,),
    ),
    Cut("DNS dead", "dns_dead", "dns", *_drop("internet", "input", "udp dport 53"), ("silent",)),
    Cut(
        "captive portal", "captive_portal", "https", _capture,
        lambda world: world.router.nft("delete", "table", "ip", "cut"), ("302 http://portal.lan/sign-in",),
    ),
    Cut(
        "upstream black hole", "upstream_black_hole", "https",
        *_drop("router", "forward", "iifname lan0"), ("silent",),
    ),
    Cut(
        "HTTPS refused", "upstream_refused", "https",
        *_drop("router", "forward", "iifname lan0 tcp dport 443", "reject with tcp reset"), ("refused",),
    ),
    Cut(
        "name elsewhere", "name_elsewhere", "name", lambda world: world.publish("198.51.100.99"),
        lambda world: world.publish(), (PUBLIC, "198.51.100.99"),
    ),
    Cut(
        "name missing", "name_missing", "name", lambda world: world.publish(name="other.example.org"),
        lambda world: world.publish(), ("no such name",),
    ),
    Cut(
        "port closed", "port_closed", "port",
        *_drop("router", "forward", "oifname lan0 tcp dport 443 ct state new"), ("silent",),
    ),
    Cut(
        "keep away", "keep_away", "bridge", _ip("router", f"address del {KEEP}/24 dev lan0"),
        _ip("router", f"address add {KEEP}/24 dev lan0"), (f"{KEEP}:8443",),
    ),
    Cut(
        "database down", "database_down", "database", lambda world: (world.folder / "database-down").touch(),
        lambda world: (world.folder / "database-down").unlink(), ("down",),
    ),
)  # fmt: skip


@pytest.mark.story("health/US-BE-10.4", "health/US-BE-46.4", "health/US-BE-20.1")
@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.name)
async def test_monitor_names_the_cut_and_tells_it_once_when_the_line_is_cut(world: World, cut: Cut) -> None:
    with (
        playing(world.router, sys.executable, "-I", "-S", str(PROBE), "listen", "8443"),
        monitoring(world.folder, world.box),
    ):
        await until(lambda: world.snapshot["state"] == "up", timeout_s=20)
        cut.cut(world)
        await until(lambda: world.code == cut.code, timeout_s=DIAGNOSED_S)
        snapshot = world.snapshot
        assert snapshot["rung"] == cut.rung
        told = " ".join(snapshot["diagnosis"]["evidence"].values()) + " ".join(snapshot["diagnosis"]["evidence"])
        assert all(each in told for each in cut.evidence)
        cut.mend(world)
        await until(lambda: world.snapshot["state"] == "up" and world.code is None, timeout_s=20)
    assert world.told() == {(f"line.{cut.code}", "raised"): 1, (f"line.{cut.code}", "cleared"): 1}
    [outage] = world.snapshot["outages"]
    assert (outage["code"], outage["rung"]) == (cut.code, cut.rung)
    assert outage["began"] < outage["ended"]


async def test_monitor_says_that_dns_lies_when_another_server_answers_in_its_place(world: World) -> None:
    with (
        playing(world.router, sys.executable, "-I", "-S", str(PROBE), "listen", "8443"),
        monitoring(world.folder, world.box),
    ):
        await until(lambda: world.snapshot["state"] == "up", timeout_s=20)
        _lie(world)
        await until(lambda: world.code == "dns_lying", timeout_s=DIAGNOSED_S)
        assert "198.51.100.66" in " ".join(world.snapshot["diagnosis"]["evidence"].values())
    assert world.told() == {("line.dns_lying", "raised"): 1, ("line.dns_lying", "cleared"): 0}


@pytest.mark.story("health/US-BE-46.4")
async def test_monitor_tells_agent_and_gateway_apart_when_either_is_stopped(world: World) -> None:
    with monitoring(world.folder, world.box):
        await until(lambda: world.code == "agent_down", timeout_s=DIAGNOSED_S)
        with playing(world.router, sys.executable, "-I", "-S", str(PROBE), "listen", "8443"):
            await until(lambda: world.snapshot["state"] == "up", timeout_s=20)
            (world.folder / "gateway-1.sock").unlink()
            await until(lambda: world.code == "gateways_down", timeout_s=DIAGNOSED_S)


async def test_monitor_tells_flapping_once_when_the_cable_comes_and_goes(world: World) -> None:
    with (
        playing(world.router, sys.executable, "-I", "-S", str(PROBE), "listen", "8443"),
        monitoring(world.folder, world.box),
    ):
        await until(lambda: world.snapshot["state"] == "up", timeout_s=20)
        for _ in range(4):
            world.router.run("ip", "link", "set", "lan0", "down")
            await until(lambda: world.code == "cable_out", timeout_s=5)
            world.router.run("ip", "link", "set", "lan0", "up")
            await until(lambda: world.snapshot["state"] == "up", timeout_s=10)
        assert world.code == "line_flapping"
    assert world.told() == {
        ("line.cable_out", "raised"): 1, ("line.cable_out", "cleared"): 1,
        ("line.line_flapping", "raised"): 1, ("line.line_flapping", "cleared"): 0,
    }  # fmt: skip
    assert [each["code"] for each in world.snapshot["outages"]] == ["cable_out"] * 4


async def test_monitor_continues_the_outage_when_it_is_started_again_during_one(world: World) -> None:
    with playing(world.router, sys.executable, "-I", "-S", str(PROBE), "listen", "8443"):
        with monitoring(world.folder, world.box):
            await until(lambda: world.snapshot["state"] == "up", timeout_s=20)
            world.router.run("ip", "link", "set", "lan0", "down")
            await until(lambda: world.code == "cable_out", timeout_s=5)
        with monitoring(world.folder, world.box):
            await until(lambda: world.code == "cable_out", timeout_s=5)
            world.router.run("ip", "link", "set", "lan0", "up")
            await until(lambda: world.snapshot["state"] == "up", timeout_s=20)
    assert world.told() == {("line.cable_out", "raised"): 1, ("line.cable_out", "cleared"): 1}
    [outage] = world.snapshot["outages"]
    assert outage["ended"] is not None


async def test_monitor_finds_nothing_broken_when_the_router_answers_no_probe(world: World) -> None:
    cut, _ = _drop("router", "input", f"ip daddr {ROUTER}")
    cut(world)
    with (
        playing(world.router, sys.executable, "-I", "-S", str(PROBE), "listen", "8443"),
        monitoring(world.folder, world.box),
    ):
        await until(lambda: world.snapshot["state"] == "up", timeout_s=20)
        [router] = [each for each in world.snapshot["rungs"] if each["name"] == "router"]
    assert (router["state"], router["evidence"]["answer"]) == ("up", "none")
    assert router["evidence"]["neighbour"] in {"reachable", "stale", "delay", "probe"}
    assert world.told() == {}
