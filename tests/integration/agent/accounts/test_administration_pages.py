"""Everybody's accounts as pages, from the forms in them to the store."""

from __future__ import annotations

import pytest

from agent.accounts.users import NewUser
from bridge.contracts.operation import Role
from tests.integration.agent.accounts.browser import Browser
from tests.integration.agent.accounts.house import ANN, BOB, EVE, House, soon
from tests.integration.agent.machine import PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="module")
NEW = "Another horse 2"


async def opened(house: House, user: NewUser) -> tuple[Browser, str]:
    """Return Eve's browser at somebody's account, and its path."""
    browser = await Browser(house.http).sign_in(EVE.email)
    user_id = (await house.sign_in(user)).id
    path = f"/accounts/{user_id}"
    await browser.open(path)
    assert f"<h1>{user.email}</h1>" in browser.text
    return browser, path


async def can_sign_in(house: House, user: NewUser) -> bool:
    said = await house.nobody.post("/auth/login", {"email": user.email, "password": PASSWORD})
    return said.status == 200


async def test_pages_are_for_administrators_alone(house: House) -> None:
    user_id = (await house.sign_in(EVE)).id
    for user in (ANN, BOB):
        browser = await Browser(house.http).sign_in(user.email)
        assert 'href="/accounts"' not in await browser.open("/account")
        for path in ("/accounts", "/accounts/new", "/accounts/invitations", f"/accounts/{user_id}"):
            assert "Your account may not do this." in await browser.open(path)
        for path in (
            "invite",
            "invitations/resend",
            "invitations/withdraw",
            "create",
            f"{user_id}/change",
            f"{user_id}/enable",
            f"{user_id}/delete",
        ):
            await browser.post(
                f"/accounts/{path}", {"email": "a@b.c", "name": "A", "password": NEW, "again": NEW, "id": user_id}
            )
            assert browser.status == 403
    eve = await Browser(house.http).sign_in(EVE.email)
    assert 'href="/accounts"' in await eve.open("/account")
    await eve.open("/users")
    assert eve.path == "/accounts"


async def test_list_is_of_those_who_match_when_it_is_filtered(house: House) -> None:
    browser = await Browser(house.http).sign_in(EVE.email)
    for query, found in (
        ("", [ANN, BOB, EVE]), ("text=b%40b&role=&is_active=", []), ("text=BOB&role=&is_active=", [BOB]),
        ("text=&role=admin&is_active=true", [EVE]), ("is_active=false", []),
    ):  # fmt: skip
        await browser.open(f"/accounts?{query}")
        assert [user for user in (ANN, BOB, EVE) if f">{user.email}</a>" in browser.text] == found
    assert "No account matches." in browser.text
    assert '<option value="false" selected>' in browser.text
    await browser.open("/accounts?role=king")
    assert browser.status == 400


async def test_list_leads_on_when_there_are_more(house: House) -> None:
    for number in range(50):
        await house.users.add(NewUser(email=f"c{number:02}@example.org", name="C"), PASSWORD, deadline=soon())
    browser = await Browser(house.http).sign_in(EVE.email)
    await browser.open("/accounts?text=example")
    more = browser.text.partition('href="/accounts?text=example')[2].partition('"')[0]
    assert f">{EVE.email}</a>" not in browser.text
    await browser.open("/accounts?text=example" + more.replace("&amp;", "&"))
    assert f">{EVE.email}</a>" in browser.text
    assert 'rel="next"' not in browser.text


async def test_somebody_is_invited_and_made_when_the_forms_are_filled_in(house: House) -> None:
    browser = await Browser(house.http).sign_in(EVE.email)
    await browser.open("/accounts/new")
    await browser.send("/accounts/invite", email=ANN.email, name="Ann", role="viewer")
    assert (browser.status, browser.wrong, f'value="{ANN.email}"' in browser.text) == (409, ["email"], True)
    assert '<details class="part">' in browser.text
    assert "The invitation is on its way." in await browser.send(
        "/accounts/invite", email="carl@example.org", name="Carl", role="technician"
    )
    await house.link("carl@example.org")

    await browser.open("/accounts/new")
    typed = {"email": "dora@example.org", "name": "Dora", "role": "admin", "username": "dora"}
    await browser.send("/accounts/create", **typed, password="weak", again="weak")
    assert (browser.wrong, '<details class="part" open>' in browser.text) == (["password"], True)
    assert '<option value="admin" selected>' in browser.text
    await browser.send("/accounts/create", **typed, password=NEW, again=NEW)
    assert "The account is there." in browser.text
    assert "<h1>dora@example.org</h1>" in browser.text
    dora = await house.sign_in(NewUser(email="dora@example.org", name="Dora"), NEW)
    assert dora.tokens["user"]["role"] == Role.ADMIN


