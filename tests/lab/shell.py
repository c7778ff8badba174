"""Running commands on the machine that carries the lab."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Final

LOOK_S: Final = 0.05
PROJECT: Final = Path(__file__).parents[2]


class LabError(Exception):
    """The lab cannot do what it was asked for; the message says why."""


def run(*command: str | Path, text: str | None = None, timeout_s: float = 120, check: bool = True) -> str:
    """Run a command to its end and return what it printed. Raises LabError with its output where it failed."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            input=text or "",  # never what this process reads from, which Ansible may not like
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        msg = f"{' '.join(map(str, command))}: still running after {timeout_s:g} s: {error.output!r}"
        raise LabError(msg) from error
    if check and done.returncode != 0:
        msg = f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}"
        raise LabError(msg)
    return done.stdout


def wait_until(true: Callable[[], bool], *, timeout_s: float, what: str, look_s: float = LOOK_S) -> float:
    """Return after how many seconds ``true``, asked every ``look_s``, held. Raises LabError when it never did."""
    start = time.monotonic()
    while not true():
        if time.monotonic() - start > timeout_s:
            msg = f"{what}: not within {timeout_s:g} s"
            raise LabError(msg)
        time.sleep(look_s)
    return time.monotonic() - start


class Background:
    """Processes that outlive this command, each remembered by a file with its pid."""

    _ours: ClassVar[list[subprocess.Popen[bytes]]] = []
    """Kept, so that nobody is warned of what is meant to go on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def start(self, name: str, *command: str | Path) -> int:
        """Start a process in a session of its own; its output goes to ``<name>.log``."""
        with (self._folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=PROJECT,
            )  # fmt: skip
        self._ours.append(process)
        (self._folder / f"{name}.pid").write_text(str(process.pid))
        return process.pid

    def pid(self, name: str) -> int | None:
        """Return the pid while the process lives."""
        try:
            pid = int((self._folder / f"{name}.pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if is_alive(pid) else None

    def stop(self, name: str, number: signal.Signals = signal.SIGTERM, *, timeout_s: float = 30) -> None:
        """Signal the process, and return when it is gone; at the time's end it is killed."""
        pid = self.pid(name)
        if pid is not None:
            os.kill(pid, number)
            try:
                wait_until(lambda: not is_alive(pid), timeout_s=timeout_s, what=f"the end of {name}")
            except LabError:
                os.killpg(pid, signal.SIGKILL)
        (self._folder / f"{name}.pid").unlink(missing_ok=True)


def is_alive(pid: int) -> bool:
    """Say whether a process runs; one that ended and was not asked for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}


def children(pid: int) -> Sequence[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
