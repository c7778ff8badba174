"""Finds a backup at a target, and brings it here, each file checked."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from agent.backup.errors import BackupError, MissingFile, SealBroken
from agent.backup.manifest import STORE_TAR, Manifest
from agent.backup.names import MANIFEST, System, base_file, catalog, first_wal, gap, needed_wal, started_at, wal_file
from agent.backup.programs import room, run
from agent.backup.seal import SealKey
from agent.backup.targets import Target

Say = Callable[[str], None]
_ROOM: Final = 1.2
"""Room for a restored store, by the size of the store."""


@dataclass(frozen=True, slots=True)
class Found:
    """A backup to restore, and all that the target has of its cluster."""

    system: str
    base: str
    manifest: Manifest
    there: System


def find(target: Target, key: SealKey, *, system: str = "", base: str = "", at: datetime | None = None) -> Found:
    """Return the newest backup (of before ``at``), its manifest verified. Raises :class:`BackupError`.

    The newest is the one that begins latest in the WAL: a Pi's clock may have been wrong. Where the target has backups
    of several clusters, one has to be named.
    """
    systems = {number: found for number, found in catalog(target.files()).items() if found.bases}
    if not systems:
        msg = f"there is no backup at {target.url}"
        raise BackupError(msg)
    if not system and len(systems) > 1:
        listed = ", ".join(f"{number} (last {max(map(started_at, found.bases))})" for number, found in systems.items())
        msg = f"{target.url} has backups of several clusters: {listed}; choose with --system"
        raise BackupError(msg)
    system = system or next(iter(systems))
    if system not in systems:
        msg = f"{target.url} has no backup of cluster {system}"
        raise BackupError(msg)
    bases = sorted(systems[system].bases, key=lambda name: (first_wal(name)[8:], name))
    if base:
        bases = [name for name in bases if name == base]
    for name in reversed(bases):
        manifest = read_manifest(target, key, system, name)
        if at is None or manifest.finished_at <= at:
            return Found(system, name, manifest, systems[system])
    msg = f"{target.url} has no backup {base}" if base else f"{target.url} has no backup of before {at}"
    raise BackupError(msg)


def read_manifest(target: Target, key: SealKey, system: str, base: str) -> Manifest:
    """Return a backup's manifest, verified. Raises :class:`BackupError`."""
    name = base_file(system, base, MANIFEST)
    sealed = io.BytesIO()
    target.get(name, sealed)
    return Manifest.decode(key.open(name, sealed.getvalue()))


@dataclass(frozen=True, slots=True)
class Fetch:
    """Brings the files of one backup here. Every method raises :class:`BackupError`."""

    target: Target
    key: SealKey
    found: Found
    say: Say

    @contextmanager
    def part(self, part: str, work: Path) -> Iterator[IO[bytes]]:
        """Give a pipe with the content of one file of the backup, all of which was checked; ``work`` has it meanwhile.

        Sealed files are fetched whole before they are opened: nothing unchecked gets to age, tar or PostgreSQL.
        """
        name = base_file(self.found.system, self.found.base, part)
        sealed = work / part
        with room(work), sealed.open("wb") as file:
            self.target.get(name, file)
        with self.key.open_stream(name, sealed) as content:
            yield content
        sealed.unlink()

    def base(self, work: Path, data: Path, programs: Path) -> None:
        """Unpack the copy of the cluster into the new folder ``data``, and check every file in it."""
        needed = self.found.manifest.size_bytes * _ROOM
        for folder in {work, data.parent}:
            if shutil.disk_usage(folder).free < needed:
                msg = f"no space left in {folder}: the store needs {needed / 1e6:,.0f} MB there"
                raise BackupError(msg)
        data.mkdir(mode=0o700)
        with self.part(STORE_TAR, work) as tar:
            run(["tar", "-xzf", "-", "-C", str(data)], stdin=tar)
        run([str(programs / "pg_verifybackup"), "-n", "-q", str(data)])

    def wal(self, wal: Path, *, until: str = "", despite_gap: bool = False) -> str:
        """Bring all WAL since the backup began into the new folder ``wal``, and return the name of the last segment.

        Raises for a segment that is missing or broken, ``until`` being the last one that must be there. With
        ``despite_gap`` what comes before it will do, if that is more than the backup itself needs.
        """
        manifest, there = self.found.manifest, self.found.there
        lacking = gap(self.found.base, there.segments, manifest.segment_bytes, until=max(until, manifest.last_wal))
        names = needed_wal(self.found.base, there.segments, manifest.segment_bytes)
        if lacking is not None:
            self._gap(f"WAL {lacking} is not at {self.target.url}", lacking, despite_gap=despite_gap)
            names = [name for name in names if name[8:] < lacking[8:]]
        names = sorted(there.wal - there.segments) + names
        wal.mkdir(mode=0o700)
        last = ""
        for number, name in enumerate(names, start=1):
            sealed = io.BytesIO()
            full = wal_file(self.found.system, name)
            try:
                self.target.get(full, sealed)
                content = self.key.open(full, sealed.getvalue())
            except (MissingFile, SealBroken) as error:
                self._gap(str(error), name, despite_gap=despite_gap)
                break
            with room(wal):
                (wal / f"{name}.gz").write_bytes(content)
            last = name
            if number % 200 == 0:
                self.say(f"{number} of {len(names)} WAL files")
        self.say(f"WAL up to {last}")
        return last

    def _gap(self, problem: str, lacking: str, *, despite_gap: bool) -> None:
        if not despite_gap or lacking[8:] <= self.found.manifest.last_wal[8:]:
            raise BackupError(problem)
        self.say(f"{problem}: what was written from there on is lost")
