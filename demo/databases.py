"""The two databases of the RPI3 in one embedded server: the clinic's existing one, and our own store."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import asyncpg

from demo.postgres import EmbeddedPostgres
from demo.records import draw_entries, read_clinic

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

SOURCE: Final = "clinic"
STORE: Final = "drawbridge_store"
MAPPING: Final = Path(__file__).with_name("source.toml")

ROLES_SQL: Final = Path(__file__).with_name("roles.sql")
_SOURCE_SQL: Final = Path(__file__).with_name("source.sql")
_STATEMENT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Logins:
    """Each role's address. The passwords are as old as this start."""

    source: str
    owner: str
    agent: str


async def provide_store(server: EmbeddedPostgres) -> Logins:
    """Create roles and store where they are missing, and return the logins. Safe to repeat."""
    async with _connect(server, "postgres") as connection:
        await connection.execute(ROLES_SQL.read_text("utf-8"), timeout=_STATEMENT_S)
        logins = Logins(
            source=await _login(server, connection, SOURCE, "drawbridge_source"),
            owner=await _login(server, connection, STORE, "drawbridge_owner"),
            agent=await _login(server, connection, STORE, "drawbridge_agent"),
        )
        await create_database(connection, STORE, owner="drawbridge_owner", guest="drawbridge_agent")
    return logins


async def provide_source(server: EmbeddedPostgres, now: datetime) -> int:
    """Create the clinic's database with three years of records before ``now`` unless it is there.

    Return how many records it has. Needs the roles of :func:`provide_store`.
    """
    async with _connect(server, "postgres") as connection:
        await create_database(connection, SOURCE, owner="clinic", guest="drawbridge_source")
    async with _connect(server, SOURCE) as connection:
        if await connection.fetchval("SELECT to_regclass('symptom_log')") is None:
            async with connection.transaction():
                await connection.execute("SET LOCAL ROLE clinic")
                await fill_source(connection, now)
                await connection.execute("GRANT SELECT ON symptom_log, symptom_type TO drawbridge_source")
        return int(await connection.fetchval("SELECT count(*) FROM symptom_log", timeout=_STATEMENT_S))


async def fill_source(connection: Connection, now: datetime) -> None:
    """Create the clinic's tables, and fill them with three years of records before ``now``."""
    clinic = read_clinic()
    entries = draw_entries(clinic, now)
    await connection.execute(_SOURCE_SQL.read_text("utf-8"))
    await connection.copy_records_to_table(
        "patient", records=[(person.id, person.name, person.born) for person in clinic.people]
    )
    await connection.copy_records_to_table(
        "symptom_type", records=[(symptom.id, symptom.name, symptom.category) for symptom in clinic.symptoms]
    )
    await connection.copy_records_to_table(
        "symptom_log",
        columns=["patient_id", "symptom_id", "logged_at", "severity", "duration_min", "remark"],
        records=[
            (entry.person.id, entry.symptom.id, entry.logged_at, entry.severity, entry.duration_min, entry.remark)
            for entry in entries
        ],
        timeout=_STATEMENT_S,
    )
    await connection.execute("ANALYZE patient, symptom_log, symptom_type")


async def create_database(connection: Connection, name: str, *, owner: str, guest: str) -> None:
    if await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name) is None:
        await connection.execute(f"CREATE DATABASE {name} OWNER {owner}", timeout=_STATEMENT_S)
    await connection.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC; GRANT CONNECT ON DATABASE {name} TO {guest}")


async def _login(server: EmbeddedPostgres, connection: Connection, database: str, role: str) -> str:
    password = secrets.token_urlsafe(24)
    await connection.execute(f"ALTER ROLE {role} PASSWORD '{password}'")
    return server.dsn(database, user=role, password=password)


@asynccontextmanager
async def _connect(server: EmbeddedPostgres, database: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(server.dsn(database), timeout=10)
    try:
        yield connection
    finally:
        await connection.close(timeout=5)
