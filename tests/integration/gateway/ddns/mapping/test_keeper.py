"""The keeper against a real miniupnpd, across a router that drops what nobody mapped."""

from __future__ import annotations

import re
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.integration.gateway.ddns.mapping.lan import BOX, OTHER, OUTER, REPOSITORY, ROUTER, Lan, Status, until

pytestmark = pytest.mark.slow  # a protocol that does not answer is waited for 4 s, a router's epoch has to grow

METHODS = ("pcp", "nat-pmp", "upnp")


GROUP_ALONE = f"""
table inet picky {{
    chain input {{ type filter hook input priority 0; ip daddr {ROUTER} udp dport 1900 drop; }}
}}
"""
LIAR = str(Path(__file__).with_name("liar.py"))
DEAF = """
table inet deaf {
    chain input { type filter hook input priority 0; udp dport 5350 drop; }
}
"""


def all_mapped(statuses: list[Status]) -> bool:
    return all(status["state"] == "mapped" for status in statuses)


def start_for(lan: Lan, method: str, **options: object) -> None:
    lan.router.start(natpmp=method != "upnp", upnp=method == "upnp", **options)  # type: ignore[arg-type]


@pytest.mark.story("health/US-BE-17.1")
@pytest.mark.parametrize("method", METHODS)
def test_keeper_makes_ports_reachable_from_outside_when_the_router_speaks_one_protocol(lan: Lan, method: str) -> None:
    start_for(lan, method)
    lan.listen(443, 80)
    assert lan.reached(443, 80) == {443: "closed", 80: "closed"}
    asked = time.time()
    keeping = lan.keep(methods=[method])
    statuses = keeping.until(all_mapped)
    assert lan.reached(443, 80, 81) == {443: "open", 80: "open", 81: "closed"}
    assert lan.router.table() == {443: BOX, 80: BOX}
    for port, status in zip((443, 80), statuses, strict=True):
        ends = status.pop("lease_ends")
        assert asked + 3600 - 2 <= ends <= time.time() + 3600
        assert status == {
            "protocol": "tcp", "internal": port, "external": port, "method": method, "state": "mapped",
            "external_address": OUTER, "reason": "",
        }  # fmt: skip
    assert keeping.lines()[-1]["router"] == [OUTER, method, ""]


def test_keeper_prefers_pcp_when_the_router_speaks_all(lan: Lan) -> None:
    lan.router.start()
    statuses = lan.keep().until(all_mapped)
    assert {status["method"] for status in statuses} == {"pcp"}
    assert "PCP MAP" in lan.box.run("upnpc", "-l", check=False)


def test_keeper_takes_upnp_when_the_router_speaks_neither_pcp_nor_nat_pmp(lan: Lan) -> None:
    lan.router.start(natpmp=False)
    statuses = lan.keep().until(all_mapped)
    assert {status["method"] for status in statuses} == {"upnp"}
    listed = lan.box.run("upnpc", "-l", check=False)
    assert re.search(rf"TCP +443->{BOX}:443 +'Drawbridge' '' 3[56]\d\d", listed)


def test_upnp_maps_when_the_router_describes_itself_as_version_1(lan: Lan) -> None:
    lan.router.start(natpmp=False, rules="force_igd_desc_v1=yes")
    lan.keep(methods=["upnp"]).until(all_mapped)
    assert lan.router.table() == {443: BOX, 80: BOX}


@pytest.mark.story("health/US-BE-17.5")
@pytest.mark.parametrize("method", ["pcp", "nat-pmp"])
def test_keeper_maps_again_at_once_when_a_restarted_router_announces_itself(lan: Lan, method: str) -> None:
    start_for(lan, method)
    keeping = lan.keep(methods=[method], check_every_s=3600)
    keeping.until(all_mapped)
    until_router_is_old(lan)
    lan.router.kill()
    assert lan.router.table() == {}
    lan.router.restart()
    until(lambda: lan.router.table() == {443: BOX, 80: BOX})


@pytest.mark.parametrize("method", METHODS)
def test_keeper_maps_again_when_a_router_restarted_between_two_looks_unheard(lan: Lan, method: str) -> None:
    start_for(lan, method)
    lan.box.nft("-f", "-", given=DEAF)
    keeping = lan.keep(methods=[method])
    keeping.until(all_mapped)
    if method != "upnp":
        until_router_is_old(lan)
    keeping.process.send_signal(signal.SIGSTOP)
    lan.router.kill()
    lan.router.restart()
    keeping.process.send_signal(signal.SIGCONT)
    until(lambda: lan.router.table() == {443: BOX, 80: BOX})
    assert keeping.until(all_mapped)


