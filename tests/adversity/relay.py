"""The door's relay, killed (SIGKILL) before the n-th step of what it does for one connection, and started again.

``python -m tests.adversity.relay SETTINGS`` is in systemd's place: for each number that it reads it starts the real
``gateway relay serve``, which dies before that step. It prints, a line each, ``ready`` when a relay listens,
``killed STEP`` when it died, after which it starts one that does not die, and ``whole`` when it led a whole connection
from beginning to end.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
from asyncio import StreamWriter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import gateway.__main__
from bridge.process import notify
from gateway.relay.passing import End
from gateway.relay.relay import Relay
from tests.adversity.process import ROOT

NEVER: Final = 0
READY: Final = "ready"
KILLED: Final = "killed"
WHOLE: Final = "whole"

_HANDSHAKE: Final = (0x14, 0x16)
"""What the records of a TLS handshake begin with (RFC 8446, 5.1)."""
_SAYS_S: Final = 10.0


class _Dying:
    """Counts the steps of one process, and ends it before step ``at``."""

    def __init__(self, at: int) -> None:
        self._at = at
        self._steps = 0
        self._near: StreamWriter | None = None

    def step(self, name: str) -> None:
        self._steps += 1
        if self._steps == self._at:
            _say(f"{KILLED} {name}")
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Count what a relay of this process does from now on."""
        serve, asked, reach, write = Relay._serve, Relay._asked, Relay._reach, StreamWriter.write

        async def serving(relay: Relay, reader: asyncio.StreamReader, writer: StreamWriter) -> None:
            self._near = writer
            self.step("before the request")
            await serve(relay, reader, writer)
            self.step("after the connection")
            _say(WHOLE)

        async def asking(relay: Relay, near: End) -> str:
            target = await asked(relay, near)
            self.step("after the request")
            return target

        async def reaching(relay: Relay, target: str) -> End:
            far = await reach(relay, target)
            self.step("after reaching the server")
            return far

        def writing(writer: StreamWriter, data: bytes) -> None:
            name = f"{'down' if writer is self._near else 'up'} {_name_of(data)}"
            self.step(f"before {name}")
            write(writer, data)
            self.step(f"after {name}")

        changed: dict[str, Callable[..., Any]] = {
            "gateway.relay.relay.Relay._serve": serving,
            "gateway.relay.relay.Relay._asked": asking,
            "gateway.relay.relay.Relay._reach": reaching,
            "asyncio.StreamWriter.write": writing,
        }
        for target, function in changed.items():
            patch(target, function).start()


def _name_of(data: bytes) -> str:
    """Return what is to be said of a chunk: its first words, or what kind of record it begins with."""
    if data[0] in _HANDSHAKE:
        return "handshake"
    return data.split(b"\r\n")[0].decode("ascii") if data.isascii() else "sealed"


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def _start(settings: Path, at: int) -> int:
    """Start a relay that dies before step ``at``, and return its process."""
    pid = os.fork()
    if pid == 0:
        _Dying(at).watch()
        notified: Callable[[str], None] = lambda state: _say(READY) if state == notify.READY else None  # noqa: E731
        patch("bridge.process.notify.notify", notified).start()
        os._exit(gateway.__main__.main(["relay", "serve", "--config", str(settings)]))
    return pid


def main(settings: Path) -> None:
    pid, reading = 0, sys.stdin.fileno()
    while True:
        watched = [reading] if pid == 0 else [reading, os.pidfd_open(pid)]
        ready, _, _ = select.select(watched, [], [])
        for descriptor in watched[1:]:
            os.close(descriptor)
        line = os.read(reading, 64) if reading in ready else b""
        if reading in ready and pid:
            os.kill(pid, signal.SIGKILL)
        if pid:
            os.waitpid(pid, 0)
        if reading in ready and not line:
            return
        pid = _start(settings, int(line or NEVER))


class DyingRelay:
    """That program, for a test. ``killed`` is the step that the last one died before, None where it did not."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def start(self, at: int) -> None:
        """Have a relay listen that dies before step ``at``."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{at}\n".encode())
        while await self._line() != READY:
            pass

    async def ended(self) -> str | None:
        """Return before which step the relay died, and a new one listens; None when it led a whole connection."""
        line = await self._line()
        if line == WHOLE:
            return None
        kind, _, step = line.partition(" ")
        assert kind == KILLED, line
        while await self._line() != READY:
            pass
        return step

    async def _line(self) -> str:
        assert self._process.stdout is not None
        async with asyncio.timeout(_SAYS_S):
            return (await self._process.stdout.readline()).decode().strip()


@asynccontextmanager
async def dying_relay(folder: Path, port: int, target: str) -> AsyncIterator[DyingRelay]:
    """Give a relay at ``port`` that leads this machine to ``target``, once it is started."""
    settings = folder / "relay.toml"
    settings.write_text(
        f'[relay]\nport = {port}\nclients = ["127.0.0.1"]\nallow = ["{target}"]\n',
        "utf-8",
    )
    with (folder / "relay.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.adversity.relay", str(settings), cwd=ROOT,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log,
        )  # fmt: skip
    try:
        yield DyingRelay(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
