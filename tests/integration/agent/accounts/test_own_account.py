"""What people do with their own account, from HTTP to the store and back."""

from __future__ import annotations

import pytest

from agent.db.pools import Pool
from agent.db.queries import Query
from bridge.contracts.accounts import ChangePassword
from bridge.contracts.operation import Nothing
from bridge.errors import Code
from bridge.server import CallerContext
from tests.integration.agent.accounts.conftest import EMAIL, Accounts, soon
from tests.integration.agent.accounts.house import ANN, BOB, House
from tests.integration.agent.accounts.test_operations import code_of
from tests.integration.agent.machine import PASSWORD

NEW = "Another horse 2"
DISABLE = Query("test.off", "UPDATE users SET is_active = false", "Disable everybody.")
DELETE = Query("test.delete", "DELETE FROM users", "Delete everybody.")


@pytest.mark.story("hub/IH-023")
@pytest.mark.parametrize("path", ["/users/profile", "/api/v1/users/profile"])
async def test_profile_is_the_callers_when_asked_for(house: House, path: str) -> None:
    ann, bob = await house.sign_in(ANN), await house.sign_in(BOB)

    said = await ann.get(path)

    assert said.status == 200
    assert said.body.pop("created_at").endswith("Z")
    assert said.body == {
        "id": ann.id, "email": "ann@example.org", "name": "Ann", "role": "viewer", "time_zone": "Europe/London"
    }  # fmt: skip
    assert (await bob.get(path)).body["email"] == "bob@example.org"


async def test_own_account_is_refused_when_nobody_is_signed_in(house: House) -> None:
    for method, path in (
        ("GET", "/users/profile"), ("PUT", "/users/profile"), ("GET", "/users/sessions"),
        ("DELETE", "/users/sessions"), ("DELETE", "/users/sessions/11111111-1111-4111-8111-111111111111"),
        ("POST", "/users/password"),
    ):  # fmt: skip
        assert (await house.nobody.ask(method, path, {})).status == 401


@pytest.mark.story("hub/IH-023")
async def test_profile_keeps_what_is_left_out_when_it_is_changed(house: House) -> None:
    ann, bob = await house.sign_in(ANN), await house.sign_in(BOB)

    renamed = await ann.put("/users/profile", {"name": " Ann Lee "})
    moved = await ann.put("/users/profile", {"time_zone": "Asia/Tokyo"})

    assert (renamed.status, renamed.body["name"], renamed.body["time_zone"]) == (200, "Ann Lee", "Europe/London")
    assert (moved.body["name"], moved.body["time_zone"]) == ("Ann Lee", "Asia/Tokyo")
    assert (await ann.get("/users/profile")).body == moved.body
    assert (await bob.get("/users/profile")).body["name"] == "Bob"


async def test_profile_stays_when_a_change_is_refused(house: House) -> None:
    ann = await house.sign_in(ANN)
    before = (await ann.get("/users/profile")).body

    for body in (
        {"name": ""}, {"name": "A\nnn"}, {"name": "x" * 201}, {"time_zone": "Mars/Olympus"}, {"time_zone": "../etc"},
        {"role": "admin"}, {"email": "eve@example.org"},
    ):  # fmt: skip
        said = await ann.put("/users/profile", body)
        assert (said.status, said.wrong) == (400, list(body))

    assert (await ann.get("/users/profile")).body == before


async def test_sessions_are_listed_when_there_are_several(house: House) -> None:
    first, second = await house.sign_in(ANN), await house.sign_in(ANN)
    await house.sign_in(BOB)

    items = (await second.get("/users/sessions")).body["items"]

    assert [item["is_current"] for item in items] == [True, False]
    assert items[0].keys() == {"id", "is_current", "created_at", "last_used_at", "expires_at"}
    assert (await first.get("/users/sessions")).body["items"][1]["is_current"]


