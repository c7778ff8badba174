"""The audit trail over HTTP: for administrators, and for each person who looked at their records."""

from __future__ import annotations

import asyncio
from urllib.parse import quote
from uuid import UUID

import pytest

from agent.audit.looks import Looks
from bridge.contracts.audit import AuditEntries
from bridge.contracts.audit import Looks as LooksPage
from bridge.contracts.health import LIST
from bridge.contracts.operation import Role
from bridge.process.clock import SystemClock
from bridge.server import CallerContext, UserCaller
from tests.integration.agent.accounts.conftest import soon
from tests.integration.agent.accounts.house import ANN, BOB, EVE, Caller, House

pytestmark = pytest.mark.asyncio(loop_scope="module")

HTML = {"Accept": "text/html"}


async def page(caller: Caller, path: str) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {caller.token}", **HTML}
    async with caller.http.get(f"http://localhost{path}", headers=headers, allow_redirects=False) as response:
        assert "unsafe-inline" not in response.headers["Content-Security-Policy"]
        return response.status, await response.text()


@pytest.mark.story("water/FR-082")
@pytest.mark.parametrize("path", ["/audit-logs", "/api/v1/audit-logs"])
async def test_audit_logs_are_told_to_administrators_alone(house: House, path: str) -> None:
    eve = await house.sign_in(EVE)
    said = await eve.get(path)
    assert said.status == 200
    entries = AuditEntries.model_validate(said.body)
    assert (entries.items[0].action, entries.items[0].user_email) == ("accounts.sign_in", EVE.email)
    for user in (ANN, BOB):
        assert (await (await house.sign_in(user)).get(path)).status == 403
    assert (await house.nobody.get(path)).status == 401


@pytest.mark.story("water/FR-083", "water/US-3.4")
async def test_audit_logs_are_those_that_match_when_filtered(house: House) -> None:
    ann, eve = await house.sign_in(ANN), await house.sign_in(EVE)
    await ann.put("/users/profile", {"name": "Ann Lee"})

    async def found(query: str) -> list[tuple[str, str | None]]:
        said = await eve.get(f"/audit-logs?{query}")
        assert said.status == 200, said
        return [(entry["action"], entry["user_email"]) for entry in said.body["items"]]

    signed_in, changed = ("accounts.sign_in", ANN.email), ("users.profile.change", ANN.email)
    assert (await found(f"user={ANN.email.upper()}"))[:2] == [changed, signed_in]
    assert (await found(f"user={ann.id}&action=accounts.sign_in"))[0] == signed_in
    assert set(await found(f"user={ann.id}&entity_type=account")) == {changed}
    assert await found("user=nobody@example.org") == []
    assert await found("from=2026-01-01&to=2026-01-02&entity_type=account&entity_id=none") == []
    assert signed_in in await found("from=2020-01-01T00:00:00Z")


async def test_audit_logs_name_the_next_page_when_there_is_one(house: House) -> None:
    eve = await house.sign_in(EVE)
    first = await eve.get("/audit-logs?limit=2")
    link = first.headers["Link"]
    assert link.endswith('>; rel="next"')
    second = await eve.get(link[1:].partition(">")[0])
    numbers = [entry["number"] for said in (first, second) for entry in said.body["items"]]
    assert numbers == list(range(numbers[0], numbers[0] - 4, -1))


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("from=yesterday", "from"), ("to=2026-13-01", "to"), ("from=2026-01-01T00:00:00", "from"), ("user=ann", "user"),
        ("limit=201", "limit"), ("action=", "action"), ("colour=red", "colour"), ("user=a@b&user=c@d", "user"),
        ("cursor=x", "cursor"), ("from=0001-01-01", "from"),
    ],
)  # fmt: skip
async def test_audit_logs_name_the_parameter_when_it_is_wrong(house: House, query: str, wrong: str) -> None:
    said = await (await house.sign_in(EVE)).get(f"/audit-logs?{query}")
    assert said.status == 400
    assert said.wrong == [wrong]


