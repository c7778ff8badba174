"""The pool against a real PostgreSQL: deadlines, cancellation, what is left on a connection, outages."""

from __future__ import annotations

import asyncio
import contextlib
import re
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from asyncpg import connect_utils

import agent
from agent.db import pools
from agent.db.errors import SchemaMismatch
from agent.db.pools import Pool, PoolOptions
from agent.db.queries import Parameter, Query
from agent.db.tracing import CallTrace, current_call
from bridge.errors import AppError, Code
from bridge.process.clock import SystemClock
from tests.integration.agent.conftest import StoreDsns
from tests.waiting import until

CLOCK = SystemClock()
PID = Query("test.pid", "SELECT pg_backend_pid()", "Which connection it is.")
SLEEP = Query("test.sleep", "SELECT pg_sleep($1)", "Take a while.", (Parameter("seconds", "float8"),))
ACTIVE = Query(
    "test.active",
    "SELECT query FROM pg_stat_activity WHERE application_name = 'drawbridge-store' AND state <> 'idle'"
    " AND pid <> pg_backend_pid()",
    "What runs on the store's pool.",
)
CUT = Query("test.cut", "SELECT pg_terminate_backend($1)", "Cut a connection.", (Parameter("pid", "int"),))


def soon(seconds: float = 2.0) -> float:
    return CLOCK.monotonic() + seconds


FULL = Query(
    "test.full",
    "DO $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$",
    "What PostgreSQL says of a full disk.",
)


async def assert_whole(pool: Pool, size: int = 4) -> None:
    """Hold every place of the pool at once: none was lost, and each works."""
    async with asyncio.TaskGroup() as tasks:
        sleeps = [tasks.create_task(pool.fetchval(SLEEP, 0.05, deadline=soon())) for _ in range(size)]
    assert all(sleep.exception() is None for sleep in sleeps)
    assert len(pool._idle) <= size
    assert pool._free._value == size


@pytest.mark.story("todo/US-1.4")
async def test_pool_answers_each_way_when_the_server_is_there(store: Pool) -> None:
    assert (await store.fetch(PID, deadline=soon()))[0][0] > 0
    row = await store.fetchrow(PID, deadline=soon())
    assert row is not None
    assert await store.fetchval(PID, deadline=soon()) == row[0]
    assert await store.execute(PID, deadline=soon()) == "SELECT 1"
    assert store.availability.is_up


async def test_backslash_is_a_backslash_when_the_database_would_have_it_escape(store: Pool, owner: Pool) -> None:
    name = await owner.fetchval(Query("test.name", "SELECT current_database()", "Its name."), deadline=soon())
    change = f'ALTER DATABASE "{name}" SET standard_conforming_strings = off'
    await owner.execute(Query("test.change", change, "As an old database may be."), deadline=soon())
    literal = Query("test.literal", r"SELECT '\n'", "A literal as the mapping's are.")
    assert await store.fetchval(literal, deadline=soon()) == r"\n"


@pytest.mark.story("health/US-BE-11")
async def test_write_is_refused_when_the_pool_only_reads(store_dsns: StoreDsns) -> None:
    pool = Pool(PoolOptions("source", store_dsns.owner, size=1, is_read_only=True), CLOCK)
    write = Query("test.write", "CREATE TABLE planted ()", "What it may never do.")
    with pytest.raises(AppError) as alone:
        await pool.execute(write, deadline=soon())
    with pytest.raises(AppError) as in_transaction:
        async with pool.transaction(soon()) as transaction:
            await transaction.execute(write)
    await pool.close(soon())
    causes = [type(caught.value.__cause__) for caught in (alone, in_transaction)]
    assert causes == [asyncpg.ReadOnlySQLTransactionError] * 2


@pytest.mark.story("health/US-BE-08.4", "health/US-BE-11.4", "todo/US-1.4")
async def test_query_is_cancelled_in_postgresql_when_its_deadline_passes(store: Pool, owner: Pool) -> None:
    started = CLOCK.monotonic()
    with pytest.raises(AppError) as caught:
        await store.fetchval(SLEEP, 5.0, deadline=soon(0.1))
    assert caught.value.code is Code.TIMEOUT
    assert CLOCK.monotonic() - started < 0.5
    assert await owner.fetch(ACTIVE, deadline=soon()) == []
    await assert_whole(store)


