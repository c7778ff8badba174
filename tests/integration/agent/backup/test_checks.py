"""What a restored store must pass."""

from __future__ import annotations

import asyncpg
import pytest

from agent.backup.checks import CHECKS, Check, run_checks
from agent.backup.errors import BackupError
from agent.db.pools import Connection, connect
from tests.integration.agent.conftest import StoreDsns


async def _fails(_connection: Connection) -> str:
    msg = "the chain is broken at 7"
    raise BackupError(msg)


@pytest.mark.story("hub/DOD.12")
async def test_checks_name_the_one_that_fails(database: str) -> None:
    connection = await connect(database, application_name="test", timeout_s=5)
    try:
        with pytest.raises(BackupError, match="check audit: the chain is broken at 7"):
            await run_checks(connection, [*CHECKS, Check("audit", _fails)])
    finally:
        await connection.close(timeout=5)


async def test_indexes_fail_when_one_does_not_agree_with_its_table(database: str) -> None:
    """An index whose function gives something else than when it was made stands for one that was damaged."""
    connection = await connect(database, application_name="test", timeout_s=5)
    try:
        await connection.execute(
            "CREATE FUNCTION twisted(i int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT i';"
            "CREATE TABLE t (i int); INSERT INTO t SELECT generate_series(1, 100);"
            "CREATE INDEX ON t (twisted(i));"
            "CREATE OR REPLACE FUNCTION twisted(i int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT -i';"
        )
        with pytest.raises(BackupError, match="an index does not agree with its table"):
            await run_checks(connection, CHECKS)
        with pytest.raises(asyncpg.UndefinedFunctionError):  # nothing of the check is left
            await connection.execute("SELECT bt_index_check(0)")
    finally:
        await connection.close(timeout=5)


async def test_trail_is_checked_when_there_is_one(database: str, store_dsns: StoreDsns) -> None:
    await assert_trail(database, "not checked: this store is older than the audit trail")
    await assert_trail(store_dsns.owner, "0 entries hold")


async def assert_trail(dsn: str, found: str) -> None:
    connection = await connect(dsn, application_name="test", timeout_s=5)
    try:
        assert (await run_checks(connection, CHECKS))["audit"] == found
    finally:
        await connection.close(timeout=5)


async def test_trail_fails_when_an_entry_was_changed(store_dsns: StoreDsns) -> None:
    connection = await connect(store_dsns.owner, application_name="test", timeout_s=5)
    try:
        await connection.execute(
            "INSERT INTO audit (at, actor, operation, outcome, entity, entity_id, request_id)"
            " VALUES (now(), 'owner', 'x', 'done', '', '', '');"
            "ALTER TABLE audit DISABLE TRIGGER USER; UPDATE audit SET actor = 'user'"
        )
        with pytest.raises(BackupError, match="check audit: the trail is not what was written: entry 1"):
            await run_checks(connection, CHECKS)
    finally:
        await connection.close(timeout=5)
