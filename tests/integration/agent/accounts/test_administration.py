"""What administrators do with accounts, from HTTP to the store and back."""

from __future__ import annotations

import asyncio
import json

import pytest

from agent.accounts.passwords import Passwords
from agent.accounts.users import NewUser
from bridge.contracts.operation import Role
from tests.integration.agent.accounts.house import ANN, BOB, EVE, House, soon
from tests.integration.agent.machine import PASSWORD

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(30)]  # the first waits for the house
NEW = "Another horse 2"
CARL = {"email": "carl@example.org", "name": "Carl", "password": NEW}


@pytest.mark.story("water/FR-040", "tasks/US-BE-1.1.2", "water/US-4.4")
async def test_accounts_are_listed_by_address_for_an_administrator_alone(house: House) -> None:
    ann, bob, eve = [await house.sign_in(user) for user in (ANN, BOB, EVE)]

    said = await eve.get("/users")

    assert said.status == 200
    assert [(user["email"], user["role"], user["is_active"]) for user in said.body["items"]] == [
        ("ann@example.org", "viewer", True), ("bob@example.org", "technician", True), ("eve@example.org", "admin", True)
    ]  # fmt: skip
    assert said.body["items"][0]["last_sign_in_at"] is not None
    assert "password" not in json.dumps(said.body)
    assert [(await caller.get("/api/v1/users")).status for caller in (house.nobody, ann, bob, eve)] == [
        401, 403, 403, 200
    ]  # fmt: skip


@pytest.mark.story("hub/AC-056", "hub/IH-021.4", "todo/US-5.4")
async def test_every_account_is_found_once_when_pages_are_followed(house: House) -> None:
    eve = await house.sign_in(EVE)
    found, path, pages = [], "/users?limit=2", 0
    while path:
        page = await eve.get(path)
        found += [user["email"] for user in page.body["items"]]
        path = page.headers["Link"].partition(">")[0].lstrip("<") if "Link" in page.headers else ""
        pages += 1
    assert (found, pages) == (["ann@example.org", "bob@example.org", "eve@example.org"], 2)


async def test_accounts_are_filtered_when_asked(house: House) -> None:
    eve = await house.sign_in(EVE)
    await house.run("UPDATE users SET is_active = false WHERE name = 'Bob'")

    async def found(query: str) -> list[str]:
        return [user["name"] for user in (await eve.get(f"/users?{query}")).body["items"]]

    assert await found("role=admin") == ["Eve"]
    assert await found("is_active=false") == ["Bob"]
    assert await found("is_active=true&role=viewer") == ["Ann"]
    assert await found("text=BOB%40") == ["Bob"]
    assert await found("text=100%25") == []


async def test_list_is_refused_when_its_parameters_are_no_good(house: House) -> None:
    eve = await house.sign_in(EVE)
    cursor = (await eve.get("/users?limit=1")).body["next"]
    for query, field in (
        ("role=owner", "role"), ("limit=0", "limit"), ("limit=201", "limit"), ("sort=name", "sort"),
        ("role=admin&role=viewer", "role"), ("cursor=nonsense", "cursor"), (f"cursor={cursor}&role=admin", "cursor"),
    ):  # fmt: skip
        said = await eve.get(f"/users?{query}")
        assert (said.status, said.wrong) == (400, [field])


@pytest.mark.story("water/FR-041", "hub/IH-020.1", "tasks/US-BE-1.1.2")
async def test_account_can_sign_in_when_an_administrator_made_it(house: House) -> None:
    eve = await house.sign_in(EVE)

    made = await eve.post("/users", CARL | {"username": "carl", "role": "technician", "time_zone": "Asia/Tokyo"})

    assert made.status == 201
    assert (made.body["email"], made.body["role"], made.body["username"]) == ("carl@example.org", "technician", "carl")
    assert (made.body["time_zone"], made.body["is_active"]) == ("Asia/Tokyo", True)
    assert "password" not in json.dumps(made.body)
    assert made.headers["Location"] == f"/users/{made.body['id']}"
    again = await eve.get(made.headers["Location"])
    assert (again.body, again.headers["ETag"]) == (made.body, '"1"')
    carl = await house.sign_in(NewUser(email="carl@example.org", name="Carl"), NEW)
    assert carl.tokens["user"]["role"] == "technician"


