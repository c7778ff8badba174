"""Looking through the audit trail: the newest entries first, by who, what, to what and when."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Final
from uuid import UUID

import asyncpg
from pydantic import Field, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import to_json

from agent.audit.statements import QUERIES
from agent.db.pools import Pool
from agent.db.queries import Query
from bridge.contracts.audit import AuditEntry, ListEntries, ListLooks
from bridge.errors import Code, FieldError, Invalid

_CONDITIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "start": "a.at >= $1",
        "end": "a.at < $2",
        "user_id": "a.user_id = $3",
        "entity_type": "a.entity = $4",
        "entity_id": "a.entity_id = $5",
        "action": "a.operation = $6",
        "cursor": "(a.at, a.number) < ($7, $8)",
    }
)
_ABSENT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "start": "$1::timestamptz IS NULL",
        "end": "$2::timestamptz IS NULL",
        "user_id": "$3::uuid IS NULL",
        "entity_type": "$4::text IS NULL",
        "entity_id": "$5::text IS NULL",
        "action": "$6::text IS NULL",
        "cursor": "$7::timestamptz IS NULL AND $8::bigint IS NULL",
    }
)
"""True, and of no column: the planner sees only the conditions that were asked for, and has an index for each."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_FINGERPRINT_BYTES: Final = 9
_PLACE: Final = TypeAdapter(
    tuple[
        Annotated[str, StringConstraints(max_length=12)],
        Annotated[int, Field(strict=True, ge=0, lt=253402214400_000_000)],
        Annotated[int, Field(strict=True, ge=1, lt=1 << 63)],
    ]
)


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, the newest first, and the cursor of what comes after; None where nothing does."""

    entries: tuple[AuditEntry, ...]
    next_cursor: str | None


class Reader:
    """Reads the trail in the store."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page(self, asked: ListEntries, *, deadline: float) -> Page:
        """Return the entries that match. Raises Invalid (``invalid_cursor``) for a cursor of another question."""
        if asked.user_email is not None:
            user_id = await self.account(asked.user_email, deadline=deadline)
            if user_id is None:
                return Page((), None)
            asked = asked.model_copy(update={"user_id": user_id, "user_email": None})
        question = asked.model_dump_json(exclude={"cursor", "limit"}).encode()
        place = (None, None) if asked.cursor is None else _decode(asked.cursor, question)
        given = frozenset(name for name in _CONDITIONS if getattr(asked, name) is not None)
        rows = await self._pool.fetch(
            page_query(given), asked.start, asked.end, asked.user_id, asked.entity_type, asked.entity_id, asked.action,
            *place, asked.limit + 1, deadline=deadline,
        )  # fmt: skip
        next_cursor = None
        if len(rows) > asked.limit:
            del rows[asked.limit :]
            next_cursor = _encode(rows[-1]["timestamp"], rows[-1]["number"], question)
        return Page(tuple(entry_of(row) for row in rows), next_cursor)

    async def account(self, email: str, *, deadline: float) -> UUID | None:
        """Return the id of the account with an e-mail address, or None."""
        user_id: UUID | None = await self._pool.fetchval(QUERIES["account"], email, deadline=deadline)
        return user_id

    async def looks(
        self, records: Mapping[str, str], asked: ListLooks, *, deadline: float
    ) -> tuple[list[asyncpg.Record], str | None]:
        """Return who looked at ``records`` (``entity_id`` by ``entity``), the newest first, and the next page's cursor.

        Raises Invalid (``invalid_cursor``).
        """
        question = to_json(records)
        at, number = (None, None) if asked.cursor is None else _decode(asked.cursor, question)
        rows = await self._pool.fetch(
            QUERIES["looks"], [*records], [*records.values()], at, number, asked.limit + 1, deadline=deadline
        )
        if len(rows) <= asked.limit:
            return rows, None
        del rows[asked.limit :]
        return rows, _encode(rows[-1]["at"], rows[-1]["number"], question)

    async def one(self, number: int, *, deadline: float) -> AuditEntry | None:
        """Return the entry with that number, or None."""
        row = await self._pool.fetchrow(QUERIES["one"], number, deadline=deadline)
        return None if row is None else entry_of(row)


@lru_cache(1 << len(_CONDITIONS))
def page_query(given: frozenset[str]) -> Query:
    """Return the statement with the conditions that are ``given`` and no others."""
    conditions = [text if name in given else _ABSENT[name] for name, text in _CONDITIONS.items()]
    return QUERIES["page"].expand(conditions=" AND ".join(conditions))


def entry_of(row: asyncpg.Record) -> AuditEntry:
    values = dict(row)
    payload = json.loads(values.pop("payload") or "{}")
    parts = {"old_values": payload.get("old"), "new_values": payload.get("new"), "why": payload.get("why")}
    return AuditEntry.model_validate(values | parts)


def _encode(at: datetime, number: int, question: bytes) -> str:
    content = to_json((_fingerprint(question), (at - _EPOCH) // _MICROSECOND, number))
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _decode(cursor: str, question: bytes) -> tuple[datetime, int]:
    try:
        content = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        fingerprint, micros, number = _PLACE.validate_json(content)
    except (ValueError, ValidationError):  # a wrong length or character is a ValueError too
        raise _invalid() from None
    if fingerprint != _fingerprint(question):
        raise _invalid()
    return _EPOCH + micros * _MICROSECOND, number


def _fingerprint(question: bytes) -> str:
    return urlsafe_b64encode(hashlib.sha256(question).digest()[:_FINGERPRINT_BYTES]).decode()


def _invalid() -> Invalid:
    field = FieldError("cursor", "must be the cursor of the page before, with the same filter")
    return Invalid(Code.INVALID_CURSOR, fields=(field,))
