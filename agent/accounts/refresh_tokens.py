"""Refresh tokens: nothing that could be used is stored anywhere, and the same successor can be given twice.

::

    token = base64url(session id (16 bytes) ‖ generation (4, big-endian) ‖ MAC (32))
    MAC   = HMAC-SHA256(refresh key, salt ‖ session id ‖ generation)

The salt (32 random bytes a session) lies in the store, the key in a folder: a copy of either alone makes no token. The
store only counts which generation is good. Because a successor is computed and not drawn at random, two tabs that
refresh with the same token at once get the same one, and neither is signed out.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import struct
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from bridge.errors import Code, Denied

SALT_BYTES: Final = 32
_LAYOUT: Final = struct.Struct(">16sI32s")
_COVERED: Final = struct.Struct(">16sI")


@dataclass(frozen=True, slots=True)
class Presented:
    """A refresh token as it came in. Its MAC can only be checked with the session's salt."""

    session_id: UUID
    generation: int
    mac: bytes


def issue(key: bytes, salt: bytes, session_id: UUID, generation: int) -> str:
    """Return the session's token of a generation; always the same for the same arguments."""
    mac = _mac(key, salt, session_id, generation)
    return base64.urlsafe_b64encode(_LAYOUT.pack(session_id.bytes, generation, mac)).rstrip(b"=").decode()


def parse(token: str) -> Presented:
    """Take a token apart. Raises Denied (``session_ended``) for what no token looks like."""
    try:
        padded = token.encode("ascii") + b"=" * (-len(token) % 4)
        session_id, generation, mac = _LAYOUT.unpack(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (UnicodeEncodeError, binascii.Error, struct.error) as error:
        raise Denied(Code.SESSION_ENDED) from error
    return Presented(UUID(bytes=session_id), generation, mac)


def is_genuine(presented: Presented, key: bytes, salt: bytes) -> bool:
    """Return whether the token was made here, in constant time."""
    return hmac.compare_digest(presented.mac, _mac(key, salt, presented.session_id, presented.generation))


def _mac(key: bytes, salt: bytes, session_id: UUID, generation: int) -> bytes:
    return hmac.digest(key, salt + _COVERED.pack(session_id.bytes, generation), "sha256")