@pytest.mark.story("hub/DOD.12", "hub/AC-054", "tasks/US-BE-1.1.3")
async def test_no_account_is_made_when_it_is_refused(house: House) -> None:
    ann, eve = await house.sign_in(ANN), await house.sign_in(EVE)
    await ann.put("/users/profile", {"username": "ann"})
    for body, status, field in (
        (CARL | {"email": "ANN@example.org"}, 409, "email"), (CARL | {"username": "Ann"}, 409, "username"),
        (CARL | {"password": "weak"}, 400, "password"), (CARL | {"role": "owner"}, 400, "role"),
        (CARL | {"time_zone": "Mars"}, 400, "time_zone"), (CARL | {"email": "carl"}, 400, "email"),
        (CARL | {"email": "carl@example.org\nBcc: x@example.org"}, 400, "email"), (CARL | {"id": "1"}, 400, "id"),
    ):  # fmt: skip
        said = await eve.post("/users", body)
        assert (said.status, said.wrong) == (status, [field])
    assert (await ann.post("/users", CARL)).status == 403
    assert len(await house.run("SELECT FROM users")) == 3


@pytest.mark.story("water/FR-042", "water/FR-044", "hub/IH-020.2")
async def test_role_is_another_at_once_when_an_administrator_gives_it(house: House) -> None:
    ann, eve = await house.sign_in(ANN), await house.sign_in(EVE)

    said = await eve.put(f"/users/{ann.id}", {"role": "admin"})

    assert (said.status, said.body["role"], said.body["version"]) == (200, "admin", 2)
    assert (await ann.get("/users/profile")).status == 401
    renewed = await ann.post("/auth/refresh", {"refresh_token": ann.tokens["refresh_token"]})
    ann.tokens = renewed.body
    assert (await ann.get("/users")).status == 200
    assert (await eve.put(f"/users/{ann.id}", {"role": "viewer", "name": "Ann Lee"})).body["name"] == "Ann Lee"
    assert (await ann.get("/users")).status == 401


async def test_account_is_out_at_once_when_an_administrator_disables_it(house: House) -> None:
    ann, eve = await house.sign_in(ANN), await house.sign_in(EVE)

    assert (await eve.put(f"/users/{ann.id}", {"is_active": False})).body["is_active"] is False

    assert (await ann.get("/users/profile")).status == 401
    assert (await ann.post("/auth/refresh", {"refresh_token": ann.tokens["refresh_token"]})).status == 401
    assert (await house.nobody.post("/auth/login", {"email": ANN.email, "password": PASSWORD})).status == 401
    assert (await eve.put(f"/users/{ann.id}", {"is_active": True})).status == 200
    await house.sign_in(ANN)


