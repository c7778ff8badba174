from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.connectivity.checks import address, database, link, name, port
from gateway.connectivity.checks.https import _explain
from gateway.connectivity.config import Config
from gateway.connectivity.findings import Finding
from gateway.connectivity.line import Line, read_resolvers
from gateway.connectivity.netlink import Address, Link, Network, Route
from gateway.connectivity.streams import Failed
from gateway.connectivity.verbs import SECTIONS
from gateway.settings import GatewaySettings
from gateway.settings.plain import as_json
from tests.clocks import TurnedClock

LO: Final = Link(1, "lo", is_up=True, has_carrier=True, is_loopback=True)
ETH: Final = Link(2, "eth0", is_up=True, has_carrier=True, is_loopback=False)
WIFI: Final = Link(3, "wlan0", is_up=True, has_carrier=False, is_loopback=False)
ADDRESS: Final = Address(2, "192.168.1.4", 24, is_global=True, is_usable=True)
LINK_LOCAL: Final = Address(2, "169.254.1.1", 16, is_global=False, is_usable=True)
TENTATIVE: Final = Address(2, "fd00::2", 64, is_global=True, is_usable=False)
OTHER_ROUTE: Final = Route(3, "10.0.0.1", 0, is_ipv6=False)
ROUTE: Final = Route(2, "192.168.1.1", 0, is_ipv6=False)
ROUTE_IPV6: Final = Route(2, "fe80::1", 1024, is_ipv6=True)


def _line(network: Network | None = None, **given: Any) -> Line:  # noqa: ANN401 - any setting's type
    settings = GatewaySettings.model_validate({"connectivity": given})
    config = Config.from_json(json.loads(as_json(settings, SECTIONS)))
    return Line(config, TurnedClock(), network or Network((LO, ETH), (ADDRESS,), (ROUTE,)))


@pytest.mark.parametrize(
    ("links", "given", "code"),
    [
        pytest.param((LO, ETH), {}, "", id="a cable"),
        pytest.param((LO, WIFI, ETH), {}, "", id="a cable, and a radio without a link"),
        pytest.param((LO, WIFI), {}, "cable_out", id="no carrier"),
        pytest.param((LO, ETH), {"interface": "wlan0"}, "interface_down", id="not there"),
        pytest.param((LO,), {}, "interface_down", id="none"),
    ],
)
async def test_link_finds(links: tuple[Link, ...], given: dict[str, Any], code: str) -> None:
    found = await link.check(_line(Network(links), **given))
    assert (found.code, found.definitive) == (code, bool(code))


async def test_link_stays_with_its_interface_when_the_route_goes_with_the_cable() -> None:
    line = _line()
    assert (await link.check(line)).state == "up"
    other = Link(4, "usb0", is_up=True, has_carrier=True, is_loopback=False)
    line.network = Network((LO, Link(2, "eth0", is_up=True, has_carrier=False, is_loopback=False), other))
    assert (await link.check(line)).evidence == {"interface": "eth0"}


@pytest.mark.parametrize(
    ("addresses", "routes", "code"),
    [
        pytest.param((ADDRESS,), (ROUTE,), "", id="address and route"),
        pytest.param((ADDRESS,), (ROUTE_IPV6,), "", id="a route of IPv6"),
        pytest.param((), (ROUTE,), "no_address", id="no address"),
        pytest.param((LINK_LOCAL,), (ROUTE,), "no_address", id="of the link only"),
        pytest.param((TENTATIVE,), (ROUTE,), "no_address", id="not yet usable"),
        pytest.param((ADDRESS,), (), "no_route", id="no route"),
        pytest.param((ADDRESS,), (OTHER_ROUTE,), "no_route", id="another interface's route"),
    ],
)
async def test_address_finds(addresses: tuple[Address, ...], routes: tuple[Route, ...], code: str) -> None:
    line = _line(Network((LO, ETH), addresses, routes), interface="eth0")
    assert (await address.check(line)).code == code


