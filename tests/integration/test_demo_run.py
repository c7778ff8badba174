"""``python -m demo run`` as a user has it: the whole appliance starts, answers, stops, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import pytest

from demo.appliance import SAMPLES
from demo.databases import MAPPING, provide_source, provide_store
from demo.door import Door, free_port
from demo.postgres import home_for
from tests.postgres import PostgresServer

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@dataclass(slots=True)
class Demo:
    """A demo in a folder of its own."""

    folder: Path
    port: int
    process: subprocess.Popen[str] | None = None
    lines: list[str] = field(default_factory=list)

    def start(self, *options: str, database_url: str = "") -> None:
        """Start it, and return when it says that it is ready, or has ended."""
        command = [sys.executable, "-m", "demo", "run", "--port", str(self.port), "--data-dir", str(self.folder)]
        self.process = subprocess.Popen(
            [*command, *options],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": database_url},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines = []
        for line in self.output:
            self.lines.append(line.rstrip("\n"))
            if line.startswith("ready "):
                return
        self.wait()

    def wait(self) -> int:
        """Return the exit status when it has ended."""
        assert self.process is not None
        self.lines += self.output.read().splitlines()
        self.output.close()
        return self.process.wait(12)

    def end(self, number: signal.Signals) -> int:
        """Send a signal, and return the exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.wait()

    def reset(self) -> None:
        command = [sys.executable, "-m", "demo", "reset", "--data-dir", str(self.folder)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)

    @property
    def output(self) -> IO[str]:
        assert self.process is not None
        assert self.process.stdout is not None
        return self.process.stdout

    @property
    def children(self) -> dict[str, int]:
        """Process ids by what they run: PostgreSQL, agent, gateway."""
        assert self.process is not None
        assert self.process.poll() is None, self.lines
        pids = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text("utf-8").split()
        commands = {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in pids}
        return {
            "postgres" if command[0].endswith(b"postgres") else command[2].decode(): pid
            for pid, command in commands.items()
        }

    @property
    def environments(self) -> str:
        """The environments of its children, as they were started."""
        return "".join(Path(f"/proc/{pid}/environ").read_text("utf-8") for pid in self.children.values())

    @property
    def access(self) -> dict[str, str]:
        return dict(json.loads((self.folder / "demo.json").read_text("utf-8")))

    def ask(self, path: str) -> tuple[int, Any]:
        """Return status and content of an answer."""
        status, body = Door(self.port, Path(self.access["ca_file"])).ask("GET", path, token=self.access["token"])
        return status, json.loads(body)


@pytest.fixture(scope="module")
def installed() -> Iterator[Demo]:
    """Give a demo that was started and stopped once; its lines are those of the first start."""
    with tempfile.TemporaryDirectory(prefix="drawbridge-demo-") as folder:
        demo = Demo(Path(folder) / "demo", free_port())
        try:
            demo.start()
            assert demo.lines[-1].startswith("ready "), demo.lines
            demo.end(signal.SIGTERM)
            yield demo
        finally:
            demo.reset()


@pytest.fixture
def demo(installed: Demo) -> Iterator[Demo]:
    """Give the same demo again, stopped; a test starts it."""
    demo = Demo(installed.folder, free_port())
    yield demo
    if demo.process is not None and demo.process.poll() is None:
        demo.end(signal.SIGKILL)


@pytest.fixture
def new(tmp_path: Path) -> Demo:
    """Give a demo that was never started."""
    return Demo(tmp_path / "demo", free_port())


