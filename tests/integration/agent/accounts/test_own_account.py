"""What people do with their own account, from HTTP to the store and back."""

from __future__ import annotations

import asyncio

import pytest

from agent.db.queries import Query
from tests.integration.agent.accounts.conftest import soon
from tests.integration.agent.accounts.house import ANN, BOB, House
from tests.integration.agent.machine import PASSWORD

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(30)]  # the first waits for the house
NEW = "Another horse 2"
DELETE = Query("test.delete", "DELETE FROM users", "Delete everybody.")


@pytest.mark.story("hub/IH-019.4", "hub/IH-023.1", "hub/DOD.15", "hub/AC-050", "tasks/US-BE-1.1.1", "water/US-4.2")
@pytest.mark.parametrize("path", ["/users/profile", "/api/v1/users/profile"])
async def test_profile_is_the_callers_when_asked_for(house: House, path: str) -> None:
    ann, bob = await house.sign_in(ANN), await house.sign_in(BOB)

    said = await ann.get(path)

    assert said.status == 200
    assert said.body.pop("created_at").endswith("Z")
    assert said.body.pop("updated_at").endswith("Z")
    assert said.body == {
        "id": ann.id, "email": "ann@example.org", "username": None, "name": "Ann", "role": "viewer",
        "time_zone": "Europe/London", "version": 1,
    }  # fmt: skip
    assert (await bob.get(path)).body["email"] == "bob@example.org"


async def test_own_account_is_refused_when_nobody_is_signed_in(house: House) -> None:
    for method, path in (
        ("GET", "/users/profile"), ("PUT", "/users/profile"), ("GET", "/users/sessions"),
        ("DELETE", "/users/sessions"), ("DELETE", "/users/sessions/11111111-1111-4111-8111-111111111111"),
        ("POST", "/users/password"), ("GET", "/users/preferences"), ("PUT", "/users/preferences"),
        ("GET", "/users/activity"),
    ):  # fmt: skip
        assert (await house.nobody.ask(method, path, {})).status == 401


@pytest.mark.story("tasks/US-BE-1.1", "health/US-BE-37.1", "hub/IH-020.1", "hub/IH-023.2")
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


@pytest.mark.story("water/EC.8")
async def test_account_is_refused_within_a_second_when_it_was_disabled_or_deleted(house: House) -> None:
    for change in ("UPDATE users SET is_active = false", "DELETE FROM users"):
        ann = await house.sign_in(ANN)
        await house.run(change)
        async with asyncio.timeout(1):
            while (await ann.get("/users/profile")).status != 401:
                pass
        await house.people(ANN)


@pytest.mark.story(
    "hub/IH-020.4", "hub/IH-023.3", "hub/IH-023.4", "tasks/US-BE-1.1.1", "tasks/US-BE-5.6.1", "tasks/US-BE-5.6.2",
    "tasks/US-BE-5.6.3",
)  # fmt: skip
async def test_preferences_are_the_usual_until_they_are_changed_and_keep_what_is_left_out(house: House) -> None:
    ann = await house.sign_in(ANN)
    usual = {
        "language": "en", "time_zone": "Europe/London", "units": "metric", "version": 1,
        "notifications": {
            "email": True, "deadline_threshold": "24h", "types": ["deadline_approaching", "overdue", "reminder"]
        },
    }  # fmt: skip
    assert (await ann.get("/users/preferences")).body == usual

    first = await ann.put("/users/preferences", {"language": "de", "time_zone": "Europe/Berlin"})
    second = await ann.put("/users/preferences", {"notifications": {"deadline_threshold": "1w", "types": ["overdue"]}})
    third = await ann.put("/api/v1/users/preferences", {"units": "imperial", "notifications": {"email": False}})

    assert (first.status, first.body) == (
        200, usual | {"language": "de", "time_zone": "Europe/Berlin", "version": 2}
    )  # fmt: skip
    assert second.body["notifications"] == {"email": True, "deadline_threshold": "1w", "types": ["overdue"]}
    assert third.body == {
        "language": "de", "time_zone": "Europe/Berlin", "units": "imperial", "version": 4,
        "notifications": {"email": False, "deadline_threshold": "1w", "types": ["overdue"]},
    }  # fmt: skip
    assert (await ann.get("/users/preferences")).body == third.body
    assert (await ann.get("/users/profile")).body["time_zone"] == "Europe/Berlin"


