"""Another password by mail, and another address; from HTTP to the store, the outbox and back."""

from __future__ import annotations

import asyncio
import statistics
from datetime import UTC, datetime

import pytest

from agent.accounts.passwords import Passwords
from agent.accounts.users import NewUser
from agent.db.queries import Query
from bridge.process.clock import SystemClock
from tests.integration.agent.accounts.house import ANN, BOB, EVE, Caller, House
from tests.integration.agent.machine import PASSWORD

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(30)]  # the first waits for the house
NEW = "Another horse 2"
MOVED = NewUser(email="ann@example.com", name="Ann")


async def ask_for_reset(house: House, email: str = ANN.email) -> str:
    said = await house.nobody.post("/auth/reset-password/request", {"email": email})
    assert (said.status, said.body) == (200, {"message": "Reset email sent"})
    return await house.link(ANN.email)


async def ask_for_move(caller: Caller, email: str = MOVED.email) -> None:
    said = await caller.post("/users/email", {"new_email": email, "password": PASSWORD})
    assert said.status == 202


@pytest.mark.story("tasks/US-BE-1.5.1", "tasks/US-BE-1.5.2")
@pytest.mark.parametrize("prefix", ["", "/api/v1"])
async def test_password_is_another_and_every_session_over_when_the_link_was_used(house: House, prefix: str) -> None:
    ann, bob = await house.sign_in(ANN), await house.sign_in(BOB)
    requested = await house.nobody.post(f"{prefix}/auth/reset-password/request", {"email": " ANN@example.org "})
    token = await house.link(ANN.email)

    said = await house.nobody.post(f"{prefix}/auth/reset-password/confirm", {"token": token, "new_password": NEW})

    assert (requested.status, requested.body) == (200, {"message": "Reset email sent"})
    assert (said.status, said.body) == (200, {"message": "Password updated successfully"})
    assert (await ann.get("/users/profile")).status == 401
    assert (await ann.post("/auth/refresh", {"refresh_token": ann.tokens["refresh_token"]})).status == 401
    assert (await bob.get("/users/profile")).status == 200
    assert (await house.nobody.post("/auth/login", {"email": ANN.email, "password": PASSWORD})).status == 401
    await house.sign_in(ANN, NEW)
    reset, told = await house.mails(ANN.email)
    assert "good for 60 minutes" in reset.text
    assert told.subject == "Your password for home.example.org was changed"
    assert "(Europe/London)" in told.text


@pytest.mark.story("tasks/US-BE-1.5.1", "tasks/US-BE-1.5.3", "tasks/US-BE-1.5.4")
async def test_link_changes_one_password_once_when_it_is_used_again_or_too_late(house: House) -> None:
    first, second = await ask_for_reset(house), await ask_for_reset(house)
    assert first != second
    weak = await house.nobody.post("/auth/reset-password/confirm", {"token": second, "new_password": "weak"})
    assert (weak.status, weak.wrong) == (400, ["new_password"])

    async def use(token: str) -> int:
        body = {"token": token, "new_password": NEW}
        return (await house.nobody.post("/auth/reset-password/confirm", body)).status

    async with asyncio.TaskGroup() as tasks:
        both = [tasks.create_task(use(second)) for _ in range(2)]
    assert sorted(each.result() for each in both) == [200, 400]
    assert [await use(first), await use(second), await use("nonsense")] == [400, 400, 400]

    late = await ask_for_reset(house)
    await house.run("UPDATE one_time_tokens SET expires_at = created_at + interval '1 hour'")
    await house.run("UPDATE one_time_tokens SET expires_at = expires_at - interval '1 hour'")
    assert await use(late) == 400


async def test_token_lies_nowhere_but_in_the_sealed_mail_when_it_was_asked_for(house: House) -> None:
    token = await ask_for_reset(house)
    for table in ("one_time_tokens", "mails", "audit", "idempotency"):
        assert token not in str([tuple(row) for row in await house.run(f"TABLE {table}")])


async def test_reset_says_the_same_as_soon_when_there_is_no_account(house: House) -> None:
    await house.run("UPDATE users SET is_active = false WHERE name = 'Bob'")
    nobody: list[float] = []
    somebody: list[float] = []
    for number in range(10):
        for email, took in ((f"x{number}@example.org", nobody), (ANN.email, somebody)):
            await house.run("DELETE FROM limits")
            started = SystemClock.monotonic()
            said = await house.nobody.post("/auth/reset-password/request", {"email": email})
            took.append(SystemClock.monotonic() - started)
            assert (said.status, said.body) == (200, {"message": "Reset email sent"})
    assert statistics.median(nobody) < 2 * statistics.median(somebody)
    assert statistics.median(somebody) < 2 * statistics.median(nobody)
    await house.run("DELETE FROM limits")
    await house.nobody.post("/auth/reset-password/request", {"email": BOB.email})
    assert {row["recipient"] for row in await house.run("SELECT DISTINCT recipient FROM mails")} == {ANN.email}


