"""Migrations on a real server: forward only, once, and nothing half done."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from agent.db.migrate import Migration, MigrationError, check, migrate, migrations
from agent.db.pools import connect
from tests.integration.agent.conftest import AGENT_ROLE, StoreDsns
from tests.postgres import PostgresServer

FIRST = Migration(1, "first", "CREATE TABLE first (n int); GRANT SELECT ON first TO {{agent_role}};")
SECOND = Migration(2, "second", "CREATE TABLE second (n int);")


@pytest.fixture
def empty(database: str, migrated_template: str) -> str:
    """Give an empty database of a server that has the agent's role."""
    assert migrated_template
    return database


@pytest.fixture
def odd_role(postgres_server: PostgresServer) -> Iterator[str]:
    postgres_server._execute('CREATE ROLE "odd ""role"')
    yield 'odd "role'
    postgres_server._execute('DROP ROLE "odd ""role"')


async def tables(dsn: str) -> set[str]:
    connection = await asyncpg.connect(dsn, timeout=5)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await connection.close(timeout=5)
    return {row[0] for row in rows}


@pytest.mark.story("hub/IH-022.3", "hub/DOD.22", "todo/US-1.1")
async def test_migrate_applies_what_is_missing_when_run_again(empty: str) -> None:
    assert await migrate(empty, agent_role=AGENT_ROLE, steps=[FIRST]) == (FIRST,)
    assert await migrate(empty, agent_role=AGENT_ROLE, steps=[FIRST]) == ()
    assert await migrate(empty, agent_role=AGENT_ROLE, steps=[FIRST, SECOND]) == (SECOND,)
    assert await tables(empty) == {"schema_migrations", "first", "second"}


async def test_migrate_applies_each_step_once_when_several_start_at_once(empty: str) -> None:
    async with asyncio.TaskGroup() as tasks:
        runs = [tasks.create_task(migrate(empty, agent_role=AGENT_ROLE, steps=[FIRST, SECOND])) for _ in range(4)]
    assert sorted(len(run.result()) for run in runs) == [0, 0, 0, 2]


async def test_migrate_refuses_when_an_applied_file_was_changed(empty: str) -> None:
    await migrate(empty, agent_role=AGENT_ROLE, steps=[FIRST])
    with pytest.raises(MigrationError, match=r"0001_first\.sql was changed"):
        await migrate(empty, agent_role=AGENT_ROLE, steps=[Migration(1, "first", FIRST.sql + "-- later"), SECOND])
    assert "second" not in await tables(empty)


async def test_migrate_refuses_when_the_store_has_what_this_program_cannot_work_on(empty: str) -> None:
    breaking = Migration(2, "second", "-- Breaks older code: it has no second.\nCREATE TABLE second (n int);")
    await migrate(empty, agent_role=AGENT_ROLE, steps=[FIRST, breaking])
    with pytest.raises(MigrationError, match="has migration 2, which this program does not know"):
        await migrate(empty, agent_role=AGENT_ROLE, steps=[FIRST])


async def test_migrate_leaves_a_newer_store_alone_when_this_program_can_work_on_it(
    empty: str, caplog: pytest.LogCaptureFixture
) -> None:
    await migrate(empty, agent_role=AGENT_ROLE, steps=[FIRST, SECOND])
    assert await migrate(empty, agent_role=AGENT_ROLE, steps=[FIRST]) == ()
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == ["store_is_newer"]
    with pytest.raises(MigrationError, match=r"0001_first\.sql was changed"):
        await migrate(empty, agent_role=AGENT_ROLE, steps=[Migration(1, "first", FIRST.sql + "-- later")])


async def test_check_refuses_when_a_newer_store_does_not_say_what_it_breaks(store_dsns: StoreDsns) -> None:
    connection = await connect(store_dsns.owner, application_name="test", timeout_s=5)
    await connection.execute("ALTER TABLE schema_migrations DROP COLUMN breaks_older", timeout=5)
    await connection.execute("INSERT INTO schema_migrations VALUES (9999, 'later', '')", timeout=5)
    with pytest.raises(MigrationError, match="it is older"):
        await check(connection)
    await connection.close(timeout=5)


async def test_migrate_leaves_the_store_as_it_was_when_a_step_fails(empty: str) -> None:
    broken = Migration(2, "broken", "CREATE TABLE half (n int); SELECT 1 / 0;")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(empty, agent_role=AGENT_ROLE, steps=[FIRST, broken])
    assert await tables(empty) == {"schema_migrations", "first"}


async def test_migrate_gives_up_when_a_table_stays_locked(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.db.migrate.LOCK_TIMEOUT_S", 0.1)
    await migrate(empty, agent_role=AGENT_ROLE, steps=[FIRST])
    alter = Migration(2, "alter", "ALTER TABLE first ADD COLUMN m int;")
    holder = await asyncpg.connect(empty, timeout=5)
    try:
        await holder.execute("BEGIN; LOCK TABLE first IN ACCESS SHARE MODE", timeout=5)
        async with asyncio.timeout(2):
            with pytest.raises(asyncpg.LockNotAvailableError):
                await migrate(empty, agent_role=AGENT_ROLE, steps=[FIRST, alter])
    finally:
        await holder.close(timeout=5)
    assert await migrate(empty, agent_role=AGENT_ROLE, steps=[FIRST, alter]) == (alter,)


async def test_migrate_refuses_when_there_is_no_such_role(empty: str) -> None:
    with pytest.raises(MigrationError, match="no database role 'nobody'"):
        await migrate(empty, agent_role="nobody", steps=[FIRST])


async def test_migrate_quotes_the_role_when_its_name_is_odd(empty: str, odd_role: str) -> None:
    assert await migrate(empty, agent_role=odd_role, steps=[FIRST]) == (FIRST,)
    connection = await asyncpg.connect(empty, timeout=5)
    await connection.execute(f'DROP OWNED BY "{odd_role.replace(chr(34), chr(34) * 2)}"', timeout=5)
    await connection.close(timeout=5)


def test_migrations_are_numbered_without_gaps_when_they_are_shipped() -> None:
    shipped = migrations()
    assert [step.number for step in shipped] == list(range(1, len(shipped) + 1))
    assert shipped[0].name == "accounts"


def test_migrations_refuse_when_a_number_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gapped_steps").mkdir()
    for name in ("__init__.py", "0001_one.sql", "0003_three.sql"):
        (tmp_path / "gapped_steps" / name).touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MigrationError, match="not numbered 0001, 0002"):
        migrations("gapped_steps")


async def test_check_passes_when_the_store_is_migrated(store_dsns: StoreDsns) -> None:
    connection = await connect(store_dsns.agent, application_name="test", timeout_s=5)
    await check(connection)
    await connection.close(timeout=5)


async def test_check_refuses_when_the_store_was_never_migrated(empty: str) -> None:
    connection = await connect(empty, application_name="test", timeout_s=5)
    with pytest.raises(MigrationError, match=r"lacks \d+ migrations; run `agent migrate`"):
        await check(connection)
    await connection.close(timeout=5)


async def test_agent_role_cannot_alter_tables_when_it_runs(store_dsns: StoreDsns) -> None:
    connection = await connect(store_dsns.agent, application_name="test", timeout_s=5)
    for statement in (
        "ALTER TABLE users ADD COLUMN x int",
        "DROP TABLE users",
        "CREATE TABLE x (n int)",
        "TRUNCATE users",
        "UPDATE schema_migrations SET sha256 = ''",
        "CREATE OR REPLACE FUNCTION users_changed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement, timeout=5)
    await connection.close(timeout=5)
