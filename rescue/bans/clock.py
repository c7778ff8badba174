"""The one reader of clocks of the ban helper."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Now:
    """A moment on both clocks: Unix time, which is wrong until the network set it, and seconds since this boot."""

    unix_s: float
    uptime_s: float
    boot: str


class SystemClock:
    """The machine's clocks. A Pi has no clock chip: after a power cut its Unix time goes on from where it stopped."""

    def __init__(self, *, boot: str | None = None) -> None:
        """Take ``boot`` as this boot's id, or the kernel's.

        A sandbox with ``ProcSubset=pid`` hides that one. Without any, each start counts as a reboot: what a ban has
        left is told by Unix time then.
        """
        if boot is None:
            try:
                boot = _BOOT_ID.read_text("ascii").strip()
            except OSError:
                boot = secrets.token_hex(16)
        self._boot = boot.replace("-", "")

    def now(self) -> Now:
        return Now(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), self._boot)
