"""Taking one's data along, and going; from HTTP to the store and back."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import asyncpg
import pytest

from agent.accounts.users import NewUser
from agent.db.pools import Pool
from agent.db.queries import Query
from bridge.contracts.accounts import Tokens
from bridge.contracts.leaving import ENTRIES_MAX, Export
from bridge.contracts.operation import Nothing
from bridge.server import CallerContext
from tests.integration.agent.accounts.conftest import Accounts, soon
from tests.integration.agent.accounts.house import ANN, BOB, EVE, House, open_house
from tests.integration.agent.conftest import StoreDsns
from tests.integration.agent.machine import PASSWORD, RECORDS
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(30)]  # the first waits for the house
NEW = "Another horse 2"
GONE = NewUser(email="gone@example.org", name="Ann")  # no other test's, whose entries stay in the trail
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
    deeds = {entry.operation: entry for entry in export.entries}
    assert deeds["users.change"].new == {"role": "technician"}
    assert not deeds["users.change"].by_you
    assert {"users.add", "accounts.sign_in", "users.profile.change", "accounts.request_reset"} <= deeds.keys()
    text = json.dumps(said.body)
    for other in ("Eve Hidden", "password_hash", "$2b$", BOB.email):
        assert other not in text
    assert (await ann.get("/users/activity")).body["items"][0]["operation"] == "users.export"
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


async def test_export_of_an_administrator_holds_nothing_of_whom_they_changed(house: House) -> None:
    ann, eve = await house.sign_in(ANN), await house.sign_in(EVE)
    await eve.put(f"/users/{ann.id}", {"name": "Zwieselfink"})
    said = await eve.get("/users/export")
    assert "users.change" in {entry["operation"] for entry in said.body["account"]["entries"]}
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


async def test_browser_forgets_its_session_when_its_account_was_deleted(house: House) -> None:
    ann = await house.sign_in(ANN)
    said = await house.nobody.ask(
        "POST", "/users/deletion", {"password": PASSWORD}, Cookie=f"__Host-session={ann.token}"
    )
    assert said.status == 204
    assert all("Max-Age=0" in line for line in said.headers.getall("Set-Cookie"))
