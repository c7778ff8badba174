"""The agent goes away, and comes back."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.appliance import Site
from tests.browser.tab import Tab

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

KNOWN = "How often did I have a migraine in all?"
NEW = "How often did I have a migraine last year?"


async def test_answer_says_as_of_when_it_is_from_before_the_outage(anna: Tab, site: Site) -> None:
    before = await anna.ask(KNOWN)
    await expect(anna.outage).to_be_hidden()
    with site.without_agent():
        during = await anna.ask(KNOWN)

        assert during == before
        await expect(anna.outage).to_contain_text("Showing records as of")
        await expect(anna.last_answer).to_contain_text("Records as of")

        site.start_agent()
        await anna.ask(NEW)
        await expect(anna.outage).to_be_hidden()
        await expect(anna.last_answer).not_to_contain_text("Records as of")


async def test_question_is_kept_and_answered_later_when_nothing_is_known_in_an_outage(anna: Tab, site: Site) -> None:
    anna.expect_status(503)
    with site.without_agent():
        await anna.message.fill(NEW)
        await anna.page.keyboard.press("Enter")

        failure = anna.page.get_by_role("alert")
        await expect(failure).to_contain_text("out of reach")
        await expect(failure).to_contain_text("Request ")
        await expect(anna.message).to_have_value(NEW)
        await expect(anna.message).to_be_focused()

        site.start_agent()
        await anna.page.get_by_role("button", name="Try again").click()

        await expect(anna.last_answer).to_contain_text("migraine")
        await expect(failure).to_have_count(0)
        await expect(anna.page.locator(".question")).to_have_text(NEW)
        await expect(anna.message).to_have_value("")


async def test_question_is_kept_when_the_gateway_itself_is_out_of_reach(anna: Tab) -> None:
    offline = anna.page.get_by_text("You are offline.")
    await expect(offline).to_be_hidden()
    await anna.context.set_offline(offline=True)
    await expect(offline).to_be_visible()
    anna.complaints.clear()
    await anna.message.fill(NEW)
    await anna.page.keyboard.press("Enter")

    await expect(anna.page.get_by_role("alert")).to_contain_text("There is no connection at the moment")
    await expect(anna.message).to_have_value(NEW)
    assert all("ERR_INTERNET_DISCONNECTED" in complaint for complaint in anna.complaints)
    anna.complaints.clear()

    await anna.context.set_offline(offline=False)
    await expect(offline).to_be_hidden()
    await anna.page.get_by_role("button", name="Try again").click()
    await expect(anna.last_answer).to_contain_text("migraine")


async def test_both_notices_are_as_wide_as_the_page_when_the_agent_is_away_and_then_the_network(
    anna: Tab, site: Site
) -> None:
    await anna.ask(KNOWN)
    with site.without_agent():
        await anna.ask(KNOWN)
        await expect(anna.outage).to_be_visible()
        wide = await anna.page.locator(".composer").bounding_box()
        await anna.context.set_offline(offline=True)
        offline = anna.page.locator("#offline")
        await expect(offline).to_be_visible()

        boxes = [await each.bounding_box() for each in (anna.outage, offline, anna.page.locator(".composer"))]
        assert wide is not None
        assert [box and round(box["width"]) for box in boxes] == [round(wide["width"])] * 3
        anna.complaints.clear()
        await anna.context.set_offline(offline=False)


async def test_typing_sign_shows_until_the_answer_when_the_agent_takes_its_time(anna: Tab, site: Site) -> None:
    sign = anna.page.locator(".typing")
    with site.agent_held():
        await anna.message.fill(NEW)
        await anna.page.keyboard.press("Enter")
        await expect(sign).to_be_visible()

    await expect(anna.last_answer).to_contain_text("migraine")
    await expect(sign).to_have_count(0)


async def test_chat_opens_when_the_agent_is_away(anna: Tab, site: Site) -> None:
    await anna.ask(KNOWN)
    with site.without_agent():
        await anna.page.reload()

        await expect(anna.answers).to_have_count(1)
        await expect(anna.message).to_be_focused()
