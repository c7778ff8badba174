"""Taking one's data along, and going; from HTTP to the store and back."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from agent.accounts.passwords import Passwords
from agent.accounts.recording import record
from agent.accounts.users import NewUser
from agent.db.pools import Pool
from agent.db.queries import Query
from bridge.contracts.accounts import Tokens
from bridge.contracts.leaving import ENTRIES_MAX, Export
from bridge.contracts.operation import ANSWER_MAX_BYTES, Nothing
from bridge.contracts.users import CHANGE_PROFILE, OwnSessions
from bridge.process.clock import utc
from bridge.server import CallerContext
from tests.integration.agent.accounts.conftest import Accounts, soon
from tests.integration.agent.accounts.house import ANN, BOB, EVE, Caller, House, open_house
from tests.integration.agent.conftest import StoreDsns
from tests.integration.agent.machine import PASSWORD, RECORDS
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(30)]  # the first waits for the house
NEW = "Another horse 2"
GONE = NewUser(email="gone@example.org", name="Ann")  # no other test's, whose entries stay in the trail
FORMER = NewUser(email="moving@example.org", name="Ann")
MOVED = NewUser(email="moving@example.com", name="Ann")
WANTED = "moving@example.net"
MUCH_FEEDBACK = """
INSERT INTO feedback (id, user_id, topic, message, created_at)
SELECT gen_random_uuid(), id, 'it', repeat('"', 4000), now() + n * interval '1 s'
FROM users, generate_series(1, 300) AS n
"""
MANY_SESSIONS = """
INSERT INTO sessions (id, user_id, salt, created_at, rotated_at, expires_at)
SELECT gen_random_uuid(), id, '', now() + n * interval '1 s', now(), now() + interval '1 d'
FROM users, generate_series(1, 1100) AS n
"""
MORE = "INSERT INTO entries SELECT n, 'p-1', 'Headache', 3, '2026-05-01T10:00Z' FROM generate_series(3, 412) AS n"


@pytest.mark.parametrize("path", ["/users/export", "/api/v1/users/export"])
async def test_export_holds_everything_that_the_store_has_of_its_owner(house: House, path: str) -> None:
    await house.sign_in(ANN)
    ann, eve = await house.sign_in(ANN), await house.sign_in(EVE)
    await ann.put("/users/profile", {"name": "Ann Lee", "username": "ann"})
    await ann.put("/users/preferences", {"language": "de"})
    await house.users.add_grant(ANN.email, "health", "p-1", deadline=house.soon())
    await ann.post("/feedback", {"topic": "the chat", "message": "It draws well."})
    await house.nobody.post("/auth/reset-password/request", {"email": ANN.email})
    await eve.put(f"/users/{ann.id}", {"role": "technician"})
    await eve.put(f"/users/{eve.id}", {"name": "Eve Hidden"})
    await house.run("INSERT INTO oidc_links SELECT 'https://login.example.org', 'of ' || email, id, now() FROM users")
    ann = await house.sign_in(ANN)

    said = await ann.get(path)

    assert (said.status, said.headers["Content-Disposition"]) == (200, 'attachment; filename="drawbridge-export.json"')
    assert said.body["records"] == {"health": None}  # there are none in this house
    export = Export.model_validate(said.body["account"])
    assert (export.profile.name, export.profile.username, export.preferences.language) == ("Ann Lee", "ann", "de")
    assert len(export.sessions) == 3
    assert [(link.app, link.person) for link in export.links] == [("health", "p-1")]
    assert [link.subject for link in export.providers] == [f"of {ANN.email}"]
    assert [(mail.template, mail.state) for mail in export.mails] == [("reset_password", "waiting")]
    assert [(each.topic, each.message) for each in export.feedback] == [("the chat", "It draws well.")]
    assert export.entries_total == len(export.entries)
    assert (export.sessions_total, export.mails_total, export.feedback_total) == (3, 1, 1)
    deeds = {entry.action: entry for entry in export.entries}
    assert deeds["users.change"].new_values == {"role": "technician"}
    assert not deeds["users.change"].by_you
    assert {"users.add", "accounts.sign_in", "users.profile.change", "accounts.request_reset"} <= deeds.keys()
    text = json.dumps(said.body)
    for other in ("Eve Hidden", "password_hash", "$2b$", BOB.email):
        assert other not in text
    assert (await ann.get("/users/activity")).body["items"][0]["action"] == "users.export"
    assert ENTRIES_MAX == 10_000


@pytest.mark.asyncio(loop_scope="function")
async def test_export_is_recorded_once_when_its_request_is_sent_again(accounts: Accounts, owner: Pool) -> None:
    recorded = Query("test.recorded", "SELECT count(*) FROM audit WHERE operation = 'users.export'", "Count.")

    async def export(tokens: Tokens, request_id: str) -> int:
        context = CallerContext(await accounts.caller(tokens.access_token), request_id, "", soon(), "", "")
        assert json.loads((await accounts.leaving.export(context, Nothing())).body)["profile"]["name"] == "Ann"
        return int(await owner.fetchval(recorded, deadline=soon()))

    here, elsewhere = await accounts.sign_in(), await accounts.sign_in()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(export(here, "a" * 32))
    assert await export(here, "a" * 32) == 1
    assert await export(here, "b" * 32) == 2
    assert await export(elsewhere, "a" * 32) == 3
    accounts.clock.advance(61)
    assert await export(here, "a" * 32) == 4


@pytest.mark.asyncio(loop_scope="function")
async def test_export_is_no_larger_than_an_answer_when_somebody_let_it_grow(accounts: Accounts, owner: Pool) -> None:
    """Else the unit calls the agent unreachable, for everybody."""
    tokens = await accounts.sign_in()
    caller = await accounts.caller(tokens.access_token)
    context = CallerContext(caller, "c" * 32, "", soon(), "", "")
    said = {"name": "\N{GRINNING FACE}" * 4_000}
    for second in range(300):
        at = utc(accounts.clock.time() + second)
        async with owner.transaction(soon()) as transaction:
            await record(transaction, CHANGE_PROFILE, context, at, accounts.ann, old=said, new=said)
    for statement in (MUCH_FEEDBACK, MANY_SESSIONS):
        await owner.execute(Query("test.grow", statement, "Let it grow."), deadline=soon())

    context = replace(context, deadline=soon())
    answer = await accounts.leaving.export(context, Nothing())

    assert len(answer.body) <= ANSWER_MAX_BYTES
    export = Export.model_validate_json(answer.body)
    assert 60 < len(export.entries) < export.entries_total
    assert [entry.new_values for entry in export.entries[:60]] == [said] * 60
    assert (len(export.feedback), export.feedback_total) == (131, 300)
    assert (len(export.sessions), export.sessions_total) == (1_000, 1_101)
    assert export.sessions[0].created_at > export.sessions[-1].created_at
    listed = OwnSessions.model_validate_json((await accounts.own_account.sessions(context, Nothing())).body)
    assert len(listed.items) == 200


async def test_export_of_an_administrator_holds_nothing_of_whom_they_changed(house: House) -> None:
    ann, eve = await house.sign_in(ANN), await house.sign_in(EVE)
    await eve.put(f"/users/{ann.id}", {"name": "Zwieselfink"})
    said = await eve.get("/users/export")
    assert "users.change" in {entry["action"] for entry in said.body["account"]["entries"]}
    assert "Zwieselfink" not in json.dumps(said.body)


@pytest.mark.asyncio(loop_scope="function")
async def test_export_holds_every_record_of_its_owner_and_of_nobody_else(
    tmp_path: Path, store_dsns: StoreDsns, database: str
) -> None:
    connection = await asyncpg.connect(database, timeout=5)
    await connection.execute(RECORDS + MORE, timeout=5)
    await connection.close(timeout=5)
    source = {"dsn": database, "mapping": str(tmp_path / "source.toml")}
    async with open_house(tmp_path, store_dsns, source=source) as home:
        await home.people(ANN, BOB)
        await home.users.add_grant(ANN.email, "health", "p-1", deadline=home.soon())
        ann, bob = await home.sign_in(ANN), await home.sign_in(BOB)
        await until(lambda: home.running.agent._health.dependencies[0].is_up, timeout_s=5.0)

        records = (await ann.get("/users/export")).body["records"]["health"]

        assert len(records) == len({record["id"] for record in records}) == 411
        assert {record["symptom"] for record in records} == {"Headache"}
        assert (await bob.get("/users/export")).body["records"] == {"health": []}


async def test_nothing_works_any_more_when_somebody_deleted_their_account(house: House) -> None:
    await house.people(GONE, EVE)
    ann, eve = await house.sign_in(GONE), await house.sign_in(EVE)
    await ann.put("/users/profile", {"name": "Immergruen"})
    await ann.post("/feedback", {"message": "Immergruen is my name."})
    await eve.put(f"/users/{ann.id}", {"time_zone": "UTC"})  # whose answer is kept for a day
    await house.nobody.post("/auth/reset-password/request", {"email": GONE.email})
    token = await house.link(GONE.email)

    assert (await ann.post("/users/deletion", {"password": PASSWORD})).status == 204

    assert (await ann.get("/users/profile")).status == 401
    assert (await ann.post("/auth/refresh", {"refresh_token": ann.tokens["refresh_token"]})).status == 401
    assert (await house.nobody.post("/auth/login", {"email": GONE.email, "password": PASSWORD})).status == 401
    again = await house.nobody.post("/auth/reset-password/confirm", {"token": token, "new_password": NEW})
    assert again.wrong == ["token"]
    assert GONE.email not in [user["email"] for user in (await eve.get("/users")).body["items"]]
    for table in ("users", "sessions", "grants", "idempotency", "one_time_tokens", "mails", "feedback", "audit"):
        rows = str([tuple(row) for row in await house.run(f"TABLE {table}")])
        assert "Immergruen" not in rows
        assert GONE.email not in rows
    trail = [row["operation"] for row in await house.run("TABLE audit") if row["entity_id"] == ann.id]
    assert {"accounts.delete", "audit.erase", "users.profile.change"} <= set(trail)


async def ask_for_move(caller: Caller, email: str) -> None:
    said = await caller.post("/users/email", {"new_email": email, "password": PASSWORD})
    assert said.status == 202


async def move(house: House, caller: Caller, email: str) -> None:
    await ask_for_move(caller, email)
    said = await house.nobody.post("/auth/confirm-address", {"token": await house.link(email)})
    assert said.status == 200


async def mails_in_export(caller: Caller) -> list[tuple[str, str]]:
    """Return recipient and template of each mail in somebody's export."""
    export = Export.model_validate((await caller.get("/users/export")).body["account"])
    return sorted((mail.recipient, mail.template) for mail in export.mails)


