from __future__ import annotations

import io
from datetime import UTC, datetime

import asyncpg
import pytest

from agent.apps.health.schema import run_check
from demo.databases import MAPPING, SOURCE, STORE, Logins, provide_source, provide_store
from tests.postgres import PostgresServer

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


@pytest.fixture
async def logins(postgres_server: PostgresServer) -> Logins:
    return await provide_store(postgres_server)


@pytest.mark.story("hub/IH-028.2", "hub/DOD.22")
async def test_source_is_filled_once_when_provided_twice(postgres_server: PostgresServer, logins: Logins) -> None:
    first = await provide_source(postgres_server, NOW)
    second = await provide_source(postgres_server, NOW.replace(year=2027))

    assert first == second >= 20_000
    connection = await asyncpg.connect(logins.source)
    assert await connection.fetchval("SELECT max(logged_at) FROM symptom_log") <= NOW
    await connection.close()


async def test_source_role_only_reads_when_it_tries_more(postgres_server: PostgresServer, logins: Logins) -> None:
    await provide_source(postgres_server, NOW)
    connection = await asyncpg.connect(logins.source)

    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await connection.execute("DELETE FROM symptom_log")
    await connection.execute("SET default_transaction_read_only = off")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("DELETE FROM symptom_log")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.fetch("SELECT display_name FROM patient")
    assert await connection.fetchval("SHOW statement_timeout") == "5s"
    await connection.close()


async def test_roles_stay_in_their_database_when_they_try_the_other(
    postgres_server: PostgresServer, logins: Logins
) -> None:
    await provide_source(postgres_server, NOW)

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(logins.source.replace(f"/{SOURCE}?", f"/{STORE}?"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(logins.agent.replace(f"/{STORE}?", f"/{SOURCE}?"))


async def test_agent_role_alters_nothing_when_the_owner_made_it(logins: Logins) -> None:
    owner = await asyncpg.connect(logins.owner)
    await owner.execute("CREATE TABLE IF NOT EXISTS ours (id integer)")
    await owner.close()
    agent = await asyncpg.connect(logins.agent)

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await agent.execute("DROP TABLE ours")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await agent.execute("CREATE TABLE theirs (id integer)")
    await agent.close()


async def test_login_is_refused_when_it_is_of_an_earlier_start(postgres_server: PostgresServer, logins: Logins) -> None:
    await provide_store(postgres_server)

    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(logins.agent)


async def test_mapping_serves_when_the_agent_checks_it(postgres_server: PostgresServer, logins: Logins) -> None:
    await provide_source(postgres_server, NOW)
    report = io.StringIO()

    assert await run_check(logins.source, MAPPING, out=report) == 0
    assert "0 do not convert" in report.getvalue()
