"""Page cursors of somebody's activity: base64url of ``[microseconds since 1970, number]`` of the last entry."""

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
        Annotated[int, Field(strict=True, ge=0, lt=1 << 63)],
    ]
)


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the audit trail: when it was, and its number."""

    at: datetime
    number: int


LATEST: Final = Place(datetime(9999, 1, 1, tzinfo=UTC), (1 << 63) - 1)


def encode(place: Place) -> str:
    """Return the cursor of the page after ``place``."""
    return urlsafe_b64encode(to_json(((place.at - _EPOCH) // _MICROSECOND, place.number))).rstrip(b"=").decode()


def decode(cursor: str) -> Place:
    """Return where the page before ended. Raises Invalid (``invalid_cursor``)."""
    try:
        time, number = _CONTENT.validate_json(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, ValidationError):  # a wrong length or character is a ValueError too
        field = FieldError("cursor", "must be the cursor of the page before")
        raise Invalid(Code.INVALID_CURSOR, fields=(field,)) from None
    return Place(_EPOCH + time * _MICROSECOND, number)
