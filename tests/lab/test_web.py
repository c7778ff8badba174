"""The front door: what people on the Internet and in the house meet."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from tests.lab import network
from tests.lab.control import LAN_NAME
from tests.lab.host import Host
from tests.lab.lab import Lab
from tests.lab.shell import wait_until
from tests.lab.visitor import Visitor

HEADERS: Final = (
    "strict-transport-security", "content-security-policy", "x-content-type-options", "x-frame-options",
    "referrer-policy", "cross-origin-opener-policy", "cross-origin-resource-policy",
)  # fmt: skip
QUESTION: Final = {"message": "How often did I have a headache last month?"}


@pytest.mark.story("health/US-BE-49.6", "hub/DOD.1")
def test_chat_answers_when_somebody_asks_from_outside(outside: Visitor, token: str) -> None:
    answer = outside.ask("/api/v1/chat", token=token, content=QUESTION)
    assert answer.status == 200
    assert answer.http_version == "2"
    assert "headache" in answer.json()["answer"]


@pytest.mark.story("health/US-BE-27.1")
def test_certificate_is_refused_when_its_root_is_not_trusted(outside: Visitor) -> None:
    stranger = Visitor(network.INET, Path("/etc/ssl/certs/ca-certificates.crt"))
    assert stranger.ask("/health").status == 0
    assert outside.ask("/health").status == 200


def test_http_leads_to_https_when_it_is_asked(outside: Visitor) -> None:
    answer = outside.ask("/a?b=c", scheme="http")
    assert (answer.status, answer.header("location")) == (308, ["https://health.lab.test/a?b=c"])


@pytest.mark.parametrize("path", ["/sign-in", "/health", "/nowhere", "/static/nothing.css", "/api/v1/nowhere"])
def test_every_security_header_is_there_once_when_anything_is_asked_for(outside: Visitor, path: str) -> None:
    answer = outside.ask(path)
    assert {name: len(answer.header(name)) for name in HEADERS} == dict.fromkeys(HEADERS, 1)
    assert answer.header("strict-transport-security") == ["max-age=63072000; includeSubDomains"]
    assert answer.header("server") == ["nginx"]


def test_house_reaches_the_box_by_its_name_when_the_line_is_down(lab: Lab) -> None:
    network.set_cable("wan0", connected=False)
    try:
        housemate = Visitor(network.ADM, lab.control.lan_root, LAN_NAME, lab.door.address)
        assert housemate.ask("/health/ready").status == 200
    finally:
        network.set_cable("wan0", connected=True)
        network.restore_route()


def test_clients_are_shared_between_both_gateways_when_they_come_from_several_addresses(
    lab: Lab, door: Host, trust: Path
) -> None:
    since = door.ssh("date +%s").strip()
    with network.addresses(network.INET, [f"11.22.33.{last}" for last in range(50, 82)]) as sources:
        for source in sources:
            assert Visitor(network.INET, trust, source=source).ask("/version").status == 200
    for instance in (1, 2):
        lines = door.sudo(f"journalctl -u gateway@{instance} --since @{since} -o cat --no-pager")
        assert lines.count('"route":"/version"') >= 4, lines


def test_no_request_is_lost_when_both_gateways_restart_one_after_the_other(outside: Visitor, door: Host) -> None:
    statuses: list[int] = []
    done = threading.Event()

    def visit() -> None:
        while not done.is_set():
            statuses.append(outside.ask("/version").status)

    with ThreadPoolExecutor(2) as visitors:
        running = [visitors.submit(visit) for _ in range(2)]
        try:
            door.sudo("systemctl restart gateway@1 && systemctl restart gateway@2")
        finally:
            done.set()
        for each in running:
            each.result()
    assert set(statuses) == {200}
    assert len(statuses) > 10


@pytest.mark.story("health/US-BE-15.5")
def test_site_answers_when_an_nginx_worker_was_killed(outside: Visitor, door: Host) -> None:
    before = set(door.ssh("pgrep -f 'nginx: worker'").split())
    door.sudo(f"kill -9 {min(before)}")
    assert outside.ask("/health").status == 200
    wait_until(
        lambda: len(set(door.ssh("pgrep -f 'nginx: worker'").split())) == len(before), timeout_s=5, what="a new worker"
    )


@pytest.mark.story("health/US-BE-16.2")
def test_branded_page_comes_within_a_second_when_both_gateways_are_stopped(outside: Visitor, door: Host) -> None:
    asset = re.search(r'href="(/static/[^"]+[.]css)"', outside.ask("/sign-in").body)
    assert asset is not None
    units = "gateway@1.socket gateway@2.socket gateway@1.service gateway@2.service"
    door.sudo(f"systemctl stop {units}")
    try:
        page = outside.ask("/", "--header", "Accept: text/html")
        assert page.status == 502
        assert page.time_s < 1
        assert "Drawbridge does not answer" in page.body
        problem = outside.ask("/api/v1/health/symptoms")
        assert problem.status == 502
        assert problem.header("content-type") == ["application/problem+json"]
        assert outside.ask(asset[1]).status == 200
    finally:
        door.sudo(f"systemctl start {units}")
    wait_until(lambda: outside.ask("/health/ready").status == 200, timeout_s=30, what="both gateways")


def test_names_that_are_not_ours_get_no_handshake_when_they_are_asked_for(trust: Path) -> None:
    assert Visitor(network.INET, trust, name="other.lab.test").ask("/health").status == 0
