"""One look at the existing database: a connection that cannot write, and what the catalogue says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from agent.apps.health.mapping.columns import Catalogue, Column
from agent.apps.health.statements import QUERIES
from agent.db.queries import Query, load

SCHEMA: Final = load("agent.apps.health.schema", "schema.sql")
CONNECT_TIMEOUT_S: Final = 10.0
STATEMENT_TIMEOUT_S: Final = 120.0
"""The owner waits; but no look at a database may go on for ever beside its other users."""


@dataclass(frozen=True, slots=True)
class Session:
    """Statements of one read-only transaction, which sees one state of the data. Raises what asyncpg raises."""

    connection: asyncpg.Connection[asyncpg.Record]

    async def fetch(self, query: Query, *args: object) -> list[asyncpg.Record]:
        return await self.connection.fetch(query.sql, *args)

    async def fetchval(self, query: Query, *args: object) -> Any:  # noqa: ANN401 - as the row says
        return await self.connection.fetchval(query.sql, *args)

    async def catalogue(self, tables: Iterable[tuple[str, str]]) -> Catalogue:
        found: dict[tuple[str, str], dict[str, Column]] = {}
        for table in tables:
            if rows := await self.fetch(QUERIES["columns"], *table):
                found[table] = {row["name"]: Column(**row) for row in rows}
        return found


@asynccontextmanager
async def read_only_session(dsn: str) -> AsyncIterator[Session]:
    """Give a session that PostgreSQL itself keeps from writing, and that waits for nobody's lock."""
    connection = await asyncpg.connect(
        dsn,
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=STATEMENT_TIMEOUT_S,
        server_settings={
            "application_name": "drawbridge-schema",
            "default_transaction_read_only": "on",
            "statement_timeout": f"{STATEMENT_TIMEOUT_S:.0f}s",
            "lock_timeout": "2s",
            "jit": "off",
        },
    )
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield Session(connection)
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_S)
