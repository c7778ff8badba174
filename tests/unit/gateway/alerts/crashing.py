"""Takes three reports and delivers their alerts, killed (SIGKILL) before the n-th step on the disk, for each n.

A program of its own: ``python -m tests.unit.gateway.alerts.crashing FOLDER``. Prints, as JSON, what had been delivered
after each killing and the start that followed it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gateway.alerts.quiet import QuietHours
from gateway.alerts.report import Inbox, Report
from gateway.alerts.service import Alerts
from gateway.alerts.settings import Settings
from gateway.alerts.wording import Words

CAUSES = ("x.a", "x.b", "y.c")
NEVER = 1_000_000


class Clock:
    def __init__(self) -> None:
        self.now = 1_780_000_000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


class File:
    """A channel that cannot be killed between having sent and having said so, but right after."""

    name = "file"

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, words: Words) -> str:
        causes = [cause for cause in CAUSES if f"Cause: {cause}" in words.text]
        with self._path.open("a") as file:
            file.write(json.dumps([words.id, causes]) + "\n")
        return "written"


class Killer:
    """An audit hook: each opening, renaming and removing under ``folder``, and each fsync, is a step."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self.steps = 0
        self.at = NEVER
        sys.addaudithook(self._hook)
        really = os.fsync

        def fsync(descriptor: int) -> None:
            self.step()
            really(descriptor)

        os.fsync = fsync  # type: ignore[assignment]

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in {"open", "os.rename", "os.remove"} and str(arguments[0]).startswith(self._folder):
            self.step()

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


async def work(folder: Path) -> None:
    zone = ZoneInfo("UTC")
    clock, channel = Clock(), File(folder / "delivered")
    settings = Settings("box", zone, QuietHours(zone))
    for _ in range(2):
        alerts = Alerts(settings, clock, inbox=folder / "inbox", book=folder / "alerts.json", channels=[channel])
        for _ in range(3):
            await alerts.look()
            await alerts.deliver(channel)
            clock.now += 11


def run(folder: Path, killer: Killer, *, at: int) -> int:
    """Return the exit status of a process that works in ``folder`` until step ``at``."""
    pid = os.fork()
    if pid == 0:
        killer.steps, killer.at = 0, at
        asyncio.run(work(folder))
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def main(root: Path) -> None:
    killer = Killer(root)
    results = []
    for at in range(1, NEVER):
        folder = root / str(at)
        (folder / "inbox").mkdir(parents=True)
        inbox = Inbox(folder / "inbox")
        for number, cause in enumerate(CAUSES):
            inbox.report(Report(cause, "raised", "warning", "x", at=1_780_000_000.0 + number / 8))
        status = run(folder, killer, at=at)
        again = run(folder, killer, at=NEVER)
        lines = (folder / "delivered").read_text().splitlines()
        left = sorted(path.name for path in (folder / "inbox").iterdir())
        results.append(
            {"status": status, "again": again, "delivered": [json.loads(line) for line in lines], "left": left}
        )
        if status == 0:
            break
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
