"""Every statement that the agent has finds its rows by an index when there are 100,000 of everything.

All ``.sql`` files of the agent are walked, so that a new statement cannot be forgotten: it is explained by being there.
One that has to read a whole table stands in ``WHOLE``, with the reason.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import asyncpg
import pytest
import pytest_asyncio

import agent
from agent.db.queries import Query, load
from tests.integration.agent.plans.explained import explain, rows_read, whole_tables
from tests.integration.agent.plans.filled import MANY, OTHERWISE, STORE, VALUES
from tests.postgres import PostgresServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

READ_MAX: Final = 2_000
"""Rows that a statement may look at, those it answers with included."""

ELSEWHERE: Final = {
    "agent.apps.health": "asks the records' database: test_health.py",
    "agent.apps.health.schema": "asked by the owner's command line, of an existing database as a whole",
    "agent.backup": "asks PostgreSQL of itself, for a backup of everything",
}
"""Files whose statements are not about the store's tables."""

MADE_UP: Final = {"audit.page": "one statement a combination of filters: audit/test_reading.py"}
"""Statements with fragments, and where those are explained."""

WHOLE: Final = {
    "accounts.users_state (user_id=None)": "when the agent starts: what every account may is kept in memory",
    "accounts.end_every_session": "when the owner locks the door: it is about all",
    "accounts.withdraw_every_token": "when the owner locks the door: it is about all",
    "accounts.list_users": "the command line lists all",
    "accounts.list_grants": "the command line lists all",
    "accounts.forget_answers_of": "when an account is deleted: a day's answers are searched for what they say of it",
    "mail.list_mails (is_all=True)": "the command line lists what became of the oldest",
}
"""Statements that read a whole table, and when."""


def label(query: Query, otherwise: dict[str, object]) -> str:
    """Return how a statement stands in ``WHOLE``: with the values that make it another question, if any do."""
    special = ", ".join(f"{name}={value}" for name, value in otherwise.items())
    return f"{query.name} ({special})" if special else query.name


def packages() -> dict[str, dict[str, Query]]:
    """Return the statements of each package that has ``.sql`` files, but for migrations."""
    root = Path(agent.__file__).parent
    folders = {path.parent for path in root.rglob("*.sql") if path.parent.name != "migrations"}
    names = {".".join(("agent", *folder.relative_to(root).parts)) for folder in folders}
    return {name: dict(load(name)) for name in sorted(names)}


OF_THE_STORE: Final = [
    query for package, queries in packages().items() if package not in ELSEWHERE for query in queries.values()
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def store(
    postgres_server: PostgresServer, migrated_template: str
) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    with postgres_server.fresh_database(template=migrated_template) as dsn:
        connection = await asyncpg.connect(dsn, timeout=5)
        await connection.execute(STORE, timeout=50)
        yield connection
        await connection.close(timeout=5)


@pytest.mark.story("hub/AC-053", "hub/AC-060", "todo/US-5.2", "todo/SC-009")
async def test_statement_reads_no_whole_table_when_there_are_100_000_of_everything(
    store: asyncpg.Connection[asyncpg.Record],
) -> None:
    filled = {row[0] for row in await store.fetch("SELECT relname FROM pg_class WHERE reltuples >= $1", MANY)}
    looked = {}
    for query in OF_THE_STORE:
        for otherwise in () if query.fragments else OTHERWISE.get(query.name, ({},)):
            values = [(VALUES | otherwise)[parameter.name] for parameter in query.parameters]
            plan = await explain(store, query.sql, *values)
            if whole_tables(plan) & filled or rows_read(plan) > READ_MAX:
                looked[label(query, otherwise)] = plan
    assert looked.keys() == WHOLE.keys(), {name: plan for name, plan in looked.items() if name not in WHOLE}


async def test_every_table_is_full_when_plans_are_asked_for(store: asyncpg.Connection[asyncpg.Record]) -> None:
    sparse = await store.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND reltuples < $1",
        MANY,
    )
    assert [row["relname"] for row in sparse] == ["schema_migrations"]  # of which there are never many


async def test_every_statement_is_walked_when_it_can_be(store: asyncpg.Connection[asyncpg.Record]) -> None:
    assert {query.name for query in OF_THE_STORE if query.fragments} == MADE_UP.keys()
    assert ELSEWHERE.keys() < packages().keys()
    assert {query.name for query in OF_THE_STORE} > OTHERWISE.keys()
    names = {parameter.name for query in OF_THE_STORE for parameter in query.parameters}
    assert names - VALUES.keys() == {"end", "start", "text"}  # those that OTHERWISE or another test gives


async def test_reference_has_an_index_when_what_it_refers_to_is_deleted(
    store: asyncpg.Connection[asyncpg.Record],
) -> None:
    missing = await store.fetch(
        "SELECT k.conname FROM pg_constraint AS k WHERE k.contype = 'f' AND NOT EXISTS ("
        " SELECT FROM pg_index AS i WHERE i.indrelid = k.conrelid AND i.indkey[0] = k.conkey[1] AND i.indpred IS NULL)"
    )
    assert missing == []
