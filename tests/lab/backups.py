"""The keep's backups, and what was written since the last one."""

from __future__ import annotations

import json
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final

from tests.lab.host import Host
from tests.lab.shell import wait_until

AGENT: Final = (
    "cd /opt/drawbridge/current && {user} .venv/bin/python -m agent {command} --config /etc/drawbridge/agent.toml"
)
AS_POSTGRES: Final = "runuser -u postgres --"
RPO_S: Final = 35
"""What docs/backup.md promises: 30 s, and some to send it."""
_LOOK_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Written:
    """An account that came after the last backup; ``archived`` tells after how many seconds the backup had it too."""

    email: str
    archived: Future[float]


def agent(keep: Host, command: str, *, user: str = "", check: bool = True) -> str:
    return keep.sudo(AGENT.format(user=user, command=command), timeout_s=170, check=check)


def store(keep: Host, question: str) -> str:
    return keep.sudo(f'{AS_POSTGRES} psql -p 5433 -tAc "{question}"').strip()


def archived(keep: Host, wal: str) -> float:
    """Return after how many seconds the store's WAL was archived up to this file. Raises LabError after the RPO."""
    return wait_until(
        lambda: store(keep, "SELECT last_archived_wal FROM pg_stat_archiver") >= wal,
        timeout_s=RPO_S, what="the archived WAL", look_s=_LOOK_S,
    )  # fmt: skip


def last_drill_went_well(keep: Host) -> object:
    return json.loads(keep.sudo("cat /var/lib/drawbridge/backup-state.json"))["drill"]["ok"]
