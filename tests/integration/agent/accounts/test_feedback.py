"""Writing to the owner; from HTTP to the store and the outbox."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from html import escape
from pathlib import Path

import pytest
import pytest_asyncio

from agent.db.queries import Query
from bridge.contracts.feedback import GIVE_FEEDBACK, FeedbackEntry, GiveFeedback
from bridge.errors import Code
from bridge.server import CallerContext
from tests.integration.agent.accounts.browser import Browser
from tests.integration.agent.accounts.conftest import Accounts, soon
from tests.integration.agent.accounts.house import ANN, BOB, EVE, House, open_house
from tests.integration.agent.accounts.test_operations import code_of
from tests.integration.agent.conftest import AGENT_ROLE, StoreDsns
from tests.integration.agent.machine import PASSWORD
from tests.postgres import PostgresServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

DELETE = Query("test.delete", "DELETE FROM users", "Delete everybody.")
OWNER = "owner@example.org"
TEXT = "Zwieselfink: the chart of May <b>is empty</b>.\nAnd $message too."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def owned_house(
    postgres_server: PostgresServer, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """Give one appliance whose owner has an address, to all tests of this module."""
    folder: Path = tmp_path_factory.mktemp("owned")
    mail = {
        "host": "127.0.0.1", "port": 1, "sender": "keep@example.org", "site": "https://home.example.org",
        "key_file": str(folder / "mail.key"), "owner": OWNER,
    }  # fmt: skip
    limits = {
        "sign_in_per_account": 1000, "sign_in_per_address": 1000, "feedback_per_account": 2, "feedback_per_address": 3
    }  # fmt: skip
    with postgres_server.fresh_database(template=migrated_template) as owner:
        name = owner.partition("@/")[2].partition("?")[0]
        dsns = StoreDsns(owner=owner, agent=postgres_server.dsn(name, user=AGENT_ROLE, password="test-agent"))
        async with open_house(folder, dsns, mail=mail, limits=limits) as opened:
            yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def home(owned_house: House) -> House:
    await owned_house.people(ANN, BOB, EVE)
    return owned_house


@pytest.mark.story("hub/IH-024.4")
@pytest.mark.parametrize("path", ["/feedback", "/api/v1/feedback"])
async def test_feedback_is_stored_and_mailed_when_there_is_an_owner(home: House, path: str) -> None:
    ann = await home.sign_in(ANN)

    said = await ann.post(path, {"topic": "the chat", "message": TEXT})

    assert said.status == 201
    [row] = await home.run("TABLE feedback")
    assert (str(row["id"]), str(row["user_id"])) == (said.body["id"], ann.id)
    assert (row["topic"], row["message"]) == ("the chat", TEXT)
    [mail] = await home.mails(OWNER)
    assert mail.subject == "Feedback from home.example.org"
    assert ANN.email in mail.text
    assert "the chat" in mail.text
    assert TEXT in mail.text.replace("\r\n", "\n")


async def test_feedback_says_that_it_is_of_the_website_when_no_topic_is_given(home: House) -> None:
    await (await home.sign_in(ANN)).post("/feedback", {"message": "Well done"})
    assert [row["topic"] for row in await home.run("TABLE feedback")] == ["the website"]


async def test_feedback_leaves_nothing_of_its_text_elsewhere_when_it_was_given(home: House) -> None:
    ann = await home.sign_in(ANN)
    await ann.post("/feedback", {"topic": "Zwieselfink", "message": TEXT})
    tables = [row["tablename"] for row in await home.run("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    holding = [table for table in tables if "Zwieselfink" in str([*map(tuple, await home.run(f"TABLE {table}"))])]
    assert holding == ["feedback"]
    [entry] = await home.run("SELECT * FROM audit WHERE operation = 'users.feedback.give' ORDER BY number DESC LIMIT 1")
    assert (str(entry["user_id"]), entry["entity"], entry["payload"]) == (ann.id, "feedback", None)
    assert TEXT not in repr(GiveFeedback(topic="Zwieselfink", message=TEXT))
    assert "Zwieselfink" not in repr(GiveFeedback(topic="Zwieselfink", message=TEXT))


async def test_feedback_is_limited_when_an_account_or_an_address_gave_enough(home: House) -> None:
    ann, bob = await home.sign_in(ANN), await home.sign_in(BOB)
    first = [(await ann.post("/feedback", {"message": "Again"})).status for _ in range(3)]
    refused = await bob.post("/feedback", {"message": "One"}), await bob.post("/feedback", {"message": "Two"})
    assert first == [201, 201, 429]  # and what was refused costs the others of the same address nothing
    assert [said.status for said in refused] == [201, 429]
    assert int(refused[1].headers["Retry-After"]) > 600
    assert len(await home.run("TABLE feedback")) == len(await home.mails(OWNER)) == 3


@pytest.mark.parametrize(
    "body",
    [{}, {"message": ""}, {"message": " "}, {"message": "x" * 4001}, {"message": "a\x00b"},
     {"message": "x", "topic": ""}, {"message": "x", "topic": "a\nb"}, {"message": "x", "topic": "x" * 101},
     {"message": "x", "address": "192.0.2.1"}],
)  # fmt: skip
async def test_feedback_is_refused_when_it_is_no_text_of_its_size(home: House, body: dict[str, str]) -> None:
    assert (await (await home.sign_in(ANN)).post("/feedback", body)).status == 400
    assert await home.run("TABLE feedback") == []


async def test_feedback_is_refused_when_nobody_is_signed_in(home: House) -> None:
    assert (await home.nobody.post("/feedback", {"message": "Hello"})).status == 401


async def test_feedback_goes_with_its_mail_when_its_account_is_deleted(home: House) -> None:
    ann, bob = await home.sign_in(ANN), await home.sign_in(BOB)
    for caller in (ann, bob):
        assert (await caller.post("/feedback", {"message": TEXT})).status == 201
    assert (await ann.post("/users/deletion", {"password": PASSWORD})).status == 204
    assert [str(row["user_id"]) for row in await home.run("TABLE feedback")] == [bob.id]
    assert [BOB.email in mail.text for mail in await home.mails(OWNER)] == [True]


async def test_feedback_is_only_stored_when_there_is_no_owner(house: House) -> None:
    assert (await (await house.sign_in(ANN)).post("/feedback", {"message": TEXT})).status == 201
    assert [row["message"] for row in await house.run("TABLE feedback")] == [TEXT]
    assert await house.run("TABLE mails") == []


async def test_administrators_read_what_people_wrote_when_they_ask_the_newest_first(house: House) -> None:
    ann, bob, eve = [await house.sign_in(who) for who in (ANN, BOB, EVE)]
    for number, caller in enumerate((ann, bob, ann)):
        assert (await caller.post("/feedback", {"topic": f"<b>{number}", "message": TEXT})).status == 201
    await house.run("UPDATE feedback SET created_at = '2026-05-01T20:00Z' WHERE topic <> '<b>2'")  # two at once

    first = await eve.get("/api/v1/feedback?limit=2")
    second = await eve.get(f"/feedback?limit=2&cursor={first.body['next']}")

    found = first.body["items"] + second.body["items"]
    assert first.body["items"][0]["topic"] == "<b>2"
    assert {(each["topic"], each["email"], each["name"], each["message"]) for each in found} == {
        ("<b>0", ANN.email, ANN.name, TEXT), ("<b>1", BOB.email, BOB.name, TEXT), ("<b>2", ANN.email, ANN.name, TEXT)
    }  # fmt: skip
    assert (second.body["next"], 'rel="next"' in first.headers["Link"], "Link" in second.headers) == (None, True, False)
    assert [(await caller.get("/feedback")).status for caller in (ann, bob, house.nobody)] == [403, 403, 401]
    for cursor in ("x", urlsafe_b64encode(b"[1,%d]" % (1 << 128)).decode()):
        assert (await eve.get(f"/feedback?cursor={cursor}")).wrong == ["cursor"]
    assert "Zwieselfink" not in repr(FeedbackEntry.model_validate(found[0]))


async def test_feedback_is_given_on_a_page_and_read_on_another(house: House) -> None:
    await (await house.sign_in(EVE)).put("/users/profile", {"time_zone": "Asia/Kolkata"})
    ann, eve = [await Browser(house.http).sign_in(who.email) for who in (ANN, EVE)]
    assert "Nobody wrote yet." in await eve.open("/accounts/feedback")

    await ann.open("/account/feedback")
    await ann.send("/account/feedback", topic="x" * 101, message="Kept")
    assert (ann.status, ann.wrong, ">\nKept</textarea>" in ann.text) == (400, ["topic"], True)
    said = await ann.send("/account/feedback", topic=" ", message=TEXT.replace("\n", "\r\n"))
    assert "Thank you." in said
    assert [row["message"] for row in await house.run("TABLE feedback")] == [TEXT]

    await house.run("UPDATE feedback SET created_at = '2026-05-01T20:00Z'")
    await eve.open("/accounts/feedback")
    assert "<bdi>the website</bdi>" in eve.text
    assert "2 May 2026, 01:30" in eve.text
    assert escape(TEXT, quote=False) in eve.text
    await ann.open("/accounts/feedback")
    assert ann.status == 403


async def test_what_people_wrote_leads_on_when_there_is_more(house: House) -> None:
    await house.run("""
        INSERT INTO feedback
        SELECT gen_random_uuid(), (SELECT id FROM users WHERE name = 'Ann'), 't', 'number ' || n,
               now() - n * interval '1 s'
        FROM generate_series(1, 51) AS n
    """)
    eve = await Browser(house.http).sign_in(EVE.email)
    await eve.open("/accounts/feedback")
    assert "number 51<" not in eve.text
    more = eve.text.partition('href="/accounts/feedback?cursor=')[2].partition('"')[0]
    await eve.open(f"/accounts/feedback?cursor={more}")
    assert ("number 51<" in eve.text, 'rel="next"' in eve.text) == (True, False)


@pytest.mark.asyncio(loop_scope="function")
async def test_feedback_is_kept_once_when_it_is_sent_again(accounts: Accounts) -> None:
    caller = await accounts.caller((await accounts.sign_in()).access_token)
    context = CallerContext(caller, "0" * 32, "", soon(), "key-1", "sha-256=:x:")
    handler = accounts.feedback.handlers[GIVE_FEEDBACK]
    first, again = [await handler(context, GiveFeedback(message="Hello")) for _ in range(2)]
    assert first == again


@pytest.mark.asyncio(loop_scope="function")
async def test_feedback_finds_nobody_when_its_account_was_deleted_meanwhile(accounts: Accounts) -> None:
    caller = await accounts.caller((await accounts.sign_in()).access_token)
    context = CallerContext(caller, "0" * 32, "", soon(), "key-1", "sha-256=:x:")
    await accounts.store.execute(DELETE, deadline=soon())
    assert await code_of(accounts.feedback.give(context, GiveFeedback(message="Hello"))) is Code.NOT_FOUND
