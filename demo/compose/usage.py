"""What a container uses, told in its log every few minutes; from its control group, of version 2 or 1 (cgroups(7))."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, TypedDict

from bridge.process.clock import Clock
from demo.compose.log_relay import LogRelay

CGROUP: Final = Path("/sys/fs/cgroup")

_NO_LIMIT_BYTES: Final = 2**62
"""Version 1 says a number near 2^63 where there is no limit."""


class Usage(TypedDict, total=False):
    """``cpu_s`` is the processor time since the start. What cannot be read, and a limit that is none, is left out."""

    memory_bytes: float
    memory_max_bytes: float
    cpu_s: float


_FILES: Final[tuple[tuple[Literal["memory_bytes", "memory_max_bytes"], tuple[str, ...]], ...]] = (
    ("memory_bytes", ("memory.current", "memory/memory.usage_in_bytes")),
    ("memory_max_bytes", ("memory.max", "memory/memory.limit_in_bytes")),
)


def usage(group: Path) -> Usage:
    """Read a control group's files."""
    found = Usage()
    for name, files in _FILES:
        for file in files:
            with suppress(OSError, ValueError):  # ValueError: "max"
                found[name] = int((group / file).read_text("ascii"))
    if found.get("memory_max_bytes", 0) > _NO_LIMIT_BYTES:
        del found["memory_max_bytes"]
    with suppress(OSError, ValueError):
        found["cpu_s"] = round(int((group / "cpuacct/cpuacct.usage").read_text("ascii")) / 1e9, 1)
    with suppress(OSError, ValueError):
        _, _, used = (group / "cpu.stat").read_text("ascii").partition("usage_usec ")
        found["cpu_s"] = round(int(used.partition("\n")[0]) / 1e6, 1)
    return found


class UsageLog:
    """Tells the usage every ``every_s`` seconds, where there is anything to tell."""

    def __init__(self, relay: LogRelay, clock: Clock, *, every_s: float, group: Path) -> None:
        self._relay = relay
        self._clock = clock
        self._every_s = every_s
        self._group = group
        self._at = clock.monotonic() + every_s

    def due(self) -> Iterator[bytes]:
        """Yield the line when it is time for one."""
        if self._clock.monotonic() < self._at:
            return
        self._at = self._clock.monotonic() + self._every_s
        if found := usage(self._group):
            yield self._relay.event("container_used", **found)
