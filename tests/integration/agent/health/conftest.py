"""Three existing databases, one after the other, behind a role that may only read."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
import pytest
from pydantic import BaseModel

from agent.accounts.grants import Grant
from agent.apps.health import Source, handlers
from agent.apps.health.mapping.model import read
from agent.db.pools import Pool, PoolOptions
from bridge.contracts.operation import Operation, Role
from bridge.process.clock import SystemClock
from bridge.server import Answer, CallerContext, UserCaller
from tests.integration.agent.health import oracle
from tests.postgres import PostgresServer

SCHEMAS = Path(__file__).parents[3] / "schemas"
READER = "source_reader"


@dataclass(frozen=True)
class Existing:
    """An existing database: how to ask for its raw rows with the person as text, and how to read one."""

    name: str
    raw: str
    read: oracle.Reader

    @property
    def mapping(self) -> Path:
        return SCHEMAS / f"{self.name}.toml"

    @property
    def template(self) -> str:
        return f"template_{self.name}"


EXISTING = (
    Existing("flat", "SELECT patient_id::text AS person_, * FROM symptoms", oracle.read_flat),
    Existing(
        "lookup",
        "SELECT member_id::text AS person_, complaint.*, label, title FROM clinic.complaint"
        " LEFT JOIN clinic.complaint_type AS type ON type.id = type_id"
        " LEFT JOIN clinic.body_system AS system ON system.id = body_system_id",
        oracle.read_lookup,
    ),
    Existing("diary", 'SELECT NULL AS person_, * FROM "Tagebuch"."Symptom Log"', oracle.read_diary),
)


def deadline(seconds: float = 9.0) -> float:
    return time.monotonic() + seconds


async def run_sql(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn, timeout=5)
    try:
        for statement in statements:
            await connection.execute(statement, timeout=30)
    finally:
        await connection.close(timeout=5)


def caller(user_id: UUID, seconds: float = 9.0) -> CallerContext:
    user = UserCaller(user_id, uuid4(), Role.VIEWER, 1)
    return CallerContext(user, "0" * 32, "", deadline(seconds), "", "")


@dataclass
class SteppedClock:
    """The system's clock, put forward at will."""

    ahead_s: float = 0.0

    def monotonic(self) -> float:
        return SystemClock.monotonic() + self.ahead_s

    def time(self) -> float:
        return SystemClock.time() + self.ahead_s


class Linked:
    """Grants as an owner made them, by account."""

    def __init__(self) -> None:
        self.grants: dict[UUID, Grant] = {}

    def link(self, person: str | None) -> UUID:
        user_id = uuid4()
        self.grants[user_id] = Grant(person)
        return user_id

    async def person_of(self, user_id: UUID, app: str) -> Grant | None:
        return self.grants.get(user_id) if app == "health" else None


class Noted:
    """Looks as they were recorded: by which operation, at which person's records; ``error`` is raised instead."""

    def __init__(self) -> None:
        self.looks: list[tuple[str, str | None]] = []
        self.error: Exception | None = None

    async def record(
        self, context: CallerContext, operation: Operation[Any, Any], *, app: str, person: str | None
    ) -> None:
        assert app == "health"
        if self.error is not None:
            raise self.error
        self.looks.append((operation.name, person))


@dataclass
class App:
    """The health app over one existing database; ``ask`` answers as ``person`` and holds the contract to it."""

    existing: Existing
    owner_dsn: str
    dsn: str
    pool: Pool
    source: Source
    linked: Linked
    patience_s: float = 9.0

    def __post_init__(self) -> None:
        self.looks = Noted()
        self.handlers = handlers(self.source, self.linked, self.looks)
        self.accounts: dict[str | None, UUID] = {}

    def account(self, person: str | None) -> UUID:
        if person not in self.accounts:
            self.accounts[person] = self.linked.link(person)
        return self.accounts[person]

    async def ask(self, operation: Operation[Any, Any], question: BaseModel, person: str | None) -> Any:  # noqa: ANN401 - the result model of the operation
        answer = await self.answer(operation, question, person)
        result = operation.result.model_validate_json(answer.body, strict=True)
        assert list(json.loads(answer.body)) == list(operation.result.model_fields)  # the contract's keys, in its order
        return result

    async def answer(self, operation: Operation[Any, Any], question: BaseModel, person: str | None) -> Answer:
        return await self.handlers[operation](caller(self.account(person), self.patience_s), question)

    async def raw(self) -> dict[str | None, list[asyncpg.Record]]:
        """Return the raw rows by person."""
        connection = await asyncpg.connect(self.owner_dsn, timeout=5)
        try:
            rows: dict[str | None, list[asyncpg.Record]] = {}
            for row in await connection.fetch(self.existing.raw):
                rows.setdefault(row["person_"], []).append(row)
        finally:
            await connection.close(timeout=5)
        return rows


@pytest.fixture(scope="session")
def templates(postgres_server: PostgresServer) -> PostgresServer:
    """Make the three databases once, to be copied, and the role that reads them."""
    asyncio.run(run_sql(postgres_server.dsn("postgres"), f"CREATE ROLE {READER} LOGIN PASSWORD '{READER}'"))
    for existing in EXISTING:
        dsn = postgres_server.create_database(existing.template)
        schema, _ = read(existing.mapping).table
        grants = (
            f'GRANT USAGE ON SCHEMA "{schema}" TO {READER}',
            f'GRANT SELECT ON ALL TABLES IN SCHEMA "{schema}" TO {READER}',
            f"ALTER ROLE {READER} SET default_transaction_read_only = on",
        )
        asyncio.run(run_sql(dsn, (SCHEMAS / f"{existing.name}.sql").read_text(), *grants))
    return postgres_server


@pytest.fixture(params=EXISTING, ids=lambda existing: existing.name)
def existing(request: pytest.FixtureRequest) -> Existing:
    chosen: Existing | str = request.param
    return next(existing for existing in EXISTING if chosen in {existing, existing.name})


@pytest.fixture
def existing_database(templates: PostgresServer, existing: Existing) -> Iterator[str]:
    """Give the owner's DSN of a copy."""
    with templates.fresh_database(template=existing.template) as dsn:
        yield dsn


@pytest.fixture
def reader_dsn(templates: PostgresServer, existing_database: str) -> str:
    """Give the DSN of the copy for the role that may only read."""
    database = urlsplit(existing_database).path.lstrip("/")
    return templates.dsn(database, user=READER, password=READER)


@pytest.fixture
async def app(existing: Existing, existing_database: str, reader_dsn: str) -> AsyncIterator[App]:
    pool = Pool(PoolOptions("source", reader_dsn), SystemClock())
    source = Source(pool, existing.mapping, SystemClock())
    yield App(existing, existing_database, reader_dsn, pool, source, Linked())
    await pool.close(deadline())
