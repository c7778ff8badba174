"""One request's way through nginx, the gateway and the agent: the lines of all three logs that bear its id, by time.

Each writes its line when its part is done: the agent first, nginx last. Times are each host's own clock's.

For a program, a line is its JSON object; what is missing and why comes last, as objects of the app ``rescue``::

    {"at": …, "level": "warning", "host": "door", "app": "rescue", "event": "request_search_incomplete",
     "request_id": "5a9c…", "reason": "access.log.3.gz: Not a gzipped file"}
    {"at": …, "level": "info", "host": "door", "app": "rescue", "event": "request_not_found", "request_id": "5a9c…",
     "since": "2026-11-07T00:51:00.000Z"}

The keep reads the door's in this form, and believes none of it: not its ``host``, its length or its characters.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from rescue.access_log import LINES_MAX, READ_S
from rescue.commands import LEFT, LINE_MAX, Commands, in_unit
from rescue.remote import DOOR_KEY, ssh
from rescue.settings import Host, Settings
from rescue.units import OF_A_RELEASE, unit_name

LOOK_BACK: Final = timedelta(days=14)
"""As long as nginx's log is kept."""
WEB_USER: Final = "www-data"
_NOTHING: Final = 1
"""The exit code of journalctl, and of this verb, where there is no such line."""
_APP: Final = "rescue"
_INCOMPLETE: Final = "request_search_incomplete"
_NOT_FOUND: Final = "request_not_found"
_JOURNAL_S: Final = 25.0
_ACCESS_LOG_S: Final = READ_S + 5
_DOOR_S: Final = 40.0
_LOG_LINE_MAX: Final = 8 * 1024
_DOOR_LINE_MAX: Final = 3 * _LOG_LINE_MAX
"""A letter of two bytes has six in the ASCII that the door sends."""
_FAULTS_MAX: Final = 5
_VALUE_MAX: Final = 120
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log of ``host``, that named the request."""

    host: Host
    fields: Mapping[str, object]

    @property
    def at(self) -> datetime:
        try:
            at = datetime.fromisoformat(str(self.fields.get("at")))
            return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            return _LONG_AGO

    @property
    def as_json(self) -> str:
        return json.dumps({**self.fields, "host": self.host.value})

    @property
    def as_text(self) -> str:
        """The line for people: when, where, who, what, and what else is known of it."""
        at = "at no known time" if self.at == _LONG_AGO else _rfc3339(self.at)
        app, event = (_shown(self.fields.get(name, "?")) for name in ("app", "event"))
        known = {"at", "host", "app", "event", "request_id"}
        facts = [
            f"{name}={_shown(value)}"
            for name, value in self.fields.items()
            if name not in known and value not in ("", None) and (name, value) != ("level", "info")
        ]
        return f"{at:<24} {self.host.value} {app:<7} {event} {' '.join(facts)}".rstrip()[:LINE_MAX]


@dataclass(slots=True)
class Found:
    """What logs had of a request; ``faults`` are why there may be more, by host."""

    lines: list[Line] = field(default_factory=list)
    faults: list[tuple[Host, str]] = field(default_factory=list)

    def add(self, other: Found) -> None:
        self.lines += other.lines
        self.faults += other.faults[:_FAULTS_MAX]


@dataclass(frozen=True, slots=True)
class Search:
    """Looks for one request in the logs from ``since`` on."""

    settings: Settings
    commands: Commands
    request_id: str
    since: datetime

    def everywhere(self) -> Found:
        """Look into all the logs at once: the keep's, the door's, and from the keep both."""
        logs: Sequence[Callable[[], Found]] = (
            [self._journal, self._access_log] if self.settings.host is Host.DOOR else [self._journal, self._door]
        )
        found = Found()
        with ThreadPoolExecutor(len(logs)) as threads:
            for one in threads.map(lambda look: look(), logs):
                found.add(one)
        found.lines.sort(key=lambda line: line.at)
        return found

    def _journal(self) -> Found:
        # should time run out: --reverse finds the newest first, and a buffer of journalctl's would die with it
        units = [f"--unit={unit_name(unit)}" for unit in OF_A_RELEASE[self.settings.host]]
        argv = (
            "stdbuf", "--output=L", "journalctl", "--no-pager", "--quiet", "--output=cat", "--reverse",
            f"--since=-{LOOK_BACK.days}days", f"--lines={LINES_MAX}", "--case-sensitive=yes",
            f"--grep={self.request_id}", *units,
        )  # fmt: skip
        code, said = self.commands.lines(*argv, timeout_s=_JOURNAL_S, line_max=_LOG_LINE_MAX)
        found = self._read(self.settings.host, reversed(said), "the journal")
        return self._ended(found, self.settings.host, code, "journalctl", usual={0, _NOTHING})

    def _access_log(self) -> Found:
        argv = in_unit(
            WEB_USER, "env", f"PYTHONPATH={Path(__file__).parents[1]}", sys.executable, "-m", "rescue.access_log",
            self.request_id, self.since.isoformat(), timeout_s=_ACCESS_LOG_S,
            properties=("MemoryMax=64M", "PrivateNetwork=yes", "ProtectSystem=strict"),
        )  # fmt: skip
        code, said = self.commands.lines(*argv, timeout_s=_ACCESS_LOG_S, line_max=_LOG_LINE_MAX)
        found = self._read(Host.DOOR, said, "nginx's log")
        return self._ended(found, Host.DOOR, code, "nginx's log was not read", usual={0})

    def _door(self) -> Found:
        argv = ssh(self.settings, self.commands.paths, DOOR_KEY, ["request", "--json", self.request_id])
        code, said = self.commands.lines(*argv, timeout_s=_DOOR_S, line_max=_DOOR_LINE_MAX)
        found = self._read(Host.DOOR, said, "")
        return self._ended(found, Host.DOOR, code, "it was not reached", usual={0, _NOTHING})

    def _read(self, host: Host, said: Iterable[str], log: str) -> Found:
        """Return what a log said of the request. What is no JSON object is why there is no more."""
        found = Found()
        for text in said:
            try:
                fields = json.loads(text)
            except (ValueError, RecursionError):
                fields = None
            if not isinstance(fields, dict):
                found.faults.append((host, text[:_VALUE_MAX]))
            elif fields.get("request_id") == self.request_id and fields.get("app") != _APP:
                found.lines.append(Line(host, {name: value for name, value in fields.items() if _is_plain(value)}))
            elif fields.get("event") == _INCOMPLETE and isinstance(reason := fields.get("reason"), str):
                found.faults.append((host, reason[:_VALUE_MAX]))
        if log and len(found.lines) >= LINES_MAX:
            found.faults.append((host, f"{log} has more of it than the newest {LINES_MAX} lines"))
        return found

    def _ended(self, found: Found, host: Host, code: int, what: str, *, usual: Collection[int]) -> Found:
        """Return ``found``, with a fault where the command failed without a word."""
        if code not in usual and not found.faults:
            found.faults.append((host, f"{what} ({code})"))
        return found


def show_request(settings: Settings, commands: Commands, request_id: str, *, as_json: bool = False) -> int:
    """Say what the logs have of a request. Exit code 1: nothing, or not all of them could be read to the end."""
    now = datetime.now(UTC)
    since = now - LOOK_BACK
    found = Search(settings, commands, request_id, since).everywhere()
    if commands.has_left():
        return LEFT
    for line in found.lines:
        commands.say(line.as_json if as_json else line.as_text)

    def close(host: Host, text: str, event: str, level: str, **fields: str) -> None:
        known = {"at": _rfc3339(now), "level": level, "host": host.value, "app": _APP, "event": event}
        commands.say(json.dumps({**known, "request_id": request_id, **fields}) if as_json else text)

    for host, reason in found.faults:
        close(host, f"{host.value}: {reason}", _INCOMPLETE, "warning", reason=reason)
    if not found.lines:
        logs = "nginx, gateway or agent" if settings.host is Host.KEEP else "nginx or gateway"
        text = f"no line of {logs} since {_rfc3339(since)} has it: {LOOK_BACK.days} days, or as far as logs are kept"
        close(settings.host, text, _NOT_FOUND, "info", since=_rfc3339(since))
    return _NOTHING if found.faults or not found.lines else 0


def _is_plain(value: object) -> bool:
    """Whether it is a value of our logs: nothing nested, which a stolen door could send to any depth."""
    flat = value if isinstance(value, list) else [value]
    return all(one is None or isinstance(one, str | int | float) for one in flat)


def _shown(value: object) -> str:
    """Return a value as people read it: the end of a traceback, and quotes around what has spaces."""
    text = value if isinstance(value, str) else json.dumps(value)
    text = text.strip().rpartition("\n")[2]
    text = text if len(text) <= _VALUE_MAX else f"{text[:_VALUE_MAX]}…"
    return json.dumps(text, ensure_ascii=False) if " " in text or not text else text


def _rfc3339(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
