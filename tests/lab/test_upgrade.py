"""A release that is not well goes back by itself, and the visitors hardly see it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath

import pytest

from tests.lab.conftest import PASSWORD
from tests.lab.host import Host
from tests.lab.lab import DOOR, KEEP, Lab
from tests.lab.load import ENOUGH, lost
from tests.lab.report import note
from tests.lab.shell import PROJECT, wait_until
from tests.lab.visitor import Visitor

RELEASES = PurePosixPath("/opt/drawbridge/releases")
BROKEN = RELEASES / "0.1.0-broken"
ACTIVATE = f"cd /opt/drawbridge/current && /usr/bin/python3 -m rescue.releases activate {BROKEN.name}"
_PAUSE_S = 0.05
"""Between two questions of a visitor: an account may ask 50 times a second here."""
pytestmark = pytest.mark.usefixtures("written")  # which the backup has half a minute later, whatever release runs

SOURCES = ("agent", "ansible", "bridge", "gateway", "nginx", "rescue", "systemd")


@pytest.mark.parametrize(("name", "package"), [(KEEP, "agent"), (DOOR, "gateway")])
def test_release_goes_back_when_it_is_not_well(lab: Lab, outside: Visitor, name: str, package: str) -> None:
    host = lab.hosts[name]
    running = host.sudo("readlink -f /opt/drawbridge/current").strip()
    host.sudo(f"cp -a {running} {BROKEN}")
    host.sudo(f"echo 'raise SystemExit(1)' > {BROKEN}/{package}/__main__.py")
    try:
        said = host.sudo(f"{ACTIVATE}; echo exit $?", timeout_s=170, check=False)
        assert said.strip().endswith("exit 1"), said
        assert host.sudo("readlink -f /opt/drawbridge/current").strip() == running
        wait_until(lambda: outside.ask("/health/ready").status == 200, timeout_s=30, what="the release of before")
    finally:
        host.sudo(f"rm -rf {BROKEN}")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a visitor was answered while these releases were the current ones."""

    keep: str
    door: str
    is_fresh: bool
    """Answered, and not from memory."""


def current(host: Host) -> str:
    return (host.root / "opt/drawbridge/current").readlink().name


@contextmanager
def watching(lab: Lab, visitor: Visitor, token: str) -> Iterator[list[Seen]]:
    """Let a visitor ask for records all the while; yield what was seen, without what a switch fell into."""
    seen: list[Seen] = []
    done = threading.Event()

    def watch() -> None:
        number = 0
        while not done.wait(_PAUSE_S):
            number = number % 90 + 1
            before = current(lab.keep), current(lab.door)
            answer = visitor.ask(f"/api/v1/health/symptoms?limit={number}", token=token)
            if before == (current(lab.keep), current(lab.door)):
                seen.append(Seen(*before, lost([answer]) == []))

    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(watch)
        try:
            yield seen
        finally:
            done.set()
        running.result()


@pytest.fixture(params=["assets", "serve"])
def broken(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a project like this one, of whose next release one command of the gateway's does not work."""
    project = tmp_path / "project"
    for name in SOURCES:
        shutil.copytree(PROJECT / name, project / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements.lock"):
        shutil.copy(PROJECT / name, project / name)
    (project / "var").mkdir()
    (project / "var/wheels").symlink_to(PROJECT / "var/wheels")
    with (project / "gateway/__init__.py").open("a") as file:
        file.write(f"import sys\nif {request.param!r} in sys.argv:\n    raise SystemExit(1)\n")
    return project


@pytest.mark.timeout(400)
def test_both_hosts_go_back_when_the_playbook_brings_a_gateway_that_does_not_work(
    lab: Lab, outside: Visitor, account: str, broken: Path
) -> None:
    token = outside.sign_in(account, PASSWORD)
    old = current(lab.keep)
    assert current(lab.door) == old
    with watching(lab, outside, token) as seen:
        play = lab.control.play("--tags=release,agent,gateway", project=broken, expect=False)
        wait_until(lambda: outside.ask("/health/ready").status == 200, timeout_s=60, what="the releases of before")
    assert "was not well with" in play.output, play.output
    assert (current(lab.keep), current(lab.door)) == (old, old)
    stages = list(dict.fromkeys((one.keep == old, one.door == old) for one in seen))
    assert stages[:2] == [(True, True), (False, True)], "the agent comes first"
    assert (True, False) not in stages, "never a new gateway with an old agent"
    for host in (lab.keep, lab.door):  # a host's disk counts as its memory here
        host.sudo(f"cd {RELEASES} && ls | grep -vx {old} | xargs rm -rf; rm -f ../previous")
    between = [one.is_fresh for one in seen if one.keep != old and one.door == old]
    in_a_row = [len(list(run)) for is_fresh, run in groupby(between) if is_fresh]
    assert max(in_a_row, default=0) >= ENOUGH, between  # the old gateway works with the new agent
    note(f"{len(in_a_row)} runs of fresh answers of an old gateway by a new agent: {in_a_row} of {len(between)}")
