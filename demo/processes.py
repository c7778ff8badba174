"""Child processes that never outlive whoever started them, however that one ends."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from pwd import struct_passwd
from typing import Final

from bridge.process.environment import environment

OWN_DATABASE: Final = "DATABASE_URL"
"""The variable with the URL, which may hold a password, of a database of the user's own."""

_LOG_TAIL_BYTES: Final = 4_096


class DemoError(Exception):
    """What stands in the way, as one line for the person at the terminal; perhaps with a log's last lines below."""


def launcher(user: struct_passwd | None, dies_by: signal.Signals | None = None) -> list[str]:
    """Return the words before a command that run it as ``user`` (None: as we are) and tie it to our life.

    The kernel sends ``dies_by`` when the thread that started the process ends, kill -9 included (prctl(2),
    PR_SET_PDEATHSIG). It must be set after the user changes, which clears it: setpriv(1) does so, and Debian's
    util-linux is essential. Start processes from the main thread only.
    """
    words = ["setpriv"]
    if user is not None:
        words += [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    if dies_by is not None:
        words += ["--pdeathsig", dies_by.name.removeprefix("SIG")]
    return [*words, "--"] if len(words) > 1 else []


@dataclass(frozen=True, slots=True)
class Child:
    """A running process of ours, in a session of its own: a Ctrl-C at the terminal reaches us alone."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    log_start: int
    """Where this run begins in ``log``, which earlier runs wrote too (bytes)."""

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def stop(self, *steps: tuple[signal.Signals, float]) -> None:
        """End it: each signal with the seconds to wait for its effect, then SIGKILL."""
        for number, grace_s in steps:
            self.process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(grace_s)
        self.process.kill()
        self.process.wait()

    def log_tail(self, lines: int = 8) -> str:
        """Return the last ``lines`` of what this run wrote."""
        with self.log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(self.log_start, size - _LOG_TAIL_BYTES))
            text = file.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def failure(self) -> DemoError:
        """Return the error that says how this process ended, with the last lines of its log."""
        how = f"ended by itself (status {self.process.returncode})"
        return DemoError(f"{self.name} {how}; the end of {self.log}:\n{self.log_tail()}")


def start(
    name: str,
    command: Sequence[str],
    *,
    log: Path,
    folder: Path,
    variables: Mapping[str, str] | None = None,
    user: struct_passwd | None = None,
    dies_by: signal.Signals = signal.SIGTERM,
) -> Child:
    """Start ``command`` in ``folder`` with what it prints appended to ``log`` (mode 0600).

    ``variables`` are added to our environment, without :data:`OWN_DATABASE`: a password is not for every process.
    """
    log.touch(mode=0o600)
    with log.open("ab") as output:
        log_start = output.tell()
        process = subprocess.Popen(
            [*launcher(user, dies_by), *command],
            cwd=folder,
            env={**{k: v for k, v in environment().items() if k != OWN_DATABASE}, **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Child(name, process, log, log_start)
