"""The real ruleset in a real kernel, seen from the LAN, the other host and the Internet."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import PIPE, Popen
from typing import Final

import pytest

from tests.namespaces import (
    HOST,
    HOST_IPV6,
    LAN,
    LAN_IPV6,
    NEIGHBOUR_IPV6,
    OTHER_STRANGER,
    OTHER_STRANGER_IPV6,
    PEER,
    PROBE,
    ROUTER,
    STRANGER,
    STRANGER_IPV6,
    Edge,
    Namespace,
)
from tests.ruleset import ruleset

PORTS: Final = [*range(1, 870), 2222, 3000, 3306, 5353, 5432, 5433, 6379, 8000, 8080, 8443, 8444, 8445, 9090, 65535]
UDP_PORTS: Final = [53, 67, 68, 123, 161, 443, 1900, 5353, 51820]


def load(host: Namespace, text: str) -> None:
    host.nft("-f", "-", given=text)


@contextmanager
def probing(namespace: Namespace, *arguments: str) -> Iterator[Popen[str]]:
    """Run the probe until the block ends; its first line has been written."""
    command = (sys.executable, "-I", "-S", str(PROBE), *arguments)
    with namespace.start(*command, stdin=PIPE, stdout=PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def listening(namespace: Namespace, *ports: int) -> Iterator[None]:
    with probing(namespace, "listen", *map(str, ports)) as server:
        assert line(server) == "ready"
        yield


def line(process: Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ask(process: Popen[str]) -> str:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return line(process)


@pytest.mark.story(
    "health/US-BE-07.1", "health/US-BE-17.3", "health/US-BE-19.1", "health/US-BE-19.2", "health/US-BE-21.2",
    "health/US-BE-49.1", "health/US-BE-49.3",
)  # fmt: skip
@pytest.mark.parametrize(
    ("side", "source", "expected"),
    [
        ("door", STRANGER, {80, 443}),
        ("door", STRANGER_IPV6, {80, 443}),
        ("door", LAN, {22, 80, 443}),
        ("door", LAN_IPV6, {22, 80, 443}),
        ("door", PEER, {22, 80, 443, 2222}),
        ("keep", STRANGER, set[int]()),
        ("keep", STRANGER_IPV6, set[int]()),
        ("keep", LAN, {22, 2222}),
        ("keep", LAN_IPV6, {22, 2222}),
        ("keep", PEER, {22, 2222, 8443, 8444}),
    ],
)
def test_ruleset_lets_exactly_the_designed_ports_through_when_scanned(
    edge: Edge, side: str, source: str, expected: set[int]
) -> None:
    load(edge.host, ruleset(side))
    assert edge.passed(source, PORTS) == expected


@pytest.mark.parametrize("side", ["door", "keep"])
def test_ruleset_lets_mdns_alone_through_when_the_lan_sends_udp(edge: Edge, side: str) -> None:
    load(edge.host, ruleset(side))
    assert edge.passed(LAN, UDP_PORTS, protocol="udp") == {5353}
    assert edge.passed(STRANGER, UDP_PORTS, protocol="udp") == set()


def test_ruleset_keeps_what_was_open_before_when_the_owner_named_it(edge: Edge) -> None:
    kept = [
        {"name": "PostgreSQL", "protocol": "tcp", "port": 5432, "from": [OTHER_STRANGER, "lan", "2001:db8:9::/64"]},
        {"name": "print server", "protocol": "tcp", "port": 631, "from": ["anywhere"]},
    ]
    load(edge.host, ruleset("keep", keep_open=kept))
    ports = [631, 5432, 8443]
    assert edge.passed(OTHER_STRANGER, ports) == {631, 5432}
    assert edge.passed(STRANGER, ports) == {631}
    assert edge.passed(STRANGER_IPV6, ports) == {631, 5432}
    assert edge.passed(LAN, ports) == {631, 5432}
    assert edge.passed(LAN_IPV6, ports) == {631, 5432}


def test_ruleset_tells_open_from_closed_when_something_listens(edge: Edge) -> None:
    load(edge.host, ruleset("door"))
    with listening(edge.host, 443, 8080):
        assert edge.probe(STRANGER, [80, 443, 8080]) == {80: "closed", 443: "open", 8080: "filtered"}


def test_ruleset_counts_what_it_refuses_when_a_stranger_knocks(edge: Edge) -> None:
    load(edge.host, ruleset("door"))
    before = edge.host.counter("refused")
    edge.probe(STRANGER, [22, 80])
    assert edge.host.counter("refused") > before
    counted = edge.host.counter("refused")
    edge.probe(STRANGER, [80, 443])
    assert edge.host.counter("refused") == counted


@pytest.mark.story("health/US-BE-19.5")
@pytest.mark.parametrize("side", ["door", "keep"])
def test_ruleset_logs_what_it_counts_as_refused_when_it_is_loaded(edge: Edge, side: str) -> None:
    """The kernel writes no log for another network namespace: that it is asked to is all that can be seen here."""
    load(edge.host, ruleset(side))
    listed = edge.host.run("nft", "list", "chain", "inet", "edge", "input")
    assert re.search(r'counter name "refused"\s+limit rate 5/minute [^\n]*log prefix "edge refused: "', listed)


def test_ruleset_answers_pings_and_neighbours_when_asked(edge: Edge) -> None:
    load(edge.host, ruleset("keep"))
    for source, host in ((STRANGER, HOST), (STRANGER_IPV6, HOST_IPV6)):
        edge.world.run("ip", "neighbour", "del", host, "dev", "eth0")
        edge.world.run("ping", "-c", "1", "-W", "1", "-I", source, host)


@pytest.mark.parametrize(
    ("element", "banned", "others"),
    [
        (f"ban4 {{ {STRANGER} timeout 1h }}", [STRANGER], [OTHER_STRANGER]),
        ("ban6 { 2001:db8:9:: timeout 1h }", [STRANGER_IPV6, NEIGHBOUR_IPV6], [OTHER_STRANGER_IPV6]),
    ],
)
def test_ban_drops_one_address_and_no_other_when_it_is_in_the_set(
    edge: Edge, element: str, banned: list[str], others: list[str]
) -> None:
    load(edge.host, ruleset("door"))
    edge.host.nft(f"add element inet edge {element}")
    for source in banned:
        assert edge.passed(source, [80, 443]) == set()
    for source in others:
        assert edge.passed(source, [80, 443]) == {80, 443}
    assert edge.host.counter("banned") > 0


def test_ban_ends_open_connections_when_it_is_added(edge: Edge) -> None:
    load(edge.host, ruleset("door"))
    with listening(edge.host, 443), probing(edge.world, "hold", STRANGER, HOST, "443", "1") as held:
        assert line(held) == "1"
        assert ask(held) == "echo"
        edge.host.nft(f"add element inet edge ban4 {{ {STRANGER} timeout 1h }}")
        assert ask(held) == "silence"


def test_never_ban_wins_when_an_address_is_in_both_sets(edge: Edge) -> None:
    load(edge.host, ruleset("door", never_ban=["198.51.100.0/24"]))
    edge.host.nft(f"add element inet edge ban4 {{ {STRANGER} timeout 1h }}")
    assert edge.passed(STRANGER, [80, 443]) == {80, 443}


@pytest.mark.parametrize(
    ("source", "host", "same_subscriber"), [(STRANGER, HOST, None), (STRANGER_IPV6, HOST_IPV6, NEIGHBOUR_IPV6)]
)
def test_web_server_resets_the_41st_connection_when_one_address_holds_40(
    edge: Edge, source: str, host: str, same_subscriber: str | None
) -> None:
    load(edge.host, ruleset("door"))
    with listening(edge.host, 80, 443):
        with probing(edge.world, "hold", source, host, "443", "43") as held:
            assert line(held) == "40"
            assert edge.host.counter("capped") == 3
            assert edge.probe(source, [80]) == {80: "closed"}
            assert edge.probe(OTHER_STRANGER_IPV6 if same_subscriber else OTHER_STRANGER, [80]) == {80: "open"}
            if same_subscriber:
                assert edge.probe(same_subscriber, [80]) == {80: "closed"}


def test_reload_keeps_bans_and_counters_when_the_rules_change(edge: Edge) -> None:
    load(edge.host, ruleset("door"))
    edge.host.nft(f"add element inet edge ban4 {{ {STRANGER} timeout 1h expires 1000s }}")
    edge.probe(STRANGER, [443])
    counted = edge.host.counter("banned")
    load(edge.host, ruleset("door", never_ban=["10.77.0.0/16"], peers=["10.77.0.5", "fd00:77::5"]))
    listed = edge.host.nft("list", "set", "inet", "edge", "ban4")
    assert "expires 16m" in listed
    assert edge.host.counter("banned") == counted > 0
    assert edge.passed(STRANGER, [443]) == set()


def test_reload_forgets_networks_when_the_playbook_names_them_no_more(edge: Edge) -> None:
    load(edge.host, ruleset("door", never_ban=["198.51.100.0/24"], peers=["10.77.0.10"]))
    edge.host.nft(f"add element inet edge ban4 {{ {STRANGER} timeout 1h }}")
    assert edge.passed(LAN, [2222]) == {2222}
    load(edge.host, ruleset("door"))
    assert edge.passed(STRANGER, [443]) == set()
    assert edge.passed(LAN, [2222]) == set()


def test_host_reaches_an_address_when_that_is_banned(edge: Edge) -> None:
    load(edge.host, ruleset("door"))
    edge.host.nft(f"add element inet edge ban4 {{ {STRANGER} timeout 1h }}")
    assert edge.host.scan(HOST, STRANGER, [443]) == {443: "closed"}
    assert edge.passed(STRANGER, [443]) == set()


@pytest.mark.parametrize(("uid", "reached"), [(0, False), (65534, True)])
def test_service_reaches_nobody_when_it_has_no_way_out(edge: Edge, uid: int, reached: bool) -> None:
    load(edge.host, ruleset("keep", no_way_out=[uid]))
    assert (edge.host.scan(HOST, PEER, [8443]) == {8443: "closed"}) is reached
    assert (edge.host.counter("refused_out") == 0) is reached


def test_relay_is_open_to_the_keep_alone_when_there_is_somewhere_to_lead_to(edge: Edge) -> None:
    load(edge.host, ruleset("door", relay=True))
    assert edge.passed(PEER, [3128]) == {3128}
    for source in (LAN, LAN_IPV6, STRANGER, STRANGER_IPV6):
        assert edge.passed(source, [3128]) == set()
    load(edge.host, ruleset("door"))
    assert edge.passed(PEER, [3128]) == set()


@pytest.mark.parametrize("output", ["open", "restricted"])
def test_agent_reaches_the_relay_alone_when_it_has_no_other_way_out(edge: Edge, output: str) -> None:
    load(edge.host, ruleset("keep", relay=True, output=output, no_way_out=[0]))
    assert edge.host.scan(HOST, PEER, [22, 443, 3128]) == {22: "EHOSTUNREACH", 443: "EHOSTUNREACH", 3128: "closed"}
    assert edge.host.scan(HOST, ROUTER, [3128]) == {3128: "EHOSTUNREACH"}
    assert edge.host.scan(HOST, STRANGER, [3128]) == {3128: "EHOSTUNREACH"}


@pytest.mark.parametrize("output", ["open", "restricted"])
def test_agent_reaches_the_collector_when_traces_are_wanted_and_it_is_in_the_house(edge: Edge, output: str) -> None:
    collector = {"address": ROUTER, "port": 4318}
    load(edge.host, ruleset("keep", output=output, no_way_out=[0], collector=collector))
    assert edge.host.scan(HOST, ROUTER, [443, 4318]) == {443: "EHOSTUNREACH", 4318: "closed"}
    assert edge.host.scan(HOST, PEER, [4318]) == {4318: "EHOSTUNREACH"}
    load(edge.host, ruleset("keep", output=output, no_way_out=[0], collector=collector | {"address": STRANGER}))
    assert edge.host.scan(HOST, STRANGER, [4318]) == {4318: "EHOSTUNREACH"}


def test_collector_is_open_to_the_agent_alone_when_output_is_restricted(edge: Edge) -> None:
    collector = {"address": ROUTER, "port": 4318}
    load(edge.host, ruleset("keep", output="restricted", no_way_out=[65534], collector=collector))
    assert edge.host.scan(HOST, ROUTER, [4318]) == {4318: "EHOSTUNREACH"}
    load(edge.host, ruleset("door", output="restricted", collector=collector))
    assert edge.host.scan(HOST, ROUTER, [443, 4318]) == {443: "EHOSTUNREACH", 4318: "closed"}
    load(edge.host, ruleset("door", output="restricted", collector={"address": "fd00:77::9", "port": 4318}))


def test_keep_reaches_what_is_named_alone_when_output_is_restricted(edge: Edge) -> None:
    allowed = [{"name": "updates", "protocol": "tcp", "port": 3142, "to": ["10.77.0.1"]}]
    load(edge.host, ruleset("keep", output="restricted", output_allow=allowed))
    assert edge.host.scan(HOST, PEER, [22, 8443]) == {22: "closed", 8443: "closed"}
    assert edge.host.scan(HOST, ROUTER, [53, 443, 3142]) == {53: "closed", 443: "EHOSTUNREACH", 3142: "closed"}
    assert edge.host.scan(HOST, ROUTER, [53, 123], protocol="udp") == {53: "closed", 123: "closed"}
    counted = edge.host.counter("refused_out")
    assert edge.host.scan(HOST, STRANGER, [53, 443]) == {53: "EHOSTUNREACH", 443: "EHOSTUNREACH"}
    assert edge.host.counter("refused_out") == counted + 2


def test_ruleset_forwards_nothing_when_a_stranger_uses_the_host_as_router(edge: Edge) -> None:
    load(edge.host, ruleset("door"))
    edge.host.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
    edge.world.run("ip", "route", "add", "100.64.0.0/10", "via", HOST)
    edge.world.run("ping", "-c", "1", "-W", "0.2", "-I", STRANGER, "100.64.0.1", check=False)
    assert edge.host.counter("refused_forward") == 1
