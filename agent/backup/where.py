"""Where backups go and what opens them, read from the agent's settings file with the standard library alone.

The same keys as ``[backup]`` in :mod:`agent.settings`, with the same defaults; a test compares them.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from agent.backup.errors import BackupError


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    target: str
    identity: Path = Path("/etc/drawbridge/backup/identity")
    ssh_key: Path = Path("/etc/drawbridge/backup/ssh_key")
    known_hosts: Path = Path("/etc/drawbridge/backup/known_hosts")
    state_file: Path = Path("/var/lib/drawbridge/backup/state.json")
    user: str = "postgres"

    @classmethod
    def read(cls, path: Path) -> Where:
        """Return what the file says. Raises :class:`BackupError`; OSError where it cannot be read."""
        try:
            table = tomllib.loads(path.read_text("utf-8")).get("backup", {})
        except tomllib.TOMLDecodeError as error:
            msg = f"{path}: {error}"
            raise BackupError(msg) from None
        if not table.get("target"):
            msg = f"{path}: backup.target is not set"
            raise BackupError(msg)
        paths = {key: Path(table[key]) for key in ("identity", "ssh_key", "known_hosts", "state_file") if key in table}
        return cls(target=table["target"], user=table.get("user", "postgres"), **paths)
