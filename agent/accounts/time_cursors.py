"""Page cursors of lists by time: base64url of ``[microseconds since 1970, number]`` of the last entry."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import to_json

from bridge.errors import Code, FieldError, Invalid

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_CONTENT: Final = TypeAdapter(
    tuple[
        Annotated[int, Field(strict=True, ge=0, lt=253402214400_000_000)],
        Annotated[int, Field(strict=True, ge=0)],
    ]
)


@dataclass(frozen=True, slots=True)
class Place:
    """An entry: when it was, and the number that tells it from others of that time (a UUID is one of 128 bits)."""

    at: datetime
    number: int


END: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""After every entry."""


def encode(place: Place) -> str:
    """Return the cursor of the page after ``place``."""
    return urlsafe_b64encode(to_json(((place.at - _EPOCH) // _MICROSECOND, place.number))).rstrip(b"=").decode()


def decode(cursor: str | None, *, latest: int) -> Place:
    """Return where the page before ended, before everything without a cursor; ``latest`` is the greatest number.

    Raises Invalid (``invalid_cursor``).
    """
    if cursor is None:
        return Place(END, latest)
    try:
        time, number = _CONTENT.validate_json(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, ValidationError):  # a wrong length or character is a ValueError too
        time, number = 0, latest + 1
    if number > latest:
        field = FieldError("cursor", "must be the cursor of the page before")
        raise Invalid(Code.INVALID_CURSOR, fields=(field,))
    return Place(_EPOCH + time * _MICROSECOND, number)