def test_keeper_maps_again_when_a_router_that_was_away_announces_itself(lan: Lan) -> None:
    lan.router.start(upnp=False)
    keeping = lan.keep(methods=["pcp", "nat-pmp"])
    keeping.until(all_mapped)
    lan.router.kill()
    away = keeping.until(lambda now: now[0]["reason"] != "")
    assert all_mapped(away)
    lan.router.restart()
    until(lambda: lan.router.table() == {443: BOX, 80: BOX})
    keeping.until(lambda now: all_mapped(now) and now[0]["reason"] == "")


def until_router_is_old(lan: Lan) -> None:
    """Return when the router's epoch is past the two seconds that clocks may be apart."""
    until(lambda: int(lan.other.run("natpmpc").rsplit("epoch = ", 1)[1].split()[0]) >= 5)


def test_keeper_renews_at_half_when_the_router_grants_less_than_asked(lan: Lan) -> None:
    lan.router.start(upnp=False, max_lifetime_s=9)
    keeping = lan.keep(methods=["pcp"], check_every_s=3600)
    first = keeping.until(all_mapped)
    renewed = keeping.until(lambda now: now[0]["lease_ends"] > first[0]["lease_ends"] + 4)
    assert all_mapped(renewed)
    assert all(all_mapped(line["mappings"]) for line in keeping.lines())


def test_keeper_says_failed_when_the_lease_ends_and_the_router_is_gone(lan: Lan) -> None:
    lan.router.start(upnp=False, max_lifetime_s=9)
    keeping = lan.keep(methods=["pcp"])
    keeping.until(all_mapped)
    lan.router.kill()
    silent = keeping.until(lambda now: now[0]["reason"] != "")
    assert (silent[0]["state"], silent[0]["external_address"]) == ("mapped", None)
    ended = keeping.until(lambda now: now[0]["state"] == "failed")
    assert ended[0]["method"] == "none"
    assert "by hand" in ended[0]["reason"]


def test_mapping_ends_with_its_lease_when_the_keeper_is_gone(lan: Lan) -> None:
    lan.router.start(upnp=False, max_lifetime_s=4)
    keeping = lan.keep(methods=["pcp"])
    keeping.until(all_mapped)
    keeping.stop()
    assert lan.router.table() == {443: BOX, 80: BOX}
    until(lambda: lan.router.table() == {})


@pytest.mark.parametrize("method", METHODS)
def test_keeper_reports_a_conflict_when_another_device_owns_the_port(lan: Lan, method: str) -> None:
    start_for(lan, method)
    if method == "upnp":
        lan.other.run("upnpc", "-a", OTHER, "443", "443", "TCP", "600", check=False)
    else:
        lan.other.run("natpmpc", "-a", "443", "443", "tcp", "600")
    assert lan.router.table() == {443: OTHER}
    statuses = lan.keep(methods=[method]).until(lambda now: now[1]["state"] == "mapped")
    assert (statuses[0]["state"], statuses[0]["method"]) == ("failed", "none")
    assert "the port is taken" in statuses[0]["reason"]
    assert (OTHER in statuses[0]["reason"]) is (method == "upnp")
    assert lan.router.table() == {443: OTHER, 80: BOX}


@pytest.mark.parametrize("method", ["pcp", "upnp"])  # by NAT-PMP, miniupnpd tries all other ports first, for a minute
def test_keeper_says_failed_when_the_router_allows_this_host_nothing(lan: Lan, method: str) -> None:
    start_for(lan, method, rules=f"deny 1-65535 {BOX}/32 1-65535")
    statuses = lan.keep(methods=[method]).until(lambda now: now[1]["state"] == "failed")
    assert re.match(f"{method}: .*(allow|not authorized)", statuses[0]["reason"])
    assert lan.router.table() == {}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("outer", ["100.64.3.4", "192.168.9.2"], ids=["CGNAT", "another router"])
