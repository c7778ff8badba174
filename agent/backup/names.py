"""The names of files at a target, relative to its folder, and what they say.

``<system>`` is PostgreSQL's system identifier, which a restored cluster keeps and a new one does not have::

    <system>/wal/00000001000000000000000A            a WAL segment, gzip, sealed
    <system>/wal/00000002.history                    a timeline's history, alike
    <system>/base/20261128T031500Z-00000001000000000000000A.store.tar
    <system>/base/20261128T031500Z-00000001000000000000000A.store.dump
    <system>/base/20261128T031500Z-00000001000000000000000A.source.dump
    <system>/base/20261128T031500Z-00000001000000000000000A.manifest
    <system>/heads/20261128T041500Z.head             the audit trail's head then (agent.backup.witness)

A backup's id is the time it began, and the first WAL segment that restoring it needs. Its manifest comes last: a
backup without one was never finished.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

_STAMP: Final = "%Y%m%dT%H%M%SZ"
_BASE: Final = re.compile(r"(?P<system>\d+)/base/(?P<id>\d{8}T\d{6}Z-[0-9A-F]{24})\.(?P<part>[a-z.]+)")
_WAL: Final = re.compile(r"(?P<system>\d+)/wal/(?P<wal>[0-9A-F]{24}|[0-9A-F]{8}\.history)")
WAL_NAME: Final = re.compile(r"[0-9A-F]{24}|[0-9A-F]{24}\.[0-9A-F]{8}\.backup|[0-9A-F]{8}\.history")
MANIFEST: Final = "manifest"
_HEAD: Final = re.compile(r"(?P<system>\d+)/heads/(?P<at>\d{8}T\d{6}Z)\.head")
HEADS_KEPT: Final = 24 * 7
"""Of each cluster: a week of hours. A head stands for all that was before it, so few are needed."""


def base_id(started: datetime, first_wal: str) -> str:
    return f"{started.astimezone(UTC).strftime(_STAMP)}-{first_wal}"


def started_at(base: str) -> datetime:
    return datetime.strptime(base.partition("-")[0], _STAMP).replace(tzinfo=UTC)


def first_wal(base: str) -> str:
    return base.partition("-")[2]


def in_the_log(base: str) -> tuple[str, str]:
    """Return what sorts backups by where they begin in the WAL, whatever the clock said: a Pi's may have been wrong."""
    return first_wal(base), base


def base_file(system: str, base: str, part: str) -> str:
    return f"{system}/base/{base}.{part}"


def wal_file(system: str, wal: str) -> str:
    return f"{system}/wal/{wal}"


def head_file(system: str, at: datetime) -> str:
    return f"{system}/heads/{at.astimezone(UTC).strftime(_STAMP)}.head"


def heads(files: Iterable[str], system: str, *, before: datetime | None = None) -> list[str]:
    """Return a cluster's heads (of before a time), oldest first."""
    limit = "" if before is None else head_file(system, before)
    names = sorted(name for name in files if (match := _HEAD.fullmatch(name)) and match["system"] == system)
    return [name for name in names if not limit or name < limit]


def old_heads(files: Iterable[str]) -> list[str]:
    """Return the heads that have had their time."""
    names = list(files)
    systems = {match["system"] for name in names if (match := _HEAD.fullmatch(name))}
    return [name for system in sorted(systems) for name in heads(names, system)[:-HEADS_KEPT]]


@dataclass(slots=True)
class System:
    """What a target has of one cluster."""

    parts: dict[str, set[str]] = field(default_factory=dict)
    """By backup: the parts that are there."""
    wal: set[str] = field(default_factory=set)

    @property
    def bases(self) -> list[str]:
        """The finished backups, oldest first."""
        return sorted(base for base, parts in self.parts.items() if MANIFEST in parts)

    @property
    def segments(self) -> set[str]:
        return {wal for wal in self.wal if not wal.endswith(".history")}


def catalog(files: Iterable[str]) -> dict[str, System]:
    """Return what there is, by system; names of other kinds are passed over."""
    systems: dict[str, System] = {}
    for name in files:
        if match := _BASE.fullmatch(name):
            systems.setdefault(match["system"], System()).parts.setdefault(match["id"], set()).add(match["part"])
        elif match := _WAL.fullmatch(name):
            systems.setdefault(match["system"], System()).wal.add(match["wal"])
    return systems


def segment_number(wal: str, segment_bytes: int) -> int:
    """Return a segment's place in the log, whatever its timeline."""
    return int(wal[8:16], 16) * (0x1_0000_0000 // segment_bytes) + int(wal[16:], 16)


def segment_name(timeline: int, number: int, segment_bytes: int) -> str:
    per_log = 0x1_0000_0000 // segment_bytes
    return f"{timeline:08X}{number // per_log:08X}{number % per_log:08X}"


def switches(history: str, segment_bytes: int) -> list[tuple[int, int]]:
    """Return the timelines that a history file names, oldest first, each with the segment in which it was left.

    A line is ``<timeline> TAB <LSN> TAB <reason>``; others are comments.
    """
    lines = (line.split() for line in history.splitlines() if line[:1].isdigit())
    return [(int(timeline), _position(lsn) // segment_bytes) for timeline, lsn, *_ in lines]


def _position(lsn: str) -> int:
    high, _, low = lsn.partition("/")
    return int(high, 16) << 32 | int(low, 16)


@dataclass(frozen=True, slots=True)
class WalPath:
    """The WAL that leads from a backup to the newest state."""

    timeline: int
    """The newest timeline that goes on from the backup."""
    names: list[str]
    """The segments in order, up to the last one or the first that lacks."""
    lacking: str | None
    """The first segment that lacks before the last one."""


def wal_path(
    base: str,
    segments: Iterable[str],
    histories: Mapping[int, str],
    segment_bytes: int,
    *,
    until: Iterable[str] = (),
) -> WalPath:
    """Return the way on from a backup; segments ``until`` must be there as well, where they are on that way.

    After a restore to an earlier time, the abandoned timeline has segments of the same places: it matters which of them
    is taken. ``histories`` is the text of each timeline's history file.
    """
    there = set(segments)
    start, origin = segment_number(first_wal(base), segment_bytes), int(first_wal(base)[:8], 16)
    used = {int(name[:8], 16) for name in there}
    leaves: dict[int, list[tuple[int, int]]] = {origin: []}
    for timeline, history in histories.items():
        parents = switches(history, segment_bytes)
        if timeline in used and any(parent == origin and start <= left for parent, left in parents):
            leaves[timeline] = parents[[parent for parent, _ in parents].index(origin) :]
    newest = max(leaves)

    def name(number: int) -> str:
        timeline = next((parent for parent, left in leaves[newest] if number < left), newest)
        return segment_name(timeline, number, segment_bytes)

    placed = [number for wal in (*there, *until) if name(number := segment_number(wal, segment_bytes)) == wal]
    names = [name(number) for number in range(start, max([start, *placed]) + 1)]
    lacking = next((wal for wal in names if wal not in there), None)
    return WalPath(newest, names if lacking is None else names[: names.index(lacking)], lacking)
