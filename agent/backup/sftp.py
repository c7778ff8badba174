"""Files over SFTP, version 3 (draft-ietf-secsh-filexfer-02), through OpenSSH's ``ssh``.

In place of the program sftp(1), because that can neither sync a folder nor tell one failure from another: here a file
is there once its content and its name are on the other machine's disk (``fsync@openssh.com`` works on folders too).

A packet is ``uint32 length, byte type, uint32 request id, …``; a string is ``uint32 length, bytes``.
"""

from __future__ import annotations

import os
import stat
import struct
import subprocess
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Final, Self

from agent.backup.errors import BackupError, MissingFile, SealBroken

_INIT, _VERSION = 1, 2
_OPEN, _CLOSE, _READ, _WRITE, _LSTAT, _OPENDIR, _READDIR, _REMOVE, _MKDIR = 3, 4, 5, 6, 7, 11, 12, 13, 14
_STATUS, _HANDLE, _DATA, _NAME, _ATTRS, _EXTENDED, _EXTENDED_REPLY = 101, 102, 103, 104, 105, 200, 201
_OK, _EOF, _NO_SUCH_FILE, _PERMISSION_DENIED = 0, 1, 2, 3
_FOR_READING, _FOR_WRITING_ANEW = 0x01, 0x02 | 0x08 | 0x10  # READ; WRITE | CREAT | TRUNC
_HAS_SIZE, _HAS_OWNER, _HAS_MODE, _HAS_TIMES = 0x1, 0x2, 0x4, 0x8

_CHUNK_BYTES: Final = 32_768
"""What every server takes in one packet."""
_IN_FLIGHT: Final = 32
_PACKET_MAX_BYTES: Final = 256 * 1024
"""OpenSSH's own limit."""
_ENTRIES_MAX: Final = 1_000_000
"""In a folder: half a year's WAL, a segment every 30 s, is half of that."""


class SftpFailure(BackupError):
    """The server refused something; ``code`` is SFTP's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Attributes:
    size: int
    mode: int

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.mode)


def _string(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack(">I", len(raw)) + raw


def too_large(name: str, at_most: int) -> SealBroken:
    return SealBroken(f"{name} has more than the {at_most:,} bytes that we can have sent")


class _Reader:
    """Takes a packet's fields one after the other."""

    def __init__(self, packet: bytes) -> None:
        self._packet, self._at = packet, 0

    def uint32(self) -> int:
        return int(self._number(">I", 4))

    def uint64(self) -> int:
        return int(self._number(">Q", 8))

    def string(self) -> bytes:
        length = self.uint32()
        self._at += length
        return self._packet[self._at - length : self._at]

    def attributes(self) -> Attributes:
        flags = self.uint32()
        size = self.uint64() if flags & _HAS_SIZE else 0
        if flags & _HAS_OWNER:
            self.uint64()
        mode = self.uint32() if flags & _HAS_MODE else 0
        if flags & _HAS_TIMES:
            self.uint64()
        return Attributes(size, mode)

    def _number(self, form: str, width: int) -> int:
        self._at += width
        value: int = struct.unpack(form, self._packet[self._at - width : self._at])[0]
        return value


