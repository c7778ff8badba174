"""Runs PostgreSQL's programs, and lets one job at a time use the work folder."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from agent.backup.errors import BackupError

_DEBIAN: Final = Path("/usr/lib/postgresql")


def binaries(version: int, configured: Path | None) -> Path:
    """Return the folder of PostgreSQL's programs of a major version. Raises :class:`BackupError`."""
    folder = configured or _DEBIAN / str(version) / "bin"
    if not (folder / "pg_basebackup").is_file():
        msg = f"PostgreSQL {version} is not in {folder}: apt-get install postgresql-{version}"
        raise BackupError(msg)
    return folder


def run(command: Sequence[str], *, stdin: IO[bytes] | None = None) -> str:
    """Run to the end and return what was printed. Raises :class:`BackupError` with the last line of the errors."""
    done = subprocess.run(command, stdin=stdin or subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        raise _failed(command[0], done.returncode, done.stderr)
    return done.stdout.decode(errors="replace")


@contextmanager
def piped(command: Sequence[str], *, stdin: IO[bytes] | None = None) -> Iterator[IO[bytes]]:
    """Give what the program prints, as it comes. Raises :class:`BackupError` at the end if it failed."""
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(
            command, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        ) as process:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            try:
                yield process.stdout
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            errors.seek(0)
            raise _failed(command[0], process.returncode, errors.read())


@contextmanager
def alone(work_dir: Path) -> Iterator[None]:
    """Keep other backups, drills and restores away meanwhile. Raises :class:`BackupError` when one is under way."""
    try:
        work_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
        is_ours = work_dir.stat().st_uid == os.geteuid()  # not root's: what it leaves there would be in the owner's way
    except PermissionError:
        is_ours = False
    if not is_ours:
        msg = f"{work_dir} is another user's: run this as the one it belongs to (runuser -u postgres -- …)"
        raise BackupError(msg)
    lock = (work_dir / "lock").open("a")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            msg = f"another backup, drill or restore is using {work_dir}: wait for its end"
            raise BackupError(msg) from None
        yield


@contextmanager
def room(folder: Path) -> Iterator[None]:
    """Turn "no space left" into words that name the folder."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise
        msg = f"no space left in {folder}: free some, or give backup.work_dir another place"
        raise BackupError(msg) from error


def _failed(program: str, code: int, errors: bytes) -> BackupError:
    lines = [line for line in errors.decode(errors="replace").strip().splitlines() if line.strip()]
    why = lines[-1].strip() if lines else f"it ended with {code}"
    if "No space left" in errors.decode(errors="replace"):
        why = f"no space left: {why}"
    return BackupError(f"{Path(program).name} failed: {why}")
