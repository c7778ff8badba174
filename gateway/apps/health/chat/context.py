"""The conversation so far, sealed and held by the client.

``base64url(version ‖ nonce ‖ AES-256-GCM(JSON))`` without padding: version 1 is the byte 0x01, the nonce 12 random
bytes. The user's id is authenticated with it, so that nobody can go on with another person's conversation. It
survives restarts, needs no shared memory and cannot grow: two frames and at most 20 rows.
"""

from __future__ import annotations

import binascii
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import date
from typing import Annotated, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import Field, ValidationError

from bridge.contracts.health import Severity
from bridge.contracts.operation import Model
from bridge.errors import Code, Invalid
from gateway.apps.health.chat.frame import QueryFrame

SILENCE_MAX_S: Final = 30 * 60.0
ROWS_MAX: Final = 20
SEALED_MAX_BYTES: Final = 8 * 1024
_SYMPTOM_MAX: Final = 60
_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12
_PURPOSE: Final = b"drawbridge chat conversation\x00"


class ReturnedRow(Model):
    """What an answer showed of one record, or of a symptom (no day). Long names are cut, and harder to refer to."""

    symptom: Annotated[str, Field(max_length=_SYMPTOM_MAX)]
    day: date | None
    severity: Severity | None


class Conversation(Model):
    """The last question about records, what it gave, and the Unix time (seconds) of the last turn.

    ``earlier`` is the last one before it that was about other symptoms or another period.
    """

    frame: QueryFrame | None = None
    earlier: QueryFrame | None = None
    rows: Annotated[tuple[ReturnedRow, ...], Field(max_length=ROWS_MAX)] = ()
    said_at: float = 0.0

    def followed_by(self, frame: QueryFrame, rows: tuple[ReturnedRow, ...]) -> Conversation:
        """Return the conversation after ``frame``, which gave ``rows``."""
        is_of_the_same = self.frame is None or (self.frame.symptoms, self.frame.period) == (
            frame.symptoms,
            frame.period,
        )
        return Conversation(frame=frame, earlier=self.earlier if is_of_the_same else self.frame, rows=rows)

    def is_over(self, now: float) -> bool:
        return now - self.said_at > SILENCE_MAX_S


def returned_row(symptom: str, day: date | None, severity: int | None) -> ReturnedRow:
    return ReturnedRow(symptom=symptom[:_SYMPTOM_MAX], day=day, severity=severity)


class Seal:
    """Seals and opens conversations with one 32-byte key. Raises ValueError for a key of another size."""

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:  # noqa: PLR2004 - AES-256
            msg = "the key must have 32 bytes"
            raise ValueError(msg)
        self._cipher = AESGCM(key)

    def close(self, conversation: Conversation, user_id: str) -> str:
        """Return the sealed conversation, at most 8 KiB of ASCII; what would be longer loses its rows."""
        token = self._sealed(conversation, user_id)
        if len(token) <= SEALED_MAX_BYTES:
            return token
        return self._sealed(conversation.model_copy(update={"rows": ()}), user_id)

    def open(self, token: str, user_id: str) -> Conversation:
        """Return what was sealed. Raises Invalid (``invalid_conversation``) if altered, foreign or of another key."""
        try:
            if len(token) > SEALED_MAX_BYTES:
                raise ValueError  # noqa: TRY301 - one way out for everything that is no conversation
            sealed = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
            version, nonce, box = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
            return Conversation.model_validate_json(self._cipher.decrypt(nonce, box, version + _bound_to(user_id)))
        except (ValueError, binascii.Error, InvalidTag, ValidationError):
            raise Invalid(Code.INVALID_CONVERSATION) from None

    def _sealed(self, conversation: Conversation, user_id: str) -> str:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        plain = conversation.model_dump_json(exclude_defaults=True).encode()
        box = self._cipher.encrypt(nonce, plain, _VERSION + _bound_to(user_id))
        return urlsafe_b64encode(_VERSION + nonce + box).rstrip(b"=").decode("ascii")


def _bound_to(user_id: str) -> bytes:
    return _PURPOSE + user_id.encode()