@pytest.mark.story("todo/FR-019")
async def test_query_is_cancelled_in_postgresql_when_its_caller_goes_away(store: Pool, owner: Pool) -> None:
    async with asyncio.TaskGroup() as tasks:
        call = tasks.create_task(store.fetchval(SLEEP, 5.0, deadline=soon(5)))
        while not await owner.fetch(ACTIVE, deadline=soon()):
            pass
        call.cancel()
    assert call.cancelled()
    assert await owner.fetch(ACTIVE, deadline=soon()) == []
    await assert_whole(store)


async def test_query_is_cancelled_in_postgresql_when_its_caller_is_cancelled_twice(store: Pool, owner: Pool) -> None:
    """As by the agent's deadline and, in the same moment, by the gateway that gives up."""
    async with asyncio.TaskGroup() as tasks:
        call = tasks.create_task(store.fetchval(SLEEP, 5.0, deadline=soon(5)))
        while not await owner.fetch(ACTIVE, deadline=soon()):
            pass
        call.cancel()
        await asyncio.sleep(0)
        call.cancel()
    assert call.cancelled()
    async with asyncio.timeout(1.0):  # before the sleep's own end
        while await owner.fetch(ACTIVE, deadline=soon()):
            pass
    await assert_whole(store)


async def test_waiting_for_a_connection_ends_when_the_deadline_passes(store: Pool) -> None:
    async with asyncio.TaskGroup() as tasks:
        holders = [tasks.create_task(store.fetchval(SLEEP, 0.3, deadline=soon())) for _ in range(4)]
        await asyncio.sleep(0)
        with pytest.raises(AppError) as caught:
            await store.fetchval(PID, deadline=soon(0.05))
    assert caught.value.code is Code.TIMEOUT
    assert all(holder.done() for holder in holders)
    await assert_whole(store)


@pytest.mark.story("health/US-BE-11.1")
async def test_statement_ends_by_the_servers_timeout_when_it_is_shorter(store: Pool, owner: Pool) -> None:
    await owner.execute(
        Query("test.limit", "ALTER ROLE test_agent SET statement_timeout = '50ms'", "Limit."), deadline=soon()
    )
    try:
        with pytest.raises(AppError) as caught:
            await store.fetchval(SLEEP, 5.0, deadline=soon())
    finally:
        await owner.execute(
            Query("test.unlimit", "ALTER ROLE test_agent RESET statement_timeout", "No limit."), deadline=soon()
        )
    assert caught.value.code is Code.TIMEOUT


@pytest.mark.story("health/US-BE-08.4", "health/US-BE-10.2", "health/US-BE-37.3")
async def test_pool_serves_the_next_call_when_a_connection_was_cut(store: Pool, owner: Pool) -> None:
    pid = await store.fetchval(PID, deadline=soon())
    cut = asyncio.Event()
    store._idle[0].add_termination_listener(lambda _connection: cut.set())
    await owner.fetchval(CUT, pid, deadline=soon())
    await cut.wait()
    assert await store.fetchval(PID, deadline=soon()) != pid
    await assert_whole(store)
    assert store.availability.is_up


@pytest.mark.story("health/US-BE-10.1", "todo/EC.1", "water/EC.5")
async def test_query_fails_as_unavailable_when_its_connection_is_cut_under_it(store: Pool, owner: Pool) -> None:
    async with asyncio.TaskGroup() as tasks:
        call = tasks.create_task(_code_of(store.fetchval(SLEEP, 5.0, deadline=soon(5))))
        while not await owner.fetch(ACTIVE, deadline=soon()):
            pass
        await owner.execute(
            Query(
                "test.cut_all",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'drawbridge-store'",
                "Cut all.",
            ),
            deadline=soon(),
        )
    assert call.result() is Code.DATABASE_UNAVAILABLE
    assert not store.availability.is_up
    await assert_whole(store)


async def _code_of(call: object) -> Code | None:
    try:
        await call  # type: ignore[misc]
    except AppError as error:
        return error.code
    return None


@pytest.mark.story("todo/US-5.3")
async def test_pool_is_unavailable_and_keeps_its_places_when_there_is_no_server(tmp_path: Path) -> None:
    pool = Pool(PoolOptions("away", f"postgresql://nobody@/nothing?host={tmp_path}", size=1), CLOCK)
    for _ in range(3):
        with pytest.raises(AppError) as caught:
            await pool.fetchval(PID, deadline=soon())
        assert caught.value.code is Code.DATABASE_UNAVAILABLE
        assert caught.value.retry_after_s == 1.0
    assert pool.availability.condition.reason == "FileNotFoundError"
    with pytest.raises(AppError):
        await pool.warm(soon())
    await pool.close(soon())


