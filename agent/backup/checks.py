"""What a restored store must pass besides having its rows. A part that has something to prove adds its check here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from agent.audit import LINKS, TrailBroken, verify
from agent.backup.contents import COUNT_S, QUERIES, STATEMENT_S
from agent.backup.errors import BackupError
from agent.db.pools import Connection


@dataclass(frozen=True, slots=True)
class Check:
    """``run`` gets a superuser's connection to the restored store, which it may write to.

    It returns what it found, in a few words, and raises :class:`BackupError` when the store must not be trusted.
    """

    name: str
    run: Callable[[Connection], Awaitable[str]]


async def _indexes(connection: Connection) -> str:
    """Compare every index with its table: a flipped bit on the card shows here, and not where rows are counted."""
    if not await connection.fetchval(QUERIES["has_amcheck"].sql, timeout=STATEMENT_S):
        return "not checked: this PostgreSQL is without amcheck"
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("CREATE EXTENSION IF NOT EXISTS amcheck", timeout=STATEMENT_S)
        checked = await connection.fetchval(QUERIES["check_indexes"].sql, timeout=COUNT_S)
    except asyncpg.PostgresError as error:
        msg = f"an index does not agree with its table: {error}"
        raise BackupError(msg) from error
    finally:
        await transaction.rollback()
    return f"{checked} agree with their tables"


async def _audit(connection: Connection) -> str:
    """Compute the audit trail's hashes again: a restored trail must be the one that was backed up."""
    if await connection.fetchval(QUERIES["has_audit"].sql, timeout=STATEMENT_S) is None:
        return "not checked: this store is older than the audit trail"

    async def fetch(after: int, count: int) -> Sequence[asyncpg.Record]:
        return await connection.fetch(LINKS.sql, after, count, timeout=STATEMENT_S)

    try:
        found = await verify(fetch)
    except TrailBroken as broken:
        msg = f"the trail is not what was written: {broken}"
        raise BackupError(msg) from broken
    return f"{found.head.number} entries hold"


CHECKS: Final[Sequence[Check]] = (Check("indexes", _indexes), Check("audit", _audit))


async def run_checks(connection: Connection, checks: Sequence[Check]) -> dict[str, str]:
    """Return what each check found. Raises :class:`BackupError` at the first that fails."""
    found = {}
    for check in checks:
        try:
            found[check.name] = await check.run(connection)
        except BackupError as error:
            msg = f"check {check.name}: {error}"
            raise BackupError(msg) from error
    return found