async def test_audit_page_shows_what_was_changed_when_an_administrator_asks(house: House) -> None:
    ann, eve = await house.sign_in(ANN), await house.sign_in(EVE)
    await ann.put("/users/profile", {"name": "<b>Ann</b>"})

    status, text = await page(eve, "/audit?from=&to=&user=&action=users.profile.change&entity_type=&entity_id=")

    assert status == 200
    assert "<ins>&lt;b&gt;Ann&lt;/b&gt;</ins>" in text
    assert "<b>Ann" not in text
    assert f"by {ANN.email}" in text
    assert "Dates and times are in UTC." in text
    assert 'value="users.profile.change"' in text
    assert "accounts.sign_in</strong>" not in text
    status, text = await page(eve, "/audit?entity_type=nothing+of+ours")
    assert (status, "No entry matches." in text) == (200, True)


async def test_audit_page_leads_to_older_entries_when_there_are_any(house: House) -> None:
    eve = await house.sign_in(EVE)
    _, text = await page(eve, "/audit?limit=1&action=accounts.sign_in")
    older = text.partition('href="/audit?limit=1')[2].partition('"')[0]
    status, text = await page(eve, "/audit?limit=1" + older.replace("&amp;", "&"))
    assert status == 200
    assert text.count('<span class="number">') == 1


async def test_audit_page_says_what_is_wrong_beside_it_when_a_filter_is(house: House) -> None:
    eve = await house.sign_in(EVE)
    status, text = await page(eve, "/audit?from=soon&user=" + quote("<ann>"))
    assert status == 400
    assert 'id="wrong-from">must be a date' in text
    assert '<input name="from" type="text" value="soon"' in text
    assert '<input name="to" type="date" value=""' in text
    assert 'value="&lt;ann&gt;"' in text
    assert "<ann>" not in text
    status, text = await page(eve, "/audit?limit=nine")
    assert (status, '<p class="notice notice-wrong" role="alert">limit ' in text) == (400, True)
    assert (await page(await house.sign_in(ANN), "/audit?from=soon"))[0] == 403


async def test_pages_lead_to_the_sign_in_page_when_nobody_is_signed_in(house: House) -> None:
    for path in ("/audit", "/account/seen"):
        async with house.http.get(f"http://localhost{path}", headers=HTML, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (303, f"/sign-in?next={path}")


async def test_looks_are_shown_to_whom_the_records_belong_when_they_ask(house: House) -> None:
    ann, bob = await house.sign_in(ANN), await house.sign_in(BOB)
    status, text = await page(ann, "/account/seen")
    assert (status, "Nobody yet." in text, f"Times are in {ANN.time_zone}." in text) == (200, True, True)
    await house.users.add_grant(ANN.email, "health", "p-7", deadline=soon())
    for who in (ann, bob):
        caller = UserCaller(UUID(who.id), UUID(who.id), Role.VIEWER, 1)
        context = CallerContext(caller, "", "", soon(), "", "")
        await Looks(house.owner, SystemClock()).record(context, LIST, app="health", person="p-7")

    while not (said := await ann.get("/api/v1/account/seen?limit=1")).body["items"]:  # noqa: ASYNC110 - no event of ours
        await asyncio.sleep(0.01)  # until the agent has heard of the link
    looks = LooksPage.model_validate(said.body)
    assert [(look.by, look.is_self) for look in looks.items] == [("Bob", False)]
    assert 'rel="next"' in said.headers["Link"]
    status, text = await page(ann, "/account/seen")
    assert status == 200
    assert text.index("<strong>Bob</strong>") < text.index("<strong>you</strong>")
    assert "the records themselves" in text
    assert (await bob.get("/api/v1/account/seen")).body["items"] == []
    assert (await house.nobody.get("/api/v1/account/seen")).status == 401
    assert (await ann.get("/api/v1/account/seen?person=p-8")).wrong == ["person"]