def test_keeper_says_what_is_likely_when_the_router_refuses_for_it_has_no_public_address(
    lan: Lan, outer: str, method: str
) -> None:
    lan.router.take_outer_address(outer)
    start_for(lan, method)
    keeping = lan.keep(methods=[method])
    statuses = keeping.until(lambda now: now[1]["state"] == "failed" and now[1]["reason"].startswith(method))
    assert "no public address of its own (CGNAT, or another router before it), or" in statuses[0]["reason"]
    assert lan.router.table() == {}
    assert keeping.lines()[-1]["router"] == ["None", method, "the router has no outer address now"]


def test_keeper_says_what_to_do_by_hand_when_the_router_speaks_none(lan: Lan) -> None:
    keeping = lan.keep()
    statuses = keeping.until(lambda now: now[0]["state"] == "failed")
    assert f"map TCP 443 and 80 to {BOX} by hand, see docs/ports.md" in statuses[0]["reason"]
    assert [status["method"] for status in statuses] == ["none", "none"]
    assert keeping.lines()[-1]["router"][:2] == ["None", "none"]


@pytest.mark.parametrize("deletes", [True, False])
def test_keeper_leaves_the_mappings_unless_told_otherwise_when_stopped(lan: Lan, deletes: bool) -> None:
    lan.router.start()
    keeping = lan.keep(delete_at_stop=deletes)
    keeping.until(all_mapped)
    keeping.stop()
    assert keeping.process.returncode == 0
    assert lan.router.table() == ({} if deletes else {443: BOX, 80: BOX})


def test_keeper_renews_what_it_made_before_when_restarted(lan: Lan) -> None:
    lan.router.start()
    for _ in range(2):
        keeping = lan.keep()
        keeping.until(all_mapped)
        keeping.stop()
    assert lan.router.table() == {443: BOX, 80: BOX}


def test_keeper_follows_when_the_default_route_is_taken_away_and_given_back(lan: Lan) -> None:
    lan.router.start()
    keeping = lan.keep()
    keeping.until(all_mapped)
    lan.box.run("ip", "route", "delete", "default")
    lost = keeping.until(lambda now: now[0]["state"] == "failed")
    assert "no IPv4 default route" in lost[0]["reason"]


def test_keeper_does_not_follow_when_another_device_answers_the_search(lan: Lan) -> None:
    lan.router.start(natpmp=True, upnp=False)
    lying = lan.folder / "lying"
    with lying.open("w") as out:
        lan.running.append(lan.other.start(sys.executable, "-I", "-S", "-u", LIAR, stdout=out))
    until(lambda: "listens" in lying.read_text())
    statuses = lan.keep(methods=["upnp"]).until(lambda now: now[0]["state"] == "failed")
    assert "does not answer a search" in statuses[0]["reason"]
    heard = lying.read_text().split()
    assert "searched" in heard
    assert "fetched" not in heard


def rules_of_the_guide() -> str:
    """Return a firewall that lets in answers, and what docs/ports.md names."""
    rules = (REPOSITORY / "docs" / "ports.md").read_text().split("```nft\n")[1].split("```")[0]
    return f"""
table inet edge {{
    set lan4 {{ type ipv4_addr; flags interval; elements = {{ {BOX}/24 }}; }}
    chain input {{
        type filter hook input priority 0; policy drop;
        iif "lo" accept
        ct state established,related accept
        {rules}
    }}
}}
"""


def test_keeper_hears_a_restarted_router_when_the_firewall_is_as_the_guide_says(lan: Lan) -> None:
    lan.box.nft("-f", "-", given=rules_of_the_guide())
    lan.router.start(upnp=False)
    keeping = lan.keep(check_every_s=3600, methods=["pcp"])
    keeping.until(all_mapped)
    until_router_is_old(lan)
    lan.router.kill()
    lan.router.restart()
    until(lambda: lan.router.table() == {443: BOX, 80: BOX})


@pytest.mark.parametrize("picky", [True, False], ids=["the group alone", "both"])
def test_upnp_is_found_when_the_firewall_is_as_the_guide_says_and_the_router_answers(lan: Lan, picky: bool) -> None:
    lan.box.nft("-f", "-", given=rules_of_the_guide())
    if picky:
        lan.router.namespace.nft("-f", "-", given=GROUP_ALONE)
    lan.router.start(natpmp=False)
    lan.keep(methods=["upnp"]).until(all_mapped)