@pytest.mark.parametrize(
    ("failures", "portals", "code"),
    [
        pytest.param([("silent", 0), ("unreachable", 0)], ["", ""], "upstream_black_hole", id="silence"),
        pytest.param([("refused", 0), ("silent", 0)], ["", ""], "upstream_refused", id="refusals"),
        pytest.param([("silent", 0), ("silent", 0)], ["", "302 http://p/"], "captive_portal", id="a redirect"),
        pytest.param([("certificate: x", 18), ("certificate: x", 20)], ["", ""], "captive_portal", id="certificates"),
        pytest.param([("certificate: x", 10), ("certificate: x", 9)], ["", ""], "clock_wrong", id="dates"),
        pytest.param([("certificate: x", 10), ("certificate: x", 18)], ["", ""], "captive_portal", id="one date"),
    ],
)
def test_https_explains(failures: list[tuple[str, int]], portals: list[str], code: str) -> None:
    failed = {name: Failed(text, verify_code=number) for name, (text, number) in zip("ab", failures, strict=True)}
    assert _explain(failed, dict(zip("ab", portals, strict=True))).code == code


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://m.example/", ("m.example", 443, "/")),
        ("https://m.example", ("m.example", 443, "/")),
        ("https://m.example:8443/look", ("m.example", 8443, "/look")),
        ("https://[2001:db8::1]/", ("2001:db8::1", 443, "/")),
        ("https://[2001:db8::1]:444/", ("2001:db8::1", 444, "/")),
    ],
)
def test_mirror_address_is_split(url: str, parts: tuple[str, int, str]) -> None:
    assert port.split(url) == parts


async def test_port_is_off_when_no_mirror_is_set() -> None:
    assert (await port.check(_line())).state == "off"


async def test_database_is_down_when_the_agent_says_so() -> None:
    line = _line()
    line.dependencies = {"bridge": "up", "store": "up", "source": "down", "mail": "disabled"}
    found = await database.check(line)
    assert (found.code, found.summary) == ("database_down", "The agent does not reach source")


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("nameserver 192.168.1.1\n# nameserver 1.1.1.1\nsearch lan\nnameserver\tfe80::1%eth0\n", 2),
        ("nameserver 1\nnameserver 2\nnameserver 3\nnameserver 4\n", 3),
        ("nameserver\n", 0),
    ],
    ids=["two", "at most three", "none"],
)
def test_resolvers_are_those_of_resolv_conf(tmp_path: Path, text: str, servers: int) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text(text, "utf-8")
    assert len(read_resolvers(file)) == servers
    assert read_resolvers(tmp_path / "none") == ()


def _snapshot(line: Line, **changed: object) -> dict[str, Any]:
    return {
        "at": line.clock.time(),
        "addresses": {"ipv4": {"value": "203.0.113.7", "state": "public"}, "ipv6": {"value": None, "state": "unknown"}},
        "names": [{"name": "box.example.org", "family": "ipv4", "state": "current"}],
        **changed,
    }


async def _name(folder: Path, snapshot: object, **given: Any) -> Finding:  # noqa: ANN401 - any setting's type
    file = folder / "ddns.json"
    file.write_text(snapshot if isinstance(snapshot, str) else json.dumps(snapshot), "utf-8")
    return await name.check(_line(ddns_status=file, **given))


async def test_name_is_off_when_there_is_none(tmp_path: Path) -> None:
    assert (await name.check(_line(ddns_status=tmp_path / "none"))).state == "off"


@pytest.mark.parametrize(
    "changed",
    [
        {"at": 0.0},
        {"at": "now"},
        {"addresses": {"ipv4": {"value": "100.64.0.1", "state": "cgnat"}}},
        {"addresses": []},
        {"names": [{"name": "box.example.org", "family": "ipv4", "state": "updating"}]},
    ],
    ids=["old", "no time", "behind a shared address", "another shape", "updating"],
)
async def test_name_is_not_judged_when_our_address_is_not_known(tmp_path: Path, changed: dict[str, object]) -> None:
    assert (await _name(tmp_path, _snapshot(_line()) | changed)).state == "unknown"


async def test_name_is_not_judged_when_the_snapshot_is_broken(tmp_path: Path) -> None:
    assert (await _name(tmp_path, "{", names=["box.example.org"])).state == "unknown"
