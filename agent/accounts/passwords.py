"""Passwords: what is accepted as one, its bcrypt hash, and checking it without telling which accounts exist."""

from __future__ import annotations

import asyncio
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NoReturn

import bcrypt

from agent.accounts.common_passwords import is_common
from agent.settings import Passwords as PasswordSettings
from bridge.errors import Code, FieldError, Invalid

LENGTH_MIN: Final = 8
BYTES_MAX: Final = 72
"""bcrypt sees no more than this (https://www.usenix.org/legacy/event/usenix99/provos/provos.pdf): refused."""


def check_strength(password: str, *, field: str = "password") -> None:
    """Raise Invalid, which names ``field``, unless a new password is mixed, long and short enough, and uncommon."""
    kinds = (str.isupper, str.islower, str.isdigit)
    _as_bytes(password, field)
    if len(password) < LENGTH_MIN or not all(any(map(kind, password)) for kind in kinds):
        _refuse(
            f"must have at least {LENGTH_MIN} characters with an upper-case letter, a lower-case letter and a digit",
            field,
        )
    if is_common(password):
        _refuse("is one of those that everybody would try first", field)


class Passwords:
    """Hashes and checks in a few threads of its own: bcrypt takes 0.2 s here and 2 s on a Pi, without the GIL."""

    def __init__(self, settings: PasswordSettings) -> None:
        self._cost = settings.bcrypt_cost
        self._threads = ThreadPoolExecutor(settings.threads, thread_name_prefix="bcrypt")
        # Well-formed, and the hash of nothing known: checking against it takes as long as checking a real one. Also the
        # hash of accounts that have no password.
        self.nobodys = f"$2b${self._cost:02}${'drawbridge' * 2}Oe{'x' * 31}"

    async def hash(self, password: str) -> str:
        """Return the hash to store. Raises Invalid for more than :data:`BYTES_MAX` bytes of UTF-8."""
        encoded, salt = _as_bytes(password), bcrypt.gensalt(self._cost)
        hashed = await asyncio.get_running_loop().run_in_executor(self._threads, bcrypt.hashpw, encoded, salt)
        return hashed.decode()

    async def matches(self, password: str, stored: str | None) -> bool:
        """Return whether the password is the stored one's; without one (no such account) False, after the same time.

        A hash of a lower cost than is set now takes as long as one of that cost: the time tells of no account.
        """
        encoded, hashed = _as_bytes(password), stored or self.nobodys
        loop = asyncio.get_running_loop()
        is_right = await loop.run_in_executor(self._threads, _check, encoded, hashed, self._cost)
        return is_right and stored is not None

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _check(encoded: bytes, hashed: str, cost: int) -> bool:
    """Return whether that was hashed, after the work of ``cost``, which is ``2 ** cost``: a lower one, and the rest."""
    is_right = bcrypt.checkpw(encoded, hashed.encode())
    for missing in range(int(hashed.split("$")[2]), cost):
        bcrypt.hashpw(encoded, bcrypt.gensalt(missing))
    return is_right


def _as_bytes(password: str, field: str = "password") -> bytes:
    """Return what is hashed: NFC (RFC 8265), for keyboards differ in how they compose an "é"."""
    encoded = unicodedata.normalize("NFC", password).encode()
    if len(encoded) > BYTES_MAX:
        _refuse(f"must be at most {BYTES_MAX} bytes of UTF-8", field)
    return encoded


def _refuse(message: str, field: str = "password") -> NoReturn:
    raise Invalid(Code.INVALID_REQUEST, fields=(FieldError(field, message),))
