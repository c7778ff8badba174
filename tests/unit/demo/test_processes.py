from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.processes import Child, DemoError, start
from demo.readiness import Readiness

READY = "from bridge.process.notify import notify; notify('STATUS=soon'); notify('READY=1')"
STUBBORN = f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); {READY}; time.sleep(60)"


class Run:
    """Starts Python code as a child, and kills what a test leaves."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.children: list[Child] = []

    def __call__(self, code: str, readiness: Readiness | None = None) -> Child:
        variables = readiness.environment if readiness else {}
        log = self._folder / "log"
        root = Path(__file__).parents[3]
        child = start("the test's child", [sys.executable, "-c", code], log=log, folder=root, variables=variables)
        self.children.append(child)
        return child


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    run = Run(tmp_path)
    yield run
    for child in run.children:
        child.stop()


@pytest.fixture
def readiness() -> Iterator[Readiness]:
    readiness = Readiness()
    yield readiness
    readiness.close()


def test_wait_returns_when_the_child_says_that_it_is_ready(run: Run, readiness: Readiness) -> None:
    child = run(STUBBORN, readiness)
    readiness.wait(child, 8)

    assert child.is_running


def test_child_is_never_held_up_when_it_says_more(run: Run, readiness: Readiness) -> None:
    child = run(f"{READY}\nfor _ in range(1000): notify('STATUS=busy')", readiness)
    readiness.wait(child, 8)
    while child.is_running:
        readiness.hear()

    assert child.process.returncode == 0


def test_wait_says_why_when_the_child_ends_instead(run: Run, readiness: Readiness) -> None:
    with pytest.raises(DemoError, match=r"(?s)ended by itself.*the reason"):
        readiness.wait(run("import sys; sys.exit('the reason')", readiness), 8)


def test_wait_says_so_when_the_child_is_silent(run: Run, readiness: Readiness) -> None:
    with pytest.raises(DemoError, match="not ready after"):
        readiness.wait(run("import time; time.sleep(60)", readiness), 0.2)


def test_stop_kills_when_the_child_does_not_listen(run: Run, readiness: Readiness) -> None:
    child = run(STUBBORN, readiness)
    readiness.wait(child, 8)
    child.stop((signal.SIGTERM, 0.2))

    assert child.process.returncode == -signal.SIGKILL


def test_log_tail_is_of_this_run_when_the_log_is_older(run: Run) -> None:
    run("print('run 1')").process.wait(8)
    child = run("print('run 2')")
    child.process.wait(8)

    assert child.log_tail() == "run 2"
    assert child.log.stat().st_mode & 0o777 == 0o600
