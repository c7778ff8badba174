"""A migrated store for each test, and the pools on it, as the agent's lesser role."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import asyncpg
import pytest

from agent.db.migrate import migrate
from agent.db.pools import Pool, PoolOptions
from bridge.process.clock import SystemClock
from tests.clocks import TurnedClock
from tests.postgres import PostgresServer

AGENT_ROLE = "test_agent"
_PASSWORD = "test-agent"
_TEMPLATE = "template_store"


@dataclass(frozen=True, slots=True)
class StoreDsns:
    owner: str
    agent: str


def dsns_of(server: PostgresServer, owner: str) -> StoreDsns:
    """Return both DSNs of the database that ``owner`` is one of."""
    name = owner.partition("@/")[2].partition("?")[0]
    return StoreDsns(owner=owner, agent=server.dsn(name, user=AGENT_ROLE, password=_PASSWORD))


@pytest.fixture(scope="session")
def migrated_template(postgres_server: PostgresServer) -> str:
    async def prepare(dsn: str) -> None:
        connection = await asyncpg.connect(dsn, timeout=10)
        await connection.execute(f"CREATE ROLE {AGENT_ROLE} LOGIN PASSWORD '{_PASSWORD}'", timeout=10)
        await connection.close(timeout=5)
        await migrate(dsn, agent_role=AGENT_ROLE)

    with ThreadPoolExecutor(1) as thread:  # a session's fixture may be asked for inside a test's event loop
        thread.submit(asyncio.run, prepare(postgres_server.create_database(_TEMPLATE))).result()
    return _TEMPLATE


@pytest.fixture
def store_dsns(postgres_server: PostgresServer, migrated_template: str) -> Iterator[StoreDsns]:
    """Give a fresh store's DSNs, of its owner (here the superuser) and of the agent."""
    with postgres_server.fresh_database(template=migrated_template) as dsn:
        yield dsns_of(postgres_server, dsn)


@pytest.fixture
async def store(store_dsns: StoreDsns) -> AsyncIterator[Pool]:
    """Give the agent's pool on a fresh store."""
    clock = SystemClock()
    pool = Pool(PoolOptions("store", store_dsns.agent), clock)
    yield pool
    await pool.close(clock.monotonic() + 1)


@pytest.fixture
async def owner(store_dsns: StoreDsns) -> AsyncIterator[Pool]:
    """Give a pool on the same store as its owner: what the command line and psql may do."""
    clock = SystemClock()
    pool = Pool(PoolOptions("owner", store_dsns.owner, size=2), clock)
    yield pool
    await pool.close(clock.monotonic() + 1)


@pytest.fixture
def turned_clock() -> TurnedClock:
    return TurnedClock()
