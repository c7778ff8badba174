"""Suspicious clients, banned for real: in the door's firewall, by the gateway that may not touch it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from tests.lab import network
from tests.lab.control import LAN_NAME
from tests.lab.host import Host
from tests.lab.internet import DOMAIN
from tests.lab.lab import Lab
from tests.lab.report import note
from tests.lab.shell import Background, wait_until
from tests.lab.visitor import Visitor

SCANNER: Final = "11.22.33.211"
FORGETFUL: Final = "11.22.33.212"
SQLMAP: Final = "11.22.33.213"
PATHS: Final = ("/.env", "/.git/HEAD", "/wp-login.php", "/phpmyadmin/index.php", "/cgi-bin/test.cgi", "/backup.sql")
CONSOLE: Final = "/usr/local/sbin/drawbridge-rescue"


def is_in_firewall(door: Host, address: str) -> bool:
    return address in door.sudo("nft list set inet edge ban4")


@pytest.fixture
def sources() -> Iterator[None]:
    with network.addresses(network.INET, [SCANNER, FORGETFUL]):
        yield


@pytest.mark.usefixtures("sources")
def test_scanner_is_banned_in_the_firewall_and_let_in_again_when_it_is_lifted(
    door: Host, outside: Visitor, trust: Path
) -> None:
    scanner = Visitor(network.INET, trust, source=SCANNER)
    since = door.sudo("date +%s.%6N").strip()
    asked = 0
    try:
        for path in PATHS:
            answer = scanner.ask(path)
            if answer.status != 404:
                break
            asked += 1
        wait_until(lambda: is_in_firewall(door, SCANNER), timeout_s=5, what="the ban in the firewall")
        note(f"A scanner was in the firewall after {asked} requests.")

        assert scanner.ask("/health", "--connect-timeout", "3").status == 0
        assert outside.ask("/health").status == 200
        assert "probing" in door.sudo(f"{CONSOLE} bans list")
        lines = door.sudo(f"journalctl -u 'gateway@*' --since @{since} -o cat --no-pager | grep client_banned")
        assert "scanner-path" in lines
        assert not any(path in lines for path in PATHS)
    finally:
        door.sudo(f"{CONSOLE} bans remove {SCANNER} --yes", check=False)
    # the gateway itself goes on refusing for some seconds: it does not know of the console
    wait_until(lambda: scanner.ask("/health").status == 200, timeout_s=40, what="the scanner let in again")


@pytest.mark.story("health/US-BE-31.2")
def test_sqlmap_is_banned_in_the_firewall_when_it_looks_for_injections(
    door: Host, outside: Visitor, trust: Path, tmp_path: Path
) -> None:
    (tmp_path / "hosts").write_text(f"{network.OUTSIDE} {DOMAIN}\n")
    attack = (
        f"mount --bind {tmp_path}/hosts /etc/hosts && mount -t tmpfs -o mode=1777 sqlmap /tmp &&"
        " HOME=/tmp exec setpriv --reuid=nobody --regid=nogroup --clear-groups timeout 20 sqlmap --batch"
        f" --ignore-code=401 --timeout=3 --retries=0 -u 'https://{DOMAIN}/api/v1/health/symptoms?limit=20'"
    )
    background = Background(tmp_path)
    started = datetime.now(UTC)
    try:
        with network.spread(network.INET, "nobody", [SQLMAP]):
            background.start("sqlmap", "ip", "netns", "exec", network.INET, "unshare", "--mount", "sh", "-c", attack)
            wait_until(lambda: is_in_firewall(door, SQLMAP), timeout_s=20, what="sqlmap's ban in the firewall")
            banned_at = time.time()
            assert Visitor(network.INET, trust, source=SQLMAP).ask("/health", "--connect-timeout", "3").status == 0
            assert outside.ask("/health").status == 200
    finally:
        background.stop("sqlmap")
        door.sudo(f"{CONSOLE} bans remove {SQLMAP} --yes", check=False)
    lines = door.sudo(f'grep -F \'"address":"{SQLMAP}"\' /var/log/nginx/access.log').splitlines()
    asked = [each for each in map(json.loads, lines) if datetime.fromisoformat(each["at"]) >= started]
    assert {each["status"] for each in asked} <= {401, 403}, "nothing else was said to it"
    assert "testing for SQL injection" in (tmp_path / "sqlmap.log").read_text(), "it had begun"
    began = datetime.fromisoformat(asked[0]["at"]).timestamp()
    note(f"sqlmap was in the firewall after {len(asked)} requests, {banned_at - began:.1f} s after its first.")


@pytest.mark.usefixtures("sources")
def test_forgetful_person_is_not_banned_when_they_try_six_passwords(door: Host, trust: Path) -> None:
    forgetful = Visitor(network.INET, trust, source=FORGETFUL)
    for number in range(6):
        forgetful.ask("/api/v1/auth/login", content={"email": "forgetful@lab.test", "password": f"Wrong-{number}"})
    assert forgetful.ask("/health").status == 200
    assert not is_in_firewall(door, FORGETFUL)


def test_owners_house_is_never_banned_when_it_scans(lab: Lab, door: Host) -> None:
    housemate = Visitor(network.ADM, lab.control.lan_root, LAN_NAME, door.address)
    for path in PATHS * 2:
        assert housemate.ask(path).status == 404
    assert housemate.ask("/health").status == 200
    assert network.CONTROL not in door.sudo("nft list set inet edge ban4")
