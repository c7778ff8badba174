"""The front door: what people on the Internet and in the house meet."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser

from tests.lab import network
from tests.lab.control import LAN_NAME
from tests.lab.host import Host
from tests.lab.internet import DOMAIN
from tests.lab.lab import SCREENSHOTS, Lab
from tests.lab.load import ENOUGH, PAUSE_S, VISITORS, asking, lost
from tests.lab.shell import wait_until
from tests.lab.visitor import Visitor

HEADERS: Final = {
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "report-uri /csp-reports"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "server": "nginx",
}
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
    assert {name: answer.header(name) for name in HEADERS} == {name: [value] for name, value in HEADERS.items()}


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
    since = door.sudo("date +%s.%6N").strip()
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
        while not done.wait(PAUSE_S):
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
def test_site_loses_a_workers_requests_at_most_when_it_was_killed(outside: Visitor, door: Host, token: str) -> None:
    before = set(door.sudo("pgrep -f 'nginx: worker'").split())
    with asking(outside, token) as answers:
        wait_until(lambda: len(answers) > ENOUGH, timeout_s=60, what="requests before")
        door.sudo(f"kill -9 {min(before)}")
        killed = len(answers)
        wait_until(lambda: len(answers) > killed + ENOUGH, timeout_s=60, what="requests after")
    assert len(lost(answers)) <= VISITORS  # each has one under way
    wait_until(
        lambda: len(set(door.sudo("pgrep -f 'nginx: worker'").split())) == len(before), timeout_s=5, what="a new worker"
    )


@pytest.fixture
def stopped_gateways(outside: Visitor, door: Host) -> Iterator[str]:
    """Stop both gateways for a while; give a style sheet's path, as their pages name it."""
    asset = re.search(r'href="(/static/[^"]+[.]css)"', outside.ask("/sign-in").body)
    assert asset is not None
    units = "gateway@1.socket gateway@2.socket gateway@1.service gateway@2.service"
    door.sudo(f"systemctl stop {units}")
    try:
        yield asset[1]
    finally:
        door.sudo(f"systemctl start {units}")
    wait_until(lambda: outside.ask("/health/ready").status == 200, timeout_s=30, what="both gateways")


@pytest.mark.story("health/US-BE-16.2")
def test_branded_page_comes_within_a_second_when_both_gateways_are_stopped(
    outside: Visitor, stopped_gateways: str
) -> None:
    page = outside.ask("/", "--header", "Accept: text/html")
    assert page.status == 502
    assert page.time_s < 1
    assert "Drawbridge does not answer" in page.body
    problem = outside.ask("/api/v1/health/symptoms")
    assert problem.status == 502
    assert problem.header("content-type") == ["application/problem+json"]
    assert outside.ask(stopped_gateways).status == 200


@pytest.mark.usefixtures("stopped_gateways")
@pytest.mark.parametrize(("device", "width", "height"), [("phone", 390, 844), ("desktop", 1440, 900)])
def test_branded_page_is_whole_on_a_screen_when_both_gateways_are_stopped(
    browser: Browser, device: str, width: int, height: int
) -> None:
    complaints: list[str] = []
    context = browser.new_context(viewport={"width": width, "height": height})
    try:
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text))
        page.on("requestfailed", lambda request: complaints.append(request.url))
        answer = page.goto(f"https://{DOMAIN}/")
        assert answer is not None
        assert answer.status == 502
        assert page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd") < 1000
        assert page.get_by_role("heading", name="Drawbridge does not answer").is_visible()
        assert page.get_by_role("link", name="Try again").is_visible()
        assert page.evaluate("document.querySelector('.card-icon').naturalWidth") > 0
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert [said for said in complaints if "status of 502" not in said] == []
        SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"gateways-stopped-{device}.png", full_page=True)
    finally:
        context.close()


def test_names_that_are_not_ours_get_no_handshake_when_they_are_asked_for(trust: Path) -> None:
    assert Visitor(network.INET, trust, name="other.lab.test").ask("/health").status == 0