async def test_invitations_are_shown_and_withdrawn_when_they_are_open(house: House) -> None:
    browser = await Browser(house.http).sign_in(EVE.email)
    assert "No invitation is open." in await browser.open("/accounts/invitations")
    eve = await house.sign_in(EVE)
    for number in range(51):
        body = {"email": f"c{number:02}@example.org", "name": f"<b>C{number:02}", "role": "technician"}
        assert (await eve.post("/users/invitations", body)).status == 201
    await browser.open("/accounts/invitations")
    assert "<bdi>&lt;b&gt;C00</bdi>" in browser.text
    assert f", by {EVE.email}</p>" in browser.text
    assert "c50@example.org" not in browser.text
    more = browser.text.partition('href="/accounts/invitations?cursor=')[2].partition('"')[0]

    await browser.open(f"/accounts/invitations?cursor={more}")
    assert ("c50@example.org" in browser.text, 'rel="next"' in browser.text) == (True, False)
    assert "The invitation is withdrawn" in await browser.send("/accounts/invitations/withdraw")
    await browser.open(f"/accounts/invitations?cursor={more}")
    assert "No invitation is open." in browser.text

    await browser.open("/accounts/invitations")
    await house.run("DELETE FROM one_time_tokens")
    assert "That invitation is no longer open" in await browser.send("/accounts/invitations/withdraw")


async def test_invitation_is_mailed_again_when_the_button_is_pressed(house: House) -> None:
    browser = await Browser(house.http).sign_in(EVE.email)
    await browser.open("/accounts/new")
    await browser.send("/accounts/invite", email="carl@example.org", name="Carl", role="viewer")
    assert "on its way again, with a new link" in await browser.send("/accounts/invitations/resend")
    await browser.send("/accounts/invitations/resend")
    assert "mailed several times within the hour" in await browser.send("/accounts/invitations/resend")
    await house.users.add(NewUser(email="carl@example.org", name="Carl"), PASSWORD, deadline=soon())
    assert "That address has an account by now." in await browser.send("/accounts/invitations/resend")
    await house.run("DELETE FROM one_time_tokens")
    assert "That invitation is no longer open" in await browser.send("/accounts/invitations/resend")


async def test_times_are_in_the_administrators_time_zone(house: House) -> None:
    eve = await house.sign_in(EVE)
    await eve.put("/users/profile", {"time_zone": "Asia/Kolkata"})
    await house.run("UPDATE users SET created_at = '2026-05-01T20:00Z'")
    browser, _path = await opened(house, ANN)
    assert "2 May 2026, 01:30 (Asia/Kolkata)" in browser.text
    assert "Times are in Asia/Kolkata." in await browser.open("/accounts")
    assert "Times are in Asia/Kolkata." in await browser.open("/accounts/invitations")


async def test_account_is_another_when_it_was_changed(house: House) -> None:
    browser, path = await opened(house, ANN)
    await browser.send(f"{path}/change", name="", role="technician", username="a b")
    assert (browser.wrong, 'value="a b"' in browser.text) == (["name", "username"], True)
    await browser.send(f"{path}/change", name="Ann Lee", role="technician", username="ann")
    assert "The account is changed." in browser.text
    assert (await house.sign_in(ANN)).tokens["user"]["role"] == Role.TECHNICIAN

    eve = await house.sign_in(EVE)
    await eve.put(f"/users{path.removeprefix('/accounts')}", {"name": "Faster"})
    await browser.send(f"{path}/change", name="Typed", role="viewer")
    assert ("It was changed elsewhere" in browser.text, 'value="Typed"' in browser.text) == (True, True)
    assert "The account is changed." in await browser.send(f"{path}/change", name="Typed", role="viewer")


async def test_account_is_locked_out_when_the_box_was_ticked_alone(house: House) -> None:
    browser, path = await opened(house, ANN)
    ann = await Browser(house.http).sign_in(ANN.email)
    for action in ("sign-out", "disable"):
        await browser.send(f"{path}/{action}")
        assert (browser.status, "This needs the box to be ticked." in browser.text) == (400, True)
    await ann.open("/account")
    assert ann.path == "/account"

    assert "signed out everywhere." in await browser.send(f"{path}/sign-out", confirm="on")
    await ann.open("/account")
    assert ann.path.startswith("/sign-in")
    assert "The account is disabled" in await browser.send(f"{path}/disable", confirm="on")
    assert not await can_sign_in(house, ANN)
    assert "The account is enabled again." in await browser.send(f"{path}/enable")
    assert "They can sign in" in (await browser.send(f"{path}/unlock")).replace("they", "They")
    assert await can_sign_in(house, ANN)


async def test_account_is_gone_when_its_address_was_typed(house: House) -> None:
    browser, path = await opened(house, ANN)
    await browser.send(f"{path}/delete", address="bob@example.org")
    assert (browser.status, browser.wrong, await can_sign_in(house, ANN)) == (400, ["address"], True)
    assert "The account is deleted." in await browser.send(f"{path}/delete", address=f" {ANN.email.upper()} ")
    assert not await can_sign_in(house, ANN)
    await browser.open(path)
    assert browser.status == 404


async def test_last_administrator_stays_one_when_they_try_on_their_own_page(house: House) -> None:
    browser, path = await opened(house, EVE)
    await browser.send(f"{path}/change", name="Eve", role="viewer")
    assert "This needs the box to be ticked." in browser.text
    await browser.send(f"{path}/change", name="Eve", role="viewer", confirm="on")
    assert (browser.status, "This is the last administrator." in browser.text) == (409, True)
    await browser.send(f"{path}/disable", confirm="on")
    assert "This is the last administrator." in browser.text
    await browser.send(f"{path}/delete", address=EVE.email)
    assert "This is the last administrator." in browser.text
    assert await can_sign_in(house, EVE)
