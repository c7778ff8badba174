"""The journal of outages: what was down from when to when, when the monitor ran at all, and what was told.

One JSON object a line, appended and synced; a later line of the same kind, name and beginning replaces an earlier::

    {"kind": "outage", "name": "dns", "began": 1780000000.0, "ended": null, "code": "dns_dead", "summary": "…"}
    {"kind": "ran", "name": "", "began": 1779990000.0, "ended": 1780000600.0}
    {"kind": "told", "name": "line.dns_dead", "began": 1780000004.0, "ended": 1780000300.0}

``ran`` is written every ten minutes and when the monitor stops: time in no such span is unknown, and counts neither as
up nor as down. Times are Unix seconds.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

DAYS: Final = 30
OUTAGES_MAX: Final = 2000
LINES_MAX: Final = 6000
ALIVE_EVERY_S: Final = 600.0
_KEPT_S: Final = (DAYS + 1) * 86_400.0
_OTHERS_MAX: Final = 1000
_FILE_MAX_BYTES: Final = 8 << 20

_log: Final = logging.getLogger(__name__)

Kind = Literal["outage", "ran", "told"]
Key = tuple[str, str, float]


@dataclass(frozen=True, slots=True)
class Entry:
    """One span; ``ended`` is None while it lasts. A span with ``void`` never was: its times were a wrong clock's."""

    kind: Kind
    name: str
    began: float
    ended: float | None = None
    code: str = ""
    summary: str = ""
    flaps: int = 0
    void: bool = False

    @property
    def key(self) -> Key:
        return (self.kind, self.name, self.began)


@dataclass(frozen=True, slots=True)
class Availability:
    """Of the last 30 days: seconds that the monitor ran, seconds of those that something was down."""

    known_s: float
    down_s: float

    @property
    def share(self) -> float | None:
        """The share of the known time that all was up; None where nothing is known."""
        return None if self.known_s <= 0 else max(0.0, 1.0 - self.down_s / self.known_s)