async def test_connecting_ends_when_the_deadline_passes_or_the_caller_goes_away(tmp_path: Path) -> None:
    left: asyncio.Queue[None] = asyncio.Queue()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        left.put_nowait(None)

    mute = await asyncio.start_unix_server(say_nothing, tmp_path / ".s.PGSQL.5432")
    pool = Pool(PoolOptions("mute", f"postgresql://nobody@/nothing?host={tmp_path}", size=1), CLOCK)
    async with mute:
        with pytest.raises(AppError) as caught:
            await pool.fetchval(PID, deadline=soon(0.1))
        assert caught.value.code is Code.TIMEOUT
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await pool.fetchval(PID, deadline=soon(5))
        for _ in range(2):
            await left.get()
    assert pool._free._value == 1


async def test_schema_mismatch_names_what_is_missing_when_a_table_is_not_there(store: Pool) -> None:
    with pytest.raises(SchemaMismatch, match=r"The database does not answer") as caught:
        await store.fetch(Query("test.missing", "SELECT * FROM not_there", "Fail."), deadline=soon())
    assert '"not_there" does not exist' in caught.value.message
    assert store.availability.is_up
    await assert_whole(store)


@pytest.mark.story("health/US-BE-08.2", "hub/AC-062", "todo/US-1.2")
async def test_warm_opens_every_connection_when_the_server_is_there(store: Pool) -> None:
    await store.warm(soon())
    assert len(store._idle) == 4
    await assert_whole(store)


async def test_pool_refuses_and_keeps_nothing_when_it_was_closed(store: Pool) -> None:
    async with asyncio.TaskGroup() as tasks:
        late = tasks.create_task(store.fetchval(SLEEP, 0.1, deadline=soon()))
        await store.warm(soon())
        await asyncio.sleep(0)
        await store.close(soon())
    assert late.done()
    assert store._idle == []
    with pytest.raises(AppError) as caught:
        await store.fetchval(PID, deadline=soon())
    assert caught.value.code is Code.DRAINING


async def test_close_cuts_a_connection_when_the_server_does_not_say_goodbye(store: Pool, owner: Pool) -> None:
    pid = await store.fetchval(PID, deadline=soon())
    started = CLOCK.monotonic()
    await store.close(CLOCK.monotonic() - 1)
    assert CLOCK.monotonic() - started < 1
    assert store._idle == []
    assert pid > 0
    assert owner.availability.name == "owner"


# transactions

CREATE = Query("test.create", "CREATE TEMP TABLE IF NOT EXISTS t (n int)", "A table of one session.")


async def _counter(owner: Pool) -> None:
    await owner.execute(
        Query("test.counter", "CREATE TABLE counter (n int); GRANT ALL ON counter TO test_agent", "A table."),
        deadline=soon(),
    )


ADD = Query("test.add", "INSERT INTO counter VALUES ($1)", "Add a row.", (Parameter("n", "int"),))
COUNT = Query("test.count", "SELECT count(*) FROM counter", "How many rows.")


@pytest.mark.story("health/US-BE-37.2", "water/FR-072")
async def test_transaction_commits_when_the_block_ends(store: Pool, owner: Pool) -> None:
    await _counter(owner)
    async with store.transaction(soon()) as transaction:
        await transaction.execute(ADD, 1)
        assert len(await transaction.fetch(COUNT)) == 1
        row = await transaction.fetchrow(COUNT)
        assert row is not None
        assert row[0] == 1
        assert await transaction.fetchval(COUNT) == 1
        assert await owner.fetchval(COUNT, deadline=soon()) == 0
    assert await owner.fetchval(COUNT, deadline=soon()) == 1
    await assert_whole(store)


@pytest.mark.story("health/US-BE-37.2", "water/EC.5", "water/FR-072")
async def test_transaction_rolls_back_when_the_block_raises(store: Pool, owner: Pool) -> None:
    await _counter(owner)
    with pytest.raises(AppError) as caught:
        async with store.transaction(soon()) as transaction:
            await transaction.execute(ADD, 1)
            raise KeyError
    assert caught.value.code is Code.INTERNAL
    assert await store.fetchval(COUNT, deadline=soon()) == 0
    await assert_whole(store)


