"""Which release runs, and the way back: real folders and links, real health checks, a systemctl of the test's."""

from __future__ import annotations

import os
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from rescue.commands import Commands
from rescue.health import Health
from rescue.releases import DONE, NOT_WELL, RETURNED, ReleaseError, Releases, show
from rescue.settings import Host, Paths
from rescue.systemctl import SystemCtl

SYSTEMCTL = """#!/bin/sh
echo "$*" >> {folder}/calls
case "$1" in
restart) [ ! -e {folder}/opt/current/does-not-start ] || {{ echo "start limit hit" >&2; exit 1; }};;
try-restart) [ ! -e {folder}/opt/current/refuses-"${{3%.service}}" ] || {{ echo "exit status 78" >&2; exit 1; }};;
is-active) shift; shift; for unit; do [ -e {folder}/opt/current/dies ] && echo failed || echo active; done;;
esac
"""


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    current: Path


class Answering(BaseHTTPRequestHandler):
    """A gateway that answers what the current release has written down for each path."""

    server: Server

    def do_GET(self) -> None:
        told = self.server.current / self.path.strip("/").replace("/", "-")
        self.send_response(int(told.read_text()) if told.exists() else 200)
        self.end_headers()

    def address_string(self) -> str:
        return "nginx"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass


class Machine:
    """A host with releases 1 (current) and 2; 3 and more by ``install``."""

    def __init__(self, folder: Path, host: Host) -> None:
        self.folder, self.host = folder, host
        self.opt = folder / "opt"
        for version in ("1", "2"):
            self.install(version)
        (self.opt / "current").symlink_to("releases/1")
        script = folder / "systemctl"
        script.write_text(SYSTEMCTL.format(folder=folder))
        script.chmod(0o755)
        self.said: list[str] = []
        self.paths = Paths(opt=self.opt, run=folder / "run", etc=folder / "etc")
        (folder / "run").mkdir()
        (folder / "etc").mkdir()
        systemctl = SystemCtl(Commands(), [str(script)])
        health = Health(host, self.paths, systemctl, settle_s=0.05, within_s=0.3, look_s=0.01)
        self.releases = Releases(self.opt, host, systemctl, health, self.said.append)

    def install(self, version: str, **files: str) -> None:
        folder = self.opt / "releases" / version
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name.replace("_", "-")).write_text(text)
        os.utime(folder, (1_800_000_000 + int(version) * 60,) * 2)

    @property
    def current(self) -> str:
        return (self.opt / "current").readlink().name

    @property
    def restarted(self) -> list[str]:
        return self._asked_for("restart")

    @property
    def followed(self) -> list[str]:
        """What was restarted if it ran."""
        return self._asked_for("try-restart")

    def _asked_for(self, verb: str) -> list[str]:
        calls = [call.split() for call in (self.folder / "calls").read_text().splitlines()]
        return [words[-1] for words in calls if words[0] == verb]


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path, Host.DOOR)
    with _gateway(machine, 1), _gateway(machine, 2):
        yield machine


@contextmanager
def _gateway(machine: Machine, number: int) -> Iterator[None]:
    with Server(str(machine.paths.run / f"gateway-{number}.sock"), Answering) as server:
        server.current = machine.opt / "current"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def keep(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path, Host.KEEP)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        (machine.paths.etc / "agent.toml").write_text(f'[bridge]\nhost = "127.0.0.1"\nport = {port}\n')
        yield machine


def test_release_runs_on_both_gateways_when_it_is_well(door: Machine) -> None:
    assert door.releases.activate("2") == DONE

    assert door.current == "2"
    assert door.restarted == ["gateway@1.service", "gateway@2.service"]
    assert door.followed == ["gateway-monitor.service", "gateway-ddns.service", "gateway-relay.service"]
    assert door.said[-1] == "2 runs"
    assert [(one.version, one.is_current, one.is_previous) for one in door.releases.all()] == [
        ("2", True, False), ("1", False, True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"health": "500"}, "gateway@1 answers /health with 500"),
        ({"health_ready": "503"}, "gateway@1 answers /health/ready with 503"),
        ({"dies": ""}, "gateway@1 is not active"),
        ({"does_not_start": ""}, "gateway@1 does not start: start limit hit"),
        ({"refuses_gateway_monitor": ""}, "gateway-monitor does not start: exit status 78"),
    ],
)
def test_release_from_before_runs_again_when_the_new_one_is_not_well(
    door: Machine, fault: dict[str, str], reason: str
) -> None:
    door.install("3", **fault)

    assert door.releases.activate("3") == RETURNED

    assert door.current == "1"
    assert door.said[-4:] == [
        f"3 is not well: {reason}", "restarting gateway@1", "restarting gateway@2", "1 runs again",
    ]  # fmt: skip
    assert [one.version for one in door.releases.all() if one.is_previous] == []


def test_release_is_kept_when_the_keep_was_away_before(door: Machine) -> None:
    for version in ("1", "2"):
        (door.opt / "releases" / version / "health-ready").write_text("503")

    assert door.releases.activate("2") == DONE


def test_both_are_said_when_the_release_from_before_is_not_well_either(door: Machine) -> None:
    door.install("3", health="500")
    (door.opt / "releases" / "1" / "health").write_text("500")

    assert door.releases.activate("3") == NOT_WELL

    assert door.current == "1"
    assert "back to 1, which is not well either" in door.said[-1]


def test_rollback_goes_to_and_fro_when_asked_twice(keep: Machine) -> None:
    with pytest.raises(ReleaseError, match="no release to go back to"):
        keep.releases.rollback()
    keep.releases.activate("2")

    assert keep.releases.rollback() == DONE
    assert keep.current == "1"
    assert keep.releases.rollback() == DONE
    assert keep.current == "2"
    assert keep.restarted == ["agent.service"] * 3


def test_nothing_is_restarted_when_the_release_runs_already(keep: Machine) -> None:
    assert keep.releases.activate("1") == DONE
    assert keep.restarted == []


def test_release_is_not_well_when_the_agent_does_not_listen(keep: Machine) -> None:
    (keep.paths.etc / "agent.toml").write_text('[bridge]\nport = 1\nhost = "127.0.0.1"\n')

    assert keep.releases.activate("2") == NOT_WELL

    assert keep.current == "1"
    assert "the agent's port 1 does not accept: Connection refused" in keep.said[1]


@pytest.mark.parametrize("version", ["3", "../opt/releases/2", "", "..", "2/", "-h"])
def test_activate_changes_nothing_when_there_is_no_such_release(keep: Machine, version: str) -> None:
    with pytest.raises(ReleaseError, match="is not installed"):
        keep.releases.activate(version)
    assert keep.current == "1"


def test_prune_keeps_the_newest_and_what_is_needed_when_asked(keep: Machine) -> None:
    keep.releases.activate("2")
    for version in ("3", "4", "5"):
        keep.install(version)

    assert keep.releases.prune(2) == DONE

    assert [one.version for one in keep.releases.all()] == ["5", "4", "2", "1"]
    lines: list[str] = []
    show(keep.releases.all(), lines.append)
    assert lines[2].endswith("current")


def test_second_change_is_refused_when_one_is_under_way(keep: Machine) -> None:
    with keep.releases._locked(), pytest.raises(ReleaseError, match="somebody else"):
        keep.releases.activate("2")


def test_module_says_what_is_wrong_when_there_are_no_settings() -> None:
    if Path("/etc/drawbridge/rescue.toml").exists():
        pytest.skip("this machine is a host of ours")
    ended = subprocess.run(
        [sys.executable, "-m", "rescue.releases", "list"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "rescue.toml" in ended.stderr
