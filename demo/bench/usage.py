"""What processes use, by /proc: processor time and memory (proc(5))."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_PROC: Final = Path("/proc")


@dataclass(frozen=True, slots=True)
class Memory:
    """``rss_mb``: all its pages, as if it were alone on its machine; ``pss_mb``: shared pages by their share."""

    rss_mb: float
    pss_mb: float


def cpu_s(pid: int) -> float:
    """Return the processor time of a process and its children, running or gone (PostgreSQL's backends), seconds."""
    return sum(map(_own_cpu_s, (pid, *_children(pid))))


def memory(pid: int) -> Memory:
    """Return the memory of one process."""
    sizes = {}
    for line in (_PROC / str(pid) / "smaps_rollup").read_text("ascii").splitlines()[1:]:
        name, _, size = line.partition(":")
        sizes[name] = int(size.split()[0]) / 1024
    return Memory(round(sizes["Rss"], 1), round(sizes["Pss"], 1))


def _own_cpu_s(pid: int) -> float:
    with suppress(FileNotFoundError, ProcessLookupError):
        return sum(map(int, _fields(pid)[11:15])) / _TICKS_PER_S  # utime, stime, and those of its children that ended
    return 0.0


def _children(pid: int) -> list[int]:
    found = []
    for folder in _PROC.iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            if folder.name.isdecimal() and int(_fields(int(folder.name))[1]) == pid:
                found.append(int(folder.name))
    return found


def _fields(pid: int) -> list[str]:
    """Return the fields of ``stat`` from the third on: the second, a name in brackets, may hold anything."""
    return (_PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
