"""What independent tools say of the front door."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab import network
from tests.lab.conftest import HalfOpen, Stalled
from tests.lab.host import Host
from tests.lab.internet import DOMAIN
from tests.lab.lab import TOOLS
from tests.lab.shell import Background, run, wait_until
from tests.lab.visitor import Visitor

SLOW_CONNECTIONS = 3000
STALLED = 600
ATTACKERS = [f"11.22.33.{last}" for last in range(100, 200)]


@pytest.mark.story("health/US-BE-27.4")
def test_tls_is_mozillas_intermediate_when_sslyze_looks(trust: Path) -> None:
    said = network.inside(
        network.INET, TOOLS / "sslyze", "--mozilla_config=intermediate", f"--certinfo_ca_file={trust}",
        f"{DOMAIN}:443{{{network.OUTSIDE}}}", timeout_s=170, check=False,
    )  # fmt: skip
    assert "OK - Compliant" in said, said


def test_configuration_is_clean_when_gixy_reads_it(door: Host, tmp_path: Path) -> None:
    shutil.copytree(door.root / "etc/nginx", tmp_path / "etc/nginx", symlinks=True)
    for file in (tmp_path / "etc/nginx").rglob("*.conf"):
        file.write_text(file.read_text().replace("include drawbridge/", f"include {tmp_path}/etc/nginx/drawbridge/"))
    said = run(TOOLS / "gixy", "--format=json", tmp_path / "etc/nginx/nginx.conf", check=False)
    assert json.loads(said[said.index("[") :]) == []


@contextmanager
def slow_ones(tmp_path: Path, *command: str | Path) -> Iterator[Callable[[], str]]:
    """Let an attacker run; give what is said so far."""
    background = Background(tmp_path)
    background.start("slow", "ip", "netns", "exec", network.INET, *command)
    try:
        yield (tmp_path / "slow.log").read_text
    finally:
        background.stop("slow")


def test_site_answers_when_slowhttptest_holds_three_thousand_connections(outside: Visitor, tmp_path: Path) -> None:
    """It names no host in the handshake, which nginx wants: it comes over port 80, where the same workers answer."""
    (tmp_path / "hosts").write_text(f"{network.OUTSIDE} {DOMAIN}\n")
    attack = (
        f"mount --bind {tmp_path}/hosts /etc/hosts && exec setpriv --reuid=nobody --regid=nogroup --clear-groups"
        f" slowhttptest -H -c {SLOW_CONNECTIONS} -r {SLOW_CONNECTIONS} -i 3 -l 12 -p 3 -u http://{DOMAIN}/"
    )
    with (
        network.spread(network.INET, "nobody", ATTACKERS),
        slow_ones(tmp_path, "unshare", "--mount", "sh", "-c", attack) as said,
    ):
        wait_until(lambda: max(held(said())) > SLOW_CONNECTIONS * 0.9, timeout_s=30, what="the slow ones")
        answers = [outside.ask("/health") for _ in range(5)]
        seen = plain(said())
    assert {answer.status for answer in answers} == {200}
    assert set(re.findall(r"service available: +(\w+)", seen)) == {"YES"}, seen


def plain(said: str) -> str:
    """Return what is said without its colours."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", said)


def held(said: str) -> list[int]:
    """Return how many connections slowhttptest had at each time that it told."""
    return [0, *(int(number) for number in re.findall(r"connected: +(\d+)", plain(said)))]


def test_site_answers_when_three_thousand_encrypted_connections_are_slow(outside: Visitor, tmp_path: Path) -> None:
    attack = ("python3", "-m", "tests.lab.slow", network.OUTSIDE, DOMAIN, str(SLOW_CONNECTIONS), *ATTACKERS)
    with network.addresses(network.INET, ATTACKERS), slow_ones(tmp_path, *attack) as said:
        wait_until(lambda: said().strip().isdigit(), timeout_s=60, what="the slow ones")
        opened = int(said())
        answers = [outside.ask("/health") for _ in range(5)]
    assert opened > SLOW_CONNECTIONS * 0.9
    assert {answer.status for answer in answers} == {200}


def test_site_answers_when_thousands_of_handshakes_are_half_open(outside: Visitor, half_open: HalfOpen) -> None:
    answers = [outside.ask("/health") for _ in range(5)]
    assert half_open.left() > 100, "they are half open yet"
    assert half_open.waited_for > 250, "as many as the listening socket's queue holds"
    assert half_open.refused > 1000, "an address has no more than its share"
    assert {answer.status for answer in answers} == {200}


def test_site_answers_when_hundreds_of_connections_stop_half_way(outside: Visitor, stalled: Stalled) -> None:
    answers = [outside.ask("/health") for _ in range(5)]
    assert [len(words) for words in stalled.words()] == [1, 1], "they are held yet"
    assert sum(int(held) for (held,) in stalled.words()) > STALLED * 0.9
    assert {answer.status for answer in answers} == {200}


@pytest.mark.parametrize(
    "request_lines",
    [
        "POST /health HTTP/1.1\nHost: {name}\nContent-Length: 6\nTransfer-Encoding: chunked\n\n0\n\nG",
        "POST /health HTTP/1.1\nHost: {name}\nTransfer-Encoding: chunked\nTransfer-Encoding: identity\n\n0\n\n",
        "POST /health HTTP/1.1\nHost: {name}\nTransfer-Encoding : chunked\n\n0\n\n",
        "GET /health HTTP/1.1\nHost: {name}\nHost: other.lab.test\n\n",
        "POST /health HTTP/1.1\nHost: {name}\nContent-Length: 1\nContent-Length: 2\n\nab",
        "GET /health HTTP/1.1\n Host: {name}\n\n",
        "GET http://other.lab.test/health HTTP/1.1\nHost: {name}\n\n",
    ],
)
def test_request_of_two_meanings_is_refused_when_it_is_smuggled(trust: Path, request_lines: str) -> None:
    text = request_lines.format(name=DOMAIN).replace("\n", "\r\n")
    said = network.inside(
        network.INET, "openssl", "s_client", "-quiet", "-connect", f"{network.OUTSIDE}:443", "-servername", DOMAIN,
        "-CAfile", trust, "-verify_return_error", "-ign_eof", text=text + "GET /health HTTP/1.1\r\n\r\n", timeout_s=60,
        check=False,
    )  # fmt: skip
    assert "200 OK" not in said, said
    assert "HTTP/1.1 4" in said, said
