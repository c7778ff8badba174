"""Finds a backup at a target, and brings it here, each file checked."""

from __future__ import annotations

import gzip
import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from agent.backup.errors import BackupError, MissingFile, SealBroken
from agent.backup.manifest import MANIFEST_MAX_BYTES, STORE_TAR, Manifest
from agent.backup.names import MANIFEST, System, WalPath, base_file, catalog, in_the_log, started_at, wal_file, wal_path
from agent.backup.programs import room, run
from agent.backup.seal import SealKey, sealed_max_bytes
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

    The newest is the one that begins latest in the WAL, on the newest timeline, whatever the clock said. Where the
    target has backups of several clusters, one has to be named.
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
    bases = sorted(systems[system].bases, key=in_the_log)
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
    target.get(name, sealed, at_most=MANIFEST_MAX_BYTES)
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
            self.target.get(name, file, at_most=self.found.manifest.files.get(part, 0))
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

    def wal(self, wal: Path, *, until: str = "", despite_gap: bool = False) -> WalPath:
        """Bring the WAL that leads on from the backup into the new folder ``wal``, and return which that is.

        Raises for a segment that is missing or broken, ``until`` being the last one that must be there. With
        ``despite_gap`` what comes before it will do, if that is more than the backup itself needs.
        """
        manifest, there = self.found.manifest, self.found.there
        wal.mkdir(mode=0o700)
        histories = {}
        for name in sorted(there.wal - there.segments):
            content = self._open(name)
            (wal / f"{name}.gz").write_bytes(content)
            histories[int(name[:8], 16)] = gzip.decompress(content).decode("ascii", "replace")
        musts = [name for name in (until, manifest.last_wal) if name]
        path = wal_path(self.found.base, there.segments, histories, manifest.segment_bytes, until=musts)
        fetched: list[str] = []
        for name in path.names:
            try:
                content = self._open(name)
            except (MissingFile, SealBroken) as error:
                self._gap(str(error), name, despite_gap=despite_gap)
                return replace(path, names=fetched, lacking=name)
            with room(wal):
                (wal / f"{name}.gz").write_bytes(content)
            fetched.append(name)
            if len(fetched) % 200 == 0:
                self.say(f"{len(fetched)} of {len(path.names)} WAL files")
        if path.lacking is not None:
            self._gap(f"WAL {path.lacking} is not at {self.target.url}", path.lacking, despite_gap=despite_gap)
        self.say(f"WAL up to {fetched[-1]}")
        return path

    def _open(self, wal: str) -> bytes:
        sealed = io.BytesIO()
        name = wal_file(self.found.system, wal)
        self.target.get(name, sealed, at_most=sealed_max_bytes(self.found.manifest.segment_bytes))
        return self.key.open(name, sealed.getvalue())

    def _gap(self, problem: str, lacking: str, *, despite_gap: bool) -> None:
        if not despite_gap or lacking[8:] <= self.found.manifest.last_wal[8:]:
            raise BackupError(problem)
        self.say(f"{problem}: what was written from there on is lost")