def _ended(pid: int) -> bool:
    """Wait for a process that is not our child to end."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ended, _, _ = select.select([pidfd], [], [], 10)
    os.close(pidfd)
    return bool(ended)


@pytest.mark.story("hub/IH-028.1", "hub/DOD.21")
def test_first_start_says_how_to_get_in_when_ready(installed: Demo) -> None:
    output = "\n".join(installed.lines)
    access = installed.access

    assert f"ready https://localhost:{installed.port}" in installed.lines
    assert all(value in output for value in (access["email"], access["password"], access["ca_file"], "curl -K"))
    assert access["token"] not in output
    assert (installed.folder / "demo.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.story("health/US-BE-38.1", "health/US-BE-38.3")
def test_records_are_anna_s_when_asked_through_the_door(demo: Demo) -> None:
    demo.start()
    status, page = demo.ask("/api/v1/health/symptoms?symptom=Migraine&limit=3")

    assert status == 200
    assert len(page["items"]) == 3
    assert {item["symptom"] for item in page["items"]} == {"Migraine"}
    assert page["total"] > 50


@pytest.mark.story("hub/IH-028.2")
def test_each_role_has_an_account_when_started(demo: Demo) -> None:
    demo.start()
    door = Door(demo.port, Path(demo.access["ca_file"]))
    seen = {}
    for account in SAMPLES:
        # five sign-ins a minute from one address: Anna's was at the first start
        token = demo.access["token"] if account.email == demo.access["email"] else None
        token = token or door.sign_in(account.email, demo.access["password"])
        role = json.loads(door.ask("GET", "/api/v1/users/profile", token=token)[1])["role"]
        year = door.ask("GET", "/api/v1/health/symptoms/stats?bucket=month&from=2000-01-01", token=token)
        months = json.loads(year[1]).get("series", ())
        users = door.ask("GET", "/api/v1/users", token=token)[0]
        seen[role] = (year[0], len(months) >= 12, users)

    assert seen == {"viewer": (200, True, 403), "technician": (200, True, 403), "admin": (403, False, 200)}


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl: apt-get install curl")
def test_curl_line_works_when_copied(demo: Demo) -> None:
    demo.start()
    line = next(line.partition("try")[2] for line in demo.lines if "curl -K" in line)
    answer = subprocess.run(line, shell=True, check=True, capture_output=True, text=True)  # noqa: S602 - as a user would

    assert json.loads(answer.stdout)["items"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_when_asked_to_stop(demo: Demo, number: signal.Signals) -> None:
    demo.start()
    children = demo.children
    assert set(children) == {"postgres", "agent", "gateway"}

    assert demo.end(number) == 0
    assert demo.lines[-1] == "· stopped"
    assert all(_ended(pid) for pid in children.values())


def test_next_start_recovers_when_the_demo_was_killed(demo: Demo) -> None:
    demo.start()
    children = demo.children
    demo.end(signal.SIGKILL)
    assert all(_ended(pid) for pid in children.values())

    demo.start()
    assert demo.ask("/api/v1/health/symptoms?limit=1")[0] == 200


@pytest.mark.parametrize("name", ["postgres", "agent", "gateway"])
def test_everything_stops_when_one_process_dies(demo: Demo, name: str) -> None:
    demo.start()
    children = demo.children
    os.kill(children[name], signal.SIGKILL)

    assert demo.wait() == 1
    assert any("ended by itself" in line for line in demo.lines)
    assert all(_ended(pid) for pid in children.values())


def test_start_is_refused_in_one_line_when_the_port_is_taken(new: Demo) -> None:
    with socket.create_server(("127.0.0.1", new.port)):
        new.start()

    assert new.lines == [f"drawbridge: Port {new.port} is taken: choose another with PORT="]
    assert new.process is not None
    assert new.process.returncode == 1
    assert not new.folder.exists()


def test_second_demo_is_refused_in_one_line_when_the_folder_is_in_use(demo: Demo) -> None:
    demo.start()
    second = Demo(demo.folder, free_port())
    second.start()

    assert "Another process uses" in second.lines[-1]
    assert demo.ask("/api/v1/health/symptoms?limit=1")[0] == 200


@pytest.mark.parametrize(
    ("options", "database_url"), [([], "postgresql://db/records"), (["--mapping", "source.toml"], "")]
)
def test_start_is_refused_when_only_half_of_a_database_is_given(
    new: Demo, options: list[str], database_url: str
) -> None:
    new.start(*options, database_url=database_url)

    assert len(new.lines) == 1
    assert new.lines[0].startswith("drawbridge: DATABASE_URL= and MAPPING= belong together")


async def test_account_sees_your_own_database_when_granted(new: Demo, postgres_server: PostgresServer) -> None:
    logins = await provide_store(postgres_server)
    await provide_source(postgres_server, datetime(2026, 11, 21, tzinfo=UTC))
    new.start("--mapping", str(MAPPING), database_url=logins.source)
    try:
        assert new.ask("/api/v1/health/symptoms")[0] == 403
        assert logins.source not in new.environments

        line = next(line.strip() for line in new.lines if "grants add" in line)
        subprocess.run(line.replace(" ID ", " 1041 "), shell=True, check=True, cwd=ROOT)  # noqa: ASYNC221, S602 - as a user would
        assert new.ask("/api/v1/health/symptoms")[0] == 200
    finally:
        new.end(signal.SIGTERM)
        new.reset()
    assert not new.folder.exists()
    assert not home_for(new.folder).exists()


def test_reset_removes_nothing_when_the_folder_is_no_demos(new: Demo) -> None:
    new.folder.mkdir()
    (new.folder / "thesis.txt").touch()
    command = [sys.executable, "-m", "demo", "reset", "--data-dir", str(new.folder)]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (1, f"drawbridge: {new.folder} is no demo's folder: nothing was removed\n")
    assert (new.folder / "thesis.txt").exists()


def test_reset_is_content_when_there_was_no_demo(new: Demo) -> None:
    new.reset()
    assert not new.folder.exists()


@pytest.mark.story("hub/IH-028.3", "hub/DOD.24")
def test_process_is_restarted_when_its_code_changes(demo: Demo) -> None:
    source = ROOT / "gateway" / "__init__.py"
    demo.start("--reload")
    before = demo.children
    source.touch()
    assert demo.output.readline() == "· restarting the gateway\n"
    assert _ended(before["gateway"])

    demo.end(signal.SIGTERM)
    assert demo.lines[-1] == "· stopped"
