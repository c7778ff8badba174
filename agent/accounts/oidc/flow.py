"""What is remembered between leaving for the provider and coming back: in the browser's cookie, sealed.

::

    sealed = base64url(01 ‖ 12 random bytes ‖ ChaCha20-Poly1305(content))
    content = state (32 bytes) ‖ nonce (32) ‖ verifier (32) ‖ expiry (Unix seconds, 8)

The key is derived from that of the refresh tokens and from which provider it is, and never leaves the keep: the door,
which carries the cookie, learns neither verifier nor nonce and can make no such cookie. Nothing is stored for who
leaves, so leaving costs nothing however often it is done; that somebody came back is noted in the store, by the state.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

LIFETIME_S: Final = 600
"""How long somebody may take at the provider."""

_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12
_SECRET_BYTES: Final = 32
_LAYOUT: Final = struct.Struct(">32s32s32sQ")
_INFO: Final = b"drawbridge-oidc\0"


class NotOurs(ValueError):
    """This is no sign-in that was begun here, in this browser and within the last ten minutes."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One sign-in under way. The three are 43 characters of base64url; ``expires_at`` is Unix seconds."""

    expires_at: int
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)

    @classmethod
    def begin(cls, now: float) -> Flow:
        state, nonce, verifier = (_text(secrets.token_bytes(_SECRET_BYTES)) for _ in range(3))
        return cls(int(now) + LIFETIME_S, state, nonce, verifier)

    @property
    def challenge(self) -> str:
        """PKCE's S256 (RFC 7636, 4.2)."""
        return _text(hashlib.sha256(self.verifier.encode()).digest())

    @property
    def digest(self) -> bytes:
        """What the store knows it by once it came back."""
        return hashlib.sha256(self.state.encode()).digest()


class FlowSeal:
    """Seals flows with a key made of ``key()``, for one ``provider``: another's sign-ins do not open."""

    def __init__(self, key: Callable[[], bytes], provider: str) -> None:
        self._key = key
        self._info = _INFO + provider.encode()

    def seal(self, flow: Flow) -> str:
        content = _LAYOUT.pack(*(_bytes(text) for text in (flow.state, flow.nonce, flow.verifier)), flow.expires_at)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _text(_VERSION + nonce + self._cipher().encrypt(nonce, content, _VERSION))

    def open(self, sealed: str, state: str, now: float) -> Flow:
        """Return the flow that ``sealed`` holds, if ``state`` is its own. Raises :class:`NotOurs`."""
        try:
            raw = _bytes(sealed)
            version, nonce, rest = raw[:1], raw[1 : 1 + _NONCE_BYTES], raw[1 + _NONCE_BYTES :]
            content = self._cipher().decrypt(nonce, rest, version)
            *texts, expires_at = _LAYOUT.unpack(content)
        except (InvalidTag, ValueError, struct.error) as error:
            raise NotOurs from error
        flow = Flow(expires_at, *(_text(text) for text in texts))
        # not one from a clock that was ahead, either
        if version != _VERSION or not now < expires_at <= now + LIFETIME_S:
            raise NotOurs
        if not hmac.compare_digest(flow.state.encode(), state.encode("utf-8", "surrogatepass")):
            raise NotOurs
        return flow

    def _cipher(self) -> ChaCha20Poly1305:
        return ChaCha20Poly1305(HKDF(SHA256(), length=32, salt=None, info=self._info).derive(self._key()))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """Return what :func:`_text` was given. Raises ValueError."""
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
