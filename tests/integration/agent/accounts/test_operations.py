"""Signing in, refreshing, signing out, on a real store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import bcrypt
import pytest

from agent.accounts import refresh_tokens
from agent.accounts.attempts import Attempts
from agent.accounts.users import NewUser
from agent.db.pools import Pool, Transaction
from agent.db.queries import Parameter, Query
from agent.settings import Limits
from agent.settings.types import DAY_S
from bridge.contracts.accounts import CONFIRM_ADMIN, REFRESH, SIGN_IN, SIGN_OUT
from bridge.contracts.operation import Role
from bridge.errors import AppError, Busy, Code
from bridge.process.clock import utc
from tests.integration.agent.accounts.conftest import EMAIL, PASSWORD, Accounts, soon

RENAME = Query(
    "test.rename",
    "UPDATE users SET email = $1 WHERE id = $2",
    "Rename.",
    (Parameter("email", "text"), Parameter("id", "uuid")),
)
COUNTS = Query("test.counts", "SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM limits)", "Rows.")


async def code_of(call: Awaitable[object]) -> Code | None:
    try:
        await call
    except AppError as error:
        return error.code
    return None


def test_handlers_are_the_contracts_when_listed(accounts: Accounts) -> None:
    assert set(accounts.sessions.handlers) == {SIGN_IN, REFRESH, SIGN_OUT, CONFIRM_ADMIN}


@pytest.mark.story(
    "water/FR-002", "water/FR-060", "water/FR-064", "todo/FR-004", "tasks/US-BE-1.3.1", "tasks/US-BE-1.3.2",
    "tasks/US-BE-1.4.1", "todo/US-2.2", "water/US-4.1",
)  # fmt: skip
async def test_sign_in_gives_tokens_when_the_password_is_right(accounts: Accounts) -> None:
    tokens = await accounts.sign_in(email=" ann@EXAMPLE.org ")
    assert (tokens.token_type, tokens.expires_in, tokens.refresh_expires_in) == ("Bearer", 86_400, 7 * 86_400)
    assert tokens.user.id == accounts.ann
    assert (tokens.user.email, tokens.user.name, tokens.user.role) == (EMAIL, "Ann", Role.TECHNICIAN)
    assert tokens.user.time_zone == "Europe/London"
    caller = await accounts.caller(tokens.access_token)
    assert (caller.user_id, caller.role, caller.token_version) == (accounts.ann, Role.TECHNICIAN, 1)


CHANGES_OF_THE_OWNER = {
    "another-password": "UPDATE users SET password_hash = 'another'",
    "disabled": "UPDATE users SET is_active = false",
    "deleted": "DELETE FROM users",
}


@pytest.mark.parametrize("change", ["another-password", "disabled", "deleted"])
async def test_no_session_begins_when_the_account_changes_while_its_password_is_checked(
    accounts: Accounts, owner: Pool, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    matches = accounts.passwords.matches

    async def checked_slowly(password: str, stored: str | None) -> bool:
        is_right = await matches(password, stored)
        await owner.execute(Query("test.change", CHANGES_OF_THE_OWNER[change], "Change."), deadline=soon())
        return is_right

    monkeypatch.setattr(accounts.passwords, "matches", checked_slowly)
    assert await code_of(accounts.sign_in()) is Code.BAD_CREDENTIALS
    row = await owner.fetchrow(COUNTS, deadline=soon())
    assert row is not None
    assert row[0] == 0


@pytest.mark.story("water/FR-002", "tasks/US-BE-1.4", "todo/US-2.4")
async def test_sign_in_is_denied_alike_when_password_account_or_activity_is_wrong(
    accounts: Accounts, caplog: pytest.LogCaptureFixture
) -> None:
    await accounts.users.set_active(EMAIL, is_active=False, deadline=soon())
    for attempt in (
        accounts.sign_in("Wrong horse 1"),
        accounts.sign_in(email="bob@example.org"),
        accounts.sign_in(PASSWORD),
    ):
        with pytest.raises(AppError) as caught:
            await attempt
        assert caught.value.code is Code.BAD_CREDENTIALS
        assert str(caught.value) == "E-mail or password is wrong"
    logged = [record.__dict__["drawbridge_fields"] for record in caplog.records if record.message == "sign_in_refused"]
    assert [fields["user_id"] for fields in logged] == [str(accounts.ann), None, str(accounts.ann)]
    assert "bob" not in caplog.text
    assert "horse" not in caplog.text


@pytest.mark.story("tasks/US-BE-1.4")
async def test_same_work_is_done_when_a_sign_in_is_refused_whatever_is_wrong(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes time is the same in each case; how long it takes is measured (docs/performance.md)."""
    bob = NewUser(email="bob@example.org", name="Bob")
    await accounts.users.add(bob, PASSWORD, deadline=soon())
    await accounts.users.set_active(bob.email, is_active=False, deadline=soon())
    done: list[str] = []

    def noted(run: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def run_and_note(self: object, query: Query, *args: object, **options: object) -> object:
            done.append(query.name)
            return await run(self, query, *args, **options)

        return run_and_note

    for where, methods in ((Pool, ("fetch", "fetchrow", "execute")), (Transaction, ("fetchrow", "execute"))):
        for method in methods:
            monkeypatch.setattr(where, method, noted(getattr(where, method)))
    checkpw = bcrypt.checkpw

    def checked(password: bytes, hashed: bytes) -> bool:
        done.append(f"bcrypt {hashed[4:6].decode()}")
        return checkpw(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", checked)
    cases = [("nobody@example.org", PASSWORD), (EMAIL, "Wrong horse 1"), (bob.email, PASSWORD), (bob.email, "Wrong 1")]
    for email, password in cases:
        done.clear()
        assert await code_of(accounts.sign_in(password, email=email)) is Code.BAD_CREDENTIALS
        assert done == ["accounts.user_by_email", "accounts.take_attempts", "bcrypt 04", "audit.append"]


@pytest.mark.story("tasks/US-BE-1.4")
async def test_sign_in_is_limited_when_an_account_is_tried_too_often(accounts: Accounts) -> None:
    for number in range(5):
        assert await code_of(accounts.sign_in("Wrong horse 1", address=f"192.0.2.{number}")) is Code.BAD_CREDENTIALS
    with pytest.raises(Busy) as caught:
        await accounts.sign_in(email=EMAIL.lower(), address="192.0.2.9")
    assert caught.value.code is Code.RATE_LIMITED
    assert caught.value.retry_after_s == pytest.approx(12.0)
    accounts.clock.advance(11.9)
    assert await code_of(accounts.sign_in(address="192.0.2.9")) is Code.RATE_LIMITED
    accounts.clock.advance(0.2)
    await accounts.sign_in(address="192.0.2.9")


async def test_sign_in_is_limited_when_an_account_is_tried_in_many_spellings(accounts: Accounts, owner: Pool) -> None:
    spellings = ["iris@example.org", "Iris@example.org", "İris@example.org", "irİs@example.org", "İrİs@example.org"]
    await owner.execute(RENAME, "iris@example.org", accounts.ann, deadline=soon())
    for number, email in enumerate(spellings):
        assert await code_of(accounts.sign_in(email=email, address=f"192.0.2.{number}")) is None
    assert await code_of(accounts.sign_in(email="IRİS@example.org", address="192.0.2.9")) is Code.RATE_LIMITED


async def test_sign_in_is_limited_when_an_address_tries_too_often(accounts: Accounts) -> None:
    for number in range(5):
        email = f"user{number}@example.org"
        assert await code_of(accounts.sign_in(email=email, address=f"2001:db8::{number}")) is Code.BAD_CREDENTIALS
    assert await code_of(accounts.sign_in(address="2001:db8::ffff")) is Code.RATE_LIMITED
    await accounts.sign_in(address="2001:db8:0:1::1")


async def test_limits_allow_exactly_the_rate_when_it_does_not_divide_the_minute(accounts: Accounts) -> None:
    attempts = Attempts(accounts.store, Limits(sign_in_per_account=7, sign_in_per_address=1000))

    async def take(now: float) -> bool:
        call = attempts.take(email="x@y", address="", now=utc(now), deadline=soon())
        return await code_of(call) is None

    now = accounts.clock.time()
    assert [await take(now) for _ in range(9)] == [True] * 7 + [False] * 2
    taken = sum([await take(now + second) for second in range(1, 61)])
    assert taken == 7


async def test_limits_lock_nobody_out_when_the_clock_was_ahead(accounts: Accounts) -> None:
    accounts.clock.advance(365 * DAY_S)
    for _ in range(5):
        await accounts.sign_in()
    accounts.clock.advance(-365 * DAY_S)
    for _ in range(5):
        await accounts.sign_in()
    assert await code_of(accounts.sign_in()) is Code.RATE_LIMITED


async def test_limits_hold_when_the_clock_is_set_back_by_a_moment(accounts: Accounts) -> None:
    for _ in range(5):
        await accounts.sign_in()
    accounts.clock.advance(-1.0)
    assert await code_of(accounts.sign_in()) is Code.RATE_LIMITED


async def test_limits_hold_when_attempts_come_at_once(accounts: Accounts) -> None:
    async with asyncio.TaskGroup() as tasks:
        attempts = [tasks.create_task(code_of(accounts.sign_in("Wrong horse 1"))) for _ in range(12)]
    codes = [attempt.result() for attempt in attempts]
    assert codes.count(Code.BAD_CREDENTIALS) == 5
    assert codes.count(Code.RATE_LIMITED) == 7


async def test_refresh_gives_the_successor_when_the_token_is_the_current_one(accounts: Accounts) -> None:
    first = await accounts.sign_in()
    accounts.clock.advance(3600)
    second = await accounts.refresh(first.refresh_token)
    third = await accounts.refresh(second.refresh_token)
    assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
    callers = [await accounts.caller(tokens.access_token) for tokens in (first, second, third)]
    assert len({caller.session_id for caller in callers}) == 1
    assert third.user == first.user


async def test_refresh_gives_the_same_successor_when_it_is_repeated_within_the_grace(accounts: Accounts) -> None:
    first = await accounts.sign_in()
    async with asyncio.TaskGroup() as tasks:
        tabs = [tasks.create_task(accounts.refresh(first.refresh_token)) for _ in range(3)]
    successors = {tab.result().refresh_token for tab in tabs}
    accounts.clock.advance(60)
    repeated = await accounts.refresh(first.refresh_token)
    assert successors == {repeated.refresh_token}
    assert repeated.refresh_expires_in == 7 * 86_400 - 60
    await accounts.refresh(repeated.refresh_token)


async def test_session_ends_for_both_when_an_old_refresh_token_is_used(
    accounts: Accounts, caplog: pytest.LogCaptureFixture
) -> None:
    first = await accounts.sign_in()
    second = await accounts.refresh(first.refresh_token)
    accounts.clock.advance(61)
    assert await code_of(accounts.refresh(first.refresh_token)) is Code.SESSION_ENDED
    assert await code_of(accounts.refresh(second.refresh_token)) is Code.SESSION_ENDED
    assert await code_of(accounts.caller(second.access_token)) is Code.SESSION_ENDED
    assert "refresh_token_reused" in caplog.text
    assert second.refresh_token not in caplog.text


async def test_session_ends_when_a_token_two_generations_old_is_used_within_the_grace(accounts: Accounts) -> None:
    first = await accounts.sign_in()
    second = await accounts.refresh(first.refresh_token)
    await accounts.refresh(second.refresh_token)
    assert await code_of(accounts.refresh(first.refresh_token)) is Code.SESSION_ENDED
    assert await code_of(accounts.refresh(second.refresh_token)) is Code.SESSION_ENDED


@pytest.mark.story("water/FR-064", "tasks/US-BE-1.3.2")
async def test_refresh_is_denied_when_it_was_unused_for_too_long(accounts: Accounts) -> None:
    tokens = await accounts.sign_in()
    accounts.clock.advance(7 * DAY_S - 1)
    tokens = await accounts.refresh(tokens.refresh_token)
    accounts.clock.advance(7 * DAY_S)
    assert await code_of(accounts.refresh(tokens.refresh_token)) is Code.SESSION_ENDED


async def test_refresh_is_denied_when_the_family_is_thirty_days_old(accounts: Accounts) -> None:
    tokens = await accounts.sign_in()
    for _ in range(5):
        accounts.clock.advance(5 * DAY_S)
        tokens = await accounts.refresh(tokens.refresh_token)
    assert tokens.refresh_expires_in == 5 * 86_400
    accounts.clock.advance(5 * DAY_S)
    assert await code_of(accounts.refresh(tokens.refresh_token)) is Code.SESSION_ENDED


async def test_access_token_ends_with_its_session_when_the_family_is_about_to(accounts: Accounts) -> None:
    tokens = await accounts.sign_in()
    for _ in range(5):
        accounts.clock.advance(5.9 * DAY_S)
        tokens = await accounts.refresh(tokens.refresh_token)
    assert (tokens.expires_in, tokens.refresh_expires_in) == (43_200, 43_200)
    accounts.clock.advance(DAY_S / 2)
    assert await code_of(accounts.caller(tokens.access_token)) is Code.UNAUTHENTICATED


async def test_refresh_is_denied_when_the_token_is_not_ours(accounts: Accounts) -> None:
    tokens = await accounts.sign_in()
    session = refresh_tokens.parse(tokens.refresh_token).session_id
    forged = refresh_tokens.issue(b"guess", b"salt", session, 0)
    unknown = refresh_tokens.issue(b"guess", b"salt", uuid4(), 0)
    for token in (forged, unknown, "nonsense"):
        assert await code_of(accounts.refresh(token)) is Code.SESSION_ENDED
    await accounts.refresh(tokens.refresh_token)  # nothing ended because of that


async def test_refresh_is_denied_when_the_account_was_disabled(accounts: Accounts) -> None:
    tokens = await accounts.sign_in()
    await accounts.users.set_active(EMAIL, is_active=False, deadline=soon())
    await accounts.users.set_active(EMAIL, is_active=True, deadline=soon())
    assert await code_of(accounts.refresh(tokens.refresh_token)) is Code.SESSION_ENDED


async def test_refresh_gives_the_new_role_when_it_was_changed(accounts: Accounts, owner: Pool) -> None:
    tokens = await accounts.sign_in()
    await owner.execute(Query("test.promote", "UPDATE users SET role = 'admin'", "Promote."), deadline=soon())
    assert await code_of(accounts.caller(tokens.access_token)) is Code.SESSION_ENDED
    renewed = await accounts.refresh(tokens.refresh_token)
    assert renewed.user.role is Role.ADMIN
    assert (await accounts.caller(renewed.access_token)).role is Role.ADMIN


async def test_sign_out_ends_the_session_alone_when_it_answers(accounts: Accounts) -> None:
    here, there = await accounts.sign_in(), await accounts.sign_in()
    await accounts.sign_out(here.access_token)
    assert await code_of(accounts.caller(here.access_token)) is Code.SESSION_ENDED
    assert await code_of(accounts.refresh(here.refresh_token)) is Code.SESSION_ENDED
    await accounts.caller(there.access_token)
    await accounts.refresh(there.refresh_token)


async def test_rows_are_dropped_when_no_token_depends_on_them(accounts: Accounts) -> None:
    await accounts.sign_in()
    await accounts.sessions.forget_old(soon())
    row = await accounts.store.fetchrow(COUNTS, deadline=soon())
    assert tuple(row or ()) == (1, 2)
    accounts.clock.advance(8 * DAY_S)
    await accounts.sessions.forget_old(soon())
    row = await accounts.store.fetchrow(COUNTS, deadline=soon())
    assert tuple(row or ()) == (0, 0)
