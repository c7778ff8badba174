"""What happens to accounts and sessions is in the audit trail, and nothing that was typed."""

from __future__ import annotations

import asyncio
import json

import asyncpg
import pytest

from agent.accounts.users import NewUser
from agent.db.queries import Query
from bridge.contracts.accounts import ChangePassword
from bridge.errors import Code, Denied
from bridge.process.clock import utc
from bridge.server import CallerContext
from tests.integration.agent.accounts.conftest import EMAIL, PASSWORD, Accounts, soon
from tests.integration.agent.accounts.test_operations import code_of

ROWS = Query("test.rows", "SELECT * FROM audit WHERE number > $1 ORDER BY number", "New entries.")
MADE = 1  # the fixture's own: Ann


async def entries(accounts: Accounts, after: int = MADE) -> list[asyncpg.Record]:
    return await accounts.store.fetch(ROWS, after, deadline=soon())


@pytest.mark.story("todo/FR-016", "tasks/US-BE-1.4.4")
async def test_sign_in_and_sign_out_are_recorded_when_they_happen(accounts: Accounts) -> None:
    tokens = await accounts.sign_in(address="192.0.2.7")
    caller = await accounts.caller(tokens.access_token)
    await accounts.sign_out(tokens.access_token)

    signed_in, signed_out = await entries(accounts)
    assert (signed_in["operation"], signed_out["operation"]) == ("accounts.sign_in", "accounts.sign_out")
    for row in (signed_in, signed_out):
        assert (row["actor"], row["user_id"], row["session_id"]) == ("user", accounts.ann, caller.session_id)
        assert (row["entity"], row["entity_id"], row["outcome"]) == ("session", str(caller.session_id), "done")
        assert (row["request_id"], row["at"].timestamp()) == ("0" * 32, accounts.clock.time())
    assert json.loads(signed_in["payload"]) == {"new": {"address": "192.0.2.7"}}


@pytest.mark.story("todo/FR-016", "tasks/US-BE-1.4.4", "todo/SC-010")
async def test_refused_sign_in_is_recorded_without_what_was_typed_when_the_account_is_none(accounts: Accounts) -> None:
    assert await code_of(accounts.sign_in("Wrong horse 1")) is Code.BAD_CREDENTIALS
    assert await code_of(accounts.sign_in(email="secret@example.org")) is Code.BAD_CREDENTIALS

    rows = await entries(accounts)
    assert [row["entity_id"] for row in rows] == [str(accounts.ann), ""]
    for row in rows:
        assert (row["operation"], row["outcome"], row["actor"]) == ("accounts.sign_in", "refused", "anonymous")
        assert "secret@" not in str(dict(row))
        assert "horse" not in str(dict(row))


async def test_change_of_password_is_recorded_when_it_is_made_and_when_it_is_refused(accounts: Accounts) -> None:
    tokens = await accounts.sign_in()
    context = CallerContext(await accounts.caller(tokens.access_token), "0" * 32, "", soon(), "", "sha-256=:x:")

    async def change(current: str) -> None:
        given = {"current_password": current, "new_password": "Another horse 2", "address": "192.0.2.7"}
        await accounts.changing_passwords.change_password(context, ChangePassword.model_validate(given))

    assert await code_of(change("Wrong horse 1")) is Code.INVALID_REQUEST
    await change(PASSWORD)

    [_, refused, started, changed] = await entries(accounts)
    assert [row["outcome"] for row in (refused, started, changed)] == ["refused", "done", "done"]
    assert [row["entity"] for row in (refused, started, changed)] == ["account", "session", "account"]
    assert {row["operation"] for row in (refused, started, changed)} == {"accounts.change_password"}
    assert {row["user_id"] for row in (refused, started, changed)} == {accounts.ann}
    assert "horse" not in str([dict(row) for row in (refused, started, changed)])


async def test_second_use_of_a_refresh_token_is_recorded_when_it_ends_the_session(accounts: Accounts) -> None:
    tokens = await accounts.sign_in()
    await accounts.refresh(tokens.refresh_token)
    accounts.clock.advance(61)
    with pytest.raises(Denied):
        await accounts.refresh(tokens.refresh_token)

    [_, reused] = await entries(accounts)
    assert (reused["operation"], reused["outcome"], reused["entity"]) == ("accounts.refresh", "refused", "session")
    assert (reused["subject_id"], reused["request_id"]) == (accounts.ann, "0" * 32)
    assert "used twice" in reused["payload"]


@pytest.mark.story("water/FR-081")
async def test_owners_commands_are_recorded_with_old_and_new_when_they_change_something(accounts: Accounts) -> None:
    users, ann = accounts.users, str(accounts.ann)
    await users.set_active(EMAIL, is_active=False, deadline=soon())
    await users.set_active(EMAIL, is_active=True, deadline=soon())
    await users.set_password(EMAIL, "Another horse 2", deadline=soon())
    await users.add_grant(EMAIL, "health", "p-7", deadline=soon())
    await users.add_grant(EMAIL, "health", None, deadline=soon())
    await users.remove_grant(EMAIL, "health", deadline=soon())
    await accounts.sign_in("Another horse 2")
    await users.end_every_session(utc(accounts.clock.time()), deadline=soon())

    rows = [row for row in await entries(accounts) if row["actor"] == "owner"]
    said = [(row["operation"], row["entity"], row["entity_id"], json.loads(row["payload"] or "{}")) for row in rows]
    assert said == [
        ("users.disable", "account", ann, {"old": {"is_active": True}, "new": {"is_active": False}}),
        ("users.enable", "account", ann, {"old": {"is_active": False}, "new": {"is_active": True}}),
        ("users.password", "account", ann, {}),
        ("grants.add", "grant", ann, {"new": {"app": "health", "person": "p-7"}}),
        (
            "grants.add",
            "grant",
            ann,
            {"old": {"app": "health", "person": "p-7"}, "new": {"app": "health", "person": None}},
        ),
        ("grants.remove", "grant", ann, {"old": {"app": "health", "person": None}}),
        ("sessions.end", "session", "", {"new": {"ended": 1}}),
    ]
    assert "horse" not in str([dict(row) for row in rows])


async def test_new_account_is_recorded_when_the_owner_makes_it(accounts: Accounts) -> None:
    [made] = (await entries(accounts, after=0))[:MADE]
    assert (made["operation"], made["entity_id"], made["subject_id"]) == ("users.add", str(accounts.ann), accounts.ann)
    assert json.loads(made["payload"])["new"]["email"] == EMAIL


async def test_nothing_is_recorded_when_nothing_was_changed(accounts: Accounts) -> None:
    assert await code_of(accounts.users.add(NewUser(email=EMAIL, name="B"), PASSWORD, deadline=soon())) is Code.CONFLICT
    assert await code_of(accounts.users.remove_grant(EMAIL, "health", deadline=soon())) is Code.NOT_FOUND
    assert await entries(accounts) == []


@pytest.mark.story("hub/AC-046")
async def test_trail_is_whole_when_sign_ins_come_at_once(accounts: Accounts) -> None:
    async with asyncio.TaskGroup() as tasks:
        for number in range(5):
            tasks.create_task(accounts.sign_in(address=f"192.0.2.{number}"))
    assert [row["number"] for row in await entries(accounts)] == [2, 3, 4, 5, 6]