@pytest.mark.story("hub/IH-022.2", "hub/AC-057", "todo/US-4.3")
async def test_change_is_refused_when_the_account_is_none_or_changed_meanwhile(house: House) -> None:
    ann, eve = await house.sign_in(ANN), await house.sign_in(EVE)
    nobody = "/users/11111111-1111-4111-8111-111111111111"
    await ann.put("/users/profile", {"username": "ann"})

    late = await eve.ask("PUT", f"/users/{ann.id}", {"name": "A"}, **{"If-Match": '"1"'})

    assert (late.status, late.body["username"], late.headers["ETag"]) == (412, "ann", '"2"')
    assert (await eve.put(f"/users/{ann.id}", {"name": "A", "version": 1})).status == 409
    assert (await eve.put(f"/users/{eve.id}", {"username": "ANN"})).wrong == ["username"]
    for method, path, body in (
        ("GET", nobody, None), ("PUT", nobody, {"name": "A"}), ("DELETE", nobody, None),
        ("POST", f"{nobody}/unlock", None), ("DELETE", f"{nobody}/sessions", None),
    ):  # fmt: skip
        assert (await eve.ask(method, path, body)).status == 404
        assert (await ann.ask(method, path, body)).status == 403


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE users SET role = 'viewer' WHERE name = 'Eve'",
        "UPDATE users SET is_active = false WHERE name = 'Eve'",
        "UPDATE users SET password_hash = 'another' WHERE name = 'Eve'",
        "UPDATE sessions SET ended_at = now()",
    ],
)
async def test_no_account_is_made_when_its_maker_is_no_administrator_any_more_by_then(
    house: House, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    eve = await house.sign_in(EVE)
    hash_ = Passwords.hash

    async def hashed_slowly(self: Passwords, password: str) -> str:
        hashed = await hash_(self, password)
        await house.run(change)
        return hashed

    monkeypatch.setattr(Passwords, "hash", hashed_slowly)
    said = await eve.post("/users", CARL | {"role": "admin"})

    assert (said.status, said.body["code"]) == (401, "session_ended")
    assert await house.run("SELECT FROM users WHERE name = 'Carl'") == []


async def test_last_administrator_stays_one_whoever_tries(house: House) -> None:
    eve = await house.sign_in(EVE)
    for body in ({"role": "viewer"}, {"is_active": False}):
        said = await eve.put(f"/users/{eve.id}", body)
        assert (said.status, said.body["detail"]) == (409, "This is the last administrator")
    assert (await eve.delete(f"/users/{eve.id}")).status == 409
    assert (await eve.get("/users")).status == 200


@pytest.mark.story("hub/AC-046", "water/EC.4")
async def test_one_administrator_stays_when_two_demote_each_other_at_once(house: House) -> None:
    other = NewUser(email="zoe@example.org", name="Zoe", role=Role.ADMIN)
    await house.users.add(other, PASSWORD, deadline=soon())
    eve, zoe = await house.sign_in(EVE), await house.sign_in(other)

    async with asyncio.TaskGroup() as tasks:
        both = [
            tasks.create_task(eve.put(f"/users/{zoe.id}", {"role": "viewer"})),
            tasks.create_task(zoe.put(f"/users/{eve.id}", {"role": "viewer"})),
        ]

    assert 200 in {each.result().status for each in both}
    assert len(await house.run("SELECT FROM users WHERE role = 'admin'")) == 1


async def test_account_need_not_wait_when_an_administrator_unlocks_it(house: House) -> None:
    ann, eve = await house.sign_in(ANN), await house.sign_in(EVE)
    counted = len(await house.run("SELECT FROM limits"))

    assert (await eve.post(f"/users/{ann.id}/unlock")).status == 204

    assert len(await house.run("SELECT FROM limits")) == counted - 1


async def test_every_session_of_an_account_ends_when_an_administrator_signs_it_out(house: House) -> None:
    here, there, eve = await house.sign_in(ANN), await house.sign_in(ANN), await house.sign_in(EVE)

    said = await eve.delete(f"/users/{here.id}/sessions")

    assert (said.status, said.body) == (200, {"ended": 2})
    assert [(await caller.get("/users/profile")).status for caller in (here, there, eve)] == [401, 401, 200]
    await house.sign_in(ANN)


@pytest.mark.story("water/FR-043", "hub/IH-020.1", "tasks/US-BE-1.1.2")
async def test_nothing_is_left_of_an_account_when_an_administrator_deletes_it(house: House) -> None:
    ann, eve = await house.sign_in(ANN), await house.sign_in(EVE)
    await ann.put("/users/profile", {"name": "Zwieselfink"})

    assert (await eve.delete(f"/users/{ann.id}")).status == 204

    assert (await ann.get("/users/profile")).status == 401
    assert (await eve.get(f"/users/{ann.id}")).status == 404
    for table in ("users", "sessions", "grants", "idempotency", "audit"):
        assert "Zwieselfink" not in str([tuple(row) for row in await house.run(f"TABLE {table}")])
    trail = [row["operation"] for row in await house.run("TABLE audit") if row["entity_id"] == ann.id]
    assert {"users.add", "users.profile.change", "users.delete", "audit.erase"} <= set(trail)  # what was done stays
    assert (await house.nobody.post("/auth/login", {"email": ANN.email, "password": PASSWORD})).status == 401


async def test_what_an_administrator_did_is_in_the_trail_when_it_changed_something(house: House) -> None:
    ann, eve = await house.sign_in(ANN), await house.sign_in(EVE)

    await eve.put(f"/users/{ann.id}", {"name": "Ann Lee"})

    entry = (await house.run("SELECT * FROM audit WHERE operation = 'users.change' ORDER BY number"))[-1]
    assert (str(entry["user_id"]), entry["entity_id"], entry["entity"]) == (eve.id, ann.id, "account")
    assert str(entry["subject_id"]) == ann.id
    assert json.loads(entry["payload"]) == {"new": {"name": "Ann Lee"}, "old": {"name": "Ann"}}
