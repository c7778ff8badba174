from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[4]
BEAT = "import os, socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); a = os.environ['NOTIFY_SOCKET']; "
BEAT += "s.sendto(b'READY=1', '\\0' + a[1:]); "
SLEEP = "import time; print('up', flush=True); time.sleep(60)"


@contextmanager
def supervised(code: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Run Python ``code`` below a supervisor."""
    words = (sys.executable, "-m", "demo.compose.supervisor", "app", "--host=keep", *options)
    with subprocess.Popen(
        (*words, "--", sys.executable, "-c", code), cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as run:
        try:
            yield run
        finally:
            for child in children(run.pid):
                subprocess.run(("kill", "-KILL", str(child)), check=False, capture_output=True)
            run.kill()


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()]
    except OSError:
        return []


def events(text: str) -> list[str]:
    return [json.loads(line)["event"] for line in text.splitlines()]


def first_line(run: subprocess.Popen[str]) -> dict[str, Any]:
    assert run.stdout is not None
    line: dict[str, Any] = json.loads(run.stdout.readline())
    return line


@pytest.mark.story("health/US-BE-26.3")
def test_supervisor_tells_what_is_used_when_it_is_time(tmp_path: Path) -> None:
    (tmp_path / "memory.current").write_text("4096\n")
    with supervised("import time; time.sleep(60)", "--usage=0.1", f"--cgroup={tmp_path}") as run:
        line = first_line(run)
        assert (line["event"], line["memory_bytes"]) == ("container_used", 4096)


@pytest.mark.parametrize(
    ("code", "status"), [("raise SystemExit(78)", 78), ("import os; os.kill(os.getpid(), 9)", 137)]
)
def test_supervisor_ends_with_the_status_of_the_service_when_that_ends(code: str, status: int) -> None:
    with supervised(code) as run:
        text, _ = run.communicate()
        assert run.returncode == status
        assert events(text) == ["service_ended"]


def test_supervisor_ends_when_the_service_no_longer_beats() -> None:
    with supervised(BEAT + SLEEP, "--watchdog=0.5") as run:
        text, _ = run.communicate()
        assert run.returncode == 75
        assert events(text) == ["printed", "service_hung"]


def test_supervisor_ends_when_the_service_never_begins_to_beat() -> None:
    with supervised(SLEEP, "--start=0.5") as run:
        run.communicate()
        assert run.returncode == 75


def test_supervisor_ends_when_a_probed_service_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "s"
    serve = (
        "import socket; s = socket.socket(socket.AF_UNIX); s.bind({!r}); s.listen()\n"
        "while True: c, _ = s.accept(); c.recv(8); c.send(b'N'); c.close(); print('asked', flush=True)"
    )
    with supervised(serve.format(str(path)), f"--probe=postgresql:{path}", "--watchdog=1") as run:
        assert first_line(run)["text"] == "asked"
        [child] = children(run.pid)
        subprocess.run(("kill", "-STOP", str(child)), check=True)
        text, _ = run.communicate()
        subprocess.run(("kill", "-KILL", str(child)), check=True)  # in a container, it goes with process 1
        assert run.returncode == 75
        assert json.loads(text.splitlines()[-1])["state"] == "T"


def test_supervisor_ends_when_the_service_is_stopped_before_its_first_beat() -> None:
    with supervised(SLEEP, "--watchdog=1") as run:  # it has 90 s to begin
        first_line(run)
        [child] = children(run.pid)
        subprocess.run(("kill", "-STOP", str(child)), check=True)
        text, _ = run.communicate()
        subprocess.run(("kill", "-KILL", str(child)), check=True)  # in a container, it goes with process 1
        assert run.returncode == 75
        assert json.loads(text.splitlines()[-1])["state"] == "T"


def test_supervisor_passes_the_wanted_signal_on_when_asked_to_stop() -> None:
    code = "import signal; signal.signal(signal.SIGQUIT, lambda *_: exit(3)); " + SLEEP
    with supervised(code, "--stop-signal=SIGQUIT") as run:
        first_line(run)
        run.send_signal(signal.SIGTERM)
        run.communicate()
        assert run.returncode == 3


def test_supervisor_ends_when_the_service_does_not_stop() -> None:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEP
    with supervised(code, "--stop=0.5") as run:
        first_line(run)
        run.send_signal(signal.SIGTERM)
        text, _ = run.communicate()
        assert run.returncode == 75
        assert events(text) == ["service_did_not_stop"]


def test_supervisor_starts_the_service_once_the_file_is_there_when_told_to_wait(tmp_path: Path) -> None:
    with supervised("print('up')", f"--wait={tmp_path / 'ready'}") as run:
        assert first_line(run)["event"] == "service_waiting"
        (tmp_path / "ready").touch()
        text, _ = run.communicate()
        assert events(text) == ["printed", "service_ended"]
