"""The head of the trail, signed, for others to keep: what was in the trail then must be in it for ever.

The key is a file beside those of the tokens, born here, and never leaves the RPI3::

    audit-head.pem    Ed25519 private key (PKCS 8)

Who replaces it ends the worth of every head that was kept: they are not this agent's any more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from agent.audit.entries import Head
from agent.audit.statements import QUERIES
from agent.db.pools import Pool
from bridge.errors import AppError
from bridge.heads import SignedHead, signed_text
from bridge.process.clock import Clock
from bridge.process.files import read_private, replace_file

KEY_FILE: Final = "audit-head.pem"
_KEY_ID_BYTES: Final = 8
_QUERY_S: Final = 0.25
"""What a write's answer may wait for the head: it is the next one's otherwise."""


class HeadKeyError(RuntimeError):
    """The key's file cannot be used; the message names it and says why."""


class HeadKey:
    """The key that heads are signed with. ``key_id`` is the beginning of its public half's SHA-256."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id = hashlib.sha256(raw).digest()[:_KEY_ID_BYTES].hex()

    @classmethod
    def read(cls, folder: Path) -> HeadKey:
        """Return the folder's key. Raises :class:`HeadKeyError` where there is none that can be used."""
        try:
            private = load_pem_private_key(read_private(folder / KEY_FILE), password=None)
        except (OSError, ValueError) as error:
            msg = f"{folder / KEY_FILE}: {error}"
            raise HeadKeyError(msg) from error
        if not isinstance(private, Ed25519PrivateKey):
            msg = f"{folder / KEY_FILE}: is not an Ed25519 key"
            raise HeadKeyError(msg)
        return cls(private)

    @classmethod
    def read_or_make(cls, folder: Path) -> HeadKey:
        """Return the folder's key, made where there is none. Raises :class:`HeadKeyError`."""
        if not (folder / KEY_FILE).exists():
            made = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            try:
                replace_file(folder / KEY_FILE, made)
            except OSError as error:
                msg = f"{folder / KEY_FILE}: {error}"
                raise HeadKeyError(msg) from error
        return cls.read(folder)

    def sign(self, head: Head, *, created: int) -> SignedHead:
        """Return the head as signed at ``created``, Unix seconds."""
        text = signed_text(number=head.number, hash_=head.hash, created=created, key_id=self.key_id)
        return SignedHead(head.number, head.hash, created, self.key_id, self._private.sign(text))

    def signed(self, head: SignedHead) -> bool:
        """Whether this key signed ``head``."""
        if head.key_id != self.key_id:
            return False
        text = signed_text(number=head.number, hash_=head.hash, created=head.created, key_id=head.key_id)
        try:
            self._private.public_key().verify(head.signature, text)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Heads:
    """The store's head, signed when it is asked for."""

    pool: Pool
    key: HeadKey
    clock: Clock

    async def current(self, deadline: float) -> str:
        """Return the signed head as committed now; '' for an empty trail, and where the store does not say in time."""
        soon = min(deadline, self.clock.monotonic() + _QUERY_S)
        with suppress(AppError):
            row = await self.pool.fetchrow(QUERIES["head"], deadline=soon)
            if row is not None:
                return str(self.key.sign(Head(row["number"], row["hash"]), created=int(self.clock.time())))
        return ""


def genuine(key: HeadKey, found: Iterable[SignedHead]) -> tuple[list[Head], int]:
    """Return the heads that ``key`` signed, and how many others there were."""
    heads, others = [], 0
    for head in found:
        if key.signed(head):
            heads.append(Head(head.number, head.hash))
        else:
            others += 1
    return heads, others
