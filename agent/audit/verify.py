"""Whether the audit trail is what was written: every hash is computed again, from the columns as they are stored.

What the chain alone cannot show is that its end was cut off. For that it is held against heads that somebody else has
kept (:mod:`agent.audit.heads`): each must still be in it, with the hash it had.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from agent.audit.entries import Head
from agent.audit.statements import QUERIES
from agent.audit.trail import SALT_BYTES

GENESIS: Final = bytes(32)
"""What stands for the hash before the first entry."""

BATCH: Final = 5_000

LINKS: Final = QUERIES["links"]
"""The statement that gives what is verified."""

HEAD: Final = QUERIES["head"]
HASH_OF: Final = QUERIES["hash_of"]

Fetch = Callable[[int, int], Awaitable[Sequence[asyncpg.Record]]]
"""Gives at most so many entries after a number, as the statement ``links`` has them: ``await fetch(after, count)``."""


class TrailBroken(Exception):
    """The audit trail is not what was written. ``number`` is the first entry that does not fit."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"entry {number}: {reason}")
        self.number = number


@dataclass(frozen=True, slots=True)
class Verified:
    """A trail that holds: its head (number 0 where it is empty), and how many payloads were erased from it."""

    head: Head
    erased: int


async def verify(fetch: Fetch, witnessed: Iterable[Head] = ()) -> Verified:
    """Verify the whole trail, a batch at a time, against the heads that were ``witnessed``.

    Entries that are added meanwhile are verified too. Raises :class:`TrailBroken` at the first that does not fit.
    """
    check = _Check(witnessed)
    while rows := await fetch(check.number, BATCH):
        check.take(rows)
    return check.finish()


class _Check:
    def __init__(self, witnessed: Iterable[Head]) -> None:
        self.number = 0
        self._hash = GENESIS
        self._missing: dict[str | None, int] = {}  # whose payloads are gone with no erasure seen yet, and the first
        self._erased = 0
        self._witnessed: dict[int, bytes] = {}
        for head in witnessed:
            if self._witnessed.setdefault(head.number, head.hash) != head.hash:
                raise TrailBroken(head.number, "two heads with this number were witnessed, and they differ")

    def take(self, rows: Sequence[asyncpg.Record]) -> None:
        number, previous, witnessed, sha256 = self.number, self._hash, self._witnessed, hashlib.sha256
        for row_number, entry, stored, digest, salt, payload, subject, erased in rows:
            number += 1
            if row_number != number:
                raise TrailBroken(number, "is missing")
            previous = sha256(previous + entry).digest()
            if previous != stored:
                raise TrailBroken(number, "is not what was written")
            if payload is None and salt is None:
                if digest is not None:
                    self._missing.setdefault(subject, number)
                    self._erased += 1
            elif (
                payload is None or salt is None or sha256(salt + payload).digest() != digest or len(salt) != SALT_BYTES
            ):
                raise TrailBroken(number, "has a payload that is not what was written")
            if erased is not None:
                self._missing.pop(erased, None)
            if number in witnessed and witnessed[number] != previous:
                raise TrailBroken(number, "is not the one whose hash was witnessed")
        self.number, self._hash = number, previous

    def finish(self) -> Verified:
        if self._missing:
            raise TrailBroken(min(self._missing.values()), "has lost its payload, and no entry says that it was erased")
        if (last := max(self._witnessed, default=0)) > self.number:
            msg = f"is missing: the trail ends at {self.number}, and entry {last} was witnessed"
            raise TrailBroken(self.number + 1, msg)
        return Verified(Head(self.number, self._hash), self._erased)
