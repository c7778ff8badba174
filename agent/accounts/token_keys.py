"""The keys that tokens are made with. They are born on this machine, in a folder of its own, and never leave it.

``<kid>.pem``    Ed25519 private keys (PKCS 8). The kid begins with the key's birth: ``20261121T045152Z-k3f9``.
``refresh.key``  32 random bytes in hex. Replacing it, in a running agent too, ends every session, each as soon as its
                 access token expires: nobody can renew one.

A new signing key is told to the gateways first and signs after ``lead_s``, and an old one still verifies for as long
as a token of its may live. Several processes may look at the folder; only :meth:`TokenKeys.maintain` writes.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from agent.settings import Tokens
from bridge.contracts.system import PublicKey
from bridge.process.clock import utc
from bridge.process.files import read_private, replace_file

_KID: Final = re.compile(r"(?P<born>\d{8}T\d{6}Z)-[a-z0-9]{4}")
_BORN: Final = "%Y%m%dT%H%M%SZ"
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_REFRESH_FILE: Final = "refresh.key"
_REFRESH_KEY_BYTES: Final = 32


class TokenKeysError(RuntimeError):
    """The folder cannot be used; the message names the file and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class TokenKey:
    """``born`` is Unix seconds."""

    kid: str
    born: float
    private: Ed25519PrivateKey

    @property
    def public(self) -> Ed25519PublicKey:
        return self.private.public_key()


class TokenKeys:
    """The folder's keys. ``now`` is Unix seconds everywhere."""

    def __init__(self, settings: Tokens) -> None:
        self._folder = settings.keys_dir
        self._rotate_s = settings.rotate_s
        self._lead_s = settings.lead_s
        self._overlap_s = settings.lead_s + settings.access_s
        self._keys: dict[str, TokenKey] = {}
        self.refresh_key = b""

    def load(self, now: float) -> None:
        """Read the folder, and make what is missing in it. Raises :class:`TokenKeysError`."""
        with _explained(self._folder):
            refresh_file = self._folder / _REFRESH_FILE
            if not refresh_file.exists():
                replace_file(refresh_file, secrets.token_hex(_REFRESH_KEY_BYTES).encode())
            self.refresh_key = self._read_refresh_key()
            self._read()
            if not self._keys:
                self._create(now)

    def maintain(self, now: float) -> bool:
        """Take over keys that others made, make a new one when the newest is old, drop what no living token needs.

        Return whether gateways have other keys to learn. Raises :class:`TokenKeysError`; the keys before stay in use.
        """
        with _explained(self._folder):
            self.refresh_key = self._read_refresh_key()
            changed = self._read()
            if max(key.born for key in self._keys.values()) + self._rotate_s <= now:
                self._create(now)
                changed = True
            return self._drop_old(now) or changed

    def rotate(self, now: float) -> TokenKey:
        """Make a new key. It begins to sign after the lead, here and in a running agent that shares the folder."""
        with _explained(self._folder):
            return self._create(now)

    def signer(self, now: float) -> TokenKey:
        """Return the newest key that the gateways have had time to learn; the oldest where all are newer."""
        in_order = sorted(self._keys.values(), key=lambda key: key.born)
        return next((key for key in reversed(in_order) if key.born + self._lead_s <= now), in_order[0])

    def find(self, kid: str) -> TokenKey | None:
        return self._keys.get(kid)

    def public_keys(self) -> tuple[PublicKey, ...]:
        """Return what gateways verify with, oldest first."""
        return tuple(
            PublicKey(
                kid=key.kid,
                x=base64.urlsafe_b64encode(key.public.public_bytes(Encoding.Raw, PublicFormat.Raw))
                .rstrip(b"=")
                .decode(),
            )
            for key in self._keys.values()
        )

    def _read(self) -> bool:
        """Read what was added, forget what was removed, and return whether there was anything."""
        kids = {path.stem for path in self._folder.glob("*.pem") if _KID.fullmatch(path.stem)}
        if kids == self._keys.keys():
            return False
        if not kids and self._keys:
            msg = "every signing key was removed"
            raise ValueError(msg)
        self._keys = {kid: self._keys.get(kid) or _load(self._folder, kid) for kid in sorted(kids)}
        return True

    def _read_refresh_key(self) -> bytes:
        key = bytes.fromhex(read_private(self._folder / _REFRESH_FILE).decode())
        if len(key) != _REFRESH_KEY_BYTES:
            msg = f"{_REFRESH_FILE} is not {_REFRESH_KEY_BYTES} bytes in hex"
            raise ValueError(msg)
        return key

    def _create(self, now: float) -> TokenKey:
        kid = f"{utc(now).strftime(_BORN)}-{''.join(secrets.choice(_LETTERS) for _ in range(4))}"
        private = Ed25519PrivateKey.generate()
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        replace_file(self._folder / f"{kid}.pem", pem)
        key = self._keys[kid] = _load(self._folder, kid)
        return key

    def _drop_old(self, now: float) -> bool:
        """Drop each key whose successor has signed for longer than a token lives."""
        in_order = sorted(self._keys.values(), key=lambda key: key.born)
        old = [key for key, successor in pairwise(in_order) if successor.born + self._overlap_s <= now]
        for key in old:
            (self._folder / f"{key.kid}.pem").unlink(missing_ok=True)
            del self._keys[key.kid]
        return bool(old)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        msg = f"{folder}: {error}"
        raise TokenKeysError(msg) from error


def _load(folder: Path, kid: str) -> TokenKey:
    private = load_pem_private_key(read_private(folder / f"{kid}.pem"), password=None)
    if not isinstance(private, Ed25519PrivateKey):
        msg = f"{kid}.pem is not an Ed25519 key"
        raise ValueError(msg)  # noqa: TRY004 - the file's content is wrong
    born = datetime.strptime(kid.partition("-")[0], _BORN).replace(tzinfo=UTC)
    return TokenKey(kid, born.timestamp(), private)
