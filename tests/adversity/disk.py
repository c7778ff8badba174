"""A disk of its own, in memory, that can be filled to its last byte: what is on it then gets ENOSPC from the kernel."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final, Self

_SIZE: Final = "4g"
_TRIES: Final = 20


class Disk:
    """A tmpfs at ``folder``, which is made. It can only be had as root: otherwise ``is_there`` is False."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.is_there = False

    def __enter__(self) -> Self:
        self.folder.mkdir()
        self.is_there = os.geteuid() == 0 and _mount("-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", self.folder)
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_there:
            subprocess.run(["umount", self.folder], check=True)

    def fill(self) -> None:
        """Leave no room for another page."""
        for _ in range(_TRIES):  # what writes on it may have taken more meanwhile
            found = os.statvfs(self.folder)
            if self._resize(str((found.f_blocks - found.f_bfree) * found.f_frsize)):
                return
        msg = "the disk is written to faster than it can be filled"
        raise RuntimeError(msg)

    def free(self) -> None:
        if self.is_there and not self._resize(_SIZE):
            msg = "the disk stays full"
            raise RuntimeError(msg)

    def _resize(self, size: str) -> bool:
        return _mount("-o", f"remount,size={size}", self.folder)


def _mount(*arguments: str | Path) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0
