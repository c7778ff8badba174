"""The helper: does, as root, what the console may ask for, and nothing else.

It believes nobody: who connects must be root or ``rescue`` by the kernel's word (SO_PEERCRED), and what is asked is
parsed again by the same list. Verbs that only look end when their caller leaves; those that change something go on, and
never two at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import select
import signal
import socket
import struct
import threading
import time
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rescue.actions import Work, carry_out
from rescue.alerts import Alerts
from rescue.audit import Audit, Level
from rescue.commands import Commands
from rescue.notify import notify, watchdog_interval_s
from rescue.settings import RESCUE_USER, USUAL_PATHS, Paths, Settings
from rescue.verbs import Role
from rescue.wire import REQUEST_MAX_BYTES, Asked, decode
from rescue.words import Refused

CALLS_MAX: Final = 8
READ_S: Final = 5.0
IDLE_S: Final = 300.0
"""A helper that systemd starts on demand ends after so long without work: a Pi's memory is small, and the next one runs
the code that is installed by then."""
REFUSED: Final = 2
BUSY: Final = 75
_TICK_S: Final = 1.0
_FIRST_FD: Final = 3


@dataclass(slots=True)
class Helper:
    """``uids`` may connect. Close ``listener`` to stop."""

    settings: Settings
    audit: Audit
    uids: Collection[int]
    paths: Paths = USUAL_PATHS
    _change: threading.Lock = field(default_factory=threading.Lock)
    _places: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(CALLS_MAX))

    def serve(self, listener: socket.socket, *, stop: socket.socket, idle_s: float = 0.0) -> None:
        """Answer until ``stop`` can be read, or for ``idle_s`` nobody has asked (0: for ever)."""
        listener.settimeout(0)
        interval_s = watchdog_interval_s()
        notify("READY=1")
        asked_at = fed_at = time.monotonic()
        calls: set[Future[None]] = set()
        with ThreadPoolExecutor(CALLS_MAX) as threads:
            while True:
                now = time.monotonic()
                if interval_s and now >= fed_at + interval_s:
                    notify("WATCHDOG=1")
                    fed_at = now
                ready = select.select([listener, stop], [], [], _TICK_S)[0]
                calls = {call for call in calls if not call.done()}
                if stop in ready or (idle_s and not calls and now > asked_at + idle_s):
                    break
                try:
                    connection, _address = listener.accept()
                except OSError:  # nobody, or somebody who has left again
                    continue
                asked_at = now
                if not self._places.acquire(blocking=False):
                    connection.close()
                    continue
                calls.add(threads.submit(self._answer, connection))
            notify("STOPPING=1")

    def _answer(self, connection: socket.socket) -> None:
        try:
            with connection:
                code = self._respond(connection)
                _send(connection, {"exit": code})
        finally:
            self._places.release()

    def _respond(self, connection: socket.socket) -> int:
        pid, uid, _gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid not in self.uids:
            self.audit.write("rescue_refused", Level.WARNING, reason=f"uid {uid} may not ask", pid=pid)
            return REFUSED
        try:
            asked = decode(_read_line(connection), self.settings.host)
        except (Refused, OSError) as error:
            self.audit.write("rescue_refused", Level.WARNING, reason=str(error), uid=uid, pid=pid)
            _send(connection, {"say": str(error)})
            return REFUSED
        if asked.is_login:
            self.audit.write("rescue_logged_in", Level.WARNING, uid=uid, **asked.caller.fields)
            Alerts(self.settings.host, self.paths).used(asked.caller, "a login")
            return 0
        if asked.request is None:
            self.audit.write("rescue_refused", Level.WARNING, line=asked.refused, uid=uid, **asked.caller.fields)
            return REFUSED
        return self._audited(connection, asked, uid)

    def _audited(self, connection: socket.socket, asked: Asked, uid: int) -> int:
        request, caller = asked.request, asked.caller
        assert request is not None  # noqa: S101 - the caller has looked
        known: dict[str, str | int | list[str] | None] = {
            "verb": request.verb.name, "arguments": list(request.arguments), "at_host": request.host.value,
            "uid": uid, **caller.fields,
        }  # fmt: skip
        is_routine = caller.role is Role.SELFTEST and request.verb.name == "selftest"
        self.audit.write("rescue_used", Level.INFO if is_routine else Level.WARNING, **known)
        if request.verb.changes or caller.role is Role.OWNER:  # the keep's own looks are no use of a console
            Alerts(self.settings.host, self.paths).used(caller, request.line)
        started = time.monotonic()
        try:
            code = self._carry_out(connection, asked)
        except Exception as error:
            self.audit.write("rescue_verb_failed", Level.ERROR, **known, reason=type(error).__name__)
            _send(connection, {"say": f"the helper failed: {type(error).__name__}"})
            raise
        self.audit.write(
            "rescue_verb_finished", Level.INFO, **known, exit=code, outcome="ok" if code == 0 else "failed",
            duration_ms=round((time.monotonic() - started) * 1000, 1),
        )  # fmt: skip
        return code

    def _carry_out(self, connection: socket.socket, asked: Asked) -> int:
        request = asked.request
        assert request is not None  # noqa: S101 - the caller has looked
        changes = request.verb.changes
        if changes and not self._change.acquire(blocking=False):
            _send(connection, {"say": "another change is under way"})
            return BUSY
        try:
            commands = Commands(
                lambda line: _send(connection, {"say": line}),
                has_left=(lambda: False) if changes else (lambda: _has_left(connection)),
                paths=self.paths,
            )
            return carry_out(Work(self.settings, commands, asked.caller, request, asked.given))
        finally:
            if changes:
                self._change.release()


def _read_line(connection: socket.socket) -> bytes:
    connection.settimeout(READ_S)
    line, deadline = b"", time.monotonic() + READ_S
    while not line.endswith(b"\n"):
        if time.monotonic() > deadline:
            raise TimeoutError
        chunk = connection.recv(1 << 16)
        line += chunk
        if not chunk or len(line) > REQUEST_MAX_BYTES:
            msg = "this is no request"
            raise Refused(msg)
    return line


def _send(connection: socket.socket, body: dict[str, object]) -> None:
    try:
        connection.settimeout(READ_S)
        connection.sendall(json.dumps(body).encode() + b"\n")
    except OSError:  # who left hears nothing; who does not listen has left
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


def _has_left(connection: socket.socket) -> bool:
    if not select.select([connection], [], [], 0)[0]:
        return False
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except OSError:
        return True


def passed_socket() -> socket.socket | None:
    """Return the socket that systemd passes (sd_listen_fds(3)), or None."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
        return None
    return socket.socket(fileno=_FIRST_FD)


def own_socket(path: Path, uid: int, gid: int) -> socket.socket:
    """Listen at ``path``, for root and the group. A socket that is left over is replaced."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o117)
    try:
        listener.bind(str(path))
    finally:
        os.umask(mask)
    os.chown(path, uid, gid)
    listener.listen()
    return listener


def run(settings: Settings, paths: Paths = USUAL_PATHS) -> int:
    """Serve until SIGTERM. Raises OSError where there is no socket to be had, KeyError without the user ``rescue``."""
    user = pwd.getpwnam(RESCUE_USER)
    passed = passed_socket()
    listener = passed or own_socket(paths.socket, 0, user.pw_gid)
    stop, stopping = socket.socketpair()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.send(b"."))
    helper = Helper(settings, Audit(settings.host, paths.audit), {0, user.pw_uid}, paths)
    helper.serve(listener, stop=stop, idle_s=IDLE_S if passed else 0.0)
    return 0
