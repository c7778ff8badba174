"""A release that is not well goes back by itself, and the visitors hardly see it."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from tests.lab.lab import DOOR, KEEP, Lab
from tests.lab.shell import wait_until
from tests.lab.visitor import Visitor

RELEASES = PurePosixPath("/opt/drawbridge/releases")
BROKEN = RELEASES / "0.1.0-broken"
ACTIVATE = f"cd /opt/drawbridge/current && /usr/bin/python3 -m rescue.releases activate {BROKEN.name}"


@pytest.mark.parametrize(("name", "package"), [(KEEP, "agent"), (DOOR, "gateway")])
def test_release_goes_back_when_it_is_not_well(lab: Lab, outside: Visitor, name: str, package: str) -> None:
    host = lab.hosts[name]
    running = host.ssh("readlink -f /opt/drawbridge/current").strip()
    host.sudo(f"cp -a {running} {BROKEN}")
    host.sudo(f"echo 'raise SystemExit(1)' > {BROKEN}/{package}/__main__.py")
    try:
        said = host.sudo(f"{ACTIVATE}; echo exit $?", timeout_s=170, check=False)
        assert said.strip().endswith("exit 1"), said
        assert host.ssh("readlink -f /opt/drawbridge/current").strip() == running
        wait_until(lambda: outside.ask("/health/ready").status == 200, timeout_s=30, what="the release of before")
    finally:
        host.sudo(f"rm -rf {BROKEN}")
