"""What goes wrong with the line and with the keep, how it is put right, and what the monitor has to say of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.integration.gateway.connectivity.world import BOX, KEEP, PUBLIC, ROUTER, TARGETS, World

Do = Callable[[World], object]


@dataclass(frozen=True)
class Cut:
    """One thing that goes wrong, how it is put right, what the monitor has to say, and how it was ``before``."""

    name: str
    code: str
    rung: str
    cut: Do
    mend: Do
    evidence: tuple[str, ...] = ()
    before: Do = lambda _: None


def drop(where: str, hook: str, rule: str, verdict: str = "drop") -> tuple[Do, Do]:
    """Return what has the packets that ``rule`` names dropped in one of the namespaces, and what ends that."""
    table = f"table inet cut {{ chain c {{ type filter hook {hook} priority 0; {rule} {verdict}; }}\n}}"
    return (
        lambda world: getattr(world, where).nft("-f", "-", given=table),
        lambda world: getattr(world, where).nft("delete", "table", "inet", "cut"),
    )


def _answer_in_its_place(world: World, role: str, port: int) -> None:
    world.play(world.internet, role, str(port))
    rule = f"udp dport 53 redirect to :{port}"
    table = f"table ip lies {{ chain c {{ type nat hook prerouting priority -100; {rule}; }}\n}}"
    world.internet.nft("-f", "-", given=table)


def _capture(world: World) -> None:
    """Have a portal answer everybody's HTTP with a redirect to itself, and everybody's TLS."""
    _put_in_their_place(
        world, world.folder / "portal.pem", (8080, 8444), "iifname lan0 tcp dport 80 redirect to :8080;"
    )


def _age(world: World) -> None:
    """Have the targets' certificates end a day ago, which is what a clock that is ahead sees."""
    ended = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    issued = world.authority.issue_cert(*TARGETS, not_after=ended)
    issued.private_key_and_cert_chain_pem.write_to_path(world.folder / "ended.pem")
    _put_in_their_place(world, world.folder / "ended.pem", (8081, 8445))


def _put_in_their_place(world: World, pem: Path, ports: tuple[int, int], also: str = "") -> None:
    world.play(world.router, "portal", str(pem), str(pem), *map(str, ports))
    rules = f"{also} iifname lan0 tcp dport 443 redirect to :{ports[1]};"
    table = f"table ip cut {{ chain c {{ type nat hook prerouting priority -100; {rules} }}\n}}"
    world.router.nft("-f", "-", given=table)


def _let_through(world: World) -> None:
    world.router.nft("delete", "table", "ip", "cut")


def _let_answer(world: World) -> None:
    world.internet.nft("delete", "table", "ip", "lies")


def _move(before: str, after: str) -> Do:
    """Return what moves the gateways' sockets from one kind of name to another."""

    def move(world: World) -> None:
        for path in world.folder.glob(f"{before}-?.sock"):
            path.rename(path.with_name(path.name.replace(before, after)))

    return move


def _take_router_away(world: World) -> None:
    """Have the router neither answer nor forward; the keep, which lives on the same machine, stays."""
    world.router.run("ip", "address", "del", f"{ROUTER}/24", "dev", "lan0")
    world.router.run("ip", "route", "add", f"{BOX}/32", "dev", "lan0")
    world.router.run("sh", "-c", "echo 0 > /proc/sys/net/ipv4/ip_forward")


def _bring_router_back(world: World) -> None:
    world.router.run("ip", "address", "add", f"{ROUTER}/24", "dev", "lan0")
    world.router.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")


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
        "interface down", "interface_down", "link", _ip("box", "link set eth0 down"),
        _ip("box", "link set eth0 up", f"route replace default via {ROUTER}"), ("eth0",),
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
        _take_router_away, _bring_router_back, (ROUTER,),
    ),
    Cut(
        "silent router gone", "router_gone", "router",
        _take_router_away, _bring_router_back, (ROUTER,), drop("router", "input", f"ip daddr {ROUTER}")[0],
    ),
    Cut("DNS dead", "dns_dead", "dns", *drop("internet", "input", "udp dport 53"), ("silent",)),
    Cut(
        "DNS refused", "dns_refused", "dns", lambda world: _answer_in_its_place(world, "refuser", 5355), _let_answer,
        ("refused",),
    ),
    Cut(
        "DNS lying", "dns_lying", "dns", lambda world: _answer_in_its_place(world, "liar", 5354), _let_answer,
        ("198.51.100.66",),
    ),
    Cut("captive portal", "captive_portal", "https", _capture, _let_through, ("302 http://portal.lan/sign-in",)),
    Cut("clock wrong", "clock_wrong", "https", _age, _let_through, tuple(TARGETS)),
    Cut(
        "upstream black hole", "upstream_black_hole", "https",
        *drop("router", "forward", "iifname lan0"), ("silent",),
    ),
    Cut(
        "large packets lost", "upstream_black_hole", "https",
        *drop("router", "forward", "iifname wan0 meta length > 600"), ("silent",),
    ),
    Cut(
        "HTTPS refused", "upstream_refused", "https",
        *drop("router", "forward", "iifname lan0 tcp dport 443", "reject with tcp reset"), ("refused",),
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
        *drop("router", "forward", "oifname lan0 tcp dport 443 ct state new"), ("silent",),
    ),
    Cut(
        "keep away", "keep_away", "bridge", _ip("router", f"address del {KEEP}/32 dev lan0"),
        _ip("router", f"address add {KEEP}/32 dev lan0"), (f"{KEEP}:8443",),
    ),
    Cut(
        "agent down", "agent_down", "bridge",
        *drop("router", "input", "tcp dport 8443", "reject with tcp reset"), (f"{KEEP}:8443", "refused"),
    ),
    Cut(
        "bridge refused", "bridge_refused", "bridge", lambda world: (world.folder / "bridge-down").touch(),
        lambda world: (world.folder / "bridge-down").unlink(), ("a connection is accepted",),
    ),
    Cut(
        "gateways down", "gateways_down", "bridge", _move("gateway", "away"), _move("away", "gateway"),
        ("gateway@1",),
    ),
    Cut(
        "gateways hang", "gateways_down", "bridge", lambda world: (world.folder / "hanging").touch(),
        lambda world: (world.folder / "hanging").unlink(), ("gateway@1", "silent"),
    ),
    Cut(
        "database down", "database_down", "database", lambda world: (world.folder / "database-down").touch(),
        lambda world: (world.folder / "database-down").unlink(), ("down",),
    ),
)  # fmt: skip