async def test_transaction_rolls_back_when_its_caller_goes_away(store: Pool, owner: Pool) -> None:
    await _counter(owner)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2), store.transaction(soon(5)) as transaction:
            await transaction.execute(ADD, 1)
            await transaction.fetchval(SLEEP, 5.0)
    assert await owner.fetchval(COUNT, deadline=soon()) == 0
    assert await owner.fetch(ACTIVE, deadline=soon()) == []
    await assert_whole(store)


async def test_statements_end_the_reserve_before_the_deadline_when_it_is_set(store_dsns: StoreDsns) -> None:
    pool = Pool(PoolOptions("store", store_dsns.agent, commit_reserve_ms=4_000), CLOCK)
    async with pool.transaction(soon(5)) as transaction:
        limit = await transaction.fetchval(Query("test.limit", "SHOW statement_timeout", "The limit."))
    await pool.close(soon(1))
    seconds = float(limit.removesuffix("ms")) / 1000 if limit.endswith("ms") else float(limit.removesuffix("s"))
    assert 0 < seconds <= 1.0


async def test_transaction_is_ended_by_postgresql_when_its_deadline_nears(store: Pool, owner: Pool) -> None:
    started = CLOCK.monotonic()
    with pytest.raises(AppError) as caught:
        async with store.transaction(soon(0.3)) as transaction:
            await transaction.fetchval(SLEEP, 5.0)
    assert caught.value.code is Code.TIMEOUT
    assert isinstance(caught.value.__cause__, asyncpg.QueryCanceledError)
    assert CLOCK.monotonic() - started < 0.3
    assert await owner.fetch(ACTIVE, deadline=soon()) == []


async def test_transaction_fails_when_the_block_swallowed_a_failed_statement(store: Pool, owner: Pool) -> None:
    await _counter(owner)
    with pytest.raises(AppError) as caught:
        async with store.transaction(soon()) as transaction:
            await transaction.execute(ADD, 1)
            with contextlib.suppress(asyncpg.DivisionByZeroError):
                await transaction.execute(Query("test.fail", "SELECT 1 / 0", "Fail."))
    assert caught.value.code is Code.INTERNAL
    assert await owner.fetchval(COUNT, deadline=soon()) == 0
    await assert_whole(store)


async def test_connection_is_closed_when_its_transaction_was_left_open(store: Pool) -> None:
    pid = await store.fetchval(PID, deadline=soon())
    await store.execute(Query("test.begin", "BEGIN", "Forget to commit."), deadline=soon())
    assert store._idle == []
    assert await store.fetchval(PID, deadline=soon()) != pid


def test_statements_leave_no_session_state_when_they_end() -> None:
    """What :mod:`agent.db.pools` relies on in place of a reset."""
    files = [path for path in Path(agent.__file__).parent.rglob("*.sql") if path.parent.name != "migrations"]
    assert files
    lasting = re.compile(
        r"^\s*(SET\b(?!\s+LOCAL)|LISTEN|DECLARE|PREPARE)|\bTEMP(ORARY)?\s+TABLE|pg_(try_)?advisory_lock|set_config",
        re.IGNORECASE | re.MULTILINE,
    )
    offending = {
        f"{path.name}: {match[0].strip()}"
        for path in files
        for match in lasting.finditer(re.sub(r"^--.*$", "", path.read_text(), flags=re.MULTILINE))
        if not match[0].strip().upper().startswith("SET") or not _continues_update(path.read_text(), match[0].strip())
    }
    assert offending == set()


def _continues_update(text: str, found: str) -> bool:
    """Whether this SET is the clause of an UPDATE or of ON CONFLICT, not a statement."""
    return re.search(rf"(UPDATE\b[^;]*|DO UPDATE\s*)\n?\s*{found}", text, re.IGNORECASE) is not None


# what is told of queries


