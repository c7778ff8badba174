"""Reports for the alerts: small files that the door's monitor reads, of the shape of ``gateway/alerts/report.py``.

At the door they lie in its inbox; at the keep in an outbox, which the agent hands out. The rescue path does not hang on
it: a folder that is missing or full takes nothing, and nobody waits for a disk that hangs.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from typing import Final, Literal

from rescue.audit import Caller
from rescue.files import sync_folder
from rescue.settings import Host, Paths
from rescue.verbs import Role
from rescue.words import printable

REPORTS_MAX: Final = 256
WITHIN_S: Final = 2.0
_FILE_MODE: Final = 0o640  # the folder is setgid: the group is the alerts', whoever writes
_SUMMARY_MAX: Final = 200
_DETAIL_MAX: Final = 2000
_MACHINES: Final = frozenset({"keys-rotate.timer"})

State = Literal["raised", "cleared", "event"]
Severity = Literal["critical", "warning", "info"]


class Alerts:
    """Writes the reports of ``host``."""

    def __init__(self, host: Host, paths: Paths) -> None:
        self._host = host
        self._folder = paths.state / "alerts" / ("inbox" if host is Host.DOOR else "outbox")

    def used(self, caller: Caller, what: str) -> None:
        """Report that the console was used: a warning, or for the record where one of our own timers did."""
        is_ours = caller.role is Role.KEEP or caller.key_name in _MACHINES
        who = f"{caller.key_name or caller.key or caller.role.value} from {caller.address or 'somewhere'}"
        summary = f"Rescue console at the {self._host.value}: {what}, by {who}"
        self._report("rescue.used", "event", "info" if is_ours else "warning", summary, f"Key {caller.key or 'none'}.")

    def selftest(self, peer: str, reason: str) -> None:
        """Report how the self-test ended: ``reason`` says why it failed, or nothing."""
        if reason:
            summary = "The rescue way into the keep does not work"
            self._report("rescue.selftest", "raised", "critical", summary, f"{peer}: {reason}")
        else:
            self._report("rescue.selftest", "cleared", "critical", "The rescue way into the keep works", "")

    def _report(self, cause: str, state: State, severity: Severity, summary: str, detail: str) -> None:
        at = time.time()
        content = {
            "cause": cause, "state": state, "severity": severity, "summary": _text(summary, _SUMMARY_MAX),
            "detail": _text(detail, _DETAIL_MAX), "host": self._host.value, "at": at, "because_of": None,
        }  # fmt: skip
        name = f"{int(at * 1e9)}-{os.getpid()}-{secrets.token_hex(4)}.json"
        writer = threading.Thread(target=self._write, args=(name, json.dumps(content).encode()), daemon=True)
        try:
            writer.start()
        except RuntimeError:  # no more threads to be had
            return
        writer.join(WITHIN_S)

    def _write(self, name: str, content: bytes) -> None:
        draft = self._folder / f".{name}"
        try:
            if len(os.listdir(self._folder)) >= REPORTS_MAX:  # noqa: PTH208 - names alone
                return
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _FILE_MODE)
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
                os.fchmod(descriptor, _FILE_MODE)  # whatever the umask says
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            draft.rename(self._folder / name)
            sync_folder(self._folder)
        except OSError:  # the audit's line is in the journal all the same
            return


def _text(text: str, length_max: int) -> str:
    return printable(text[:length_max])
