"""One log format for every container: what a program prints that is not ours already becomes a line like ours.

Gateway and agent write JSON lines themselves (``bridge/process/logs.py``), and so does nginx's access log; those pass
as they are. PostgreSQL's log, nginx's error log and a crash's traceback are plain text::

    FATAL:  the database system is starting up
    {"at":"2026-11-21T08:00:00.250Z","level":"error","host":"keep","app":"postgresql","event":"printed",
     "text":"the database system is starting up"}
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from bridge.process.clock import Clock, rfc3339

_LINE_MAX_BYTES: Final = 65_536
"""A longer line leaves in parts: whoever ends none must not fill the memory."""

_POSTGRESQL: Final = re.compile(
    r"(DEBUG\d|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC|DETAIL|HINT|CONTEXT|STATEMENT):  ?(.*)"
)
_NGINX: Final = re.compile(
    r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[(debug|info|notice|warn|error|crit|alert|emerg)\] \d+#\d+: (.*)"
)
_LEVELS: Final = {
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "fatal": "error",
    "panic": "critical",
    "crit": "critical",
    "alert": "critical",
    "emerg": "critical",
}


class LogRelay:
    """Turns the bytes that a program prints into whole lines of JSON, in their order."""

    def __init__(self, *, host: str, app: str, clock: Clock) -> None:
        self._host = host
        self._app = app
        self._clock = clock
        self._rest = b""

    def feed(self, content: bytes) -> Iterator[bytes]:
        """Yield the lines that ``content`` completes; what begins another one waits for its end."""
        *lines, self._rest = (self._rest + content).split(b"\n")
        if len(self._rest) > _LINE_MAX_BYTES:
            lines.append(self._rest)
            self._rest = b""
        yield from (self._as_json(line) for line in lines if line.strip())

    def close(self) -> Iterator[bytes]:
        """Yield the last line, where it had no end."""
        yield from self.feed(b"\n")

    def event(self, event: str, *, level: str = "info", **fields: str | float) -> bytes:
        """Return a line of our own."""
        line = {
            "at": rfc3339(self._clock.time()),
            "level": level,
            "host": self._host,
            "app": self._app,
            "event": event,
            **fields,
        }
        return json.dumps(line, separators=(",", ":")).encode() + b"\n"

    def _as_json(self, line: bytes) -> bytes:
        if line.startswith(b'{"') and line.endswith(b"}"):
            return line + b"\n"
        text = line.decode(errors="replace")
        if known := _POSTGRESQL.fullmatch(text) or _NGINX.fullmatch(text):
            return self.event("printed", level=_LEVELS.get(known[1].lower(), "info"), text=known[2])
        return self.event("printed", text=text)
