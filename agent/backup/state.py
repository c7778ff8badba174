"""What happened last, in one small file that other programs read: ``{"backup": {…}, "wal": {…}, "drill": {…}}``."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path

from agent.backup.errors import BackupError

State = dict[str, dict[str, object]]


def read_state(path: Path) -> State:
    """Return what is known; nothing where there is no file. Raises :class:`BackupError` for one that is damaged."""
    try:
        state = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        msg = f"{path} is damaged: remove it"
        raise BackupError(msg) from None
    return state if isinstance(state, dict) else {}


def record(path: Path, subject: str, facts: Mapping[str, object]) -> None:
    """Put ``facts`` in the place of what was known about ``subject``; a reader sees the old or the new file.

    Not synced to the disk: after a power cut the next run says it again.
    """
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            state = read_state(path)
        except BackupError:
            state = {}
        state[subject] = dict(facts)
        draft = path.with_name(f".{path.name}.new")
        draft.write_text(json.dumps(state, indent=2) + "\n", "utf-8")
        os.chmod(draft, 0o644)  # noqa: PTH101 - other users' monitors read it
        draft.replace(path)
