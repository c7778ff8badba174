"""Page cursors of lists by address: the one that the page before ended with, for the same filter only.

base64url (without padding) of the JSON array ``[filter, place]``, with the first bytes of the filter's SHA-256. It
holds nothing that its receiver has not been given, and no permission.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Final

from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import to_json

from bridge.contracts.operation import Model
from bridge.errors import Code, FieldError, Invalid

_CONTENT: Final = TypeAdapter(
    tuple[
        Annotated[str, StringConstraints(max_length=12)],
        Annotated[str, StringConstraints(max_length=300, pattern=r"^[^\x00]*$")],
    ]
)


def encode(place: str, params: Model) -> str:
    """Return the cursor of the page after ``place``."""
    return urlsafe_b64encode(to_json((_fingerprint(params), place))).rstrip(b"=").decode()


def decode(cursor: str, params: Model) -> str:
    """Return where the page before ended. Raises Invalid (``invalid_cursor``)."""
    try:
        fingerprint, place = _CONTENT.validate_json(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, ValidationError):  # a wrong length or character is a ValueError too
        fingerprint, place = "", ""
    if fingerprint != _fingerprint(params):
        field = FieldError("cursor", "must be the cursor of the page before, with the same filter")
        raise Invalid(Code.INVALID_CURSOR, fields=(field,))
    return place


def _fingerprint(params: Model) -> str:
    text = params.model_dump_json(exclude={"cursor", "limit"})
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:9]).decode()
