"""Small private files that are read whole and replaced whole: keys, certificates and what belongs to them."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PRIVATE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700
_OTHERS: Final = 0o077
_SIZE_MAX_BYTES: Final = 1 << 20


class FileRefused(ValueError):
    """A file cannot be used as it is; the message names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What differs between a file and its replacement."""

    inode: int
    modified_ns: int
    size_bytes: int


def fingerprint(path: Path) -> Fingerprint | None:
    """Return the fingerprint of the file that ``path`` names now, or None where there is none to see."""
    try:
        status = path.stat()
    except OSError:
        return None
    return Fingerprint(status.st_ino, status.st_mtime_ns, status.st_size)


def read_private(path: Path) -> bytes:
    """Return the content of a file that nobody but its owner can read or write.

    Raises :class:`FileRefused` for a missing, larger (1 MiB) or more widely readable one.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(_SIZE_MAX_BYTES + 1)
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}"
        raise FileRefused(msg) from error
    if mode & _OTHERS:
        msg = f"{path} is open to others (mode {mode:04o}): chmod 600 it, and replace what it held if others had access"
        raise FileRefused(msg)
    if len(content) > _SIZE_MAX_BYTES:
        msg = f"{path} is larger than {_SIZE_MAX_BYTES} bytes"
        raise FileRefused(msg)
    return content


def replace_file(path: Path, content: bytes, *, mode: int = PRIVATE_MODE) -> None:
    """Put ``content`` in the place of ``path``: a reader sees the old or the new, and a power cut leaves one of both.

    The folder is made where it is missing (0700). The new file belongs to whom the old one, or else the folder,
    belonged to, so that root may write what a service reads.
    """
    folder = path.parent
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    owner = path.stat() if path.exists() else folder.stat()
    draft = folder / f".{path.name}.{os.urandom(4).hex()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            os.fchmod(descriptor, mode)  # whatever the umask says
            if os.geteuid() == 0:
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
