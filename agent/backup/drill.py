"""Restores the latest backup where it harms nobody, and says whether it is one."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from agent.backup.checks import Check, run_checks
from agent.backup.contents import connected, count, differences, rows_in_dump
from agent.backup.create import Say, where
from agent.backup.errors import BackupError
from agent.backup.fetch import Fetch, Found, find
from agent.backup.manifest import SOURCE_DUMP, STORE_DUMP, Contents
from agent.backup.programs import alone, binaries, piped
from agent.backup.scratch import Goal, Scratch
from agent.backup.seal import SealKey
from agent.backup.state import read_state, record
from agent.backup.targets import Target, open_target
from agent.backup.witness import check, has_trail, newest
from agent.settings import Backup
from bridge.process.clock import Clock


async def drill(settings: Backup, checks: Sequence[Check], clock: Clock, say: Say) -> None:
    """Restore the latest backup into a scratch cluster, check it, and record the outcome.

    Raises :class:`BackupError` when it is not what it should be, and when that could not be found out.
    """
    place = where(settings)
    facts: dict[str, object] = {"at_unix_s": clock.time()}
    began = clock.monotonic()
    try:
        with alone(settings.work_dir):
            work = settings.work_dir / "drill"
            shutil.rmtree(work, ignore_errors=True)  # of one that was killed
            work.mkdir(mode=0o700)
            try:
                facts |= await _drill(settings, work, checks, clock, say)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    except BaseException as error:
        record(place.state_file, "drill", facts | {"ok": False, "why": str(error) or error.__class__.__name__})
        raise
    record(place.state_file, "drill", facts | {"ok": True, "took_s": round(clock.monotonic() - began, 1)})


async def _drill(settings: Backup, work: Path, checks: Sequence[Check], clock: Clock, say: Say) -> dict[str, object]:
    place = where(settings)
    key = SealKey.read(place.identity)
    with open_target(place) as target:
        fetch = Fetch(target, key, _latest(settings, target, key, clock), say)
        manifest = fetch.found.manifest
        say(f"backup {manifest.base}")
        programs = binaries(manifest.version, settings.postgres_bin)
        scratch = Scratch(work / "data", work / "wal", programs, settings.store_dsn)
        fetch.base(work, scratch.data, programs)
        archived = read_state(place.state_file).get("wal", {})
        until = str(archived["name"]) if archived.get("system") == manifest.system else ""
        path = fetch.wal(scratch.wal, until=until)
        async with (
            scratch.running(
                Goal(path.timeline, restore_point=manifest.restore_point), clock, settings.recovery_s
            ) as dsn,
            connected(dsn) as store,
        ):
            rows, expected = await count(store), manifest.store.rows
            if not manifest.store.at_restore_point:  # it never rested: only that the tables are there can be told
                rows, expected = dict.fromkeys(rows, 0), dict.fromkeys(expected, 0)
            _compare("the restored store", expected, rows)
        say(f"{len(expected)} tables, {sum(expected.values()):,} rows are as they were")
        async with scratch.running(Goal(path.timeline), clock, settings.recovery_s) as dsn, connected(dsn) as store:
            checked = await run_checks(store, checks)
            kept = newest(target, key, manifest.system, before=manifest.started_at)
            if kept is not None and await has_trail(store):
                await check(store, kept)
                checked["head"] = f"entry {kept.head.number} is there, which was kept in {kept.name}"
        for name, finding in checked.items():
            say(f"{name}: {finding}")
        _check_dump(fetch, STORE_DUMP, manifest.store, work, programs)
        if manifest.source is not None:
            _check_dump(fetch, SOURCE_DUMP, manifest.source, work, programs)
        say("the dumps have every row")
    return {"base": manifest.base, "wal": path.names[-1], "checks": checked}


def _latest(settings: Backup, target: Target, key: SealKey, clock: Clock) -> Found:
    """Return the backup that was made last, as remembered here: the target might show an older one as the newest."""
    ours = read_state(settings.state_file).get("backup", {})
    system = str(ours.get("system", ""))
    found = find(target, key, system=system)
    if ours.get("base") not in {None, found.base}:
        msg = f"the last backup, {ours['base']}, is not at {target.url}"
        raise BackupError(msg)
    age_s = clock.time() - found.manifest.started_at.timestamp()
    if age_s > settings.backup_age_max_s:
        msg = f"the last backup is {age_s / 3600:,.0f} hours old"
        raise BackupError(msg)
    return found


def _check_dump(fetch: Fetch, part: str, expected: Contents, work: Path, programs: Path) -> None:
    with (
        fetch.part(part, work) as dump,
        piped([str(programs / "pg_restore"), "--data-only", "-f", "-"], stdin=dump) as text,
    ):
        rows = rows_in_dump(text)
    _compare(part, expected.rows, rows)


def _compare(what: str, expected: dict[str, int], rows: dict[str, int]) -> None:
    if different := differences(expected, rows):
        more = f" (and {len(different) - 1} more)" if len(different) > 1 else ""
        msg = f"{what} is not as it was: {different[0]}{more}"
        raise BackupError(msg)