@pytest.mark.story("hub/IH-023.4", "hub/AC-054", "tasks/US-BE-5.6.2")
async def test_preferences_stay_when_a_change_is_refused(house: House) -> None:
    ann = await house.sign_in(ANN)
    before = (await ann.get("/users/preferences")).body

    for body, field in (
        ({"language": "German"}, "language"), ({"units": "cubits"}, "units"), ({"time_zone": "Mars"}, "time_zone"),
        ({"notifications": {"deadline_threshold": "2h"}}, "notifications.deadline_threshold"),
        ({"notifications": {"types": ["spam"]}}, "notifications.types.0"), ({"theme": "dark"}, "theme"),
    ):  # fmt: skip
        said = await ann.put("/users/preferences", body)
        assert (said.status, said.wrong) == (400, [field])

    assert (await ann.get("/users/preferences")).body == before


@pytest.mark.story("tasks/US-BE-5.6.4")
async def test_preferences_are_the_usual_where_the_store_has_what_this_program_does_not_know(house: House) -> None:
    """What a newer release wrote, and left when it was taken back."""
    ann = await house.sign_in(ANN)
    await house.run("""UPDATE users SET preferences = '{"units": "imperial", "theme": "dark"}'""")
    assert (await ann.get("/users/preferences")).body["units"] == "imperial"
    await house.run("""UPDATE users SET preferences = '{"units": "cubits"}'""")
    assert (await ann.get("/users/preferences")).body["units"] == "metric"


@pytest.mark.story("hub/IH-022.2", "hub/AC-057", "water/EC.4")
@pytest.mark.parametrize("path", ["/users/profile", "/users/preferences"])
async def test_change_is_refused_when_another_came_between(house: House, path: str) -> None:
    ann, body = await house.sign_in(ANN), {"time_zone": "Asia/Tokyo"}
    tag = (await ann.get(path)).headers["ETag"]
    changed = await ann.ask("PUT", path, body, **{"If-Match": tag})
    assert (changed.status, changed.headers["ETag"]) == (200, '"2"')

    late = await ann.ask("PUT", path, {"time_zone": "UTC"}, **{"If-Match": tag})
    stale = await ann.put(path, {"time_zone": "UTC", "version": 1})
    nonsense = await ann.ask("PUT", path, {"time_zone": "UTC"}, **{"If-Match": 'W/"1"'})

    assert (late.status, late.body, late.headers["ETag"]) == (412, changed.body, '"2"')
    assert (stale.status, stale.body["code"], stale.wrong) == (409, "conflict", ["version"])
    assert (nonsense.status, nonsense.wrong) == (400, ["If-Match"])
    assert (await ann.get(path)).body == changed.body
    assert (await ann.ask("PUT", path, {"time_zone": "UTC"}, **{"If-Match": "*"})).status == 200


async def test_username_is_one_accounts_in_whatever_letters(house: House) -> None:
    ann, bob = await house.sign_in(ANN), await house.sign_in(BOB)
    assert (await ann.put("/users/profile", {"username": "Ann.Lee"})).body["username"] == "Ann.Lee"

    said = await bob.ask("PUT", "/users/profile", {"username": "ann.lee"}, **{"If-Match": '"1"'})

    assert (said.status, said.wrong) == (409, ["username"])
    assert (await ann.put("/users/profile", {"username": "ann.lee"})).status == 200
    assert (await bob.put("/users/profile", {"username": "bob@example.org"})).status == 400


@pytest.mark.story("hub/IH-020.3")
async def test_activity_tells_of_sign_ins_and_of_what_others_did_when_asked(house: House) -> None:
    await house.nobody.post("/auth/login", {"email": ANN.email, "password": "Wrong horse 1"})
    ann, bob = await house.sign_in(ANN), await house.sign_in(BOB)
    await ann.put("/users/profile", {"name": "Ann Lee"})
    await bob.put("/users/profile", {"name": "Robert"})
    await house.users.add_grant(ANN.email, "health", "p-1", deadline=soon())

    said = await ann.get("/users/activity")

    assert [(deed["action"], deed["outcome"], deed["by_you"]) for deed in said.body["items"]] == [
        ("grants.add", "done", False),
        ("users.profile.change", "done", True),
        ("accounts.sign_in", "done", True),
        ("accounts.sign_in", "refused", False),
        ("users.add", "done", False),
    ]
    assert (said.body["next"], said.body["limit"]) == (None, 50)
    assert "Link" not in said.headers


async def test_activity_pages_tell_everything_once_when_followed(house: House) -> None:
    ann = await house.sign_in(ANN)
    for number in range(4):
        await ann.put("/users/profile", {"name": f"Ann {number}"})
    whole = (await ann.get("/users/activity")).body["items"]

    found, path = [], "/users/activity?limit=2"
    while path:
        page = await ann.get(path)
        found += page.body["items"]
        path = page.headers["Link"].partition(">")[0].lstrip("<") if "Link" in page.headers else ""

    assert found == whole
    assert len(whole) == 6
    for wrong in ("cursor=x", "cursor=WzEsMl0x", "limit=0", "limit=201", "page=2", "limit=1&limit=2"):
        assert (await ann.get(f"/users/activity?{wrong}")).status == 400
