"""Makes a backup: a copy of the store's cluster, dumps, and a manifest; then drops what is too old."""

from __future__ import annotations

import asyncio
import io
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from agent.backup.contents import QUERIES, STATEMENT_S, connected, frozen, frozen_at_restore_point, one
from agent.backup.errors import BackupError
from agent.backup.fetch import read_manifest
from agent.backup.manifest import MANIFEST_MAX_BYTES, SOURCE_DUMP, STORE_DUMP, STORE_TAR, Contents, Manifest
from agent.backup.names import MANIFEST, base_file, base_id, catalog, heads, in_the_log, old_heads, wal_file
from agent.backup.programs import alone, binaries, piped, room
from agent.backup.retention import Retention, kept, unneeded_wal
from agent.backup.seal import SealKey, sealed_max_bytes
from agent.backup.state import record
from agent.backup.targets import PART, Target, open_target
from agent.backup.where import Where
from agent.db.pools import Connection
from agent.settings import Backup
from bridge.process.clock import Clock, rfc3339, utc

Say = Callable[[str], None]
_POLL_S: Final = 0.1
HEAD_MAX_BYTES: Final = sealed_max_bytes(100)
"""Of the audit trail's head, sealed: a number and a hash."""

_SEGMENT_MAX_BYTES: Final = 64 << 20
"""Of WAL, whatever its cluster was made with."""


def where(settings: Backup) -> Where:
    """Return the settings that the archiver shares. Raises :class:`BackupError` where no target is set."""
    if settings.target is None:
        msg = "backup.target is not set: there are no backups"
        raise BackupError(msg)
    return Where(
        target=settings.target,
        identity=settings.identity,
        ssh_key=settings.ssh_key,
        known_hosts=settings.known_hosts,
        state_file=settings.state_file,
    )


@dataclass(slots=True)
class _Run:
    """One backup on its way."""

    key: SealKey
    target: Target
    staging: Path
    system: str
    base: str
    say: Say
    files: dict[str, int] = field(default_factory=dict)

    def ship(self, part: str, source: IO[bytes]) -> None:
        """Seal what ``source`` gives, here, and put it there; the copy here goes."""
        name = base_file(self.system, self.base, part)
        path = self.staging / part
        with room(self.staging):
            self.files[part] = self.key.seal_stream(name, source, path)
        with path.open("rb") as file:
            self.target.put(name, file)
        path.unlink()
        self.say(f"{part}: {self.files[part] / 1e6:,.1f} MB")


async def back_up(settings: Backup, clock: Clock, say: Say) -> Manifest:
    """Make a backup and record how it went. Killed at any moment, it leaves the earlier ones as they were.

    Raises :class:`BackupError`; a failing remote, too, once the main target has everything.
    """
    place = where(settings)
    with alone(settings.work_dir):
        try:
            manifest = await _make(settings, place, clock, say)
            problem = _copy_to_remote(settings, place, manifest.system, say)
        except BaseException as error:
            facts = {"ok": False, "at_unix_s": clock.time(), "why": str(error) or error.__class__.__name__}
            record(place.state_file, "backup_failure", facts)
            raise
        facts = {
            "ok": True,
            "at_unix_s": manifest.started_at.timestamp(),
            "base": manifest.base,
            "system": manifest.system,
            "size_bytes": sum(manifest.files.values()),
            "remote": problem or ("ok" if settings.remote else "none"),
        }
        record(place.state_file, "backup", facts)
        record(place.state_file, "backup_failure", {})
    if problem:
        raise BackupError(problem)
    return manifest


async def _make(settings: Backup, place: Where, clock: Clock, say: Say) -> Manifest:
    started = utc(clock.time())
    key = SealKey.read(place.identity)
    staging = settings.work_dir / "staging"
    shutil.rmtree(staging, ignore_errors=True)  # of one that was killed
    staging.mkdir(mode=0o700)
    async with connected(settings.store_dsn) as store:
        cluster = await one(store, "cluster")
        base = base_id(started, cluster["wal"])
        programs = binaries(cluster["version"], settings.postgres_bin)
        with open_target(place) as target:
            run = _Run(key, target, staging, cluster["system"], base, say)
            copy = [str(programs / "pg_basebackup"), "-d", settings.store_dsn, "-w", "-D", "-", "-Ft", "-Z", "1"]
            with piped([*copy, "-X", "fetch", "-c", "fast", "-l", "drawbridge"]) as tar:
                run.ship(STORE_TAR, tar)
            async with frozen_at_restore_point(settings.store_dsn, base) as held:
                with piped(_dump(programs, settings.store_dsn, held.exported)) as dump:
                    run.ship(STORE_DUMP, dump)
            source = await _dump_source(settings, run)
            last_wal = await _archived(store, settings.archived_within_s, clock)
            manifest = Manifest(
                base=base,
                system=run.system,
                version=cluster["version"],
                segment_bytes=cluster["segment_bytes"],
                size_bytes=cluster["size_bytes"],
                started_at=started,
                finished_at=utc(clock.time()),
                restore_point=held.restore_point,
                last_wal=last_wal,
                store=held.contents,
                source=source,
                files=run.files,
            )
            name = base_file(run.system, base, MANIFEST)
            target.put(name, io.BytesIO(key.seal(name, manifest.encode())))
            say(f"backup {base} is finished, {rfc3339(clock.time(), timespec='seconds')}")
            prune(target, run.system, _retention(settings), say)
    return manifest


