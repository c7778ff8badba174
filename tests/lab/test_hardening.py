"""What independent tools say of the front door."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.lab import network
from tests.lab.host import Host
from tests.lab.internet import DOMAIN
from tests.lab.lab import TOOLS
from tests.lab.shell import Background, run, wait_until
from tests.lab.visitor import Visitor

SLOW_CONNECTIONS = 3000


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


def test_site_answers_when_three_thousand_connections_are_slow(outside: Visitor, tmp_path: Path) -> None:
    background = Background(tmp_path)
    addresses = [f"11.22.33.{last}" for last in range(100, 200)]
    with network.addresses(network.INET, addresses):
        background.start(
            "slow", "ip", "netns", "exec", network.INET, "python3", "-m", "tests.lab.slow", network.OUTSIDE, DOMAIN,
            str(SLOW_CONNECTIONS), *addresses,
        )  # fmt: skip
        try:
            wait_until(
                lambda: (tmp_path / "slow.log").read_text().strip().isdigit(), timeout_s=60, what="the slow ones"
            )
            opened = int((tmp_path / "slow.log").read_text())
            answers = [outside.ask("/health") for _ in range(5)]
        finally:
            background.stop("slow")
    assert opened > SLOW_CONNECTIONS * 0.9
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
