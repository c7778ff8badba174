"""systemd's side of sd_notify(3): a started process says how it is doing, as long as it lives."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress
from typing import Final

from bridge.process.clock import SystemClock
from bridge.process.notify import READY
from demo.processes import Child, DemoError

_LOOK_S: Final = 0.1
_MESSAGE_MAX_BYTES: Final = 4_096


class Readiness:
    """A socket for one process to report to; its ``environment`` tells that process where."""

    def __init__(self) -> None:
        name = f"drawbridge-demo-{secrets.token_hex(8)}"  # Linux's abstract namespace: no file to clean up
        self.environment: Final = {"NOTIFY_SOCKET": f"@{name}"}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{name}")
        self._socket.settimeout(_LOOK_S)

    def close(self) -> None:
        self._socket.close()

    def wait(self, child: Child, timeout_s: float) -> None:
        """Return when ``child`` says that it is ready. Raises DemoError if it ends instead, or says nothing."""
        clock = SystemClock()
        deadline = clock.monotonic() + timeout_s
        while child.is_running and clock.monotonic() < deadline:
            try:
                message = self._socket.recv(_MESSAGE_MAX_BYTES)
            except TimeoutError:
                continue
            if READY in message.decode(errors="replace").splitlines():
                return
        if child.is_running:
            msg = f"{child.name} is not ready after {timeout_s:g} s; the end of {child.log}:\n{child.log_tail()}"
            raise DemoError(msg)
        raise child.failure()

    def hear(self) -> None:
        """Take what else the process said, so that it never has to wait for us."""
        self._socket.settimeout(0)
        with suppress(BlockingIOError):
            while self._socket.recv(_MESSAGE_MAX_BYTES):
                pass
