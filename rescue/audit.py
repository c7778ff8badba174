"""What was asked of the rescue console, by whom, and how it ended: in the journal, and in a file that only grows.

One JSON object a line, with the keys of the other services' logs (``at level host app event outcome duration_ms``) and
``verb``, ``arguments``, ``key`` (the SSH key's fingerprint), ``key_name``, ``role``, ``address``. Events:

``rescue_used``           before anything is done; a warning, which alerts (the self-test's own are not)
``rescue_logged_in``      somebody sits at a prompt; a warning
``rescue_verb_finished``  with the exit code
``rescue_refused``        what was asked is none of the list; a warning
``rescue_selftest_failed``  an error
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Final, TextIO

from rescue.settings import Host
from rescue.verbs import Role
from rescue.words import printable

_TEXT_MAX: Final = 200
_FILE_MODE: Final = 0o640


class Level(IntEnum):
    """syslog's priorities, by which the journal sorts."""

    ERROR = 3
    WARNING = 4
    INFO = 6


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as sshd told the console; ``role`` decides what they may."""

    role: Role
    key: str = ""
    key_name: str = ""
    address: str = ""

    @property
    def fields(self) -> dict[str, str]:
        return {"role": self.role.value, "key": self.key, "key_name": self.key_name, "address": self.address}


class Audit:
    """Writes each event to ``stream`` (standard error, which systemd brings to the journal) and to ``path``."""

    def __init__(self, host: Host, path: Path, stream: TextIO | None = None) -> None:
        self._host = host
        self._path = path
        self._stream = stream or sys.stderr

    def write(self, event: str, level: Level, **fields: str | float | list[str] | None) -> None:
        """Write one event. What cannot be written to the file is still in the journal, with that very fact."""
        line = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": level.name.lower(),
            "host": self._host.value,
            "app": "rescue",
            "event": event,
            **{name: _short(value) for name, value in fields.items() if value not in (None, "")},
        }
        try:
            self._append(json.dumps(line))
        except OSError as error:
            line["file_error"] = str(error.strerror)
        # the prefix of sd-daemon(3), for systemd to take off
        self._stream.write(f"<{int(level)}>{json.dumps(line)}\n")
        self._stream.flush()

    def _append(self, text: str) -> None:
        self._path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, _FILE_MODE)
        try:
            os.fchmod(descriptor, _FILE_MODE)  # whatever the umask says
            os.write(descriptor, f"{text}\n".encode())
            os.fsync(descriptor)  # the next thing may be a reboot
        finally:
            os.close(descriptor)


def _short(value: str | float | list[str] | None) -> str | float | list[str] | None:
    if isinstance(value, str):
        return printable(value[:_TEXT_MAX])
    if isinstance(value, list):
        return [printable(one[:_TEXT_MAX]) for one in value]
    return value