@pytest.mark.story("health/US-BE-08.5", "health/US-BE-11.3")
async def test_slow_query_is_logged_by_name_and_call_when_it_takes_too_long(
    store_dsns: StoreDsns, caplog: pytest.LogCaptureFixture
) -> None:
    pool = Pool(PoolOptions("store", store_dsns.agent, slow_query_ms=50), CLOCK)
    token = current_call.set(CallTrace("0af7651916cd43dd8448eb211c80319c", ""))
    await pool.fetchval(SLEEP, 0.06125, deadline=soon())
    current_call.reset(token)
    await pool.fetchval(SLEEP, 0.06125, deadline=soon())
    await pool.fetchval(SLEEP, 0.0, deadline=soon())
    await pool.close(soon())
    with_call, without = [record for record in caplog.records if record.message == "query_was_slow"]
    fields = with_call.__dict__["drawbridge_fields"]
    assert fields["query"] == "test.sleep"
    assert fields["duration_ms"] >= 50
    assert fields["request_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert "0.06125" not in str(fields)
    assert without.__dict__["drawbridge_fields"]["request_id"] is None


async def test_statement_carries_the_trace_when_tracing_is_on_and_the_call_is_sampled(store_dsns: StoreDsns) -> None:
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    pool = Pool(PoolOptions("store", store_dsns.agent, trace_sql=True), CLOCK)
    own = Query("test.own", "SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()", "This statement.")
    token = current_call.set(CallTrace("0af7651916cd43dd8448eb211c80319c", traceparent))
    assert f"traceparent='{traceparent}'" in await pool.fetchval(own, deadline=soon())
    current_call.reset(token)
    assert "traceparent" not in await pool.fetchval(own, deadline=soon())
    await pool.close(soon())


class SlowCancel:
    """Stands in for asyncpg's cancel request: it is sent when the test lets it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._send = connect_utils._cancel  # type: ignore[attr-defined]  # its stubs leave it out
        self.may_be_sent = asyncio.Event()
        monkeypatch.setattr(connect_utils, "_cancel", self._cancel)

    async def _cancel(self, **request: Any) -> None:  # noqa: ANN401 - as asyncpg's
        await self.may_be_sent.wait()
        await self._send(**request)


async def test_query_is_cancelled_and_no_connection_lost_when_the_cancel_request_is_slow(
    store: Pool, owner: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a busy machine: PostgreSQL starts a process for each cancel request."""
    await store.warm(soon())
    pids = {connection.get_server_pid() for connection in store._idle}
    slow = SlowCancel(monkeypatch)
    monkeypatch.setattr(pools, "RECOVERY_S", 0.05)

    with pytest.raises(AppError) as caught:
        await store.fetchval(SLEEP, 60.0, deadline=soon(0.1))

    assert caught.value.code is Code.TIMEOUT  # told while the request has yet to be sent
    await until(lambda: len(store._idle) == 3)  # asked whether they live
    assert len(await owner.fetch(ACTIVE, deadline=soon())) == 1
    slow.may_be_sent.set()
    await until(lambda: len(store._idle) == 4)
    assert await owner.fetch(ACTIVE, deadline=soon()) == []
    assert {connection.get_server_pid() for connection in store._idle} == pids
    await assert_whole(store)


async def test_connection_is_given_up_when_the_server_never_confirms(
    store: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.fetchval(PID, deadline=soon())
    SlowCancel(monkeypatch)
    monkeypatch.setattr(pools, "RECOVERY_S", 0.0)
    monkeypatch.setattr(pools, "CONFIRM_S", 0.05)
    with pytest.raises(AppError) as caught:
        await store.fetchval(SLEEP, 60.0, deadline=soon(0.1))
    assert caught.value.code is Code.TIMEOUT
    await until(lambda: store._free._value == 4)
    assert store._idle == []
    await assert_whole(store)


async def test_store_is_down_until_a_write_is_kept_when_its_disk_is_full(store: Pool) -> None:
    pid = await store.fetchval(PID, deadline=soon())
    with pytest.raises(AppError) as refused:
        async with store.transaction(soon()) as transaction:
            await transaction.execute(FULL)
    assert refused.value.code is Code.STORAGE_FULL
    assert store.availability.condition.reason == "DiskFullError"

    assert await store.fetchval(PID, deadline=soon()) == pid  # it can be read, which says nothing
    assert not store.availability.is_up
    async with store.transaction(soon()) as transaction:
        await transaction.execute(PID)
    assert store.availability.is_up


async def test_source_is_down_until_it_is_read_when_its_disk_was_full(store_dsns: StoreDsns) -> None:
    pool = Pool(PoolOptions("source", store_dsns.agent, size=1, is_read_only=True), CLOCK)
    await pool.fetchval(PID, deadline=soon())
    with pytest.raises(AppError):
        await pool.execute(FULL, deadline=soon())
    assert pool.availability.condition.reason == "DiskFullError"
    await pool.fetchval(PID, deadline=soon())
    assert pool.availability.is_up
    await pool.close(soon())
