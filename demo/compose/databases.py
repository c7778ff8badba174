"""Bring the store, and the sample clinic's database, to this version: ``migrate`` in compose.yaml.

It runs before the agent at every ``up``, as PostgreSQL's superuser over its Unix socket, and may be repeated. The agent
itself can neither alter tables nor roles.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import asyncpg

from agent.db.migrate import MigrationError, migrate
from bridge.process import logs
from bridge.process.clock import SystemClock, utc
from bridge.process.environment import environment
from bridge.process.logs import log
from demo.databases import ROLES_SQL, SOURCE, STORE, create_database, fill_source

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

OWNER_DSN: Final = f"postgresql://drawbridge_owner@/{STORE}?host=/run/postgresql"
_WAIT_S: Final = 90.0
_LOOK_S: Final = 1.0
_log: Final = logging.getLogger(__name__)


def wait_for_server() -> None:
    """Return once PostgreSQL accepts connections. Raises TimeoutError."""
    deadline = SystemClock().monotonic() + _WAIT_S
    while True:
        try:
            return asyncio.run(_touch())
        except (OSError, asyncpg.PostgresError) as error:  # not there, or starting up
            if SystemClock().monotonic() > deadline:
                msg = f"PostgreSQL is not there after {_WAIT_S:g} s"
                raise TimeoutError(msg) from error
        time.sleep(_LOOK_S)


async def provide_store() -> None:
    """Make roles and store where they are missing, and apply the migrations that are."""
    async with connected("postgres") as connection:
        await connection.execute(ROLES_SQL.read_text("utf-8"))
        await create_database(connection, STORE, owner="drawbridge_owner", guest="drawbridge_agent")
    applied = await migrate(OWNER_DSN, agent_role="drawbridge_agent")
    log(_log, "store_migrated", applied=[migration.name for migration in applied])


async def provide_sample() -> None:
    """Make the clinic's database with three years of records, unless it is there."""
    async with connected("postgres") as connection:
        await create_database(connection, SOURCE, owner="clinic", guest="drawbridge_source")
    async with connected(SOURCE) as connection:
        if await connection.fetchval("SELECT to_regclass('symptom_log')") is None:
            async with connection.transaction():
                await connection.execute("SET LOCAL ROLE clinic")
                await fill_source(connection, utc(SystemClock().time()))
                await connection.execute("GRANT SELECT ON symptom_log, symptom_type TO drawbridge_source")
            log(_log, "sample_written", database=SOURCE)


@asynccontextmanager
async def connected(database: str) -> AsyncIterator[Connection]:
    """Give a superuser's connection: to the server, the Unix user is who it is."""
    connection = await asyncpg.connect(f"postgresql://postgres@/{database}?host=/run/postgresql", timeout=10)
    try:
        yield connection
    finally:
        await connection.close(timeout=5)


async def _touch() -> None:
    async with connected("postgres"):
        pass


async def _provide(*, with_sample: bool) -> None:
    await provide_store()
    if with_sample:
        await provide_sample()


def main() -> int:
    logs.configure(host="keep", app="migrate")
    try:
        wait_for_server()
        asyncio.run(_provide(with_sample=not environment().get("DATABASE_URL")))
    except (MigrationError, OSError, TimeoutError, asyncpg.PostgresError) as error:
        log(_log, "migration_failed", level=logging.ERROR, reason=str(error) or type(error).__name__)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
