"""Saying that something is wrong, or right again: one small file in the inbox, which the monitor reads.

Anybody may report, from any process; nobody has to run for it. The file is JSON::

    {"cause": "ddns.badauth:box.example.org", "state": "raised", "severity": "critical", "summary": "one sentence",
     "detail": "text", "host": "door", "at": 1780000000.0, "because_of": null}

``raised`` stays until ``cleared``, and saying it again changes nothing; an ``event`` is a thing that happened and is
over. Nothing secret and no health text belongs in it. ``rescue/alerts.py`` writes the same files, as it imports
nothing of ours.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final, Literal, get_args

State = Literal["raised", "cleared", "event"]
Severity = Literal["critical", "warning", "info"]
Host = Literal["door", "keep"]

INBOX: Final = Path("/var/lib/drawbridge/alerts/inbox")
REPORTS_MAX: Final = 256
"""So many files may wait. A quarter of the places is kept for what is critical."""
REPORT_MAX_BYTES: Final = 16 * 1024
SUMMARY_MAX: Final = 200
DETAIL_MAX: Final = 2000
SUBJECT_MAX: Final = 128
TURNED_AWAY: Final = "turned-away"
"""A file of the inbox with one byte for each report that found no place."""

TURNED_AWAY_MAX_BYTES: Final = 1 << 20
_AT_MAX: Final = 100_000_000_000  # the year 5138; what makes dates of it still can
_FILE_MODE: Final = 0o640  # the folder is setgid: the group is the inbox's, whoever writes
_CAUSE: Final = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*(:.+)?", re.DOTALL)
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """One report, whole and checked. ``cause`` is ``<area>.<what>``, or ``<area>.<what>:<subject>``; ``at`` Unix time.

    Texts are cut to their lengths, and what cannot be printed becomes ``?``. Raises :class:`ValueError` for what only
    a mistake in the code can bring: a cause, state, severity or host that is none.
    """

    cause: str
    state: State
    severity: Severity
    summary: str
    detail: str = ""
    host: Host = "door"
    at: float = 0.0
    because_of: str | None = None

    def __post_init__(self) -> None:
        for name in ("cause", "because_of"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _cause(value))
        for name, known in (("state", State), ("severity", Severity), ("host", Host)):
            if getattr(self, name) not in get_args(known):
                msg = f"{name} is one of {', '.join(get_args(known))}"
                raise ValueError(msg)
        object.__setattr__(self, "at", _unix_s(self.at))
        object.__setattr__(self, "summary", one_line(self.summary, SUMMARY_MAX))
        lines = str(self.detail).replace("\r\n", "\n")[:DETAIL_MAX].split("\n")
        object.__setattr__(self, "detail", "\n".join(one_line(line, DETAIL_MAX) for line in lines))

    def as_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Report:
        """Return what a file of the inbox says. Raises :class:`ValueError` for anything else than such a file."""
        if len(content) > REPORT_MAX_BYTES:
            msg = f"a report has at most {REPORT_MAX_BYTES} bytes"
            raise ValueError(msg)
        try:
            values = json.loads(content)
        except RecursionError as error:
            msg = "a report has no such depths"
            raise ValueError(msg) from error
        return cls.of(values)

    @classmethod
    def of(cls, values: object) -> Report:
        """Return the report of these values, as :func:`dataclasses.asdict` gives them. Raises :class:`ValueError`."""
        names = {field.name for field in fields(cls)}
        if not isinstance(values, dict) or set(values) != names:
            msg = f"a report has exactly {', '.join(sorted(names))}"
            raise ValueError(msg)
        if not all(isinstance(values[name], str) for name in names - {"at", "because_of"}):
            msg = "a report's texts are texts"
            raise ValueError(msg)
        return cls(**values)


def one_line(text: str, length_max: int) -> str:
    """Return ``text`` cut to ``length_max`` characters, with ``?`` for each that cannot be printed."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(text)[:length_max])


def _unix_s(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _AT_MAX:
        msg = "at is Unix time, seconds"
        raise ValueError(msg)
    return float(value)


def _cause(value: object) -> str:
    if not isinstance(value, str) or not _CAUSE.fullmatch(value):
        msg = "a cause is <area>.<what> or <area>.<what>:<subject>, in small letters"
        raise ValueError(msg)
    what, colon, subject = value.partition(":")
    return f"{what[:SUBJECT_MAX]}{colon}{one_line(subject, SUBJECT_MAX)}"


class Inbox:
    """Where reports are dropped."""

    def __init__(self, folder: Path = INBOX) -> None:
        self._folder = folder
        self._is_refused = False
        self._last_ns = 0

    def report(self, report: Report) -> bool:
        """Leave ``report`` in the inbox, on disk when this returns True.

        A folder that is missing, full or not ours to write to gives False and one log line until it takes one again:
        reporting trouble must make none. It waits for the disk; in an event loop, call it in a thread.
        """
        try:
            refusal = self._drop(report)
        except (OSError, ValueError) as error:  # ValueError: a path with what no path has
            refusal = getattr(error, "strerror", None) or type(error).__name__
        if refusal and not self._is_refused:
            fields = {"cause": report.cause, "reason": refusal}
            _log.warning("alert_report_not_taken", extra={"drawbridge_fields": fields})
        self._is_refused = bool(refusal)
        return not refusal

    def _drop(self, report: Report) -> str:
        places = REPORTS_MAX if report.severity == "critical" else REPORTS_MAX * 3 // 4
        if len(os.listdir(self._folder)) >= places:  # noqa: PTH208 - names alone, many of them in a flood
            self._count_one_turned_away()
            return "the inbox is full"
        self._last_ns = max(int(report.at * 1e9), self._last_ns + 1)  # what one reporter says stays in its order
        name = f"{self._last_ns}-{os.getpid()}-{os.urandom(4).hex()}.json"
        draft = self._folder / f".{name}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE_MODE)
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
                os.fchmod(descriptor, _FILE_MODE)  # whatever the umask says
                file.write(report.as_json())
                file.flush()
                os.fsync(descriptor)
            draft.rename(self._folder / name)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise
        sync_folder(self._folder)
        return ""

    def _count_one_turned_away(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self._folder / TURNED_AWAY, flags, 0o660)
        try:
            status = os.fstat(descriptor)
            if status.st_uid == os.geteuid() and status.st_mode & 0o777 != 0o660:  # noqa: PLR2004
                os.fchmod(descriptor, 0o660)  # the next one may be of another user
            if status.st_size < TURNED_AWAY_MAX_BYTES:
                os.write(descriptor, b".")
        finally:
            os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Return when the names in ``folder`` are on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
