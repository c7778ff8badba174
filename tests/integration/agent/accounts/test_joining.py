"""Coming by an account: signing up, and being invited; from HTTP to the store, the outbox and back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from agent.accounts.users import NewUser
from agent.settings import AgentSettings
from bridge.contracts.operation import Role
from tests.integration.agent.accounts.house import ANN, EVE, House, open_house
from tests.integration.agent.conftest import StoreDsns

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(30)]  # the first waits for the house
PASSWORD = "Another horse 2"
CARL = {"email": "carl@example.org", "username": "carl", "password": PASSWORD}
AS_CARL = NewUser(email="carl@example.org", name="Carl")


async def tables(house: House) -> str:
    """Return everything that the store has of accounts and links, as text."""
    return str(
        [tuple(row) for name in ("users", "one_time_tokens", "audit") for row in await house.run(f"TABLE {name}")]
    )


@pytest.mark.story(
    "todo/US-2", "todo/FR-012", "todo/SC-006", "todo/FR-016", "tasks/US-BE-1.2.1", "tasks/US-BE-1.2.2",
    "tasks/US-BE-1.2.3", "todo/FR-003",
)  # fmt: skip
@pytest.mark.parametrize("path", ["/auth/register", "/api/v1/auth/register"])
async def test_account_is_there_once_its_address_is_confirmed(house: House, path: str) -> None:
    said = await house.nobody.post(path, CARL | {"time_zone": "Asia/Tokyo", "language": "de"})

    assert said.status == 201
    assert said.body.keys() == {"id", "email", "username", "created_at"}
    assert (said.body["email"], said.body["username"]) == ("carl@example.org", "carl")
    assert (await house.nobody.post("/auth/login", {"email": CARL["email"], "password": PASSWORD})).status == 401
    [letter] = await house.mails("carl@example.org")
    assert letter.subject == "Confirm your e-mail address for home.example.org"
    assert letter.token not in await tables(house)
    assert PASSWORD not in await tables(house)

    confirmed = await house.nobody.post("/auth/confirm-address", {"token": letter.token})

    assert (confirmed.status, confirmed.body) == (200, {"message": "E-mail address confirmed"})
    [stored] = await house.run("SELECT password_hash FROM users WHERE email = 'carl@example.org'")
    assert stored["password_hash"].startswith("$2b$")
    recorded = [row["operation"] for row in await house.run("TABLE audit") if row["entity_id"] == said.body["id"]]
    assert recorded == ["accounts.register", "accounts.confirm_address"]
    carl = await house.sign_in(AS_CARL, PASSWORD)
    assert (carl.id, carl.tokens["user"]["role"], carl.tokens["user"]["name"]) == (said.body["id"], "viewer", "carl")
    preferences = (await carl.get("/users/preferences")).body
    assert (preferences["language"], preferences["time_zone"]) == ("de", "Asia/Tokyo")
    assert (await house.nobody.post("/auth/confirm-address", {"token": letter.token})).wrong == ["token"]


async def test_sign_up_says_the_same_when_the_address_has_an_account(house: House) -> None:
    before = await house.run("SELECT * FROM users WHERE name = 'Ann'")

    known = await house.nobody.post("/auth/register", CARL | {"email": "ANN@example.org"})
    again = await house.nobody.post("/auth/register", CARL | {"email": "new@example.org"})  # the name is still free
    unknown = await house.nobody.post("/auth/register", CARL)

    assert [said.status for said in (known, again, unknown)] == [201, 201, 201]
    assert known.body.keys() == unknown.body.keys()
    [letter] = await house.mails("ANN@example.org")
    assert letter.subject == "You have an account at home.example.org already"
    assert "token" not in letter.text
    assert await house.run("SELECT * FROM users WHERE name = 'Ann'") == before


@pytest.mark.story("tasks/US-BE-1.2.4")
async def test_sign_up_is_refused_when_something_is_wrong_with_it(house: House) -> None:
    ann = await house.sign_in(ANN)
    await ann.put("/users/profile", {"username": "ann"})
    for body, status, field in (
        (CARL | {"password": "weak"}, 400, "password"), (CARL | {"email": "carl"}, 400, "email"),
        (CARL | {"email": "çarl@example.org"}, 400, "email"), (CARL | {"username": "c@rl"}, 400, "username"),
        (CARL | {"time_zone": "Mars"}, 400, "time_zone"), (CARL | {"role": "admin"}, 400, "role"),
        (CARL | {"username": "ANN"}, 409, "username"),
    ):  # fmt: skip
        said = await house.nobody.post("/auth/register", body)
        assert (said.status, said.wrong) == (status, [field])
    foreign = await house.nobody.post("/auth/reset-password/request", {"email": "çarl@example.org"})
    assert (foreign.status, foreign.wrong) == (400, ["email"])
    assert foreign.body["fields"][0]["message"].startswith("must be in plain letters a to z")
    assert await house.mails("carl@example.org") == []


async def test_name_goes_to_who_confirms_first_when_two_sign_up_with_it(house: House) -> None:
    await house.nobody.post("/auth/register", CARL)
    await house.nobody.post("/auth/register", CARL | {"email": "dora@example.org"})
    assert (
        await house.nobody.post("/auth/confirm-address", {"token": await house.link("dora@example.org")})
    ).status == 200

    late = await house.nobody.post("/auth/confirm-address", {"token": await house.link("carl@example.org")})

    assert (late.status, late.wrong) == (409, ["username"])


async def test_one_account_is_made_when_a_link_is_used_twice_at_once(house: House) -> None:
    await house.nobody.post("/auth/register", CARL)
    token = await house.link("carl@example.org")

    async with asyncio.TaskGroup() as tasks:
        both = [tasks.create_task(house.nobody.post("/auth/confirm-address", {"token": token})) for _ in range(2)]

    assert sorted(each.result().status for each in both) == [200, 400]


async def test_link_is_no_longer_good_when_its_time_is_over(house: House) -> None:
    await house.nobody.post("/auth/register", CARL)
    token = await house.link("carl@example.org")
    await house.run("UPDATE one_time_tokens SET expires_at = now()")

    for body in ({"token": token}, {"token": "nonsense"}, {"token": "\ud800".encode("utf-16", "surrogatepass").hex()}):
        assert (await house.nobody.post("/auth/confirm-address", body)).wrong == ["token"]


async def test_mails_to_one_address_are_three_an_hour_whoever_asks_for_them(house: House) -> None:
    codes = [(await house.nobody.post("/auth/register", CARL)).status for _ in range(4)]
    assert codes == [201, 201, 201, 429]
    assert (await house.nobody.post("/auth/reset-password/request", {"email": "CARL@example.org"})).status == 429
    assert len(await house.mails("carl@example.org")) == 3


@pytest.mark.parametrize("role", ["viewer", "technician"])
async def test_invited_person_has_the_role_once_they_chose_a_password(house: House, role: str) -> None:
    eve = await house.sign_in(EVE)
    guest: dict[str, Any] = {"email": "carl@example.org", "name": "Carl", "role": role}

    said = await eve.post("/users/invitations", guest)

    assert (said.status, said.body.keys()) == (201, {"id", "email", "expires_at"})
    [letter] = await house.mails("carl@example.org")
    assert letter.subject == "Your invitation to home.example.org"
    weak = await house.nobody.post("/auth/accept-invitation", {"token": letter.token, "password": "weak"})
    assert (weak.status, weak.wrong) == (400, ["password"])
    made = await house.nobody.post("/auth/accept-invitation", {"token": letter.token, "password": PASSWORD})
    assert made.status == 201
    carl = await house.sign_in(AS_CARL, PASSWORD)
    assert (carl.id, carl.tokens["user"]["role"], carl.tokens["user"]["name"]) == (said.body["id"], role, "Carl")
    again = await house.nobody.post("/auth/accept-invitation", {"token": letter.token, "password": PASSWORD})
    assert again.wrong == ["token"]


async def test_invitation_is_an_administrators_and_for_who_has_no_account(house: House) -> None:
    ann, eve = await house.sign_in(ANN), await house.sign_in(EVE)
    guest = {"email": "carl@example.org", "name": "Carl"}
    assert (await ann.post("/users/invitations", guest)).status == 403
    assert (await house.nobody.post("/users/invitations", guest)).status == 401
    taken = await eve.post("/users/invitations", guest | {"email": "ANN@example.org"})
    assert (taken.status, taken.wrong) == (409, ["email"])
    assert (await eve.post("/users/invitations", guest | {"email": "çarl@example.org"})).wrong == ["email"]


@pytest.mark.parametrize("change", ["SET role = 'viewer'", "SET is_active = false"])
async def test_invitation_is_no_longer_good_when_its_sender_may_invite_nobody(house: House, change: str) -> None:
    eve = await house.sign_in(EVE)
    await eve.post("/users/invitations", {"email": "carl@example.org", "name": "Carl", "role": "admin"})
    token = await house.link("carl@example.org")

    await house.run(f"UPDATE users {change} WHERE name = 'Eve'")

    said = await house.nobody.post("/auth/accept-invitation", {"token": token, "password": PASSWORD})
    assert (said.status, said.wrong) == (400, ["token"])
    await house.run("UPDATE users SET role = 'admin', is_active = true WHERE name = 'Eve'")
    again = await house.nobody.post("/auth/accept-invitation", {"token": token, "password": PASSWORD})
    assert again.status == 201


async def test_earlier_invitation_is_no_longer_good_when_there_is_another(house: House) -> None:
    eve = await house.sign_in(EVE)
    tokens = []
    for role in ("admin", "viewer"):
        await eve.post("/users/invitations", {"email": "carl@example.org", "name": "Carl", "role": role})
        [letter] = await house.mails("carl@example.org")  # the earlier one never leaves, if it has not yet
        tokens.append(letter.token)
    first, second = tokens
    assert (await house.nobody.post("/auth/accept-invitation", {"token": first, "password": PASSWORD})).status == 400
    assert (await house.nobody.post("/auth/confirm-address", {"token": second})).status == 400
    assert (await house.nobody.post("/auth/accept-invitation", {"token": second, "password": PASSWORD})).status == 201


async def test_open_invitations_are_listed_by_address_and_withdrawn_when_an_administrator_asks(house: House) -> None:
    ann, eve = await house.sign_in(ANN), await house.sign_in(EVE)
    for name in ("Zoe", "carl", "Dora"):
        body = {"email": f"{name}@example.org", "name": name, "role": "technician"}
        assert (await eve.post("/users/invitations", body)).status == 201
    await house.nobody.post("/auth/register", CARL | {"email": "new@example.org"})  # no invitation

    first = await eve.get("/api/v1/users/invitations?limit=2")
    second = await eve.get(f"/users/invitations?limit=2&cursor={first.body['next']}")

    found = first.body["items"] + second.body["items"]
    assert [(each["email"], each["name"], each["role"]) for each in found] == [
        (f"{name}@example.org", name, "technician") for name in ("carl", "Dora", "Zoe")
    ]
    assert (second.body["next"], 'rel="next"' in first.headers["Link"], "Link" in second.headers) == (None, True, False)
    assert (await eve.get("/users/invitations?cursor=x")).wrong == ["cursor"]
    carl, dora, zoe = found
    path = f"/users/invitations/{dora['id']}"
    assert ((await ann.get("/users/invitations")).status, (await ann.delete(path)).status) == (403, 403)
    token = await house.link("Dora@example.org")

    assert ((await eve.delete(path)).status, (await eve.delete(path)).status) == (204, 404)

    assert (await house.nobody.post("/auth/accept-invitation", {"token": token, "password": PASSWORD})).status == 400
    assert [each["id"] for each in (await eve.get("/users/invitations")).body["items"]] == [carl["id"], zoe["id"]]
    assert [len(await house.mails(f"{name}@example.org")) for name in ("carl", "Dora", "Zoe")] == [1, 0, 1]
    entries = [row for row in await house.run("TABLE audit") if row["operation"] == "users.invitations.withdraw"]
    assert [(str(row["user_id"]), row["entity_id"], row["payload"]) for row in entries] == [(eve.id, dora["id"], None)]


async def test_invitation_is_mailed_again_with_another_link_when_an_administrator_asks(house: House) -> None:
    ann, eve = await house.sign_in(ANN), await house.sign_in(EVE)
    other = NewUser(email="other@example.org", name="Other", role=Role.ADMIN)
    await house.users.add(other, PASSWORD, deadline=house.soon())
    sender = await house.sign_in(other, PASSWORD)
    body = {"email": "carl@example.org", "name": "Carl", "role": "technician", "language": "en"}
    invited = (await sender.post("/users/invitations", body)).body
    first = await house.link("carl@example.org")
    await house.run("UPDATE one_time_tokens SET expires_at = expires_at - interval '1 h'")
    path = f"/api/v1/users/invitations/{invited['id']}/resend"
    assert (await ann.post(path, {})).status == 403

    said = await eve.post(path, {})

    assert (said.status, said.body["id"], said.body["email"]) == (200, invited["id"], "carl@example.org")
    assert said.body["expires_at"] >= invited["expires_at"]
    [listed] = (await eve.get("/users/invitations")).body["items"]
    assert (listed["id"], listed["role"], listed["invited_by"]) == (invited["id"], "technician", EVE.email)
    assert listed["expires_at"] == said.body["expires_at"]
    assert (await house.nobody.post("/auth/accept-invitation", {"token": first, "password": PASSWORD})).status == 400
    [again] = await house.mails("carl@example.org")  # the first one still waited, and is never sent
    assert again.token != first
    await house.users.set_role(other.email, Role.VIEWER, deadline=house.soon())  # it is Eve's invitation by now
    assert (
        await house.nobody.post("/auth/accept-invitation", {"token": again.token, "password": PASSWORD})
    ).status == 201
    assert (await eve.post(path, {})).status == 404
    entries = [row for row in await house.run("TABLE audit") if row["operation"] == "users.invitations.resend"]
    told = [(str(row["user_id"]), row["payload"]) for row in entries if row["entity_id"] == invited["id"]]
    assert told == [(eve.id, None)]


async def test_invitation_is_not_mailed_again_when_its_address_had_many_or_has_an_account(house: House) -> None:
    eve = await house.sign_in(EVE)
    body = {"email": "carl@example.org", "name": "Carl"}
    invited = (await eve.post("/users/invitations", body)).body
    path = f"/users/invitations/{invited['id']}/resend"
    assert [(await eve.post(path, {})).status for _ in range(3)] == [200, 200, 429]
    refused = await eve.post("/users/invitations", body)
    assert (refused.status, refused.body["code"]) == (429, "rate_limited")
    assert len(await house.mails("carl@example.org")) == 1
    assert (await eve.get("/users/invitations")).body["items"][0]["id"] == invited["id"]
    await house.users.add(NewUser(email="CARL@example.org", name="Carl"), PASSWORD, deadline=house.soon())
    assert (await eve.post(path, {})).status == 409


async def test_one_invitation_is_good_when_two_mail_it_again_at_once(house: House) -> None:
    eve = await house.sign_in(EVE)
    invited = (await eve.post("/users/invitations", {"email": "carl@example.org", "name": "Carl"})).body
    path = f"/users/invitations/{invited['id']}/resend"
    async with asyncio.TaskGroup() as group:
        tries = [group.create_task(eve.post(path, {})) for _ in range(2)]
    assert [each.result().status for each in tries] == [200, 200]
    [mail] = await house.mails("carl@example.org")
    assert (
        await house.nobody.post("/auth/accept-invitation", {"token": mail.token, "password": PASSWORD})
    ).status == 201


async def test_open_invitation_names_its_sender_while_they_may_invite(house: House) -> None:
    eve, other = await house.sign_in(EVE), NewUser(email="other@example.org", name="Other", role=Role.ADMIN)
    await house.users.add(other, PASSWORD, deadline=house.soon())
    sender = await house.sign_in(other, PASSWORD)
    await sender.post("/users/invitations", {"email": "carl@example.org", "name": "Carl"})
    await eve.post("/users/invitations", {"email": "dora@example.org", "name": "Dora"})

    async def senders() -> list[str]:
        return [each["invited_by"] for each in (await eve.get("/users/invitations")).body["items"]]

    assert await senders() == [other.email, EVE.email]
    await eve.put(f"/users/{sender.id}", {"role": "viewer"})
    assert await senders() == [EVE.email]
    await house.run("UPDATE one_time_tokens SET content = content - 'invited_by'")  # as the owner invites
    assert await senders() == [None, None]


async def test_invitation_is_not_open_when_it_was_accepted_or_its_time_is_over(house: House) -> None:
    eve = await house.sign_in(EVE)
    ids = [
        (await eve.post("/users/invitations", {"email": f"{name}@example.org", "name": name})).body["id"]
        for name in ("carl", "dora")
    ]
    await house.nobody.post(
        "/auth/accept-invitation", {"token": await house.link("carl@example.org"), "password": PASSWORD}
    )
    await house.run("UPDATE one_time_tokens SET expires_at = now()")
    assert (await eve.get("/users/invitations")).body["items"] == []
    assert [(await eve.delete(f"/users/invitations/{each}")).status for each in ids] == [404, 404]


async def test_sign_up_needs_mail_when_it_is_switched_on() -> None:
    with pytest.raises(ValidationError, match=r"joining\.sign_up needs mail\.host"):
        AgentSettings.model_validate({"store": {"dsn": "postgresql:///x"}, "joining": {"sign_up": True}})


@pytest.mark.asyncio(loop_scope="function")
async def test_nobody_signs_up_and_no_mail_is_promised_when_both_are_off(tmp_path: Path, store_dsns: StoreDsns) -> None:
    async with open_house(tmp_path, store_dsns, mail={}, joining={}) as closed:
        await closed.people(ANN, EVE)
        ann, eve = await closed.sign_in(ANN), await closed.sign_in(EVE)
        refused = await closed.nobody.post("/auth/register", CARL)
        assert (refused.status, refused.body["code"]) == (403, "forbidden")
        for caller, path, body in (
            (closed.nobody, "/auth/reset-password/request", {"email": "ann@example.org"}),
            (ann, "/users/email", {"new_email": "ann@example.com", "password": PASSWORD}),
            (eve, "/users/invitations", {"email": "carl@example.org", "name": "Carl"}),
        ):
            said = await caller.post(path, body)
            assert (said.status, said.body["code"]) == (503, "app_disabled")