async def test_session_ends_at_once_when_its_owner_ends_it_elsewhere(house: House) -> None:
    lost, here = await house.sign_in(ANN), await house.sign_in(ANN)
    [other] = [item["id"] for item in (await here.get("/users/sessions")).body["items"] if not item["is_current"]]

    assert (await here.delete(f"/users/sessions/{other}")).status == 204

    assert (await lost.get("/users/profile")).status == 401
    assert (await lost.post("/auth/refresh", {"refresh_token": lost.tokens["refresh_token"]})).status == 401
    assert (await here.get("/users/profile")).status == 200
    assert (await here.delete(f"/users/sessions/{other}")).status == 404


async def test_session_stays_when_somebody_else_ends_it(house: House) -> None:
    ann, bob = await house.sign_in(ANN), await house.sign_in(BOB)
    [session] = [item["id"] for item in (await ann.get("/users/sessions")).body["items"]]

    assert (await bob.delete(f"/users/sessions/{session}")).status == 404
    assert (await ann.get("/users/profile")).status == 200


async def test_other_sessions_end_when_their_owner_says_so(house: House) -> None:
    lost, older, here = [await house.sign_in(ANN) for _ in range(3)]
    bob = await house.sign_in(BOB)

    said = await here.delete("/api/v1/users/sessions")

    assert (said.status, said.body) == (200, {"ended": 2})
    assert [(await caller.get("/users/profile")).status for caller in (lost, older, here, bob)] == [401, 401, 200, 200]


async def test_password_is_another_and_other_sessions_end_when_it_is_changed(house: House) -> None:
    here, lost = await house.sign_in(ANN), await house.sign_in(ANN)
    bob = await house.sign_in(BOB)

    said = await here.post("/users/password", {"current_password": PASSWORD, "new_password": NEW})

    assert said.status == 200
    assert (await lost.get("/users/profile")).status == 401
    assert (await here.get("/users/profile")).status == 401  # the tokens in the answer are in place of these
    assert (await lost.post("/auth/refresh", {"refresh_token": lost.tokens["refresh_token"]})).status == 401
    here.tokens = said.body
    assert (await here.get("/users/profile")).status == 200
    assert (await here.post("/auth/refresh", {"refresh_token": said.body["refresh_token"]})).status == 200
    assert (await house.nobody.post("/auth/login", {"email": ANN.email, "password": PASSWORD})).status == 401
    await house.sign_in(ANN, NEW)
    assert (await bob.get("/users/profile")).status == 200


async def test_browser_gets_new_cookies_when_it_changes_the_password(house: House) -> None:
    ann = await house.sign_in(ANN)
    browser = house.nobody

    said = await browser.ask(
        "POST",
        "/users/password",
        {"current_password": PASSWORD, "new_password": NEW},
        Cookie=f"__Host-session={ann.token}",
    )

    assert (said.status, said.body) == (204, None)
    assert "__Secure-refresh=" in said.headers["Set-Cookie"] or "__Host-session=" in said.headers["Set-Cookie"]


async def test_password_stays_when_a_change_is_refused(house: House) -> None:
    ann = await house.sign_in(ANN)

    for body, field in (
        ({"current_password": "Wrong horse 1", "new_password": NEW}, "current_password"),
        ({"current_password": PASSWORD, "new_password": "weak"}, "new_password"),
        ({"current_password": PASSWORD, "new_password": "Aa1" + "x" * 70}, "new_password"),
        ({"new_password": NEW}, "current_password"),
    ):
        said = await ann.post("/users/password", body)
        assert (said.status, said.wrong) == (400, [field])

    assert (await ann.get("/users/profile")).status == 200
    await house.sign_in(ANN)


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


async def test_account_is_refused_within_a_second_when_it_was_disabled_or_deleted(house: House, owner: Pool) -> None:
    ann = await house.sign_in(ANN)
    for change in (DISABLE, DELETE):
        await owner.execute(change, deadline=soon())
        assert (await ann.get("/users/profile")).status == 401
