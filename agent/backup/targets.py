"""The places that keep sealed files: a folder of this machine, or one of another over SFTP.

``sftp://user@host:22/folder`` (relative to where the user arrives; ``//folder`` from the root) or ``file:///folder``.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Final, Protocol
from urllib.parse import unquote, urlsplit

from agent.backup.errors import BackupError, MissingFile
from agent.backup.sftp import Sftp, SftpFailure, too_large
from agent.backup.where import Where

PART: Final = ".part"
"""Ends the name of a file that is still on its way."""
_DEPTH_MAX: Final = 4
"""Of folders: there are two below a target's."""


class Target(Protocol):
    """Names are relative, with ``/`` between folders. Every method raises :class:`BackupError`.

    Who holds the target may have been taken over: it must not fill this machine's memory or disk.
    """

    url: str

    def put(self, name: str, source: IO[bytes]) -> None:
        """Store what ``source`` gives, in the place of what was there; on return it outlives a power cut there.

        A reader sees the old file or the new one. Missing folders are made.
        """

    def get(self, name: str, sink: IO[bytes], *, at_most: int) -> None:
        """Write the file to ``sink``. Raises :class:`MissingFile`, and SealBroken where it has more bytes."""

    def files(self) -> dict[str, int]:
        """Return every file's size in bytes, by name."""

    def remove(self, name: str) -> None: ...


class FolderTarget:
    """A folder of this machine: a USB disk, or a network file system that somebody mounted."""

    def __init__(self, folder: Path) -> None:
        self.url = folder.as_uri()
        self._folder = folder
        if not folder.is_dir():
            msg = f"{folder} is no folder: is the disk mounted?"
            raise BackupError(msg)

    def put(self, name: str, source: IO[bytes]) -> None:
        path = self._folder / name
        part = path.with_name(path.name + PART)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with part.open("wb") as file:
                shutil.copyfileobj(source, file)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _unwritable(self.url, name, error) from error

    def get(self, name: str, sink: IO[bytes], *, at_most: int) -> None:
        try:
            with (self._folder / name).open("rb") as file:
                if os.fstat(file.fileno()).st_size > at_most:
                    raise too_large(name, at_most)
                shutil.copyfileobj(file, sink)
        except FileNotFoundError:
            msg = f"{self.url} has no {name}"
            raise MissingFile(msg) from None

    def files(self) -> dict[str, int]:
        return {
            path.relative_to(self._folder).as_posix(): path.stat().st_size
            for path in self._folder.rglob("*")
            if path.is_file()
        }

    def remove(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)


class SftpTarget:
    """A folder of another machine."""

    def __init__(self, session: Sftp, url: str, folder: str) -> None:
        self.url = url
        self._session = session
        self._folder = folder.rstrip("/")
        self._made: set[str] = set()

    def put(self, name: str, source: IO[bytes]) -> None:
        path = self._path(name)
        folder = path.rpartition("/")[0]
        if folder and folder not in self._made:
            self._session.make_folders(folder)
            self._made.add(folder)
        try:
            self._session.write(path + PART, source)
        except SftpFailure as failure:  # SFTP 3 has no code for a full disk
            free = self._session.free_bytes(folder or ".") / 1e6
            msg = f"{failure} ({free:,.0f} MB are free there)"
            raise BackupError(msg) from failure
        self._session.rename(path + PART, path)

    def get(self, name: str, sink: IO[bytes], *, at_most: int) -> None:
        self._session.read(self._path(name), sink, at_most=at_most)

    def files(self) -> dict[str, int]:
        return dict(self._walk(""))

    def remove(self, name: str) -> None:
        try:
            self._session.remove(self._path(name))
        except MissingFile:
            return

    def _walk(self, folder: str, depth: int = 0) -> Iterator[tuple[str, int]]:
        for name, found in [*self._session.folder(self._path(folder) if folder else self._folder or ".")]:
            path = f"{folder}/{name}" if folder else name
            if found.is_folder and depth < _DEPTH_MAX:
                yield from self._walk(path, depth + 1)
            elif not found.is_folder:
                yield path, found.size

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}" if self._folder else name


def open_target(where: Where, url: str = "") -> AbstractContextManager[Target]:
    """Return the target of ``url`` (default: the main one) as a context. Raises :class:`BackupError`."""
    return _open(where, url or where.target)


@contextmanager
def _open(where: Where, url: str) -> Iterator[Target]:
    parts = urlsplit(url)
    if parts.scheme == "file":
        yield FolderTarget(Path(unquote(parts.path)))
    elif parts.scheme == "sftp" and parts.hostname:
        place = f"sftp://{parts.netloc}"
        command = ssh_command(where, parts.hostname, parts.port or 22, parts.username or "")
        with Sftp(command, place=place, user=_reader_of(where)) as session:
            yield SftpTarget(session, url, unquote(parts.path)[1:])
    else:
        msg = f"{url} is no target: sftp://user@host/folder or file:///folder is"
        raise BackupError(msg)


def _reader_of(where: Where) -> str | None:
    """Return whom ssh has to run as: it refuses a key that is its own user's, root's here, and readable for others."""
    is_shared = where.ssh_key.exists() and where.ssh_key.stat().st_mode & 0o077
    return where.user if is_shared and os.geteuid() == 0 else None


def ssh_command(where: Where, host: str, port: int, user: str) -> list[str]:
    """Return the command that talks SFTP with ``host``, whose key must be a known one. A silent peer ends in 15 s."""
    options = {
        "BatchMode": "yes",
        "ClearAllForwardings": "yes",
        "ConnectTimeout": "10",
        "GlobalKnownHostsFile": "none",
        "IdentitiesOnly": "yes",
        "IdentityFile": str(where.ssh_key),
        "LogLevel": "ERROR",
        "PreferredAuthentications": "publickey",
        "ServerAliveCountMax": "3",
        "ServerAliveInterval": "5",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(where.known_hosts),
    }
    words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    login = ["-l", user] if user else []
    return ["ssh", "-F", "none", "-T", *words, "-p", str(port), *login, "-s", "--", host, "sftp"]


def _unwritable(url: str, name: str, error: OSError) -> BackupError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return BackupError(f"{url} has no space left for {name}: free some there, or keep fewer backups")
    return BackupError(f"{url}: {name} cannot be written: {error.strerror}")
