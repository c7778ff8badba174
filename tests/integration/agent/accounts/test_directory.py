"""What decides about each call: true in memory while changes are heard, asked of the store while not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from agent.accounts.directory import Directory, Standing
from agent.accounts.grants import Grant, Grants
from agent.db.pools import Pool
from agent.db.queries import Query
from agent.settings.types import DAY_S
from bridge.contracts.operation import Role
from bridge.errors import AppError, Code
from tests.clocks import HurriedClock, TurnedClock
from tests.integration.agent.accounts.conftest import EMAIL, Accounts, Ears, soon
from tests.integration.agent.accounts.test_operations import code_of

# The lock keeps the memory from being loaded again before the end is there to be read; nothing tells of the end.
CUT_AND_END_UNHEARD = Query(
    "test.cut",
    """DO $$ BEGIN
        LOCK TABLE sessions;
        PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'drawbridge-listen';
        ASSERT FOUND, 'nobody listened';
        ALTER TABLE sessions DISABLE TRIGGER USER;
        UPDATE sessions SET ended_at = now();
        ALTER TABLE sessions ENABLE TRIGGER USER;
    END $$""",
    "Cut the listener and end all sessions meanwhile.",
)


@asynccontextmanager
async def hearing(accounts: Accounts, dsn: str) -> AsyncIterator[Ears]:
    async with asyncio.TaskGroup() as tasks:
        ears = Ears(dsn, accounts, tasks)
        await ears.open()
        yield ears
        await ears.close()


def forbid_queries(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("the store was asked")

    for method in ("fetch", "fetchrow", "fetchval"):
        monkeypatch.setattr(accounts.store, method, refuse)


async def test_calls_cost_no_query_when_changes_are_heard(
    accounts: Accounts, agent_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = await accounts.sign_in()
    async with hearing(accounts, agent_dsn):
        assert accounts.directory.is_live
        with monkeypatch.context() as patched:
            forbid_queries(accounts, patched)
            caller = await accounts.caller(tokens.access_token)
            assert caller.user_id == accounts.ann
            assert await Grants(accounts.directory).person_of(accounts.ann, "health") is None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE users SET role = 'viewer'",
        "UPDATE users SET is_active = false",
        "UPDATE users SET password_hash = 'other'",
        "UPDATE users SET email = 'other@example.org'",
        "UPDATE users SET token_version = 9",
        "DELETE FROM users",
    ],
)
async def test_tokens_stop_working_when_their_account_changes_whoever_changed_it(
    accounts: Accounts, agent_dsn: str, owner: Pool, change: str
) -> None:
    tokens = await accounts.sign_in()
    async with hearing(accounts, agent_dsn):
        await accounts.caller(tokens.access_token)
        await owner.execute(Query("test.change", change, "Change."), deadline=soon())
        async with asyncio.timeout(1):
            assert await accounts.told.users.get() == str(accounts.ann)
        assert await code_of(accounts.caller(tokens.access_token)) is Code.SESSION_ENDED


async def test_tokens_stop_working_when_their_session_ends_elsewhere(
    accounts: Accounts, agent_dsn: str, owner: Pool
) -> None:
    tokens = await accounts.sign_in()
    session = (await accounts.caller(tokens.access_token)).session_id
    async with hearing(accounts, agent_dsn):
        await owner.execute(Query("test.end", "UPDATE sessions SET ended_at = now()", "End."), deadline=soon())
        async with asyncio.timeout(1):
            assert await accounts.told.sessions.get() == str(session)
        assert await code_of(accounts.caller(tokens.access_token)) is Code.SESSION_ENDED


async def test_account_that_never_changed_keeps_working_when_another_does(
    accounts: Accounts, agent_dsn: str, owner: Pool
) -> None:
    tokens = await accounts.sign_in()
    async with hearing(accounts, agent_dsn):
        await owner.execute(Query("test.name", "UPDATE users SET name = 'Anne'", "Rename."), deadline=soon())
        async with asyncio.timeout(1):
            renamed = await accounts.told.users.get()
        assert str((await accounts.caller(tokens.access_token)).user_id) == renamed


async def test_new_account_works_at_once_when_its_creation_was_not_heard_yet(
    accounts: Accounts, agent_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = await accounts.sign_in()
    async with hearing(accounts, agent_dsn):
        monkeypatch.setattr(accounts.directory, "_standings", {})
        await accounts.caller(tokens.access_token)
        old = Standing(Role.ADMIN, is_active=True, token_version=0, persons={})
        monkeypatch.setattr(accounts.directory, "_standings", {accounts.ann: old})
        assert (await accounts.caller(tokens.access_token)).role is Role.TECHNICIAN


async def test_store_is_asked_when_nothing_can_be_heard(accounts: Accounts, agent_dsn: str, owner: Pool) -> None:
    tokens = await accounts.sign_in()
    async with hearing(accounts, agent_dsn) as ears:
        await ears.close()
        assert not accounts.directory.is_live
        assert accounts.told.suspended.is_set()
        await accounts.caller(tokens.access_token)
        await owner.execute(Query("test.off", "UPDATE users SET is_active = false", "Disable."), deadline=soon())
        assert await code_of(accounts.caller(tokens.access_token)) is Code.SESSION_ENDED


async def test_memory_is_loaded_again_when_hearing_was_interrupted(
    accounts: Accounts, agent_dsn: str, owner: Pool
) -> None:
    tokens = await accounts.sign_in()
    async with hearing(accounts, agent_dsn):
        accounts.told.resumed.clear()
        await owner.execute(CUT_AND_END_UNHEARD, deadline=soon())
        await accounts.told.resumed.wait()
        assert accounts.directory.is_live
        assert await code_of(accounts.caller(tokens.access_token)) is Code.SESSION_ENDED


async def test_call_is_refused_when_neither_memory_nor_store_can_tell(accounts: Accounts) -> None:
    tokens = await accounts.sign_in()
    await accounts.store.close(soon())
    with pytest.raises(AppError) as caught:
        await accounts.caller(tokens.access_token)
    assert caught.value.code.status == 503


async def test_ended_sessions_are_forgotten_when_their_tokens_have_expired(store: Pool) -> None:
    clock, first, second = HurriedClock(), uuid4(), uuid4()
    directory = Directory(store, clock, access_s=DAY_S)
    await directory.hearing.on_start()
    await directory.hearing.on_change(f"session {first}")
    clock.advance(DAY_S + 1)
    await directory.hearing.on_change(f"session {second}")
    assert [await directory.has_ended(session) for session in (first, second)] == [False, True]


async def test_ended_sessions_are_remembered_when_the_clock_is_set_and_set_back(
    store: Pool, turned_clock: TurnedClock
) -> None:
    first, second = uuid4(), uuid4()
    directory = Directory(store, turned_clock, access_s=DAY_S)
    await directory.hearing.on_start()
    await directory.hearing.on_change(f"session {first}")
    turned_clock.advance(2 * DAY_S)
    await directory.hearing.on_change(f"session {second}")
    turned_clock.advance(-2 * DAY_S)
    assert await directory.has_ended(first)


async def test_ended_sessions_are_loaded_when_the_agent_restarts(
    accounts: Accounts, agent_dsn: str, store: Pool, turned_clock: TurnedClock
) -> None:
    tokens = await accounts.sign_in()
    session = (await accounts.caller(tokens.access_token)).session_id
    await accounts.sign_out(tokens.access_token)
    restarted = Directory(store, turned_clock, access_s=DAY_S)
    await restarted.hearing.on_start()
    assert await restarted.has_ended(session)
    await restarted.hearing.on_change(f"user {accounts.ann}")
    await restarted.hearing.on_change(f"session {session}")
    restarted.hearing.on_lost()
    assert await restarted.has_ended(session)
    assert agent_dsn


@pytest.mark.parametrize("change", ["UPDATE users SET is_active = false", "DELETE FROM users"])
async def test_last_of_two_changes_counts_when_the_first_is_read_slowly(
    accounts: Accounts, agent_dsn: str, owner: Pool, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    tokens = await accounts.sign_in()
    fetchrow, is_read, may_go_on = accounts.store.fetchrow, asyncio.Event(), asyncio.Event()

    async def read_slowly(query: Query, *args: object, deadline: float) -> object:
        monkeypatch.setattr(accounts.store, "fetchrow", fetchrow)  # the first alone
        row = await fetchrow(query, *args, deadline=deadline)
        is_read.set()
        await may_go_on.wait()
        return row

    async with hearing(accounts, agent_dsn), asyncio.TaskGroup() as tasks:
        monkeypatch.setattr(accounts.store, "fetchrow", read_slowly)
        looking = tasks.create_task(accounts.directory.look_again(accounts.ann))
        await is_read.wait()
        await owner.execute(Query("test.change", change, "Change."), deadline=soon())
        looking_anew = tasks.create_task(accounts.directory.look_again(accounts.ann))
        await asyncio.wait([looking_anew], timeout=0.5)  # were it not to wait for the first, it would be done by then
        may_go_on.set()
        await asyncio.wait([looking, looking_anew])
        assert await code_of(accounts.caller(tokens.access_token)) is Code.SESSION_ENDED


async def test_links_are_followed_when_they_are_made_and_taken_away(accounts: Accounts, agent_dsn: str) -> None:
    grants = Grants(accounts.directory)

    async def person() -> Grant | None:
        return await grants.person_of(accounts.ann, "health")

    async def after(change: Callable[[], object]) -> Grant | None:
        await change()  # type: ignore[misc]
        async with asyncio.timeout(1):
            await accounts.told.users.get()
        return await person()

    users = accounts.users
    async with hearing(accounts, agent_dsn):
        assert await person() is None
        assert await after(lambda: users.add_grant(EMAIL, "health", "p-7", deadline=soon())) == Grant("p-7")
        assert await after(lambda: users.add_grant(EMAIL, "health", None, deadline=soon())) == Grant(None)
        assert await grants.person_of(accounts.ann, "lab") is None
        assert await after(lambda: users.remove_grant(EMAIL, "health", deadline=soon())) is None
    assert await person() is None
