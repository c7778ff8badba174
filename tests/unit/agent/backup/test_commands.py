"""What `agent backup status` calls a problem."""

from __future__ import annotations

import argparse

import pytest

from agent.backup.commands import _problems
from agent.backup.state import State
from agent.command_line import time_with_zone
from agent.settings import Backup

NOW = 1_000_000.0
HOUR = 3600.0
WELL: State = {"backup": {"ok": True, "at_unix_s": NOW - HOUR}, "drill": {"ok": True, "at_unix_s": NOW - 24 * HOUR}}
ARCHIVING: dict[str, object] = {"last_archived_at": NOW - 5, "last_failed_at": None, "waiting": 0}


def test_status_finds_nothing_when_all_is_well() -> None:
    assert _problems(Backup(), WELL, ARCHIVING, NOW) == []


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        ({"backup": {"ok": True, "at_unix_s": NOW - 40 * HOUR}}, "the last backup was 40 hours ago"),
        ({"drill": {"ok": False, "at_unix_s": NOW, "why": "rows lack"}}, "the last drill failed: rows lack"),
        ({"drill": {}}, "there was no drill yet"),
        ({"backup_failure": {"ok": False, "why": "no door"}}, "a backup failed since: no door"),
        ({"backup": {**WELL["backup"], "remote": "the remote is away"}}, "the remote is away"),
    ],
)
def test_status_names_the_problem(state: State, problem: str) -> None:
    assert _problems(Backup(), WELL | state, ARCHIVING, NOW) == [problem]


def test_status_names_wal_that_waits_when_archiving_fails_for_long() -> None:
    failing = {"last_archived_at": NOW - 600, "last_failed_at": NOW - 1, "waiting": 12}
    assert _problems(Backup(), WELL, failing, NOW) == ["WAL has not been archived for 10 minutes: 12 wait"]
    assert _problems(Backup(), WELL, failing | {"last_archived_at": NOW - 60}, NOW) == []


def test_status_names_a_store_that_does_not_answer() -> None:
    assert _problems(Backup(), WELL, {"unreachable": "PostgreSQL is down"}, NOW) == ["PostgreSQL is down"]


def test_time_needs_its_zone() -> None:
    assert time_with_zone("2026-11-28T10:00:00+01:00").isoformat() == "2026-11-28T10:00:00+01:00"
    with pytest.raises(argparse.ArgumentTypeError, match="zone"):
        time_with_zone("2026-11-28T10:00:00")
    with pytest.raises(argparse.ArgumentTypeError, match="yesterday is no time"):
        time_with_zone("yesterday")
