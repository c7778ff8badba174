"""What stands between somebody at an unlocked screen and another password."""

from __future__ import annotations

import pytest

from agent.db.pools import Pool
from agent.db.queries import Query
from bridge.contracts.accounts import ChangePassword
from bridge.contracts.joining import ChangeEmail
from bridge.contracts.leaving import DeleteAccount
from bridge.contracts.operation import Nothing
from bridge.errors import Code
from bridge.server import CallerContext
from tests.integration.agent.accounts.conftest import EMAIL, PASSWORD, Accounts, soon
from tests.integration.agent.accounts.test_operations import code_of

NEW = "Another horse 2"
DELETE = Query("test.delete", "DELETE FROM users", "Delete everybody.")


async def test_password_is_guessed_no_faster_than_at_the_sign_in_when_it_is_changed(accounts: Accounts) -> None:
    caller = await accounts.caller((await accounts.sign_in()).access_token)
    context = CallerContext(caller, "0" * 32, "", soon(), "", "sha-256=:x:")
    params = ChangePassword.model_validate({"current_password": "Wrong horse 1", "new_password": NEW})
    codes = [await code_of(accounts.changing_passwords.change_password(context, params)) for _ in range(5)]
    assert codes == [Code.INVALID_REQUEST] * 4 + [Code.RATE_LIMITED]


async def test_password_is_not_replaced_when_it_changed_or_its_account_went_meanwhile(
    accounts: Accounts, owner: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was looked at is no longer so when the write comes: nothing is written over it."""
    caller = await accounts.caller((await accounts.sign_in()).access_token)
    context = CallerContext(caller, "0" * 32, "", soon(), "", "sha-256=:x:")
    params = ChangePassword.model_validate({"current_password": PASSWORD, "new_password": NEW})
    with monkeypatch.context() as patched:

        async def changed_meanwhile(_password: str, _stored: str | None) -> bool:
            await accounts.users.set_password(EMAIL, "Third horse 3", deadline=soon())
            return True

        patched.setattr(accounts.passwords, "matches", changed_meanwhile)
        assert await code_of(accounts.changing_passwords.change_password(context, params)) is Code.INVALID_REQUEST
    await accounts.sign_in("Third horse 3")
    await owner.execute(DELETE, deadline=soon())
    assert await code_of(accounts.changing_passwords.change_password(context, params)) is Code.NOT_FOUND
    assert await code_of(accounts.own_account.profile(context, Nothing())) is Code.NOT_FOUND
    move = ChangeEmail.model_validate({"new_email": "ann@example.com", "password": PASSWORD})
    assert await code_of(accounts.recovery.change_email(context, move)) is Code.NOT_FOUND
    assert await code_of(accounts.leaving.export(context, Nothing())) is Code.NOT_FOUND
    gone = DeleteAccount.model_validate({"password": PASSWORD})
    assert await code_of(accounts.leaving.delete(context, gone)) is Code.NOT_FOUND
