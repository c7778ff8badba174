"""The book on the disk, and the reports in the inbox.

Whatever stops this process between two steps loses no report and enters none twice: the book is on the disk before a
report's file goes, and names those it has taken.
"""

from __future__ import annotations

import json
import logging
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.alerts.book import Book
from gateway.alerts.report import REPORT_MAX_BYTES, TURNED_AWAY, TURNED_AWAY_MAX_BYTES, Report, sync_folder

_BOOK_MODE: Final = 0o640
_BOOK_MAX_BYTES: Final = 16 << 20
_DRAFT_MAX_S: Final = 3600.0
_SETTLED_S: Final = 2.0
_log: Final = logging.getLogger(__name__)


def load(path: Path, new: Callable[[], Book], read: Callable[[dict[str, object]], Book]) -> Book:
    """Return the book of ``path``. A damaged one is put aside and begun anew, which the log tells."""
    try:
        with path.open("rb") as file:
            return read(json.loads(file.read(_BOOK_MAX_BYTES)))
    except FileNotFoundError:
        return new()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        _log.error(
            "alert_book_damaged", extra={"drawbridge_fields": {"path": str(path), "reason": type(error).__name__}}
        )
        path.replace(path.with_suffix(".damaged"))
        return new()


def save(path: Path, content: bytes) -> None:
    """Put the book on the disk. Raises OSError."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _BOOK_MODE)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)
    sync_folder(path.parent)


@dataclass(slots=True)
class Waiting:
    """The inbox, read."""

    folder: Path
    _seen_ns: int = -1

    def names(self, now: float) -> list[str] | None:
        """Return the files that wait, the oldest first; None where the folder is as it was. Raises OSError."""
        modified_ns = self.folder.stat().st_mtime_ns
        if modified_ns == self._seen_ns:
            return None
        found: list[tuple[int, int, str]] = []
        with os.scandir(self.folder) as entries:
            for entry in entries:
                number = entry.name.lstrip(".").partition("-")[0]
                if entry.name.endswith(".json") and number.isascii() and number.isdigit():
                    written_ns = entry.stat(follow_symlinks=False).st_mtime_ns
                    found.append((int(number[:20]), written_ns, entry.name))
        drafts = [(written_ns, name) for _, written_ns, name in found if name.startswith(".")]
        for written_ns, name in drafts:
            if abs(now - written_ns / 1e9) > _DRAFT_MAX_S:  # whoever began it is gone
                (self.folder / name).unlink(missing_ok=True)
        if abs(now - modified_ns / 1e9) > _SETTLED_S:  # within a clock's tick, a change may leave the time as it was
            self._seen_ns = modified_ns
        return [name for *_, name in sorted(found) if not name.startswith(".")]

    def read(self, names: list[str]) -> Iterator[Report]:
        """Yield the reports in these files; what is none is told to the log, and left out."""
        for name in names:
            try:
                yield Report.from_json(self._content(self.folder / name))
            except FileNotFoundError:
                continue
            except (OSError, ValueError) as error:
                fields = {"file": name, "reason": type(error).__name__}
                _log.warning("alert_report_unreadable", extra={"drawbridge_fields": fields})

    @staticmethod
    def _content(path: Path) -> bytes:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                msg = "this is no file"
                raise ValueError(msg)
            return file.read(REPORT_MAX_BYTES + 1)

    def turned_away(self) -> int:
        """Return how many reports found no place in the inbox."""
        try:
            return min((self.folder / TURNED_AWAY).lstat().st_size, TURNED_AWAY_MAX_BYTES)
        except OSError:
            return 0

    def remove(self, names: list[str]) -> None:
        """Remove files that the book has taken, for good when this returns. Raises OSError.

        One that cannot be removed stays, told to the log; the book goes on knowing it.
        """
        for name in [*names, TURNED_AWAY]:
            try:
                (self.folder / name).unlink(missing_ok=True)
            except OSError as error:
                fields = {"file": name, "reason": error.strerror or ""}
                _log.warning("alert_report_stays", extra={"drawbridge_fields": fields})
        if names:
            sync_folder(self.folder)

    def look_again(self) -> None:
        """Have :meth:`names` look, whether or not something changes."""
        self._seen_ns = -1


def new_instance() -> str:
    return os.urandom(6).hex()
