"""Migrations both ways round: code of before on the store of now, and the store of before brought to now."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

import pytest

from agent.accounts.statements import QUERIES
from agent.db.migrate import check, migrate, migrations
from agent.db.pools import Connection, Pool, PoolOptions, connect
from agent.db.queries import Query, load
from bridge.process.clock import SystemClock
from tests.integration.agent.conftest import AGENT_ROLE, StoreDsns

BEFORE: Final = load("tests.integration.agent.db.before", "accounts.sql")
NOW: Final = datetime(2026, 5, 1, 10, tzinfo=UTC)
LATER: Final = NOW + timedelta(days=7)
HOUR: Final = timedelta(hours=1)


@pytest.fixture
async def connection(store_dsns: StoreDsns) -> AsyncIterator[Connection]:
    """Give the agent's own login to a store of now."""
    opened = await connect(store_dsns.agent, application_name="test", timeout_s=5)
    yield opened
    await opened.close(timeout=5)


@pytest.mark.parametrize("query", BEFORE.values(), ids=BEFORE)
async def test_statement_of_before_is_understood_by_the_store_of_now(query: Query, connection: Connection) -> None:
    statement = await connection.prepare(query.sql, timeout=5)
    declared = [
        await connection.fetchval("SELECT $1::text::regtype::oid", parameter.type, timeout=5)
        for parameter in query.parameters
    ]
    assert [parameter.oid for parameter in statement.get_parameters()] == declared


async def test_people_sign_in_and_out_by_the_code_of_before_on_the_store_of_now(connection: Connection) -> None:
    async def run(name: str, *values: object) -> list[tuple[object, ...]]:
        return [tuple(row) for row in await connection.fetch(BEFORE[name].sql, *values, timeout=5)]

    [(ann,)] = await run("add_user", "ann@example.org", "Ann", "hash", "admin", "UTC")
    [(found, *_)] = await run("user_by_email", "ANN@example.org")
    assert found == ann
    assert await run("take_attempts", ["k"], [12.0], NOW, HOUR) == []
    session = uuid4()
    await run("start_session", session, ann, b"salt", NOW, LATER)
    [(_, generation, *_)] = await run("session_to_refresh", session)
    await run("rotate_session", session, 1, NOW, LATER)
    assert generation == 0
    await run("add_grant", "ann@example.org", "health", "p-1")
    assert await run("users_state", ann) == [(ann, "admin", True, 1, ["health"], ["p-1"])]
    await run("set_password", "ann@example.org", "other")
    assert await run("session_has_ended", session) == [(True,)]
    await run("set_active", "ann@example.org", False)  # noqa: FBT003 - a parameter of SQL
    [(_, _, is_active, version, *_)] = await run("users_state", ann)
    assert (is_active, version) == (False, 3)
    await run("end_every_session", NOW)
    await run("forget_sessions", LATER)
    await run("forget_attempts", LATER)
    await run("remove_grant", "ann@example.org", "health")
    assert await run("list_grants") == []
    assert [row[1] for row in await run("list_users")] == ["ann@example.org"]


@pytest.mark.story("hub/IH-022.3")
async def test_accounts_of_before_are_whole_when_their_store_was_brought_to_now(
    database: str, migrated_template: str
) -> None:
    assert migrated_template  # the server has the agent's role
    first = migrations()[:1]
    await migrate(database, agent_role=AGENT_ROLE, steps=first)
    connection = await connect(database, application_name="test", timeout_s=5)
    values = ("ann@example.org", "Ann", "hash", "viewer", "Asia/Tokyo")
    ann = await connection.fetchval(BEFORE["add_user"].sql, *values, timeout=5)
    await connection.execute(BEFORE["start_session"].sql, uuid4(), ann, b"salt", NOW, LATER, timeout=5)
    await connection.close(timeout=5)

    applied = await migrate(database, agent_role=AGENT_ROLE)

    assert [migration.number for migration in applied] == [migration.number for migration in migrations()[1:]]
    clock = SystemClock()
    pool = Pool(PoolOptions("owner", database), clock)
    deadline = clock.monotonic() + 5
    profile = await pool.fetchrow(QUERIES["profile"], ann, deadline=deadline)
    wishes = await pool.fetchrow(QUERIES["preferences"], ann, deadline=deadline)
    sessions = await pool.fetch(QUERIES["own_sessions"], ann, NOW, deadline=deadline)
    await pool.close(deadline)
    assert profile is not None
    assert (profile["email"], profile["name"], profile["username"]) == ("ann@example.org", "Ann", None)
    assert (profile["time_zone"], profile["version"]) == ("Asia/Tokyo", 1)
    assert wishes is not None
    assert json.loads(wishes["preferences"]) == {}
    assert len(sessions) == 1


async def test_program_of_before_starts_on_the_store_of_now_when_a_release_was_taken_back(
    store_dsns: StoreDsns, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = migrations()[:-1]
    monkeypatch.setattr("agent.db.migrate.migrations", lambda: known)
    assert await migrate(store_dsns.owner, agent_role=AGENT_ROLE) == ()
    connection = await connect(store_dsns.agent, application_name="test", timeout_s=5)
    await check(connection)
    await connection.close(timeout=5)


def test_no_migration_that_is_shipped_breaks_the_code_of_before() -> None:
    assert [migration.name for migration in migrations() if migration.breaks_older] == []
