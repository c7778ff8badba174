"""What the owner does with accounts by hand."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from agent.accounts.users import NewUser
from bridge.contracts.operation import Role
from bridge.errors import Code, Conflict, Invalid, NotFound
from bridge.process.clock import SystemClock, utc
from tests.integration.agent.accounts.conftest import EMAIL, PASSWORD, Accounts, soon
from tests.integration.agent.accounts.test_operations import code_of


async def test_account_is_refused_when_its_address_is_taken_in_other_letters(accounts: Accounts) -> None:
    with pytest.raises(Conflict, match=r"there is an account for ann@example\.org already"):
        await accounts.users.add(NewUser(email="ann@example.org", name="B"), PASSWORD, deadline=soon())


async def test_account_is_refused_when_its_password_is_weak(accounts: Accounts) -> None:
    with pytest.raises(Invalid):
        await accounts.users.add(NewUser(email="bob@example.org", name="B"), "weak", deadline=soon())
    assert len(await accounts.users.everyone(deadline=soon())) == 1


@pytest.mark.parametrize("email", ["bob", "@example.org", "bob@", "b ob@example.org", "b@x\nc"])
def test_account_is_refused_when_its_address_is_none(email: str) -> None:
    with pytest.raises(ValidationError, match="must be an e-mail address"):
        NewUser(email=email, name="Bob")


async def test_accounts_are_listed_by_address_when_asked(accounts: Accounts) -> None:
    await accounts.users.add(NewUser(email="aaron@example.org", name="Aaron"), PASSWORD, deadline=soon())
    everyone = await accounts.users.everyone(deadline=soon())
    assert [(user.email, user.role, user.is_active) for user in everyone] == [
        ("aaron@example.org", Role.VIEWER, True),
        (EMAIL, Role.TECHNICIAN, True),
    ]


async def test_password_ends_every_session_when_it_is_changed(accounts: Accounts) -> None:
    tokens = await accounts.sign_in()
    await accounts.users.set_password(EMAIL, "Another horse 2", deadline=soon())
    assert await code_of(accounts.caller(tokens.access_token)) is Code.SESSION_ENDED
    assert await code_of(accounts.refresh(tokens.refresh_token)) is Code.SESSION_ENDED
    assert await code_of(accounts.sign_in(PASSWORD)) is Code.BAD_CREDENTIALS
    await accounts.sign_in("Another horse 2")


async def test_links_are_listed_when_asked(accounts: Accounts) -> None:
    await accounts.users.add_grant(EMAIL.lower(), "health", "p-7", deadline=soon())
    [link] = await accounts.users.every_grant(deadline=soon())
    assert (link.email, link.app, link.person) == (EMAIL, "health", "p-7")


async def test_change_is_refused_when_there_is_nothing_to_change(accounts: Accounts) -> None:
    users, nobody = accounts.users, "nobody@example.org"
    for change in (
        users.set_active(nobody, is_active=False, deadline=soon()),
        users.set_password(nobody, PASSWORD, deadline=soon()),
        users.add_grant(nobody, "health", None, deadline=soon()),
        users.remove_grant(EMAIL, "health", deadline=soon()),
    ):
        with pytest.raises(NotFound):
            await change


async def test_every_session_ends_when_the_owner_says_so(accounts: Accounts) -> None:
    first, second = await accounts.sign_in(), await accounts.sign_in()

    assert await accounts.users.end_every_session(utc(SystemClock().time()), deadline=soon()) == 2

    for tokens in (first, second):
        assert await code_of(accounts.caller(tokens.access_token)) is Code.SESSION_ENDED
        assert await code_of(accounts.refresh(tokens.refresh_token)) is Code.SESSION_ENDED
    await accounts.sign_in()
    assert await accounts.users.end_every_session(utc(SystemClock().time()), deadline=soon()) == 1
