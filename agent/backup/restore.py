"""Puts the store back: from a backup and the WAL since, to the last moment there is or to a time."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from agent.backup.checks import Check, run_checks
from agent.backup.contents import connected, count
from agent.backup.create import Say, where
from agent.backup.errors import BackupError
from agent.backup.fetch import Fetch, Found, find
from agent.backup.programs import alone, binaries, run
from agent.backup.scratch import Goal, Scratch
from agent.backup.seal import SealKey
from agent.backup.targets import open_target
from agent.settings import Backup
from bridge.process.clock import Clock, rfc3339

_RESTORED: Final = ".restored"
_BACKUP_UNIT: Final = "backup.service"


@dataclass(frozen=True, slots=True)
class Choice:
    """What the owner asked for; empty: the newest there is."""

    url: str = ""
    system: str = ""
    base: str = ""
    at: datetime | None = None
    despite_gap: bool = False

    def options(self) -> list[str]:
        at = ["--at", self.at.isoformat()] if self.at is not None else []
        words = [("--from", self.url), ("--system", self.system), ("--base", self.base)]
        gap = ["--despite-gap"] if self.despite_gap else []
        return [*at, *gap, *(word for pair in words if pair[1] for word in pair)]


def data_dir(settings: Backup) -> Path:
    if settings.data_dir is None:
        msg = "backup.data_dir is not set: the store's data folder, such as /var/lib/postgresql/15/drawbridge"
        raise BackupError(msg)
    return settings.data_dir


def choose(settings: Backup, choice: Choice) -> Found:
    """Return the backup that would be restored, its manifest verified; nothing is changed."""
    place = where(settings)
    key = SealKey.read(place.identity)
    with open_target(place, choice.url) as target:
        return find(target, key, system=choice.system, base=choice.base, at=choice.at)


async def rebuild(settings: Backup, choice: Choice, checks: Sequence[Check], clock: Clock, say: Say) -> None:
    """Restore beside the data folder, as the user it belongs to, and check what came out. Nothing in use is touched."""
    place = where(settings)
    key = SealKey.read(place.identity)
    data = data_dir(settings)
    restored = data.with_name(data.name + _RESTORED)
    with alone(settings.work_dir), open_target(place, choice.url) as target:
        work = settings.work_dir / "restore"
        for folder in (work, restored):  # of one that was killed
            shutil.rmtree(folder, ignore_errors=True)
        work.mkdir(mode=0o700)
        try:
            found = find(target, key, system=choice.system, base=choice.base, at=choice.at)
            programs = binaries(found.manifest.version, settings.postgres_bin)
            say(f"fetching backup {found.base}")
            fetch = Fetch(target, key, found, say)
            fetch.base(work, restored, programs)
            path = fetch.wal(work / "wal", despite_gap=choice.despite_gap)
            scratch = Scratch(restored, work / "wal", programs, settings.store_dsn, keeps=True)
            say("replaying WAL")
            async with (
                scratch.running(Goal(path.timeline, time=choice.at), clock, settings.recovery_s) as dsn,
                connected(dsn) as store,
            ):
                rows = await count(store)
                say(f"{len(rows)} tables, {sum(rows.values()):,} rows")
                for name, finding in (await run_checks(store, checks)).items():
                    say(f"{name}: {finding}")
        finally:
            shutil.rmtree(work, ignore_errors=True)
            for suffix in (".log", ".conf", ".hba"):
                with suppress(FileNotFoundError):
                    if suffix != ".log" or sys.exc_info()[0] is None:
                        restored.with_name(restored.name + suffix).unlink()


def restore(settings: Backup, choice: Choice, config: Path | None, clock: Clock, say: Say) -> Path | None:
    """Stop the services, restore, put the outcome in the data folder's place, and start them again.

    Returns where the old data folder went, or None where there was none. A restore that fails, or is killed, before
    the exchange leaves the old folder in its place; after a failure the services are started again. Raises
    :class:`BackupError`, before anything is stopped where another restore is under way: the one that fails would start
    the store while the other one exchanges its folder.
    """
    data = data_dir(settings)
    aside: Path | None = None
    with _the_only_restore(data.parent):
        try:
            for unit in settings.units:
                say(f"stopping {unit}")
                _systemctl(settings, "stop", unit)
            _rebuild_as_owner(settings, choice, config)
            for unit in settings.units:  # once more: somebody may have started it meanwhile
                _systemctl(settings, "stop", unit)
            if data.exists():
                at = rfc3339(clock.time(), timespec="seconds").replace(":", "")
                aside = data.with_name(f"{data.name}.before-{at}")
                data.rename(aside)
            data.with_name(data.name + _RESTORED).rename(data)
        finally:
            for unit in reversed(settings.units):
                say(f"starting {unit}")
                _systemctl(settings, "start", unit)
    with suppress(BackupError):  # the next one by the timer will do
        _systemctl(settings, "start", "--no-block", _BACKUP_UNIT)
    return aside


@contextmanager
def _the_only_restore(folder: Path) -> Iterator[None]:
    """Keep other restores away from the data folders in ``folder``. Raises :class:`BackupError`, OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            msg = "another restore is under way: wait for its end"
            raise BackupError(msg) from None
        yield
    finally:
        os.close(descriptor)


def _rebuild_as_owner(settings: Backup, choice: Choice, config: Path | None) -> None:
    """Run :func:`rebuild` as a process of its own: PostgreSQL refuses to run as root, who stops and starts units."""
    named = ["--config", str(config)] if config is not None else []
    command = [sys.executable, "-m", "agent", "backup", "rebuild", *named, *choice.options()]
    user = settings.user if os.geteuid() == 0 else None
    done = subprocess.run(command, user=user, group=user, extra_groups=[] if user else None, check=False)
    if done.returncode != 0:
        msg = "nothing was restored; the line above says why"
        raise BackupError(msg)


def _systemctl(settings: Backup, *words: str) -> None:
    run([str(settings.systemctl), *words])
