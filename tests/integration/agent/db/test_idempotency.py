"""Writes that are sent again: applied once, answered alike."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from agent.db.idempotency import IdempotentWrites, scope_of
from agent.db.pools import Pool, Transaction
from agent.db.queries import Parameter, Query
from bridge.contracts.accounts import SIGN_IN
from bridge.contracts.operation import Effect, Nothing, Operation, Role, User
from bridge.errors import AppError, Code
from bridge.process.clock import SystemClock, utc
from bridge.server import AnonymousCaller, Answer, CallerContext, MachineCaller, UserCaller

NOW = utc(1_780_000_000)
KEPT = timedelta(hours=1)
COUNT_UP = Operation("test.count_up", Nothing, Nothing, User(), effect=Effect.WRITE)
OTHER = Operation("test.other", Nothing, Nothing, User(), effect=Effect.WRITE)

TABLE = Query(
    "test.table",
    "CREATE TABLE counter (n int); INSERT INTO counter VALUES (0); GRANT ALL ON counter TO test_agent",
    "T.",
)
UP = Query("test.up", "UPDATE counter SET n = n + 1 RETURNING n", "Count up.")
VALUE = Query("test.value", "SELECT n FROM counter", "The count.")
SLEEP = Query("test.sleep", "SELECT pg_sleep($1)", "Take a while.", (Parameter("seconds", "float8"),))


@pytest.fixture
async def counter(store: Pool, owner: Pool) -> Pool:
    await owner.execute(TABLE, deadline=soon())
    return store


def soon() -> float:
    return SystemClock.monotonic() + 3


def call(*, user: UUID | None = None, key: str = "key-1", digest: str = "sha-256=:a:") -> CallerContext:
    caller = UserCaller(user or UUID(int=1), uuid4(), Role.VIEWER, 1)
    return CallerContext(caller, "0" * 32, "", soon(), key, digest)


async def count_up(transaction: Transaction) -> Answer:
    return Answer(str(await transaction.fetchval(UP)).encode(), "next")


def writes(pool: Pool) -> IdempotentWrites:
    return IdempotentWrites(pool, keep_s=KEPT.total_seconds())


def write(
    pool: Pool, context: CallerContext, work: Callable[[Transaction], Awaitable[Answer]] = count_up
) -> Awaitable[Answer]:
    return writes(pool).once(COUNT_UP, context, now=NOW, work=work)


async def test_write_is_applied_once_and_answered_alike_when_it_is_sent_again(counter: Pool) -> None:
    answers = [await write(counter, call()) for _ in range(3)]
    assert answers == [Answer(b"1", "next")] * 3
    assert await counter.fetchval(VALUE, deadline=soon()) == 1


async def test_write_is_applied_again_when_key_user_or_operation_differ(counter: Pool) -> None:
    assert (await write(counter, call())).body == b"1"
    assert (await write(counter, call(key="key-2"))).body == b"2"
    assert (await write(counter, call(user=UUID(int=2)))).body == b"3"
    assert (await writes(counter).once(OTHER, call(), now=NOW, work=count_up)).body == b"4"
    machine = replace(call(), caller=MachineCaller("monitor"))
    assert (await write(counter, machine)).body == b"5"


async def test_write_is_refused_when_its_key_came_with_another_body(counter: Pool) -> None:
    await write(counter, call())
    with pytest.raises(AppError) as caught:
        await write(counter, call(digest="sha-256=:b:"))
    assert caught.value.code is Code.IDEMPOTENCY_MISMATCH
    assert await counter.fetchval(VALUE, deadline=soon()) == 1


async def test_write_is_refused_at_once_when_the_same_one_is_running(counter: Pool) -> None:
    running = asyncio.Event()

    async def slowly(transaction: Transaction) -> Answer:
        running.set()
        await transaction.fetchval(SLEEP, 0.3)
        return await count_up(transaction)

    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(writes(counter).once(COUNT_UP, call(), now=NOW, work=slowly))
        await running.wait()
        with pytest.raises(AppError) as caught:
            await write(counter, call())
    assert caught.value.code is Code.IDEMPOTENCY_IN_PROGRESS
    assert first.result().body == b"1"
    assert await counter.fetchval(VALUE, deadline=soon()) == 1


async def test_write_leaves_nothing_and_may_be_tried_again_when_its_work_fails(counter: Pool) -> None:
    async def fail(transaction: Transaction) -> Answer:
        await count_up(transaction)
        raise KeyError

    with pytest.raises(AppError):
        await write(counter, call(), fail)
    assert await counter.fetchval(VALUE, deadline=soon()) == 0
    assert (await write(counter, call())).body == b"1"


async def test_write_is_applied_again_when_its_record_has_expired(counter: Pool) -> None:
    await write(counter, call())
    later = NOW + KEPT
    assert (await writes(counter).once(COUNT_UP, call(), now=later - timedelta(seconds=1), work=count_up)).body == b"1"
    assert (await writes(counter).once(COUNT_UP, call(), now=later, work=count_up)).body == b"2"
    await writes(counter).forget_old(now=later + KEPT, deadline=soon())
    assert (await write(counter, call())).body == b"3"


@pytest.mark.story("hub/AC-046")
async def test_write_is_applied_once_when_many_retries_race(counter: Pool) -> None:
    async def persist() -> bytes:
        while True:
            try:
                return (await write(counter, call())).body
            except AppError as error:
                if error.code is not Code.IDEMPOTENCY_IN_PROGRESS:
                    raise

    async with asyncio.TaskGroup() as tasks:
        retries = [tasks.create_task(persist()) for _ in range(8)]
    assert {retry.result() for retry in retries} == {b"1"}
    assert await counter.fetchval(VALUE, deadline=soon()) == 1


async def test_once_refuses_when_the_operation_issues_tokens(store: Pool) -> None:
    with pytest.raises(ValueError, match="issues tokens"):
        await writes(store).once(SIGN_IN, call(), now=NOW, work=count_up)


def test_scope_is_refused_when_the_caller_is_anonymous() -> None:
    with pytest.raises(ValueError, match="anonymous"):
        scope_of(replace(call(), caller=AnonymousCaller()))