class Sftp:
    """One session. Not for several threads. Every method raises :class:`BackupError`."""

    def __init__(self, command: Sequence[str], *, place: str, user: str | None = None) -> None:
        """Start ``command``, which talks SFTP on its standard input and output; ``place`` names it in errors.

        ``user`` is whom root starts it as.
        """
        self._place = place
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, bufsize=-1,
            user=user, group=user, extra_groups=None if user is None else [],
        )  # fmt: skip
        self._next_id = 0
        try:
            self._greet()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the session; it has 5 s to do so."""
        with suppress(OSError):
            self._pipe_in.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._pipe_out.close()
        self._errors.close()

    def _greet(self) -> None:
        self._send_raw(struct.pack(">BI", _INIT, 3))
        if self._receive_raw()[0] != _VERSION:
            msg = f"{self._place} does not talk SFTP"
            raise BackupError(msg)

    def write(self, path: str, source: IO[bytes]) -> None:
        """Write all of ``source`` to ``path``, in the place of what was there, and wait until it is on the disk."""
        handle = self._open(path, _FOR_WRITING_ANEW)
        waiting: deque[int] = deque()
        offset = 0
        try:
            while chunk := source.read(_CHUNK_BYTES):
                waiting.append(self._send(_WRITE, _string(handle) + struct.pack(">Q", offset) + _string(chunk)))
                offset += len(chunk)
                if len(waiting) >= _IN_FLIGHT:
                    self._expect_ok(waiting.popleft(), path)
            while waiting:
                self._expect_ok(waiting.popleft(), path)
            self._sync(handle, path)
        except SftpFailure:
            for _ in waiting:  # what is still being answered must not be taken for the answer to something later
                self._receive_raw()
            raise
        finally:
            if self._process.poll() is None:
                self._close(handle, path)

    def read(self, path: str, sink: IO[bytes], *, at_most: int) -> None:
        """Write what ``path`` holds to ``sink``. Raises :class:`SealBroken` where it says that it has more bytes."""
        handle = self._open(path, _FOR_READING)
        waiting: deque[tuple[int, int]] = deque()
        asked, wanted = 0, self._size(path)
        if wanted > at_most:
            self._close(handle, path)
            raise too_large(path, at_most)
        while waiting or asked < wanted:
            while asked < wanted and len(waiting) < _IN_FLIGHT:
                length = min(_CHUNK_BYTES, wanted - asked)
                number = self._send(_READ, _string(handle) + struct.pack(">QI", asked, length))
                waiting.append((number, length))
                asked += length
            number, length = waiting.popleft()
            data = self._expect(number, _DATA, path).string()
            if len(data) != length:  # regular files are read whole up to their end
                msg = f"{self._place}: {path} became shorter while it was read"
                raise BackupError(msg)
            sink.write(data)
        self._close(handle, path)

    def rename(self, old: str, new: str) -> None:
        """Move a file, in the place of one that was there, and wait until both names are on the disk."""
        number = self._send(_EXTENDED, _string("posix-rename@openssh.com") + _string(old) + _string(new))
        self._expect_ok(number, new)
        folder = os.path.dirname(new) or "."  # noqa: PTH120 - a path of the other machine
        handle = self._open(folder, _FOR_READING)
        self._sync(handle, folder)
        self._close(handle, folder)

    def remove(self, path: str) -> None:
        self._expect_ok(self._send(_REMOVE, _string(path)), path)

    def make_folders(self, path: str) -> None:
        """Make the folder ``path`` and those above it, where they are missing."""
        parts = path.strip("/").split("/")
        start = "/" if path.startswith("/") else ""
        for depth in range(1, len(parts) + 1):
            folder = start + "/".join(parts[:depth])
            try:
                self._expect_ok(self._send(_MKDIR, _string(folder) + struct.pack(">II", _HAS_MODE, 0o700)), folder)
            except SftpFailure:
                if (found := self.attributes(folder)) is None or not found.is_folder:
                    raise

    def attributes(self, path: str) -> Attributes | None:
        """Return size and mode, or None where there is nothing."""
        try:
            return self._expect(self._send(_LSTAT, _string(path)), _ATTRS, path).attributes()
        except MissingFile:
            return None

    def folder(self, path: str) -> Iterator[tuple[str, Attributes]]:
        """Yield what is in the folder, without ``.`` and ``..``; nothing where there is none."""
        try:
            handle = self._expect(self._send(_OPENDIR, _string(path)), _HANDLE, path).string()
        except MissingFile:
            return
        entries = 0
        while True:
            try:
                reply = self._expect(self._send(_READDIR, _string(handle)), _NAME, path)
            except SftpFailure as failure:
                if failure.code != _EOF:
                    raise
                break
            number = reply.uint32()
            entries += max(number, 1)
            if entries > _ENTRIES_MAX:
                msg = f"{self._place}: {path} has more files than a backup can have"
                raise BackupError(msg)
            for _ in range(number):
                name = reply.string().decode(errors="replace")
                reply.string()
                found = reply.attributes()
                if name not in {".", ".."}:
                    yield name, found
        self._close(handle, path)

    def free_bytes(self, path: str) -> int:
        """Return how much an ordinary user may still write there."""
        number = self._send(_EXTENDED, _string("statvfs@openssh.com") + _string(path))
        reply = self._expect(number, _EXTENDED_REPLY, path)
        _block, fragment, _blocks, _free, available = (reply.uint64() for _ in range(5))
        return fragment * available

    def _size(self, path: str) -> int:
        found = self.attributes(path)
        if found is None:
            msg = f"{self._place} has no {path}"
            raise MissingFile(msg)
        return found.size

    def _open(self, path: str, flags: int) -> bytes:
        attributes = struct.pack(">II", _HAS_MODE, 0o600)
        number = self._send(_OPEN, _string(path) + struct.pack(">I", flags) + attributes)
        return self._expect(number, _HANDLE, path).string()

    def _close(self, handle: bytes, path: str) -> None:
        self._expect_ok(self._send(_CLOSE, _string(handle)), path)

    def _sync(self, handle: bytes, path: str) -> None:
        self._expect_ok(self._send(_EXTENDED, _string("fsync@openssh.com") + _string(handle)), path)

    @property
    def _pipe_in(self) -> IO[bytes]:
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        return self._process.stdin

    @property
    def _pipe_out(self) -> IO[bytes]:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        return self._process.stdout

    def _send(self, kind: int, payload: bytes) -> int:
        self._next_id += 1
        self._send_raw(struct.pack(">BI", kind, self._next_id) + payload)
        return self._next_id

    def _send_raw(self, packet: bytes) -> None:
        try:
            self._pipe_in.write(struct.pack(">I", len(packet)) + packet)
        except OSError:
            raise self._gone() from None

    def _receive_raw(self) -> tuple[int, bytes]:
        try:
            self._pipe_in.flush()
        except OSError:
            raise self._gone() from None
        head = self._pipe_out.read(4)
        length = int.from_bytes(head, "big") if len(head) == 4 else 0  # noqa: PLR2004 - a uint32
        if length > _PACKET_MAX_BYTES:
            msg = f"{self._place} does not talk SFTP"
            raise BackupError(msg)
        packet = self._pipe_out.read(length)
        if not packet:
            raise self._gone()
        return packet[0], packet[1:]

    def _expect(self, number: int, kind: int, path: str) -> _Reader:
        received, packet = self._receive_raw()
        reply = _Reader(packet)
        if reply.uint32() != number:
            msg = f"{self._place} answered out of turn"
            raise BackupError(msg)
        if received == kind and kind != _STATUS:
            return reply
        if received != _STATUS:
            msg = f"{self._place} answered {path} with a packet of type {received}"
            raise BackupError(msg)
        code, text = reply.uint32(), reply.string().decode(errors="replace")
        if code == _OK:
            return reply
        msg = f"{self._place}: {path}: {text or 'failure'}"
        if code == _NO_SUCH_FILE:
            raise MissingFile(msg)
        if code == _PERMISSION_DENIED:
            msg += " (does the folder belong to the user that we log in as?)"
        raise SftpFailure(code, msg)

    def _expect_ok(self, number: int, path: str) -> None:
        self._expect(number, _STATUS, path)

    def _gone(self) -> BackupError:
        """Return why the session ended, in ssh's own words."""
        with suppress(OSError):
            self._pipe_in.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return BackupError(f"{self._place} cannot be reached: {lines[-1].strip() if lines else 'the connection ended'}")
