"""Each way in which the line or the keep goes away: told apart on the real hosts, told once, and its end too."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from email import message_from_string, policy
from html import unescape
from typing import Any, Final

import pytest

from gateway.status.words import RUNGS
from tests.lab import network
from tests.lab.conftest import PASSWORD
from tests.lab.host import Host
from tests.lab.lab import Lab
from tests.lab.network import ROUTER
from tests.lab.report import note
from tests.lab.shell import wait_until
from tests.lab.visitor import Visitor

Cut = Callable[[Lab], AbstractContextManager[None]]

DIAGNOSED_S: Final = 40
TOLD_S: Final = 60
"""Twice and more what it takes: how long it took is printed."""


WEIGHT_MAX_MB: Final = 15.0
EARLIER: Final = ("rescue.used", "rescue.selftest", "bans.new")
"""What tests before these have left to be told within the hour: who used the console, and who was banned."""


_before = 0
"""E-mails that were there before these tests."""


def status(door: Host) -> dict[str, Any]:
    """Return what the monitor sees, read at the door itself: there may be no way to it."""
    seen: dict[str, Any] = json.loads(door.at_the_console("cat", "/run/drawbridge/monitor/status.json"))
    return seen


def alerts(door: Host) -> list[dict[str, Any]]:
    """Return the alerts as they are kept: the monitor shows them anew every 10 s."""
    book = "/var/lib/drawbridge/monitor/alerts.json"
    kept = door.at_the_console("sh", "-c", f"cat {book} 2>/dev/null || echo '{{\"cases\": []}}'")  # until the first
    return [dict(each) for each in json.loads(kept)["cases"]]


def raised_since(door: Host, began: float) -> list[str]:
    """Return the cause of each alert since then, but for what tests of before left to be told."""
    return [each["cause"] for each in alerts(door) if each["raised"] >= began and each["cause"] not in EARLIER]


def code(door: Host) -> str:
    diagnosis = status(door)["diagnosis"]
    return str(diagnosis["code"]) if diagnosis else ""


def is_well(door: Host) -> bool:
    seen = status(door)
    return seen["state"] == "up" and seen["diagnosis"] is None


@pytest.fixture(scope="module", autouse=True)
def nothing_before(lab: Lab) -> None:
    """Forget what other tests did to the line within the hour: a cause is told once in it."""
    global _before  # noqa: PLW0603 - set once, for the tests of this file
    _before = len(lab.internet.mails)
    lab.door.at_the_console("systemctl", "stop", "gateway-monitor")
    folder = "/var/lib/drawbridge/monitor"
    lab.door.at_the_console("rm", "-f", f"{folder}/outages.jsonl", f"{folder}/alerts.json")
    lab.door.at_the_console("systemctl", "start", "gateway-monitor")


@contextmanager
def cable_out(lab: Lab) -> Iterator[None]:
    """Pull the cable until networkd has taken the address away: it fails on one that is back within milliseconds."""
    with network.unplugged(lab.door.cable):
        yield
        wait_until(lambda: "10.77." not in lab.door.at_the_console("ip", "-br", "addr", "show", "host0"), timeout_s=10,
                   what="the address to go")  # fmt: skip


@contextmanager
def without_address(lab: Lab) -> Iterator[None]:
    lab.door.at_the_console("ip", "addr", "flush", "dev", "host0", "scope", "global")
    try:
        yield
    finally:
        lab.door.at_the_console("networkctl", "reconfigure", "host0")


@contextmanager
def name_elsewhere(lab: Lab) -> Iterator[None]:
    address = lab.internet.published()
    lab.internet.publish("11.22.33.99")  # the updater, which was content, looks once a day
    try:
        yield
    finally:
        lab.internet.publish(address)


@contextmanager
def port_closed(lab: Lab) -> Iterator[None]:
    lab.router.cut()
    try:
        with network.without_forwarding(lab.door.address):
            yield
    finally:
        lab.router.restart()


@contextmanager
def stopped(host: Host, unit: str) -> Iterator[None]:
    host.at_the_console("systemctl", "stop", unit)
    try:
        yield
    finally:
        host.at_the_console("systemctl", "start", unit)


@contextmanager
def agent_deaf(lab: Lab) -> Iterator[None]:
    """Have somebody else at the agent's port, who takes connections and says nothing."""
    port = 8443
    with stopped(lab.keep, "agent"):
        silent = f"import socket,time; s=socket.create_server(('{lab.keep.address}',{port})); time.sleep(600)"
        lab.keep.at_the_console("systemd-run", "--unit=deaf", "--quiet", "python3", "-c", silent)
        try:
            yield
        finally:
            lab.keep.at_the_console("systemctl", "stop", "deaf")


@contextmanager
def gateways_stopped(lab: Lab) -> Iterator[None]:
    names = [f"gateway@{number}.{kind}" for number in (1, 2) for kind in ("socket", "service")]
    lab.door.at_the_console("systemctl", "stop", *names)
    try:
        yield
    finally:
        lab.door.at_the_console("systemctl", "start", *names)


