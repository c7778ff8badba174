"""Page cursors: where the page before ended, in a form that only fits the same question.

A cursor is base64url (without padding) of a JSON array: ``[question, rank, time, id]`` with the first bytes of the
question's SHA-256, the last record's rank by severity, its time in microseconds since 1970, and its id. It holds
nothing that its receiver has not been given, and no permission: a forged one pages through the forger's own records.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import to_json

from bridge.contracts.health import ListSymptoms
from bridge.errors import Code, FieldError, Invalid

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_QUESTION_BYTES: Final = 9
_NOT_IN_QUESTION: Final = {"cursor", "limit", "total"}

_CONTENT: Final = TypeAdapter(
    tuple[
        Annotated[str, StringConstraints(max_length=12)],
        Annotated[int, Field(strict=True, ge=-11, le=10)],
        Annotated[int, Field(strict=True, ge=-62135510400_000_000, lt=253402214400_000_000)],
        Annotated[str, StringConstraints(max_length=200, pattern="^[^\\x00]*$")],
    ]
)


@dataclass(frozen=True, slots=True)
class Position:
    """The last record of a page."""

    rank: int
    recorded_at: datetime
    id: str


def encode(position: Position, question: ListSymptoms) -> str:
    """Return the cursor of the page after ``position``, for this question only."""
    time = (position.recorded_at - _EPOCH) // _MICROSECOND
    content = to_json((_fingerprint(question), position.rank, time, position.id))
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def decode(cursor: str, question: ListSymptoms) -> Position:
    """Return where the page before ended. Raises :class:`~bridge.errors.Invalid` (``invalid_cursor``)."""
    try:
        content = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        fingerprint, rank, time, record_id = _CONTENT.validate_json(content)
    except (ValueError, ValidationError):  # a wrong length or character is a ValueError too
        raise _invalid() from None
    if fingerprint != _fingerprint(question):
        raise _invalid()
    return Position(rank, _EPOCH + time * _MICROSECOND, record_id)


def _fingerprint(question: ListSymptoms) -> str:
    text = question.model_dump_json(exclude=_NOT_IN_QUESTION)
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:_QUESTION_BYTES]).decode()


def _invalid() -> Invalid:
    field = FieldError("cursor", "must be the cursor of the page before, with the same filter and order")
    return Invalid(Code.INVALID_CURSOR, fields=(field,))
