"""Counts what a database holds: live, restored, or in a dump."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO, Final

import asyncpg

from agent.backup.errors import BackupError
from agent.backup.manifest import Contents
from agent.db.pools import Connection
from agent.db.queries import load

QUERIES: Final = load("agent.backup")
STATEMENT_S: Final = 60.0
COUNT_S: Final = 600.0
_QUIET_ATTEMPTS: Final = 20
_QUIET_PAUSE_S: Final = 0.25
_COPY: Final = re.compile(rb'COPY ((?:"(?:[^"]|"")+"|[^\s".]+)\.(?:"(?:[^"]|"")+"|[^\s".]+)) .*FROM stdin;\n')


@dataclass(frozen=True, slots=True)
class Frozen:
    """A state of the database that ``pg_dump --snapshot`` can be given while it is held."""

    exported: str
    contents: Contents
    restore_point: str


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Connection]:
    """Give a connection. Raises :class:`BackupError` when the server cannot be reached."""
    try:
        connection = await asyncpg.connect(dsn, timeout=10, server_settings={"application_name": "drawbridge-backup"})
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        msg = f"PostgreSQL cannot be reached: {str(error) or error.__class__.__name__}"
        raise BackupError(msg) from error
    try:
        yield connection
    finally:
        await connection.close(timeout=5)


async def one(connection: Connection, query: str, *parameters: object) -> asyncpg.Record:
    """Return the one row of a statement that always has one."""
    row = await connection.fetchrow(QUERIES[query].sql, *parameters, timeout=STATEMENT_S)
    assert row is not None  # noqa: S101 - see the statement
    return row


async def count(connection: Connection) -> dict[str, int]:
    """Return the number of rows by table."""
    tables = await connection.fetch(QUERIES["tables"].sql, timeout=STATEMENT_S)
    return {row["table_name"]: await connection.fetchval(row["statement"], timeout=COUNT_S) for row in tables}


@asynccontextmanager
async def frozen(dsn: str) -> AsyncIterator[Frozen]:
    """Hold a snapshot of a database that is only read: no restore point."""
    async with connected(dsn) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        exported = await one(connection, "export_snapshot")
        yield Frozen(exported["exported"], Contents(rows=await count(connection)), "")


@asynccontextmanager
async def frozen_at_restore_point(dsn: str, name: str) -> AsyncIterator[Frozen]:
    """Hold a snapshot of the store together with a restore point at which it has just the same rows.

    A physical restore cannot be told to stop at a snapshot. So a restore point is marked after counting, and where no
    transaction has ended in between, both are the same state; else it is tried again, at most 20 times. On a store that
    never rests, ``at_restore_point`` is false.
    """
    async with connected(dsn) as connection, connected(dsn) as marker:
        for attempt in range(1, _QUIET_ATTEMPTS + 1):
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                exported = await one(connection, "export_snapshot")
                rows = await count(connection)
                point = f"{name}.{attempt}"
                marked = await one(marker, "mark_restore_point", point)
                is_quiet = marked["snapshot"] == exported["snapshot"]
                if is_quiet or attempt == _QUIET_ATTEMPTS:
                    yield Frozen(exported["exported"], Contents(rows=rows, at_restore_point=is_quiet), point)
                    return
            await asyncio.sleep(_QUIET_PAUSE_S)


def rows_in_dump(text: IO[bytes]) -> dict[str, int]:
    """Return the number of rows by table in the SQL that ``pg_restore --data-only -f -`` prints."""
    rows: Counter[str] = Counter()
    table: str | None = None
    for line in text:
        if table is not None:
            if line == b"\\.\n":
                table = None
            else:
                rows[table] += 1
        elif match := _COPY.fullmatch(line):
            table = match[1].decode()
            rows[table] += 0
    return dict(rows)


def differences(expected: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
    """Return a phrase for each table whose rows are not as many as expected, and for each that lacks."""
    return [
        f"{table} has {found[table]} rows instead of {rows}" if table in found else f"{table} is missing"
        for table, rows in expected.items()
        if found.get(table) != rows
    ]
