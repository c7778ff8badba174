"""What is told of backups: the little that their state file says (``agent/backup/state.py``)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from agent.backup.errors import BackupError
from agent.backup.state import State, read_state
from bridge.contracts.system import BackupState

_DETAIL_MAX: Final = 500


def read_backup(path: Path) -> BackupState:
    """Return how the last backup and the last drill went. What cannot be read is no backup, and the detail says why."""
    try:
        return backup_state(read_state(path))
    except (BackupError, OSError) as error:
        return BackupState(last=None, last_ok=False, drill=None, drill_ok=False, detail=str(error)[:_DETAIL_MAX])


def backup_state(state: State) -> BackupState:
    backup, failure, drill = (_facts(state, subject) for subject in ("backup", "backup_failure", "drill"))
    remote = str(backup.get("remote", "none"))
    problems = []
    if why := failure.get("why"):
        problems.append(f"backup: {why}")
    if remote not in {"ok", "none"}:
        problems.append(f"second place: {remote}")
    last_ok = backup.get("ok") is True and not problems
    if drill and drill.get("ok") is not True:
        problems.append(f"drill: {drill.get('why')}")
    return BackupState(
        last=_time(backup),
        last_ok=last_ok,
        drill=_time(drill),
        drill_ok=drill.get("ok") is True,
        detail="; ".join(problems)[:_DETAIL_MAX],
    )


def _facts(state: State, subject: str) -> dict[str, object]:
    facts = state.get(subject)
    return facts if isinstance(facts, dict) else {}


def _time(facts: dict[str, object]) -> float | None:
    at = facts.get("at_unix_s")
    return float(at) if isinstance(at, int | float) and not isinstance(at, bool) else None