class Journal:
    """What the file holds, in memory, and every change appended to it.

    A file that cannot be written stops nobody: it is logged once, and what happens is remembered until the end.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[Key, Entry] = {}
        self._lines = 0
        self._is_whole = True
        self._failed = False
        self._run: Entry | None = None
        self.last_seen: float | None = None
        """When the monitor before this one was last known to run."""
        self._read()

    # a run of the monitor

    def start(self, now: float, *, last_seen: float | None = None) -> None:
        """Begin a run. ``last_seen``: what a snapshot that outlived a crash says of when it was written."""
        for entry in list(self._entries.values()):
            if entry.kind == "ran" and last_seen is not None and entry.ended == self.last_seen:
                if entry.ended is not None and entry.ended < last_seen <= min(now, entry.ended + 2 * ALIVE_EVERY_S):
                    self.put(replace(entry, ended=last_seen))
                    self.last_seen = last_seen
                break
        self._run = Entry("ran", "", now, now)
        self.put(self._run)

    def alive(self, now: float, *, is_stopping: bool = False) -> None:
        """Say that the monitor runs; written only every :data:`ALIVE_EVERY_S`, and when it stops."""
        if self._run is None or self._run.ended is None or now < self._run.began:
            return
        if is_stopping or now - self._run.ended >= ALIVE_EVERY_S:
            self._run = replace(self._run, ended=now)
            self.put(self._run)

    def clock_set(self, by_s: float) -> None:
        """Move the beginnings of what lasts, which a wrong clock gave that has been put right."""
        lasting = [each for each in self._entries.values() if each.ended is None or each is self._run]
        began = self._run.began if self._run else 0.0
        for entry in lasting:
            if entry.began < began:
                continue  # from before this run, when it may have been right
            self.put(replace(entry, void=True))
            moved = replace(entry, began=entry.began + by_s, ended=None if entry.ended is None else entry.ended + by_s)
            if entry is self._run:
                self._run = moved
            self.put(moved)

    # outages and what was told

    def put(self, entry: Entry) -> None:
        """Write ``entry``, in the place of an earlier one of the same kind, name and beginning."""
        self._set(entry)
        try:
            if self._lines >= LINES_MAX or not self._is_whole:
                self._write_anew()
            else:
                self._append(entry)
            self._failed = False
        except OSError as error:
            self._is_whole = False
            if not self._failed:
                _log.error("journal_not_written", extra={"drawbridge_fields": {"error": str(error)}})
            self._failed = True

    def lasting(self, kind: Kind) -> list[Entry]:
        """Return what of ``kind`` has not ended."""
        return [each for each in self._entries.values() if each.kind == kind and each.ended is None]

    def told(self) -> list[Entry]:
        return [each for each in self._entries.values() if each.kind == "told"]

    def outages(self, now: float) -> list[Entry]:
        """Return the outages that reach into the last 30 days, newest first."""
        since = now - DAYS * 86_400.0
        found = [each for each in self._entries.values() if each.kind == "outage" and (each.ended or now) >= since]
        return sorted(found, key=lambda each: each.began, reverse=True)

    def availability(self, now: float) -> Availability:
        """Return what is known of the last 30 days."""
        since = max(now - DAYS * 86_400.0, self._forgotten_until())
        spans = [
            (max(since, each.began), min(now, now if each is self._run else each.ended or each.began))
            for each in self._entries.values()
            if each.kind == "ran"
        ]
        known = merge(spans)
        downs = merge((each.began, now if each.ended is None else each.ended) for each in self.outages(now))
        return Availability(sum(end - begin for begin, end in known), overlap_s(known, downs))

    # the file

    def _read(self) -> None:
        try:
            with self._path.open("rb") as file:
                data = file.read(_FILE_MAX_BYTES)
        except OSError:
            return
        self._is_whole = data.endswith(b"\n") or not data
        seen: list[float] = []
        for line in data.splitlines():
            self._lines += 1
            if entry := parse(line):
                self._set(entry)
                if entry.kind == "ran" and entry.ended is not None and not entry.void:
                    seen.append(entry.ended)
        self.last_seen = max(seen, default=None)

    def _set(self, entry: Entry) -> None:
        if entry.void:
            self._entries.pop(entry.key, None)
            return
        self._entries[entry.key] = entry
        if len(self._entries) > OUTAGES_MAX + _OTHERS_MAX:
            self._forget()

    def _forget(self) -> None:
        newest = max(each.ended or each.began for each in self._entries.values())
        kept: list[Entry] = []
        for kind, most in (("outage", OUTAGES_MAX), ("ran", _OTHERS_MAX // 2), ("told", _OTHERS_MAX // 2)):
            of_kind = [each for each in self._entries.values() if each.kind == kind]
            of_kind = [each for each in of_kind if each.ended is None or newest - each.ended <= _KEPT_S]
            kept += sorted(of_kind, key=lambda each: each.began)[-most * 9 // 10 :]  # so that this is seldom done
        self._entries = {each.key: each for each in kept}

    def _forgotten_until(self) -> float:
        """Return until when outages may have been forgotten: of the time before, nothing is known."""
        outages = [each.began for each in self._entries.values() if each.kind == "outage"]
        return min(outages) if len(outages) >= OUTAGES_MAX * 9 // 10 else 0.0

    def _append(self, entry: Entry) -> None:
        self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            file.write(encode(entry))
            file.flush()
            os.fsync(file.fileno())
        self._lines += 1

    def _write_anew(self) -> None:
        self._forget()
        self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft = self._path.with_name(f".{self._path.name}.new")
        with draft.open("wb") as file:
            file.writelines(map(encode, self._entries.values()))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        self._lines = len(self._entries)
        self._is_whole = True


def encode(entry: Entry) -> bytes:
    """Return the line of ``entry``, without what says nothing."""
    fields = {name: value for name, value in asdict(entry).items() if value or name in {"name", "began", "ended"}}
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"


def parse(line: bytes) -> Entry | None:
    """Return the entry of one line; None for one that was cut off by a crash, or is from another version."""
    try:
        value: Any = json.loads(line)
        entry = Entry(**value)
    except (ValueError, TypeError, RecursionError):
        return None
    texts = all(isinstance(each, str) for each in (entry.name, entry.code, entry.summary))
    times = all(isinstance(each, int | float) for each in (entry.began, entry.flaps, entry.ended or 0.0))
    return entry if entry.kind in {"outage", "ran", "told"} and texts and times else None


def merge(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return ``spans`` in their order, those that overlap as one, and without empty ones."""
    merged: list[tuple[float, float]] = []
    for begin, end in sorted(span for span in spans if span[1] > span[0]):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return merged


def overlap_s(some: Sequence[tuple[float, float]], others: Sequence[tuple[float, float]]) -> float:
    """Return how long both hold; each is sorted, and without overlaps of its own."""
    total, first, second = 0.0, 0, 0
    while first < len(some) and second < len(others):
        begin, end = some[first]
        other_begin, other_end = others[second]
        total += max(0.0, min(end, other_end) - max(begin, other_begin))
        if end <= other_end:
            first += 1
        else:
            second += 1
    return total
