"""Heads of the audit trail, as they travel: a text that is signed by itself, so that anybody may keep it.

``<number>.<hash>.<created>.<key id>.<signature>``: the newest entry's number, its hash (64 hexadecimal digits), the
agent's Unix time in seconds, which key (16 hexadecimal digits) and its Ed25519 signature (base64url without padding) of
:func:`signed_text`. ``bridge/PROTOCOL.md``, section 14, has an example.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

HEADER: Final = "bridge-audit-head"
"""The header of a response that a head travels in."""

_HEAD: Final = re.compile(
    r"(?<![\w.-])([1-9][0-9]{0,18})\.([0-9a-f]{64})\.(0|[1-9][0-9]{0,14})\.([0-9a-f]{16})\.([A-Za-z0-9_-]{86})(?![\w.-])",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head and who says so; it is worth what :func:`signed_text` and the signature are together."""

    number: int
    hash: bytes
    created: int
    key_id: str
    signature: bytes

    def __str__(self) -> str:
        signature = urlsafe_b64encode(self.signature).rstrip(b"=").decode()
        return f"{self.number}.{self.hash.hex()}.{self.created}.{self.key_id}.{signature}"


def signed_text(*, number: int, hash_: bytes, created: int, key_id: str) -> bytes:
    """Return what the signature is of."""
    return f"drawbridge audit head v1\n{number}.{hash_.hex()}.{created}.{key_id}".encode()


def find_heads(text: str) -> Iterator[SignedHead]:
    """Yield every text in ``text`` that has the form of a head, in order: in log lines, in JSON, or bare."""
    for match in _HEAD.finditer(text):
        number, digest, created, key_id, signature = match.groups()
        yield SignedHead(int(number), bytes.fromhex(digest), int(created), key_id, urlsafe_b64decode(signature + "=="))


def is_head(text: str) -> bool:
    """Whether ``text`` is one head and nothing else. It is the form alone that is looked at."""
    return _HEAD.fullmatch(text) is not None
