"""``python -m agent backup …``, for timers and for the owner."""

from __future__ import annotations

import argparse
import functools
import json
import sys
from collections.abc import Mapping
from datetime import datetime

from agent.backup.checks import CHECKS
from agent.backup.contents import connected, one
from agent.backup.create import back_up, where
from agent.backup.drill import drill
from agent.backup.errors import BackupError
from agent.backup.names import catalog, started_at
from agent.backup.restore import Choice, choose, rebuild, restore
from agent.backup.state import State, read_state
from agent.backup.targets import open_target
from agent.backup.witness import witness
from agent.command_line import CLOCK, Commands, add_for, group, listed, say, show, time_with_zone
from agent.settings import Backup, BackupSettings
from bridge.process.clock import rfc3339, utc


def add_commands(commands: Commands) -> None:
    backup = group(commands, "backup", "backups of the databases")
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument("--from", dest="url", default="", metavar="URL", help="another place than backup.target")
    choice = argparse.ArgumentParser(add_help=False)
    choice.add_argument("--at", type=time_with_zone, metavar="TIME", help="as it was then (ISO 8601)")
    choice.add_argument(
        "--system", default="", metavar="NUMBER", help="the cluster, where there are backups of several"
    )
    choice.add_argument("--base", default="", metavar="ID", help="not the newest backup, but this one")
    choice.add_argument("--despite-gap", action="store_true", help="up to where WAL is missing or damaged")

    # what PostgreSQL starts sees the file alone
    add = functools.partial(add_for, BackupSettings, backup, environ={})
    add("now", backup_now)
    add("drill", backup_drill)
    add("witness", backup_witness).add_argument(
        "--anew", action="store_true", help="check nothing: an earlier state was restored"
    )
    add("list", backup_list, listed(), place)
    add("status", backup_status, listed())
    restoring = add("restore", backup_restore, place, choice)
    restoring.add_argument("--yes", action="store_true", help="do not ask")
    add("rebuild", backup_rebuild, place, choice)


async def backup_now(settings: BackupSettings, _options: argparse.Namespace) -> int:
    """Make a backup now, and drop those that have had their time."""
    await back_up(settings.backup, CLOCK, say)
    return 0


async def backup_drill(settings: BackupSettings, _options: argparse.Namespace) -> int:
    """Restore the latest backup into a scratch cluster and check it; fails when that is not possible, too."""
    await drill(settings.backup, CHECKS, CLOCK, say)
    say("the backup can be restored")
    return 0


async def backup_witness(settings: BackupSettings, options: argparse.Namespace) -> int:
    """Hold the audit trail against the head that was kept last, and keep the one it has now."""
    await witness(settings.backup, CLOCK, say, anew=options.anew)
    return 0


async def backup_list(settings: BackupSettings, options: argparse.Namespace) -> int:
    """Show the backups at the target."""
    with open_target(where(settings.backup), options.url) as target:
        files = target.files()
    rows = [
        {
            "system": number,
            "base": base,
            "started_at": started_at(base).isoformat(),
            "size_bytes": sum(size for name, size in files.items() if name.startswith(f"{number}/base/{base}.")),
        }
        for number, system in sorted(catalog(files).items())
        for base in system.bases
    ]
    show(rows, as_json=options.json)
    return 0


async def backup_status(settings: BackupSettings, options: argparse.Namespace) -> int:
    """Say what happened last; 1 when that needs the owner."""
    state = read_state(settings.backup.state_file)
    archiver = await _archiver(settings.backup)
    problems = _problems(settings.backup, state, archiver, CLOCK.time())
    if options.json:
        say(json.dumps({**state, "archiver": archiver, "problems": problems}, indent=2))
    else:
        for subject in ("backup", "wal", "drill"):
            at = state.get(subject, {}).get("at_unix_s")
            say(f"last {subject}: {rfc3339(at, timespec='seconds') if isinstance(at, (int, float)) else 'none'}")
        for problem in problems:
            say(f"problem: {problem}")
    return 1 if problems else 0


async def _archiver(settings: Backup) -> dict[str, object]:
    try:
        async with connected(settings.store_dsn) as store:
            row = await one(store, "archiver")
    except BackupError as error:
        return {"unreachable": str(error)}
    return {key: value.timestamp() if isinstance(value, datetime) else value for key, value in row.items()}


def _problems(settings: Backup, state: State, archiver: Mapping[str, object], now_unix_s: float) -> list[str]:
    problems = []
    for subject, age_max_s in (("backup", settings.backup_age_max_s), ("drill", settings.drill_age_max_s)):
        facts = state.get(subject, {})
        at = facts.get("at_unix_s")
        if not isinstance(at, (int, float)):
            problems.append(f"there was no {subject} yet")
        elif facts.get("ok") is not True:
            problems.append(f"the last {subject} failed: {facts.get('why')}")
        elif now_unix_s - at > age_max_s:
            problems.append(f"the last {subject} was {(now_unix_s - at) / 3600:,.0f} hours ago")
    if why := state.get("backup_failure", {}).get("why"):
        problems.append(f"a backup failed since: {why}")
    if (remote := state.get("backup", {}).get("remote", "none")) not in {"ok", "none"}:
        problems.append(str(remote))
    if "unreachable" in archiver:
        problems.append(str(archiver["unreachable"]))
    failed, archived = archiver.get("last_failed_at"), archiver.get("last_archived_at") or 0.0
    if isinstance(failed, float) and isinstance(archived, float) and failed > archived:
        waited_s = now_unix_s - archived
        if waited_s > settings.wal_wait_max_s:
            problems.append(f"WAL has not been archived for {waited_s / 60:,.0f} minutes: {archiver['waiting']} wait")
    return problems


async def backup_restore(settings: BackupSettings, options: argparse.Namespace) -> int:
    """Replace the store by the latest backup and the WAL since, or by its state at a time."""
    choice = _choice(options)
    found = choose(settings.backup, choice)
    end = f"as it was at {choice.at.isoformat()}" if choice.at else "with all WAL since"
    rows = sum(found.manifest.store.rows.values())
    say(f"backup {found.base} of cluster {found.system}, made {found.manifest.started_at.isoformat()}, {rows:,} rows,")
    say(f"{end}. What is in {settings.backup.data_dir} now is put aside.")
    if not options.yes and not _confirmed():
        say("nothing was changed")
        return 1
    exact = Choice(choice.url, found.system, found.base, choice.at, choice.despite_gap)
    aside = restore(settings.backup, exact, options.config, CLOCK, say)
    say("restored" + (f"; the old data is in {aside}: remove it when all is well" if aside else ""))
    return 0


async def backup_rebuild(settings: BackupSettings, options: argparse.Namespace) -> int:
    """Restore beside the data folder, without touching that: a part of `restore`."""
    await rebuild(settings.backup, _choice(options), CHECKS, CLOCK, say)
    return 0


def _choice(options: argparse.Namespace) -> Choice:
    at: datetime | None = options.at
    if at is not None and at.timestamp() > CLOCK.time():
        msg = f"--at {at.isoformat()} is still to come; now is {utc(CLOCK.time()).isoformat(timespec='seconds')}"
        raise BackupError(msg)
    return Choice(options.url, options.system, options.base, at, options.despite_gap)


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        msg = "there is no terminal to confirm at: --yes"
        raise BackupError(msg)
    return input("Type restore to go on: ").strip() == "restore"
