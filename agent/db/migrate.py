"""The store's schema moves forward, one numbered file at a time, and never back.

``migrations/NNNN_name.sql`` are applied in order, each in a transaction of its own, and recorded with their SHA-256. A
file that was changed after it was applied stops with one clear line. Several starters wait for each other (advisory
lock). A migration waits at most 4 s for a lock and 5 s for a statement: one that cannot get through fails, and the
store stays as it was.

A release that is taken back leaves the store as the newer one made it, so a migration only adds what code of before can
do without. One that cannot says so in a line ``-- Breaks older code: why``; then a program that is older stops, too.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import asyncpg

from agent.db.pools import Connection, connect
from agent.db.queries import load
from bridge.process.logs import log

_log = logging.getLogger(__name__)
_QUERIES: Final = load("agent.db")
_LOCK_ID: Final = 0x6472_6177  # "draw"; any constant does, as long as it is always the same
_FILE: Final = re.compile(r"(?P<number>\d{4})_(?P<name>[a-z0-9_]+)\.sql")

LOCK_TIMEOUT_S: Final = 4.0
STATEMENT_TIMEOUT_S: Final = 5.0

_BOOKKEEPING: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
)"""
_ADD_BREAKS: Final = (
    "ALTER TABLE schema_migrations ADD COLUMN IF NOT EXISTS breaks_older boolean NOT NULL DEFAULT false"
)
_RECORD: Final = "INSERT INTO schema_migrations (number, name, sha256, breaks_older) VALUES ($1, $2, $3, $4)"
_BREAKS: Final = re.compile(r"^-- Breaks older code: \S", re.MULTILINE)


class MigrationError(RuntimeError):
    """The store cannot be brought to this program's schema; the message says why, for the owner."""


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def breaks_older(self) -> bool:
        """Whether code that does not know it cannot work on what it makes."""
        return _BREAKS.search(self.sql) is not None


def migrations(package: str = "agent.db.migrations") -> tuple[Migration, ...]:
    """Return the package's migrations in order. Raises :class:`MigrationError` where the numbers have a gap."""
    found = [
        Migration(int(match["number"]), match["name"], resource.read_text("utf-8"))
        for resource in sorted(files(package).iterdir(), key=lambda resource: resource.name)
        if (match := _FILE.fullmatch(resource.name))
    ]
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        msg = f"{package}: the migrations are not numbered 0001, 0002, …"
        raise MigrationError(msg)
    return tuple(found)


async def migrate(
    owner_dsn: str, *, agent_role: str, timeout_s: float = 60.0, steps: Sequence[Migration] | None = None
) -> tuple[Migration, ...]:
    """Apply what is missing, as the owner of the store, and return it. Safe to repeat and to run twice at once.

    ``agent_role`` is the lesser role, which must exist, that each migration grants the agent's rights to. Raises
    :class:`MigrationError`, or what asyncpg raises (OSError, PostgresError, TimeoutError).
    """
    connection = await connect(owner_dsn, application_name="drawbridge-migrate", timeout_s=timeout_s)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK_ID, timeout=timeout_s)
        await connection.execute(
            f"SET lock_timeout = {LOCK_TIMEOUT_S * 1000:.0f}; SET statement_timeout = {STATEMENT_TIMEOUT_S * 1000:.0f};"
            " SET client_min_messages = error"
        )
        quoted_role = await _quoted_role(connection, agent_role)
        await connection.execute(_BOOKKEEPING)
        await connection.execute(_ADD_BREAKS)
        await connection.execute(f"GRANT SELECT ON schema_migrations TO {quoted_role}")
        missing = await _missing(connection, migrations() if steps is None else steps)
        for migration in missing:
            await _apply(connection, migration, quoted_role)
    finally:
        await connection.close(timeout=5.0)
    return missing


async def check(connection: Connection) -> None:
    """Raise :class:`MigrationError` unless this program can work on the store's schema. For the agent's own role."""
    try:
        missing = await _missing(connection, migrations())
    except asyncpg.UndefinedTableError:
        missing = migrations()
    if missing:
        msg = f"the store lacks {len(missing)} migrations; run `agent migrate`"
        raise MigrationError(msg)


async def _missing(connection: Connection, known: Sequence[Migration]) -> tuple[Migration, ...]:
    applied = await connection.fetch(_QUERIES["applied_migrations"].sql, timeout=5.0)
    if len(applied) > len(known):
        newest: int = applied[-1]["number"]
        if await _is_broken(connection, len(known)):
            msg = f"the store has migration {newest}, which this program does not know: it is older"
            raise MigrationError(msg)
        log(_log, "store_is_newer", level=logging.WARNING, number=newest)
    for migration, row in zip(known, applied, strict=False):
        if (row["number"], row["sha256"]) != (migration.number, migration.sha256):
            msg = f"migration {migration.number:04}_{migration.name}.sql was changed after it was applied"
            raise MigrationError(msg)
    return tuple(known[len(applied) :])


async def _is_broken(connection: Connection, known: int) -> bool:
    """Return whether a migration after the ``known`` ones breaks code that does not know it."""
    try:
        return bool(await connection.fetchval(_QUERIES["has_breaking_migration"].sql, known, timeout=5.0))
    except asyncpg.UndefinedColumnError:  # made by a program that did not ask itself
        return True


async def _apply(connection: Connection, migration: Migration, quoted_role: str) -> None:
    async with connection.transaction():
        await connection.execute(migration.sql.replace("{{agent_role}}", quoted_role))
        values = (migration.number, migration.name, migration.sha256, migration.breaks_older)
        await connection.execute(_RECORD, *values)
    log(_log, "migration_applied", number=migration.number, migration=migration.name)


async def _quoted_role(connection: Connection, role: str) -> str:
    quoted = await connection.fetchval("SELECT quote_ident(rolname) FROM pg_roles WHERE rolname = $1", role)
    if quoted is None:
        msg = f"there is no database role {role!r} for the agent to run as"
        raise MigrationError(msg)
    return str(quoted)
