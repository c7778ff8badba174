from __future__ import annotations

from pathlib import Path

import pytest

from agent.backup.state import State, record
from agent.report.backups import backup_state, read_backup

GOOD: State = {
    "backup": {"ok": True, "at_unix_s": 100.0, "remote": "ok"},
    "backup_failure": {},
    "drill": {"ok": True, "at_unix_s": 50.0, "took_s": 3.0},
}


def test_backup_is_well_when_both_went_well() -> None:
    said = backup_state(GOOD)

    assert (said.last, said.last_ok, said.drill, said.drill_ok, said.detail) == (100.0, True, 50.0, True, "")


@pytest.mark.parametrize(
    ("change", "last_ok", "drill_ok", "detail"),
    [
        ({"backup_failure": {"ok": False, "at_unix_s": 120.0, "why": "no room"}}, False, True, "backup: no room"),
        ({"backup": {"ok": True, "at_unix_s": 100.0, "remote": "refused"}}, False, True, "second place: refused"),
        ({"drill": {"ok": False, "at_unix_s": 60.0, "why": "rows differ"}}, True, False, "drill: rows differ"),
        ({"backup": {}}, False, True, ""),
        ({"backup": "nonsense", "drill": {}}, False, False, ""),
    ],
    ids=["failed since", "not copied", "drill failed", "no backup yet", "nonsense"],
)
def test_backup_is_not_well_when_something_went_wrong(
    change: State, last_ok: bool, drill_ok: bool, detail: str
) -> None:
    said = backup_state(GOOD | change)

    assert (said.last_ok, said.drill_ok, said.detail) == (last_ok, drill_ok, detail)


def test_backup_is_none_when_nothing_was_recorded(tmp_path: Path) -> None:
    said = read_backup(tmp_path / "state.json")

    assert (said.last, said.last_ok, said.drill, said.drill_ok) == (None, False, None, False)


def test_backup_is_what_was_recorded_when_it_was(tmp_path: Path) -> None:
    record(tmp_path / "state.json", "backup", {"ok": True, "at_unix_s": 100.0, "remote": "none"})

    assert read_backup(tmp_path / "state.json").last_ok


def test_backup_says_so_when_its_state_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")

    said = read_backup(tmp_path / "state.json")

    assert not said.last_ok
    assert "damaged" in said.detail
