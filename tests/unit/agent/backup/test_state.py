from __future__ import annotations

from pathlib import Path

import pytest

from agent.backup.errors import BackupError
from agent.backup.state import read_state, record


def test_state_keeps_other_subjects_when_one_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "work" / "state.json"
    record(path, "backup", {"ok": True})
    record(path, "wal", {"name": "A"})
    record(path, "wal", {"name": "B"})
    assert read_state(path) == {"backup": {"ok": True}, "wal": {"name": "B"}}
    assert path.stat().st_mode & 0o777 == 0o644


def test_state_is_empty_when_there_is_no_file(tmp_path: Path) -> None:
    assert read_state(tmp_path / "state.json") == {}


def test_state_says_so_when_it_is_damaged_and_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text("{")
    with pytest.raises(BackupError, match="is damaged: remove it"):
        read_state(path)
    record(path, "drill", {"ok": False})
    assert read_state(path) == {"drill": {"ok": False}}