@pytest.mark.story("tasks/US-BE-1.5")
async def test_resets_are_three_an_hour_to_an_address_whether_or_not_it_has_an_account(house: House) -> None:
    for email in (ANN.email, "nobody@example.org"):
        codes = [(await house.nobody.post("/auth/reset-password/request", {"email": email})).status for _ in range(4)]
        assert codes == [200, 200, 200, 429]
    assert len(await house.mails(ANN.email)) == 3


async def test_link_is_no_good_when_its_account_was_disabled_since(house: House) -> None:
    reset = await ask_for_reset(house)
    ann = await house.sign_in(ANN)
    await ask_for_move(ann)
    move = await house.link(MOVED.email)
    await house.run("UPDATE users SET is_active = false")
    said = await house.nobody.post("/auth/reset-password/confirm", {"token": reset, "new_password": NEW})
    assert (said.status, said.wrong) == (400, ["token"])
    assert (await house.nobody.post("/auth/confirm-address", {"token": move})).wrong == ["token"]


async def test_link_is_no_good_when_it_was_made_just_as_its_account_was_disabled(house: House) -> None:
    await ask_for_move(await house.sign_in(ANN))
    reset, move = await ask_for_reset(house), await house.link(MOVED.email)
    await house.run("ALTER TABLE users DISABLE TRIGGER users_links_end")  # as if they had not been there yet
    await house.run("UPDATE users SET is_active = false")
    await house.run("ALTER TABLE users ENABLE TRIGGER users_links_end")
    said = await house.nobody.post("/auth/reset-password/confirm", {"token": reset, "new_password": NEW})
    assert (said.status, said.wrong) == (400, ["token"])
    assert (await house.nobody.post("/auth/confirm-address", {"token": move})).wrong == ["token"]


CHANGES = {
    "password": "UPDATE users SET password_hash = 'another' WHERE name = 'Ann'",
    "address": "UPDATE users SET email = 'ann@example.net' WHERE name = 'Ann'",
    "disabled": "UPDATE users SET is_active = false WHERE name = 'Ann'",
}


@pytest.mark.parametrize("change", CHANGES)
async def test_links_in_mailboxes_end_when_the_account_changes_hands(house: House, change: str) -> None:
    reset = await ask_for_reset(house)
    await ask_for_move(await house.sign_in(ANN))
    move = await house.link(MOVED.email)

    await house.run(CHANGES[change])
    await house.run("UPDATE users SET is_active = true")

    said = await house.nobody.post("/auth/reset-password/confirm", {"token": reset, "new_password": NEW})
    assert (said.status, said.wrong) == (400, ["token"])
    moved = await house.nobody.post("/auth/confirm-address", {"token": move})
    assert (moved.status, moved.wrong) == (400, ["token"])


@pytest.mark.parametrize(("change", "left"), [("password", 0), ("address", 1), ("disabled", 1)])
async def test_account_is_linked_to_nobody_at_a_provider_when_its_password_changes(
    house: House, change: str, left: int
) -> None:
    await house.run("INSERT INTO oidc_links SELECT 'https://login.example.org', 'thief ' || name, id, now() FROM users")
    await house.run(CHANGES[change])
    of_ann = "SELECT FROM oidc_links AS l JOIN users AS u ON u.id = l.user_id WHERE u.name = 'Ann'"
    assert len(await house.run(of_ann)) == left
    assert len(await house.run("SELECT FROM oidc_links")) == left + 2  # nobody else's went


async def test_links_in_mailboxes_end_when_the_owner_ends_every_session(house: House) -> None:
    reset, eve = await ask_for_reset(house), await house.sign_in(EVE)
    await eve.post("/users/invitations", {"email": "carl@example.org", "name": "Carl", "role": "admin"})
    invitation = await house.link("carl@example.org")

    await house.users.end_every_session(datetime.now(UTC), deadline=house.soon())

    said = await house.nobody.post("/auth/reset-password/confirm", {"token": reset, "new_password": NEW})
    assert (said.status, said.wrong) == (400, ["token"])
    accepted = await house.nobody.post("/auth/accept-invitation", {"token": invitation, "password": PASSWORD})
    assert (accepted.status, accepted.wrong) == (400, ["token"])


async def test_links_stay_good_when_only_a_name_or_a_role_changes(house: House) -> None:
    reset = await ask_for_reset(house)
    await house.run("UPDATE users SET name = 'Anna', role = 'technician' WHERE name = 'Ann'")
    said = await house.nobody.post("/auth/reset-password/confirm", {"token": reset, "new_password": NEW})
    assert said.status == 200


