r"""A sealed file: encrypted by age, and authenticated under its name, with one secret that only the keep has.

A file is one line and an age file (https://age-encryption.org/v1)::

    drawbridge-backup 1 5f0c9a3e 6b1f…(64 hexadecimal digits)\n
    age-encryption.org/v1\n…

``5f0c9a3e`` says which key, the digits are HMAC-SHA256(MAC key, name NUL age file). The MAC key comes from the age
identity, so that the owner has one line to keep. It is there because age alone proves nothing about the origin: who
knows a recipient can encrypt to it, and whoever holds the files could swap or cut them. Without any of our programs a
file opens with ``tail -n +2 FILE | age -d -i IDENTITY``.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from agent.backup.errors import BackupError, SealBroken

_LINE: Final = re.compile(rb"drawbridge-backup 1 ([0-9a-f]{8}) ([0-9a-f]{64})\n")
HEADER_BYTES: Final = len("drawbridge-backup 1 ") + 8 + 1 + 64 + 1
_CHUNK_BYTES: Final = 1 << 18


def sealed_max_bytes(content_bytes: int) -> int:
    """Return what a sealed, gzipped file of so much content has at most: neither makes it a hundredth larger."""
    return content_bytes + content_bytes // 100 + (1 << 16)


@dataclass(frozen=True, slots=True)
class SealKey:
    """The age identity in ``path``, and the MAC key that comes from it."""

    path: Path
    key_id: str
    mac_key: bytes = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> SealKey:
        """Return the key of an identity file as ``age-keygen`` writes it. Raises :class:`BackupError`."""
        try:
            lines = path.read_text("ascii").split()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            msg = f"the backup key {path} cannot be read ({reason}): put the copy that you kept off the box there"
            raise BackupError(msg) from None
        secrets = [line for line in lines if line.startswith("AGE-SECRET-KEY-1")]
        if len(secrets) != 1:
            msg = f"{path} does not hold one age identity (AGE-SECRET-KEY-1…): put the copy that you kept there"
            raise BackupError(msg)
        identity = secrets[0].encode()
        key_id = hmac.digest(identity, b"drawbridge backup key id", "sha256").hex()[:8]
        return cls(path, key_id, hmac.digest(identity, b"drawbridge backup mac", "sha256"))

    def _mac(self, name: str) -> hmac.HMAC:
        return hmac.new(self.mac_key, name.encode() + b"\0", hashlib.sha256)

    def _line(self, mac: hmac.HMAC) -> bytes:
        return f"drawbridge-backup 1 {self.key_id} {mac.hexdigest()}\n".encode()

    def seal(self, name: str, content: bytes) -> bytes:
        """Return ``content`` as the sealed file ``name``."""
        done = subprocess.run(self._age("-e"), input=content, capture_output=True, check=False)
        if done.returncode != 0:
            raise _age_failed(done.stderr)
        mac = self._mac(name)
        mac.update(done.stdout)
        return self._line(mac) + done.stdout

    def seal_stream(self, name: str, source: IO[bytes], into: Path) -> int:
        """Write what ``source`` (a pipe or file) gives as the sealed file ``name``; return the file's size, bytes.

        Raises OSError where the disk is full; ``into`` is then of no use.
        """
        mac = self._mac(name)
        with tempfile.TemporaryFile() as errors, into.open("wb") as file:
            file.write(b"\0" * HEADER_BYTES)
            with subprocess.Popen(self._age("-e"), stdin=source, stdout=subprocess.PIPE, stderr=errors) as age:
                source.close()  # or its writer would not notice that age has ended
                for chunk in _chunks(age.stdout):
                    mac.update(chunk)
                    file.write(chunk)
            if age.returncode != 0:
                errors.seek(0)
                raise _age_failed(errors.read())
            file.seek(0)
            file.write(self._line(mac))
            return file.seek(0, os.SEEK_END)

    def open(self, name: str, sealed: bytes) -> bytes:
        """Return the content of the sealed file ``name``. Raises :class:`SealBroken`."""
        mac = self._mac(name)
        mac.update(sealed[HEADER_BYTES:])
        self._check(name, sealed[:HEADER_BYTES], mac)
        done = subprocess.run(self._age("-d"), input=sealed[HEADER_BYTES:], capture_output=True, check=False)
        if done.returncode != 0:
            raise _age_failed(done.stderr)
        return done.stdout

    @contextmanager
    def open_stream(self, name: str, path: Path) -> Iterator[IO[bytes]]:
        """Give a pipe with the content of the sealed file ``name`` at ``path``, all of which is checked first.

        Raises :class:`SealBroken` before anything is given, and :class:`BackupError` at the end if age failed.
        """
        self.verify(name, path)
        with path.open("rb", buffering=0) as file, tempfile.TemporaryFile() as errors:
            file.seek(HEADER_BYTES)
            with subprocess.Popen(self._age("-d"), stdin=file, stdout=subprocess.PIPE, stderr=errors) as age:
                assert age.stdout is not None  # noqa: S101 - it is a pipe
                yield age.stdout
                age.stdout.close()
            if age.returncode != 0:
                errors.seek(0)
                raise _age_failed(errors.read())

    def verify(self, name: str, path: Path) -> None:
        """Raise :class:`SealBroken` unless ``path`` is the sealed file ``name`` from its first byte to its last."""
        mac = self._mac(name)
        with path.open("rb") as file:
            line = file.read(HEADER_BYTES)
            for chunk in _chunks(file):
                mac.update(chunk)
        self._check(name, line, mac)

    def _check(self, name: str, line: bytes, mac: hmac.HMAC) -> None:
        match = _LINE.fullmatch(line)
        if match is None:
            msg = f"{name} is damaged: it does not begin as a sealed file does"
            raise SealBroken(msg)
        if match[1].decode() != self.key_id:
            other = match[1].decode()
            msg = f"{name} was sealed with key {other}, and {self.path} is key {self.key_id}: put key {other} there"
            raise SealBroken(msg)
        if not hmac.compare_digest(match[2], mac.hexdigest().encode()):
            msg = f"{name} is not what this keep sent: it was damaged, cut short, swapped or forged"
            raise SealBroken(msg)

    def _age(self, direction: str) -> list[str]:
        return ["age", direction, "-i", str(self.path)]


def _chunks(file: IO[bytes] | None) -> Iterator[bytes]:
    assert file is not None  # noqa: S101 - a pipe, or a file
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk


def _age_failed(errors: bytes) -> BackupError:
    lines = [line for line in errors.decode(errors="replace").splitlines() if "report unexpected" not in line]
    return BackupError(f"age failed: {'; '.join(lines) or 'it was killed'}")