HEARD: Final = ("port_closed", "agent_down")
"""Cuts that are held until the owner has the e-mail of their beginning: the way to the mail server is there."""

CUTS: Final[Mapping[str, Cut]] = {
    "cable_out": cable_out,
    "no_address": without_address,
    "router_gone": lambda _: network.without_router(),
    "dns_dead": lambda _: network.on_the_way(forward=["udp dport 53 drop", "tcp dport 53 drop"]),
    "dns_refused": lambda _: network.on_the_way(prerouting=[f"udp dport 53 dnat to {ROUTER}:5353"]),
    "dns_lying": lambda _: network.on_the_way(prerouting=[f"udp dport 53 dnat to {ROUTER}"]),
    "captive_portal": lambda _: network.on_the_way(
        prerouting=[f"tcp dport 80 dnat to {ROUTER}:8080", f"tcp dport 443 dnat to {ROUTER}:8443"]
    ),
    "clock_wrong": lambda _: network.on_the_way(prerouting=[f"tcp dport 443 dnat to {ROUTER}:8444"]),
    "upstream_black_hole": lambda _: network.on_the_way(forward=['oifname "wan0" drop']),
    "name_elsewhere": name_elsewhere,
    "port_closed": port_closed,
    "keep_away": lambda lab: network.unplugged(lab.keep.cable),
    "agent_down": lambda lab: stopped(lab.keep, "agent"),
    "bridge_refused": agent_deaf,
    "database_down": lambda lab: stopped(
        lab.keep, "postgresql@15-main" if lab.suite == "bookworm" else "postgresql@17-main"
    ),
    "gateways_down": gateways_stopped,
}


@pytest.mark.parametrize("cause", CUTS)
def test_cut_is_diagnosed_told_once_and_its_end_too(lab: Lab, cause: str) -> None:
    wait_until(lambda: is_well(lab.door), timeout_s=90, what="the line to be well")
    began, before = time.time(), {each["began"] for each in status(lab.door)["outages"]}
    with CUTS[cause](lab):
        diagnosed_s = wait_until(lambda: code(lab.door) == cause, timeout_s=DIAGNOSED_S, what=f"{cause}")
        if cause in HEARD:
            wait_until(lambda: bool(told(lab, cause)), timeout_s=TOLD_S, what="the e-mail of its beginning")
    well_s = wait_until(lambda: is_well(lab.door), timeout_s=90, what="the line to be well again")
    wait_until(lambda: _is_over(lab.door, cause, began), timeout_s=TOLD_S, what="the end of the alert")
    # the one before may be a second old
    assert raised_since(lab.door, began) == [f"line.{cause}"], "and no other"
    outages = [each for each in status(lab.door)["outages"] if each["began"] not in before]
    assert [each["code"] for each in outages] == [cause]
    assert outages[0]["ended"] is not None
    note(f"{cause}: diagnosed after {diagnosed_s:.1f} s, well {well_s:.1f} s after its end")


@pytest.mark.story("health/US-BE-20.3")
def test_owner_was_mailed_of_each_cut_and_of_its_end_once(lab: Lab) -> None:
    wait_until(lambda: all(ends(lab, cause) for cause in CUTS), timeout_s=TOLD_S, what="e-mails about all ends")
    for cause in CUTS:
        assert len(ends(lab, cause)) == 1, told(lab, cause)
        assert len(told(lab, cause)) <= 2, "that it began, and that it is over"
    for cause in HEARD:
        assert len(told(lab, cause)) == 2, "the beginning was heard before the end"
    others = [notice.cause for notice in notices(lab) if not notice.cause.startswith("line.")]
    assert len(others) == len(set(others)), "once"
    raised = {each["cause"] for each in alerts(lab.door)}
    assert {*others, *raised} - {*EARLIER} <= {f"line.{cause}" for cause in CUTS}, "of nothing else"


def test_monitor_is_light_when_it_has_told_all_this(lab: Lab) -> None:
    monitor = lab.door.at_the_console("systemctl", "show", "--property=MainPID", "--value", "gateway-monitor").strip()
    weight = _pss_mb(lab.door, f"cat /proc/{monitor}/smaps_rollup")
    bare = _pss_mb(lab.door, "exec python3 -c 'print(open(\"/proc/self/smaps_rollup\").read())'")
    note(f"gateway-monitor, which has told all this: {weight - bare:.1f} MB (PSS) above a bare interpreter")
    assert weight - bare <= WEIGHT_MAX_MB


