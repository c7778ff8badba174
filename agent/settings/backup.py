"""Backups of the databases."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from agent.settings.types import DAY_S, HOUR_S, Count, Seconds
from bridge.process.settings import Section


class Backup(Section):
    """Where the databases are backed up to, and how long that is kept. `python -m agent backup` reads only this part.

    PostgreSQL's archiver reads the file alone: these settings do not belong in the environment.
    """

    target: str | None = Field(
        None,
        description="Where backups go: `sftp://user@door/keep` (relative to where the user arrives) or "
        "`file:///mnt/disk`. None: there are no backups.",
    )
    remote: str | None = Field(
        None, description="A second place, outside of the house, that gets the same once a day. None: there is none."
    )
    identity: Path = Field(
        Path("/etc/drawbridge/backup/identity"), description="The age identity that seals and opens backups."
    )
    ssh_key: Path = Field(
        Path("/etc/drawbridge/backup/ssh_key"), description="The key to log in at `target` and `remote` with."
    )
    known_hosts: Path = Field(
        Path("/etc/drawbridge/backup/known_hosts"), description="The host keys of `target` and `remote`."
    )
    state_file: Path = Field(
        Path("/var/lib/drawbridge/backup/state.json"), description="What happened last, for monitors."
    )
    work_dir: Path = Field(
        Path("/var/lib/drawbridge/backup"),
        description="Folder for what is under way; the drill needs room for the whole store there.",
    )
    store_dsn: str = Field(
        "postgresql://postgres@/drawbridge_store?host=/run/postgresql&port=5433",
        description="The store, as a superuser, without a password (`peer`, or a passfile).",
    )
    source_dsn: str | None = Field(
        None, description="The existing database, as a role that may read all of it. None: it is not dumped."
    )
    data_dir: Path | None = Field(
        None, description="The store's data folder, which a restore replaces. A restore needs it."
    )
    postgres_bin: Path | None = Field(
        None, description="Folder of PostgreSQL's programs. None: Debian's of the server's version."
    )
    units: tuple[str, ...] = Field(
        ("agent.service",),
        description="What a restore stops, in this order, and starts again, in the reverse one; the store's own last.",
    )
    systemctl: Path = Field(Path("/usr/bin/systemctl"), description="The program that stops and starts units.")
    user: str = Field("postgres", description="Who owns the store's data folder; a restore by root works as this one.")
    keep_daily: Count = Field(7, description="Days of which the last backup is kept.")
    keep_weekly: int = Field(4, ge=0, description="Weeks of which the last backup is kept.")
    keep_monthly: int = Field(6, ge=0, description="Months of which the last backup is kept.")
    archived_within_s: Seconds = Field(
        120.0, description="How long a backup waits for its last WAL to be archived, seconds."
    )
    recovery_s: Seconds = Field(1800.0, description="How long a drill or restore may replay WAL, seconds.")
    backup_age_max_s: Seconds = Field(30 * HOUR_S, description="A last backup that is older is a problem, seconds.")
    drill_age_max_s: Seconds = Field(8 * DAY_S, description="A last drill that is older is a problem, seconds.")
    wal_wait_max_s: Seconds = Field(
        300.0, description="Failing to archive WAL for longer than this is a problem, seconds."
    )
