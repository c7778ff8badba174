"""Keeps the audit trail's head with the backups, and holds the trail against the head that was kept last.

::

    <system>/heads/20261128T031500Z.head     "<number> <hash in hexadecimal>", sealed

The seal says that it is this keep's, so the head needs no signature here. What was in the trail then must be in it for
ever: a tail that is cut off, or written anew, is missed at the next hour.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from agent.audit import HASH_OF, HEAD, Head
from agent.backup.contents import QUERIES, STATEMENT_S, connected, one
from agent.backup.create import HEAD_MAX_BYTES, Say, where
from agent.backup.errors import BackupError, MissingFile
from agent.backup.names import head_file, heads, old_heads
from agent.backup.seal import SealKey
from agent.backup.state import read_state, record
from agent.backup.targets import Target, open_target
from agent.db.pools import Connection
from agent.settings import Backup
from bridge.process.clock import Clock, utc


@dataclass(frozen=True, slots=True)
class Kept:
    """A head that was kept, and the name of its file."""

    name: str
    head: Head


async def witness(settings: Backup, clock: Clock, say: Say, *, anew: bool = False) -> None:
    """Check that the trail still has the head that was kept last, and keep the one it has now.

    With ``anew`` nothing is checked: after an earlier state was restored, whose trail is not the one that was kept.
    Raises :class:`BackupError` when the trail has lost or changed what was kept, or nothing can be kept.
    """
    place = where(settings)
    key = SealKey.read(place.identity)
    async with connected(settings.store_dsn) as store:
        if not await has_trail(store):
            say("this store is older than the audit trail")
            return
        system = (await one(store, "cluster"))["system"]
        with open_target(place) as target:
            if not anew and (kept := _last(settings, target, key, system)) is not None:
                await check(store, kept)
                say(f"the trail has entry {kept.head.number}, which was kept in {kept.name}")
            row = await store.fetchrow(HEAD.sql, timeout=STATEMENT_S)
            if row is None:
                say("the trail is empty")
                return
            head = Head(row["number"], row["hash"])
            name = head_file(system, utc(clock.time()))
            target.put(name, io.BytesIO(key.seal(name, f"{head.number} {head.hash.hex()}\n".encode())))
            for old in old_heads(target.files()):
                target.remove(old)
    record(place.state_file, "witness", {"at_unix_s": clock.time(), "name": name, "number": head.number})
    say(f"kept entry {head.number} in {name}")


async def has_trail(store: Connection) -> bool:
    return await store.fetchval(QUERIES["has_audit"].sql, timeout=STATEMENT_S) is not None


def newest(target: Target, key: SealKey, system: str, *, before: datetime | None = None) -> Kept | None:
    """Return the head of a cluster that was kept last (before a time), verified; None where there is none.

    Raises :class:`BackupError`.
    """
    names = heads(target.files(), system, before=before)
    return _read(target, key, names[-1]) if names else None


async def check(store: Connection, kept: Kept) -> None:
    """Raise :class:`BackupError` unless the trail has the entry that was kept."""
    try:
        found = await store.fetchval(HASH_OF.sql, kept.head.number, timeout=STATEMENT_S)
    except asyncpg.PostgresError as error:
        msg = f"the audit trail cannot be read: {error}"
        raise BackupError(msg) from error
    if found != kept.head.hash:
        lost = "is missing" if found is None else "is another one now"
        msg = (
            f"the audit trail is BROKEN: entry {kept.head.number}, which was kept in {kept.name}, {lost}."
            " After an earlier state was restored: agent backup witness --anew"
        )
        raise BackupError(msg)


def _last(settings: Backup, target: Target, key: SealKey, system: str) -> Kept | None:
    """Return the head that this keep put there last, as remembered here: the target might show an older one."""
    ours = str(read_state(settings.state_file).get("witness", {}).get("name", ""))
    if not ours.startswith(f"{system}/"):
        return newest(target, key, system)
    try:
        return _read(target, key, ours)
    except MissingFile:
        msg = f"the last head, {ours}, is not at {target.url}"
        raise BackupError(msg) from None


def _read(target: Target, key: SealKey, name: str) -> Kept:
    sealed = io.BytesIO()
    target.get(name, sealed, at_most=HEAD_MAX_BYTES)
    return Kept(name, _head(key.open(name, sealed.getvalue()).decode("ascii").split()))


def _head(words: Iterable[str]) -> Head:
    number, digest = words
    return Head(int(number), bytes.fromhex(digest))