async def test_thief_cannot_move_the_account_back_when_its_owner_has_reset_the_password(house: House) -> None:
    thief = await house.sign_in(ANN)
    await ask_for_move(thief)
    move = await house.link(MOVED.email)
    token = await ask_for_reset(house)
    reset = await house.nobody.post("/auth/reset-password/confirm", {"token": token, "new_password": NEW})
    assert reset.status == 200

    assert (await house.nobody.post("/auth/confirm-address", {"token": move})).status == 400

    await house.sign_in(ANN, NEW)


async def test_no_link_is_mailed_when_the_password_is_another_since_it_was_checked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await house.sign_in(ANN)
    matches = Passwords.matches

    async def checked_slowly(self: Passwords, password: str, stored: str | None) -> bool:
        is_right = await matches(self, password, stored)
        await house.run(CHANGES["password"])
        return is_right

    monkeypatch.setattr(Passwords, "matches", checked_slowly)
    said = await ann.post("/users/email", {"new_email": MOVED.email, "password": PASSWORD})

    assert (said.status, said.wrong) == (400, ["password"])
    assert await house.mails(MOVED.email) == []


async def test_link_is_too_late_and_locks_nobody_out_when_the_password_changes_at_the_same_moment(house: House) -> None:
    token = await ask_for_reset(house)
    lock = Query("test.lock", "SELECT FROM users WHERE name = 'Ann' FOR UPDATE", "Lock.")
    change = Query("test.change", CHANGES["password"], "Change.")
    waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with asyncio.TaskGroup() as tasks:
        async with house.owner.transaction(house.soon()) as transaction:
            await transaction.fetch(lock)
            body = {"token": token, "new_password": NEW}
            using = tasks.create_task(house.nobody.post("/auth/reset-password/confirm", body))
            while not await house.run(waiting):  # noqa: ASYNC110 - PostgreSQL tells nobody
                await asyncio.sleep(0.01)
            await transaction.execute(change)
    assert (using.result().status, using.result().wrong) == (400, ["token"])


async def test_address_is_another_and_the_old_one_told_when_the_new_one_was_confirmed(house: House) -> None:
    ann = await house.sign_in(ANN)
    await ask_for_move(ann)
    assert (await ann.get("/users/profile")).body["email"] == ANN.email

    said = await house.nobody.post("/auth/confirm-address", {"token": await house.link(MOVED.email)})

    assert said.status == 200
    assert (await ann.get("/users/profile")).status == 401  # its token names the old address
    renewed = await ann.post("/auth/refresh", {"refresh_token": ann.tokens["refresh_token"]})
    assert renewed.body["user"]["email"] == MOVED.email
    await house.sign_in(MOVED)
    assert (await house.nobody.post("/auth/login", {"email": ANN.email, "password": PASSWORD})).status == 401
    [told] = await house.mails(ANN.email)
    assert told.subject == "Your account at home.example.org has another e-mail address now"


async def test_address_stays_when_the_password_is_wrong_or_the_new_one_is_none(house: House) -> None:
    ann = await house.sign_in(ANN)
    wrong = await ann.post("/users/email", {"new_email": MOVED.email, "password": "Wrong horse 1"})
    assert (wrong.status, wrong.wrong) == (400, ["password"])
    assert (await ann.post("/users/email", {"new_email": "çnn@example.org", "password": PASSWORD})).wrong == [
        "new_email"
    ]
    assert (await house.nobody.post("/users/email", {"new_email": MOVED.email, "password": PASSWORD})).status == 401
    assert await house.mails(MOVED.email) == []


async def test_move_says_the_same_when_the_new_address_has_an_account(house: House) -> None:
    ann = await house.sign_in(ANN)
    await ask_for_move(ann, BOB.email)
    [letter] = await house.mails(BOB.email)
    assert letter.subject == "You have an account at home.example.org already"
    assert (await ann.get("/users/profile")).body["email"] == ANN.email


async def test_move_is_refused_when_somebody_took_the_address_before_it_was_confirmed(house: House) -> None:
    ann, bob = await house.sign_in(ANN), await house.sign_in(BOB)
    await ask_for_move(ann)
    await ask_for_move(bob)
    hers, his = [letter.token for letter in await house.mails(MOVED.email)]
    assert (await house.nobody.post("/auth/confirm-address", {"token": his})).status == 200
    late = await house.nobody.post("/auth/confirm-address", {"token": hers})
    assert (late.status, late.wrong) == (409, ["email"])


async def test_account_is_told_when_its_password_is_changed(house: House) -> None:
    ann = await house.sign_in(ANN)
    await ann.post("/users/password", {"current_password": PASSWORD, "new_password": NEW})
    [told] = await house.mails(ANN.email)
    assert told.subject == "Your password for home.example.org was changed"


async def test_mail_says_when_in_utc_where_the_zone_is_no_longer_known(house: House) -> None:
    ann = await house.sign_in(ANN)
    await house.run("UPDATE users SET time_zone = 'Mars/Olympus'")
    await ann.post("/users/password", {"current_password": PASSWORD, "new_password": NEW})
    assert "(UTC)" in (await house.mails(ANN.email))[0].text
