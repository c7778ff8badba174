"""What is removed where backups are kept, whatever the clock said when they were made."""

from __future__ import annotations

from pathlib import Path

from agent.backup.create import prune
from agent.backup.names import MANIFEST, base_file, catalog, wal_file
from agent.backup.retention import Retention
from agent.backup.targets import FolderTarget

SYSTEM = "7312345678901234567"


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_last_backup_stays_when_the_clock_was_wrong_as_it_was_made(tmp_path: Path) -> None:
    days = [f"202611{day:02d}T031500Z-0000000100000000000000{day:02d}" for day in range(10, 30)]
    last = "19700101T000500Z-0000000100000000000000A0"  # without network a Pi starts in the past
    put(tmp_path, *(base_file(SYSTEM, base, MANIFEST) for base in (*days, last)))
    put(tmp_path, *(wal_file(SYSTEM, f"0000000100000000000000{place}") for place in ("09", "28", "A0")))

    prune(FolderTarget(tmp_path), SYSTEM, Retention(daily=2, weekly=0, monthly=0), print)

    there = catalog(FolderTarget(tmp_path).files())[SYSTEM]
    assert there.bases == [last, *days[-2:]]
    assert there.segments == {"000000010000000000000028", "0000000100000000000000A0"}
