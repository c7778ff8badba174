"""PostgreSQL's ``archive_command``: ``python -m agent.backup.archive SETTINGS %p %f``, started in the cluster's folder.

It ends with 0 only when the segment, sealed, is on the target's disk under its name: until then PostgreSQL keeps it and
tries again. While the target is away, segments pile up in ``pg_wal``; none is ever given up. ``agent backup status``
says so long before the disk is full.
"""

from __future__ import annotations

import gzip
import io
import struct
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from agent.backup.errors import BackupError, MissingFile, SealBroken
from agent.backup.names import WAL_NAME, wal_file
from agent.backup.seal import SealKey, sealed_max_bytes
from agent.backup.state import record
from agent.backup.targets import Target, open_target
from agent.backup.where import Where


def system_identifier(data_dir: Path) -> str:
    """Return the cluster's number, which ``global/pg_control`` begins with (ControlFileData, since PostgreSQL 8.0)."""
    with (data_dir / "global" / "pg_control").open("rb") as file:
        return str(struct.unpack("=Q", file.read(8))[0])


def archive(where: Where, path: Path, wal: str, *, data_dir: Path = Path()) -> None:
    """Put one segment where it is safe. Repeating it is safe. Raises :class:`BackupError`, OSError."""
    if WAL_NAME.fullmatch(wal) is None:
        msg = f"{wal} is no WAL file's name"
        raise BackupError(msg)
    if wal.endswith(".backup"):
        return  # a note about a base backup, which its manifest tells too
    content = path.read_bytes()
    key = SealKey.read(where.identity)
    system = system_identifier(data_dir)
    name = wal_file(system, wal)
    sealed = key.seal(name, gzip.compress(content, compresslevel=1, mtime=0))
    with open_target(where) as target:
        if not _is_there(target, key, name, content):
            target.put(name, io.BytesIO(sealed))
    if not wal.endswith(".history"):
        now = time.time()  # noqa: TID251 - the clock module is dear to import
        record(where.state_file, "wal", {"system": system, "name": wal, "at_unix_s": round(now, 3)})


def _is_there(target: Target, key: SealKey, name: str, content: bytes) -> bool:
    """Say whether the target has it already: a power cut came between there and here.

    Another content under the same name is never replaced: a second cluster of the same origin is at work.
    """
    found = io.BytesIO()
    try:
        target.get(name, found, at_most=sealed_max_bytes(len(content)))
        there = gzip.decompress(key.open(name, found.getvalue()))
    except (MissingFile, SealBroken):
        return False
    if there != content:
        msg = f"{target.url} has another {name}: does a copy of this cluster archive there too?"
        raise BackupError(msg)
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    if len(words) != 3:  # noqa: PLR2004 - see the usage
        print("usage: python -m agent.backup.archive SETTINGS PATH NAME", file=sys.stderr)  # noqa: T201
        return 2
    try:
        archive(Where.read(Path(words[0])), Path(words[1]), words[2])
    except (BackupError, OSError) as error:
        print(f"backup: {error}", file=sys.stderr)  # noqa: T201 - goes to PostgreSQL's log
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
