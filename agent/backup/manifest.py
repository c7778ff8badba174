"""What a finished backup says about itself; sealed like every file, and written last."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from agent.backup.errors import BackupError

MANIFEST_MAX_BYTES: Final = 1 << 20
"""As sealed; a table takes some forty bytes."""
STORE_TAR: Final = "store.tar"
STORE_DUMP: Final = "store.dump"
SOURCE_DUMP: Final = "source.dump"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Contents(_Frozen):
    """The rows of a database, as a dump's snapshot sees them."""

    rows: dict[str, int]
    """By table, quoted as SQL wants it: ``public."Visits"``."""
    at_restore_point: bool = False
    """Whether no transaction ended between counting and the restore point, so that its rows are these."""


class Manifest(_Frozen):
    base: str
    system: str
    version: int
    """PostgreSQL's major version."""
    segment_bytes: int
    size_bytes: int
    """What the store's databases take on the disk."""
    started_at: datetime
    finished_at: datetime
    restore_point: str
    last_wal: str
    """The segment that the restore point is in: without those up to it the backup is of no use."""
    store: Contents
    source: Contents | None = None
    files: dict[str, int]
    """Size in bytes of each file of the backup, as sealed, by part."""

    def encode(self) -> bytes:
        return self.model_dump_json(indent=2).encode()

    @classmethod
    def decode(cls, text: bytes) -> Manifest:
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            msg = "the backup was made by a newer Drawbridge: install that one first"
            raise BackupError(msg) from None
