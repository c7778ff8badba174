"""The ledger's file: replaced whole, and seldom, for it lies on an SD card."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rescue.files import replace_file

_MODE: Final = 0o600
_SIZE_MAX_BYTES: Final = 4 << 20


class LedgerFile:
    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> bytes | None:
        """Return the content, None where there is no file yet. Raises OSError."""
        try:
            with self._path.open("rb") as file:
                return file.read(_SIZE_MAX_BYTES)
        except FileNotFoundError:
            return None

    def replace(self, content: bytes) -> None:
        """Put ``content`` in the place of what the file held. Raises OSError."""
        replace_file(self._path, content, mode=_MODE)

    def set_aside(self) -> Path:
        """Move a damaged file out of the way, for somebody to look at; return where it is now. Raises OSError."""
        aside = self._path.with_name(f"{self._path.name}.damaged")
        self._path.replace(aside)
        return aside
