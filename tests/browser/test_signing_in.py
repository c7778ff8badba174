from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.appliance import Site
from tests.browser.tab import Tab

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

QUESTION = "How often did I have a migraine in all?"


async def test_page_leads_to_sign_in_and_back_when_nobody_is_signed_in(visitor: Tab) -> None:
    await visitor.open()
    await expect(visitor.page).to_have_url(f"{visitor.site.url}/sign-in?next=/")
    await expect(visitor.page.get_by_label("E-mail")).to_be_focused()

    await visitor.fill_in(visitor.site.access.email, visitor.site.access.password)

    await expect(visitor.page).to_have_url(f"{visitor.site.url}/")
    await expect(visitor.page.get_by_role("log")).to_contain_text("What would you like to know?")


async def test_form_says_what_is_wrong_and_keeps_the_email_when_the_password_is_wrong(visitor: Tab) -> None:
    visitor.expect_status(401)
    await visitor.open()

    await visitor.fill_in(visitor.site.access.email, "not-the-password")

    await expect(visitor.page.get_by_role("alert")).to_contain_text("Check both and try again")
    await expect(visitor.page.get_by_label("E-mail")).to_have_value(visitor.site.access.email)
    await expect(visitor.page.get_by_label("Password")).to_have_value("")
    await expect(visitor.page.get_by_label("Password")).to_be_focused()
    assert "not-the-password" not in await visitor.page.content()

    await visitor.page.keyboard.type(visitor.site.access.password)
    await visitor.page.keyboard.press("Enter")
    await expect(visitor.message).to_be_visible()


async def test_session_is_kept_from_scripts_when_signed_in(anna: Tab) -> None:
    cookies = {cookie["name"]: cookie for cookie in await anna.context.cookies()}

    assert set(cookies) == {"__Host-session", "__Host-name", "__Secure-refresh"}
    assert all(cookie["httpOnly"] and cookie["secure"] and cookie["sameSite"] == "Lax" for cookie in cookies.values())
    assert await anna.page.evaluate("document.cookie") == ""


@pytest.mark.story("todo/EC.3")
async def test_session_is_renewed_unseen_when_only_the_access_token_is_no_longer_good(anna: Tab) -> None:
    anna.expect_status(401)
    [kept] = [cookie for cookie in await anna.context.cookies() if cookie["name"] == "__Host-session"]
    worn = kept["value"][:-8] + "AAAAAAAA"
    await anna.context.add_cookies([{"name": kept["name"], "value": worn, "url": anna.site.url, "secure": True}])

    answer = await anna.ask(QUESTION)

    assert "migraine" in answer
    await expect(anna.page).to_have_url(f"{anna.site.url}/")


async def test_typed_question_survives_signing_in_again_when_the_session_has_ended(anna: Tab) -> None:
    anna.expect_status(401)
    first = await anna.ask(QUESTION)
    other = await anna.context.new_page()
    await other.goto(anna.site.url)
    await other.get_by_role("button", name="Sign out").click()
    await expect(other.get_by_role("status")).to_have_text("You are signed out.")

    await anna.message.fill("And the worst one?")
    await anna.page.keyboard.press("Enter")
    await expect(anna.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await anna.fill_in(anna.site.access.email, anna.site.access.password)

    await expect(anna.message).to_have_value("And the worst one?")
    await expect(anna.message).to_be_focused()
    await expect(anna.answers.first).to_contain_text(first)


async def test_nothing_is_left_to_see_when_signed_out_and_going_back(anna: Tab) -> None:
    answer = await anna.ask(QUESTION)

    await anna.page.get_by_role("button", name="Sign out").click()
    await expect(anna.page.get_by_role("status")).to_have_text("You are signed out.")
    await anna.page.go_back()

    await expect(anna.page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert answer not in await anna.page.content()
    assert await anna.page.evaluate("sessionStorage.length") == 0
    assert await anna.context.cookies() == []


async def test_conversation_of_somebody_else_is_not_shown_when_the_tab_has_one(anna: Tab) -> None:
    await anna.ask(QUESTION)
    await anna.page.evaluate(
        """() => {
            const kept = JSON.parse(sessionStorage.getItem("drawbridge.conversation"));
            sessionStorage.setItem("drawbridge.conversation", JSON.stringify({...kept, account: "somebody else"}));
        }"""
    )

    await anna.page.reload()

    await expect(anna.answers).to_have_count(0)
    assert await anna.page.evaluate("sessionStorage.length") == 0


async def test_page_explains_when_the_agent_is_away_at_sign_in(visitor: Tab, site: Site) -> None:
    visitor.expect_status(503)
    await visitor.open()
    with site.without_agent():
        await visitor.fill_in(site.access.email, site.access.password)

        await expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
        await expect(visitor.page.get_by_role("main")).to_contain_text("does not answer at the moment")
        await expect(visitor.page.get_by_role("link", name="112")).to_have_attribute("href", "tel:112")

    await visitor.page.get_by_role("link", name="Back to the start").click()
    await visitor.fill_in(site.access.email, site.access.password)
    await expect(visitor.message).to_be_visible()
