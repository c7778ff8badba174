"""What a mail says lies sealed in the store: whoever reads the store or its backup reads no reset link.

The sealed form is ``01 ‖ nonce (12 bytes) ‖ ChaCha20-Poly1305(content)``, bound to the mail's id and recipient: moved
to another row it does not open. (ChaCha20: the Pis' processors have no instructions for AES.) The key is 32 random
bytes in hex in a file of its own, which no backup holds. A mail that was sealed with another key is parked, never sent.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from bridge.process.files import read_private, replace_file

_VERSION: Final = b"\x01"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class MailKeyError(RuntimeError):
    """The key's file cannot be used; the message names it and says what is wrong with it."""


class SealBroken(ValueError):
    """A mail was sealed with another key or for another recipient, or is damaged."""


class MailKey:
    """The key that mails are sealed with."""

    def __init__(self, key: bytes) -> None:
        self._cipher = ChaCha20Poly1305(key)

    @classmethod
    def load(cls, path: Path) -> MailKey:
        """Return the key in ``path``, and make it first where there is none. Raises :class:`MailKeyError`."""
        try:
            if not path.exists():
                replace_file(path, secrets.token_hex(_KEY_BYTES).encode())
            key = bytes.fromhex(read_private(path).decode())
        except (OSError, ValueError) as error:
            msg = f"{path}: {error}"
            raise MailKeyError(msg) from error
        if len(key) != _KEY_BYTES:
            msg = f"{path} is not {_KEY_BYTES} bytes in hex"
            raise MailKeyError(msg)
        return cls(key)

    def seal(self, content: bytes, mail_id: UUID, recipient: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, content, _bound_to(mail_id, recipient))

    def open(self, sealed: bytes, mail_id: UUID, recipient: str) -> bytes:
        """Return what was sealed for this mail. Raises :class:`SealBroken`."""
        nonce, content = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if sealed[:1] != _VERSION or len(nonce) != _NONCE_BYTES:
            raise SealBroken
        try:
            return self._cipher.decrypt(nonce, content, _bound_to(mail_id, recipient))
        except InvalidTag:
            raise SealBroken from None


def _bound_to(mail_id: UUID, recipient: str) -> bytes:
    return b"drawbridge-mail\0" + mail_id.bytes + recipient.encode()