def test_flapping_line_is_told_once_and_kept_whole(lab: Lab) -> None:
    """Its end is told after half an hour of steadiness: tests/unit/gateway/connectivity/test_watch.py has a clock."""
    wait_until(lambda: is_well(lab.door), timeout_s=90, what="the line to be well")
    mails = len(lab.internet.mails)
    began = time.time()
    for _ in range(4):
        with cable_out(lab):
            wait_until(lambda: status(lab.door)["state"] == "down", timeout_s=30, what="the cable's end to be seen")
        wait_until(lambda: status(lab.door)["state"] == "up", timeout_s=60, what="the cable to be seen")
    wait_until(lambda: code(lab.door) == "line_flapping", timeout_s=30, what="the flapping to be seen")
    outages = [each for each in status(lab.door)["outages"] if each["began"] >= began - 1]
    assert sum(1 + each["flaps"] for each in outages) >= 4
    wait_until(lambda: raised_since(lab.door, began) != [], timeout_s=10, what="the alert")
    assert raised_since(lab.door, began) == ["line.line_flapping"], "and no other"
    (flapping,) = [each for each in alerts(lab.door) if each["cause"] == "line.line_flapping"]
    assert (flapping["state"], flapping["cleared"], flapping["ended"]) == ("raised", None, 0), "once"
    assert len(lab.internet.mails) - mails <= 3


def test_owner_sees_it_all_and_nobody_else_does(lab: Lab, outside: Visitor, keep: Host, token: str) -> None:
    if "owner@example.org" not in keep.sudo("drawbridge users list"):
        keep.sudo("drawbridge users add owner@example.org --name Owner --role admin", text=f"{PASSWORD}\n")
    admin = outside.sign_in("owner@example.org", PASSWORD)
    page = outside.ask("/status", token=admin)
    assert page.status == 200
    for shown in ("gateway-ddns", "11.22.33.1", "agent"):
        assert shown in page.body
    assert outside.ask("/status", token=token).status == 403
    assert outside.ask("/status").status in {302, 303, 401}
    assert "backup" in lab.door.sudo("drawbridge status", check=False).lower()
    assert "email: 250" in lab.door.sudo("drawbridge alerts test")
    assert "port" in lab.door.sudo("drawbridge monitor check")


def test_terminal_tells_a_program_what_the_page_tells_a_person(lab: Lab, outside: Visitor) -> None:
    admin = outside.sign_in("owner@example.org", PASSWORD)
    began = time.time()  # it asks the keep once a minute, and at its start
    lab.door.at_the_console("systemctl", "restart", "gateway-monitor")
    wait_until(lambda: is_up_and_told(lab.door, began), timeout_s=60, what="both hosts to be told")
    page = unescape(outside.ask("/status", token=admin).body)
    seen = json.loads(lab.door.sudo("drawbridge status --json", check=False))  # what is wrong is its exit code
    monitor = seen["monitor"]
    assert [each["name"] for each in monitor["line"]["rungs"]] == list(RUNGS)
    assert {each["state"] for each in monitor["line"]["rungs"]} == {"up"}
    shown = {
        "the headline": seen["headline"]["text"],
        **{f"outage of {each['began']}": each["summary"] for each in monitor["outages"][:1]},
        **{f"rung {each['name']}": RUNGS[each["name"]] for each in monitor["line"]["rungs"]},
        **{f"{host}'s {unit['name']}": unit["name"].removesuffix(".service")
           for host in ("door", "keep") for unit in monitor[host]["units"]},
        **{f"{host}'s release": monitor[host]["release"] for host in ("door", "keep")},
    }  # fmt: skip
    assert {"door's nginx.service", "keep's agent.service"} <= shown.keys()
    assert {what: text for what, text in shown.items() if text not in page} == {}


def is_up_and_told(door: Host, began: float) -> bool:
    """Say whether a monitor that started since then finds all rungs up, flapping or not, and knows both hosts."""
    seen = status(door)
    return (
        seen["started"] >= began
        and seen["state"] == "up"
        and {each["state"] for each in seen["rungs"]} == {"up"}
        and bool(seen.get("keep"))
    )


def _is_over(door: Host, cause: str, began: float) -> bool:
    return any(
        each["cause"] == f"line.{cause}" and each["raised"] >= began and each["state"] == "cleared"
        for each in alerts(door)
    )


@dataclass(frozen=True, slots=True)
class Notice:
    """What an e-mail says of one cause. ``is_end``: that it is over."""

    cause: str
    is_end: bool


def notices(lab: Lab) -> list[Notice]:
    """Return all that the owner was mailed since these tests began, the oldest first."""
    found = []
    for mail in lab.internet.mails[_before:]:
        body = message_from_string(mail, policy=policy.default).get_body()
        assert body is not None
        for block in body.get_content().partition("\n-- \n")[0].split("\n\n"):
            causes = re.findall(r"^Cause: (\S+)$", block, re.MULTILINE)
            found += [Notice(cause, ": Over after " in block.splitlines()[0]) for cause in causes]
    return found


def told(lab: Lab, cause: str) -> list[Notice]:
    return [notice for notice in notices(lab) if notice.cause == f"line.{cause}"]


def ends(lab: Lab, cause: str) -> list[Notice]:
    return [notice for notice in told(lab, cause) if notice.is_end]


def _pss_mb(door: Host, shown_by: str) -> float:
    """Return the PSS in what a command shows of a process, in MB."""
    (kilobytes,) = re.findall(r"^Pss: +(\d+) kB", door.at_the_console("sh", "-c", shown_by), re.MULTILINE)
    return int(kilobytes) / 1024
