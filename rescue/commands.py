"""Running fixed commands: an environment of our own, no shell, no pager, an end in time, and not too much output."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rescue.settings import USUAL_PATHS, Paths
from rescue.words import printable

OUTPUT_MAX_BYTES: Final = 512 * 1024
LINE_MAX: Final = 2000
TIMED_OUT: Final = 124
NOT_FOUND: Final = 127
LEFT: Final = 130
_LOOK_S: Final = 0.25

ENVIRONMENT: Final[Mapping[str, str]] = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/",
    "LC_ALL": "C.UTF-8",
    "SYSTEMD_COLORS": "0",
    "SYSTEMD_PAGER": "",
}

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def reason(self) -> str:
        """What went wrong, for one line of ours: the first that calls itself an error, or the last."""
        lines = (self.err.strip() or self.out.strip()).splitlines() or [f"it ended with {self.code}"]
        return printable(next((line for line in lines if "Error: " in line), lines[-1]))


class Commands:
    """Runs commands, and says their lines as they come. ``has_left`` tells that nobody listens any more."""

    def __init__(
        self,
        say: Say = lambda _line: None,
        *,
        has_left: Callable[[], bool] = lambda: False,
        environment: Mapping[str, str] = ENVIRONMENT,
        paths: Paths = USUAL_PATHS,
    ) -> None:
        self.say: Final = say
        self.paths: Final = paths
        self.has_left: Final = has_left
        self._environment = dict(environment)

    def run(self, *argv: str, timeout_s: float = 30.0, line_max: int = LINE_MAX) -> int:
        """Run a command, saying each line of its output; return its exit code, 124 for one that took too long.

        Of a line that has more than ``line_max`` bytes, the rest is left out.
        """
        try:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                env=self._environment, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            self.say(f"{argv[0]}: {error.strerror}")
            return NOT_FOUND
        with process:
            try:
                return self._relay(process, time.monotonic() + timeout_s, line_max)
            finally:
                _end(process)

    def lines(self, *argv: str, timeout_s: float = 30.0, line_max: int = LINE_MAX) -> tuple[int, list[str]]:
        """Run a command as :meth:`run` does; return its exit code and what that would have said."""
        said: list[str] = []
        quiet = Commands(said.append, has_left=self.has_left, environment=self._environment, paths=self.paths)
        return quiet.run(*argv, timeout_s=timeout_s, line_max=line_max), said

    def capture(self, *argv: str, timeout_s: float = 30.0, given: bytes = b"") -> Finished:
        """Run a command to its end, giving it ``given`` on standard input. Raises nothing."""
        try:
            process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self._environment,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            return Finished(NOT_FOUND, "", f"{argv[0]}: {error.strerror}")
        with process:
            try:
                out, err = process.communicate(given, timeout_s)
            except subprocess.TimeoutExpired:
                return Finished(TIMED_OUT, "", f"{argv[0]} took longer than {timeout_s:g} s")
            finally:
                _end(process)
        return Finished(process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))

    def _relay(self, process: subprocess.Popen[bytes], deadline: float, line_max: int) -> int:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        output, rest, size = process.stdout.fileno(), b"", 0
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while True:
                if time.monotonic() > deadline:
                    self.say("this took too long, and was ended")
                    return TIMED_OUT
                if not selector.select(_LOOK_S):
                    if self.has_left():
                        return LEFT
                    continue
                chunk = os.read(output, 1 << 16)
                size += len(chunk)
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self.say(_text(line, line_max))
                if not chunk:
                    break
                if size > OUTPUT_MAX_BYTES:
                    self.say("there is more, which is not shown")
                    return 0
                rest = rest[: line_max + 1]
        if rest:
            self.say(_text(rest, line_max))
        try:
            return process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return TIMED_OUT


def _text(line: bytes, line_max: int) -> str:
    return printable(line[:line_max].decode("utf-8", "replace").rstrip("\r"))


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def in_unit(user: str, *argv: str, timeout_s: float = 60.0, properties: Sequence[str] = ()) -> list[str]:
    """Return how to run ``argv`` as ``user`` in a unit of its own, which systemd makes.

    The helper has no capability and a sandbox: what needs another user or right gets it from systemd, for this alone,
    and root touches no file in a folder that a service may write to.
    """
    said = (f"RuntimeMaxSec={timeout_s:g}", "NoNewPrivileges=yes", "UMask=0077", *properties)
    return [
        "systemd-run", "--quiet", "--pipe", "--wait", "--collect", f"--uid={user}",
        *(f"--property={one}" for one in said), "--", *argv,
    ]  # fmt: skip


def as_user(
    user: str, module: str, *arguments: str, credentials: Sequence[str] = (), timeout_s: float = 60.0,
    paths: Paths = USUAL_PATHS,
) -> list[str]:  # fmt: skip
    """Return how to run the current release's ``python -m module …`` as ``user``, with secrets as its unit has them."""
    secrets = (f"LoadCredential={name}:{paths.credentials / name}" for name in credentials)
    properties = (f"WorkingDirectory={paths.release}", *secrets)
    argv = (str(paths.python), "-m", module, *arguments)
    return in_unit(user, *argv, timeout_s=timeout_s, properties=properties)