async def test_mails_to_former_and_wanted_addresses_are_exported_and_never_sent_when_the_account_goes(
    house: House,
) -> None:
    await house.people(FORMER)  # whose mails wait: no mail server is there
    await house.nobody.post("/auth/reset-password/request", {"email": FORMER.email})
    await house.run("UPDATE mails SET user_id = NULL")  # as code of before left it
    await move(house, await house.sign_in(FORMER), MOVED.email)
    ann = await house.sign_in(MOVED)
    await ask_for_move(ann, WANTED)

    assert await mails_in_export(ann) == [
        (MOVED.email, "verify_email"),
        (WANTED, "verify_email"),
        (FORMER.email, "email_changed"),
        (FORMER.email, "reset_password"),
    ]
    assert len(await house.mails(WANTED)) == 1
    assert (await ann.post("/users/deletion", {"password": PASSWORD})).status == 204

    assert await house.run("TABLE mails") == []


async def test_mails_of_whoever_has_an_address_now_stay_theirs_when_its_former_account_goes(house: House) -> None:
    await house.people(FORMER, BOB)
    await move(house, await house.sign_in(FORMER), MOVED.email)
    ann = await house.sign_in(MOVED)
    await move(house, await house.sign_in(BOB), FORMER.email)
    bob = await house.sign_in(NewUser(email=FORMER.email, name="Bob"))
    of_bob = [(BOB.email, "email_changed"), (FORMER.email, "verify_email")]

    assert await mails_in_export(bob) == of_bob
    assert await mails_in_export(ann) == [(MOVED.email, "verify_email"), (FORMER.email, "email_changed")]
    assert (await ann.post("/users/deletion", {"password": PASSWORD})).status == 204

    assert await mails_in_export(bob) == of_bob


