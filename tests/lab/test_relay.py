"""The keep reaches mail and sign-in by the door's relay, with no other way out; and nothing else gets through it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest
from playwright.sync_api import Browser

from tests.lab import network
from tests.lab.host import Host
from tests.lab.internet import DOMAIN, ISSUER, LOGIN, MAIL
from tests.lab.lab import Lab
from tests.lab.network import INTERNET
from tests.lab.peers import login, mailbox
from tests.lab.shell import wait_until

RELAY_PORT = 3128
UNREACHABLE = {"TimeoutError", "OSError", "PermissionError"}
TARGET = f"{MAIL}:{mailbox.PORT}"
_CONNECT = """
import socket, sys
host, port, *words = sys.argv[1:]
try:
    with socket.create_connection((host, int(port)), 3) as sock:
        for word in words:
            sock.sendall(f"CONNECT {word} HTTP/1.1\\r\\n\\r\\n".encode())
        print((sock.recv(200).decode().splitlines() or ["silence"])[0])
except OSError as error:
    print(type(error).__name__)
"""


def ask(host: Host, address: str, port: int, *targets: str, user: str = "root") -> str:
    """Connect from ``host`` as ``user``, ask to be led to ``targets``, and return the first line of what is said."""
    words = " ".join((address, str(port), *targets))
    return host.sudo(
        f"setpriv --reuid={user} --regid={user} --clear-groups /usr/bin/python3 - {words}", text=_CONNECT
    ).strip()


@pytest.fixture
def closed_keep(keep: Host) -> Iterator[Host]:
    """Give the keep with its output policy at drop: what its rules do not name cannot leave, whoever wants it to."""
    keep.sudo("sed '/hook output/s/policy accept/policy drop/' /etc/nftables.d/drawbridge.nft | nft -f -")
    assert "hook output priority filter; policy drop" in keep.sudo("nft list chain inet edge output")
    yield keep
    keep.sudo("systemctl reload nftables")


def test_mail_arrives_when_the_keep_has_no_way_out_but_the_relay(lab: Lab, door: Host, closed_keep: Host) -> None:
    before = len(lab.internet.mails)
    said = closed_keep.sudo("drawbridge mail test ann@lab.test")
    assert said == "sent: 250 kept\n"
    (mail,) = [each for each in lab.internet.mails[before:] if "ann@lab.test" in each]
    assert "A test from health.lab.test" in mail
    assert "Auto-Submitted: auto-generated" in mail
    wait_until(
        lambda: f'"target":"{TARGET}"' in door.sudo("journalctl -u gateway-relay -o cat --no-pager | tail -5"),
        timeout_s=10,
        what="the relay's line",
    )


def test_person_signs_in_through_a_service_when_the_keep_has_no_way_out_but_the_relay(
    browser: Browser, door: Host, closed_keep: Host, account: str
) -> None:
    since = door.sudo("date +%s.%6N").strip()
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(f"https://{DOMAIN}/account/security")
        page.get_by_role("link", name="Sign in with the lab's service").click()
        page.wait_for_url(f"{ISSUER}/interaction/**")
        page.get_by_placeholder("Enter any login").fill(login.LOGIN)
        page.get_by_placeholder("and password").fill("any")
        page.get_by_role("button", name="Sign-in").click()
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url(f"https://{DOMAIN}/account/security")
        page.get_by_text(account).first.wait_for()
        assert "__Host-session" in {cookie.get("name") for cookie in context.cookies(f"https://{DOMAIN}")}
    finally:
        context.close()
    wait_until(
        lambda: (
            f'"target":"{LOGIN}:{login.PORT}"'
            in door.sudo(f"journalctl -u gateway-relay --since @{since} -o cat --no-pager")
        ),
        timeout_s=10,
        what="the relay's line",
    )
    listed = closed_keep.sudo("drawbridge audit list --action accounts.finish_oidc --limit 1")
    assert "accounts.finish_oidc" in listed


def test_agent_reaches_no_server_by_itself_when_it_tries(closed_keep: Host) -> None:
    tried = list(product((mailbox.PORT, login.PORT, 443, 53), ("drawbridge-agent", "root")))
    with ThreadPoolExecutor() as threads:
        answers = list(threads.map(lambda way: ask(closed_keep, INTERNET, way[0], user=way[1]), tried))
    assert set(answers) <= UNREACHABLE, dict(zip(tried, answers, strict=True))


def test_agent_reaches_both_servers_alone_when_it_goes_through_the_relay(door: Host, keep: Host) -> None:
    def led(target: str) -> str:
        return ask(keep, door.address, RELAY_PORT, target, user="drawbridge-agent")

    for target in (TARGET, f"{LOGIN}:{login.PORT}"):
        assert led(target) == "HTTP/1.1 200 Connected", target
    for target in (
        f"{MAIL}:443", f"{INTERNET}:{mailbox.PORT}", "mirror.lab.test:443", "127.0.0.1:22", f"{door.address}:22",
        "localhost:443", f"{MAIL}.:{mailbox.PORT}", f"{LOGIN}:443", f"{LOGIN}:{mailbox.PORT}",
        f"{INTERNET}:{login.PORT}",
    ):  # fmt: skip
        assert led(target) == "HTTP/1.1 403 Forbidden", target


def test_nobody_else_is_led_anywhere_when_they_ask(door: Host, keep: Host) -> None:
    said = network.inside(network.ADM, "nc", "-zvw", "2", door.address, str(RELAY_PORT), check=False)
    assert "succeeded" not in said
    with network.route(network.INET, "10.77.0.0/24", via=network.OUTSIDE):
        said = network.inside(network.INET, "nc", "-zvw", "2", door.address, str(RELAY_PORT), check=False)
    assert "succeeded" not in said
    for address in (door.address, "127.0.0.1"):  # the door itself, too
        assert ask(door, address, RELAY_PORT, TARGET) in {"silence", "ConnectionResetError"}


def test_mail_waits_and_arrives_when_the_relay_was_down(lab: Lab, door: Host, keep: Host) -> None:
    before = len(lab.internet.mails)
    door.sudo("systemctl stop gateway-relay")
    try:
        said = keep.sudo("drawbridge mail test ben@lab.test --wait 3", check=False)
        assert said.startswith("waiting: ")
    finally:
        door.sudo("systemctl start gateway-relay")
    wait_until(
        lambda: any("ben@lab.test" in mail for mail in lab.internet.mails[before:]), timeout_s=90, what="the mail"
    )
    assert "ben@lab.test" not in keep.sudo("drawbridge mail list")
