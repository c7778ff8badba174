"""The same forms, where no script runs."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.browser.appliance import Site
from tests.browser.tab import opened

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def test_question_is_answered_and_followed_up_when_there_is_no_script(browser: Browser, site: Site) -> None:
    async with opened(browser, site, has_script=False) as tab:
        await tab.sign_in()

        first = await tab.ask_by_form("How often did I have a migraine in all?")
        await tab.page.get_by_role("button", name="List them").click()

        assert "of migraine" in first
        await expect(tab.last_answer.get_by_role("listitem").first).to_contain_text("Migraine")
        await expect(tab.page.locator(".question")).to_have_text("List them")


async def test_question_stays_in_its_field_when_the_agent_is_away_and_there_is_no_script(
    browser: Browser, site: Site
) -> None:
    question = "How bad was my migraine on average?"
    async with opened(browser, site, has_script=False) as tab:
        tab.expect_status(503)
        await tab.sign_in()
        with site.without_agent():
            await tab.message.fill(question)
            await tab.page.get_by_role("button", name="Send").click()

            await expect(tab.page.get_by_role("alert")).to_contain_text("out of reach")
            await expect(tab.message).to_have_value(question)

        await tab.page.get_by_role("button", name="Send").click()
        await expect(tab.last_answer).to_contain_text("on average")


async def test_banner_says_as_of_when_the_agent_is_away_and_there_is_no_script(browser: Browser, site: Site) -> None:
    question = "How often did I have a migraine in all?"
    async with opened(browser, site, has_script=False) as tab:
        await tab.sign_in()
        before = await tab.ask_by_form(question)
        with site.without_agent():
            during = await tab.ask_by_form(question)

            assert during == before
            await expect(tab.outage).to_contain_text("Showing records as of")


async def test_session_ends_when_signed_out_and_there_is_no_script(browser: Browser, site: Site) -> None:
    async with opened(browser, site, has_script=False) as tab:
        await tab.sign_in()
        answer = await tab.ask_by_form("How often did I have a migraine in all?")

        await tab.page.get_by_role("button", name="Sign out").click()
        await expect(tab.page.get_by_role("status")).to_have_text("You are signed out.")
        await tab.open()

        await expect(tab.page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert answer not in await tab.page.content()