async def test_export_says_the_same_of_a_wanted_address_when_it_has_an_account(house: House) -> None:
    ann, bob = await house.sign_in(ANN), await house.sign_in(BOB)
    await ask_for_move(ann, BOB.email)
    await ask_for_move(ann, WANTED)

    assert await mails_in_export(ann) == [(BOB.email, "verify_email"), (WANTED, "verify_email")]
    assert await mails_in_export(bob) == [(BOB.email, "account_exists")]


async def test_nobody_elses_wish_for_an_address_is_remembered_when_who_left_it_goes(house: House) -> None:
    await house.people(FORMER, BOB)
    await ask_for_move(await house.sign_in(BOB), FORMER.email)
    await move(house, await house.sign_in(FORMER), MOVED.email)
    ann = await house.sign_in(MOVED)
    assert (await ann.post("/users/deletion", {"password": PASSWORD})).status == 204
    assert await house.run("TABLE mails") == []


async def test_chain_holds_when_an_account_was_deleted(house: House) -> None:
    ann = await house.sign_in(ANN)
    await ann.post("/users/deletion", {"password": PASSWORD})
    assert (await house.verify_trail()).erased > 0


async def test_account_stays_when_its_deletion_is_refused(house: House) -> None:
    ann, eve = await house.sign_in(ANN), await house.sign_in(EVE)
    wrong = await ann.post("/users/deletion", {"password": "Wrong horse 1"})
    assert (wrong.status, wrong.wrong) == (400, ["password"])
    last = await eve.post("/users/deletion", {"password": PASSWORD})
    assert (last.status, last.body["detail"]) == (409, "This is the last administrator")
    assert (await house.nobody.post("/users/deletion", {"password": PASSWORD})).status == 401
    assert (await ann.get("/users/profile")).status == (await eve.get("/users/profile")).status == 200


async def test_account_stays_when_the_password_is_another_since_it_was_checked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await house.sign_in(ANN)
    matches = Passwords.matches

    async def checked_slowly(self: Passwords, password: str, stored: str | None) -> bool:
        is_right = await matches(self, password, stored)
        await house.run("UPDATE users SET password_hash = 'another' WHERE name = 'Ann'")
        return is_right

    monkeypatch.setattr(Passwords, "matches", checked_slowly)
    said = await ann.post("/users/deletion", {"password": PASSWORD})

    assert (said.status, said.wrong) == (400, ["password"])
    assert await house.run("SELECT FROM users WHERE name = 'Ann'")


async def test_browser_forgets_its_session_when_its_account_was_deleted(house: House) -> None:
    ann = await house.sign_in(ANN)
    said = await house.nobody.ask(
        "POST", "/users/deletion", {"password": PASSWORD}, Cookie=f"__Host-session={ann.token}"
    )
    assert said.status == 204
    assert all("Max-Age=0" in line for line in said.headers.getall("Set-Cookie"))