async def _dump_source(settings: Backup, run: _Run) -> Contents | None:
    if settings.source_dsn is None:
        return None
    async with connected(settings.source_dsn) as source:
        version = source.get_server_version().major
    async with frozen(settings.source_dsn) as held:
        with piped(_dump(binaries(version, settings.postgres_bin), settings.source_dsn, held.exported)) as dump:
            run.ship(SOURCE_DUMP, dump)
    return held.contents


def _dump(programs: Path, dsn: str, snapshot: str) -> list[str]:
    return [str(programs / "pg_dump"), "-d", dsn, "-w", "-Fc", f"--snapshot={snapshot}"]


async def _archived(store: Connection, within_s: float, clock: Clock) -> str:
    """Let the WAL so far be archived, and return its last segment. Raises :class:`BackupError` when it is not."""
    last: str = await store.fetchval(QUERIES["switch_wal"].sql, timeout=STATEMENT_S)
    deadline = clock.monotonic() + within_s
    while True:
        archiver = await one(store, "archiver")
        done = archiver["last_archived_wal"]
        if done is not None and len(done) == len(last) and done >= last:
            return last
        if clock.monotonic() > deadline:
            failed = f", failing at {archiver['last_failed_wal']}" if archiver["last_failed_wal"] else ""
            msg = f"WAL {last} was not archived within {within_s:g} s{failed}: PostgreSQL's log says why"
            raise BackupError(msg)
        await asyncio.sleep(_POLL_S)


def _retention(settings: Backup) -> Retention:
    return Retention(settings.keep_daily, settings.keep_weekly, settings.keep_monthly)


def prune(target: Target, current: str, retention: Retention, say: Say) -> None:
    """Remove backups that have had their time, what was never finished, and WAL that no backup needs.

    Clusters of before count with the ``current`` one, whose last backup stays whatever the clock said when it was made.
    A manifest goes first: a backup that is half gone must not look like one.
    """
    files = target.files()
    systems = catalog(files)
    stay = kept((base for system in systems.values() for base in system.bases), retention)
    if current in systems and systems[current].bases:
        stay.add(max(systems[current].bases, key=in_the_log))
    gone = 0
    for number, system in systems.items():
        staying = stay.intersection(system.bases)
        for base in system.parts.keys() - staying:
            for part in sorted(system.parts[base], key=lambda part: part != MANIFEST):
                target.remove(base_file(number, base, part))
            gone += 1
        old = system.wal if not staying and number != current else unneeded_wal(system, staying)
        for wal in sorted(old):
            target.remove(wal_file(number, wal))
    for name in files:
        if name.endswith(PART) and "/base/" in name:
            target.remove(name)
    for name in old_heads(files):
        target.remove(name)
    say(f"kept {len(stay)} backups, removed {gone}")


def _sizes(target: Target, key: SealKey, names: Iterable[str]) -> dict[str, int]:
    """Return how many bytes each of our files may have, of those that a finished backup or the WAL is made of."""
    names = list(names)
    sizes = {name: HEAD_MAX_BYTES for number in catalog(names) for name in heads(names, number)}
    for number, system in catalog(names).items():
        sizes |= {wal_file(number, wal): sealed_max_bytes(_SEGMENT_MAX_BYTES) for wal in system.wal}
        for base, parts in system.parts.items():
            if MANIFEST not in parts:
                continue  # it is the last to be copied: what lacks it here was never finished
            files = read_manifest(target, key, number, base).files | {MANIFEST: MANIFEST_MAX_BYTES}
            sizes |= {base_file(number, base, part): files[part] for part in parts & files.keys()}
    return sizes


def _copy_to_remote(settings: Backup, place: Where, system: str, say: Say) -> str:
    """Copy to the remote what it lacks, and return what went wrong, if anything did.

    From the main target, file by file, manifests last, each only if it is what we sent there. Nothing at the remote is
    overwritten, or removed because it is gone at the main one: who holds one place cannot damage the other.
    """
    if settings.remote is None:
        return ""
    key = SealKey.read(place.identity)
    staged = settings.work_dir / "staging" / "remote"
    copied = 0
    try:
        with open_target(place) as target, open_target(place, settings.remote) as remote:
            missing = target.files().keys() - remote.files().keys()
            sizes = _sizes(target, key, missing)
            for name in sorted(sizes, key=lambda name: (name.endswith(MANIFEST), name)):
                with room(staged.parent), staged.open("wb") as file:
                    target.get(name, file, at_most=sizes[name])
                key.verify(name, staged)
                with staged.open("rb") as file:
                    remote.put(name, file)
                copied += 1
            prune(remote, system, _retention(settings), say)
    except BackupError as error:
        return f"the remote did not get all of this backup: {error}"
    say(f"the remote has everything, {copied} files more")
    return ""
