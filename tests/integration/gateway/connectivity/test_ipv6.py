"""The same in a house that has IPv6, alone or beside IPv4; the keep is on the LAN, by IPv4, as ever."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from tests.integration.gateway.connectivity.cuts import Cut, drop
from tests.integration.gateway.connectivity.post import EMAIL, is_told_in_the_log, mails, post, trusting
from tests.integration.gateway.connectivity.test_line import ALERTED_S, DIAGNOSED_S
from tests.integration.gateway.connectivity.world import (
    PUBLIC_IPV6,
    RESOLVER,
    RESOLVER_IPV6,
    ROUTER,
    ROUTER_IPV6,
    World,
    monitoring,
    playing,
)
from tests.namespaces import PROBE
from tests.waiting import until

pytestmark = pytest.mark.slow

MAIL_IPV6: Final = "2001:db8:53::25"
ELSEWHERE: Final = "2001:db8:99::1"


def _take_router_away(world: World) -> None:
    for address in (f"{ROUTER_IPV6}/64", "2001:db8:77::1/64"):
        world.router.run("ip", "address", "del", address, "dev", "lan0")


def _bring_router_back(world: World) -> None:
    for address in (f"{ROUTER_IPV6}/64", "2001:db8:77::1/64"):
        world.router.run("ip", "address", "add", address, "dev", "lan0", "nodad")


def give_ipv6(world: World) -> None:
    """Give the box an address and a way out, as a router's advertisement would."""
    world.box.run("ip", "address", "replace", f"{PUBLIC_IPV6}/64", "dev", "eth0", "nodad")
    world.box.run("ip", "-6", "route", "replace", "default", "via", ROUTER_IPV6, "dev", "eth0")


CUTS: Final = (
    Cut("router gone", "router_gone", "router", _take_router_away, _bring_router_back, (ROUTER_IPV6,)),
    Cut(
        "route lost", "no_route", "address",
        lambda world: world.box.run("ip", "-6", "route", "del", "default"), give_ipv6,
    ),
    Cut(
        "upstream black hole", "upstream_black_hole", "https", *drop("router", "forward", "iifname lan0"),
        ("deb.debian.org", "silent"),
    ),
    Cut("DNS dead", "dns_dead", "dns", *drop("internet", "input", "udp dport 53"), (RESOLVER_IPV6, "silent")),
    Cut(
        "name elsewhere", "name_elsewhere", "name", lambda world: world.publish(None, ipv6=ELSEWHERE),
        lambda world: world.publish(None, ipv6=PUBLIC_IPV6), (ELSEWHERE, PUBLIC_IPV6),
    ),
)  # fmt: skip


def take_ipv4(world: World) -> None:
    world.box.run("ip", "-4", "route", "del", "default")
    world.publish(None, ipv6=PUBLIC_IPV6)
    (world.folder / "resolv.conf").write_text(f"nameserver {RESOLVER_IPV6}\n", "utf-8")


@contextmanager
def keep_and_monitor(world: World, **email: object) -> Iterator[None]:
    with (
        playing(world.router, sys.executable, "-I", "-S", str(PROBE), "listen", "8443"),
        monitoring(world.folder, world.box, command=(*trusting(world), sys.executable), mirror=None, email=email),
    ):
        yield


def states(world: World) -> dict[str, str]:
    return {rung["name"]: rung["state"] for rung in world.snapshot["rungs"]}


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.name)
async def test_monitor_names_the_cut_and_tells_it_once_when_the_house_has_ipv6_alone(world: World, cut: Cut) -> None:
    give_ipv6(world)
    take_ipv4(world)
    with keep_and_monitor(world):
        await until(lambda: world.snapshot["state"] == "up", timeout_s=20)
        assert states(world) == dict.fromkeys(states(world), "up") | {"port": "off"}
        cut.cut(world)
        await until(lambda: world.code == cut.code, timeout_s=DIAGNOSED_S)
        told = str(world.snapshot["diagnosis"]["evidence"])
        assert world.snapshot["rung"] == cut.rung
        assert all(each in told for each in cut.evidence)
        await until(lambda: is_told_in_the_log(world, f"line.{cut.code}"), timeout_s=ALERTED_S)
        cut.mend(world)
        await until(lambda: world.snapshot["state"] == "up" and world.code is None, timeout_s=20)
    assert world.told() == {(f"line.{cut.code}", "raised"): 1, (f"line.{cut.code}", "cleared"): 1}


async def test_monitor_stays_up_by_ipv6_when_a_house_that_has_both_loses_ipv4(world: World) -> None:
    give_ipv6(world)
    world.publish(ipv6=PUBLIC_IPV6)
    (world.folder / "resolv.conf").write_text(f"nameserver {RESOLVER}\nnameserver {RESOLVER_IPV6}\n", "utf-8")
    with keep_and_monitor(world):
        await until(lambda: world.snapshot["state"] == "up", timeout_s=20)
        assert _router(world) == ROUTER
        take_ipv4(world)
        await until(lambda: _router(world) == ROUTER_IPV6 and world.snapshot["state"] == "up", timeout_s=20)
    assert world.told() == {}


def _router(world: World) -> str:
    return str(next(rung["evidence"].get("router") for rung in world.snapshot["rungs"] if rung["name"] == "router"))


async def test_owner_is_mailed_while_dns_is_dead_when_the_house_has_ipv6_alone(world: World) -> None:
    give_ipv6(world)
    take_ipv4(world)
    cut, _ = drop("internet", "input", "udp dport 53")
    with post(world, MAIL_IPV6), keep_and_monitor(world, **{**EMAIL, "host": MAIL_IPV6}):
        await until(lambda: world.snapshot["state"] == "up", timeout_s=20)
        cut(world)
        await until(lambda: len(mails(world.folder, "line.dns_dead")) == 1, timeout_s=ALERTED_S)
