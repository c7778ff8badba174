"""Which SSH connection a process belongs to."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_START: Final = 19  # of the fields behind the name: proc(5), starttime


def connection_of(pid: int, *, proc: Path = Path("/proc")) -> str | None:
    """Return what tells the SSH connection that ``pid`` descends from apart: its sshd's pid and start; None: none.

    The process is asked, not the environment: sudo takes SSH_CONNECTION away, and multiplexed sessions share an sshd.
    """
    while pid > 1:
        try:
            # comm may hold anything but ends at the last parenthesis; proc(5)
            name, _, rest = (proc / str(pid) / "stat").read_text("utf-8", "replace").partition("(")[2].rpartition(")")
        except OSError:
            return None
        fields = rest.split()
        if name.startswith("sshd"):
            return f"{pid}@{fields[_START]}"
        pid = int(fields[1])
    return None
