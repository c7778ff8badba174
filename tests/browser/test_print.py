"""What comes out of the printer, for a doctor's visit."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.tab import Tab

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def test_report_has_questions_answers_and_figures_and_nothing_to_press_when_printed(anna: Tab) -> None:
    await anna.ask("Is my migraine getting worse in all?")
    await anna.ask("how often did I have migrainosis in all?")

    await anna.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    await anna.page.emulate_media(media="print")

    await expect(anna.page.locator(".printed")).to_contain_text("Printed on ")
    await expect(anna.page.locator(".question")).to_have_count(2)
    await expect(anna.page.get_by_role("img").first).to_be_visible()
    await expect(anna.page.get_by_role("table")).to_be_visible()
    for part in (".bar", ".ask", ".welcome", ".choices"):
        await expect(anna.page.locator(part)).to_be_hidden()
    colour = await anna.page.locator(".question .text").first.evaluate("(words) => getComputedStyle(words).color")
    assert colour == "rgb(0, 0, 0)"


async def test_report_is_whole_when_it_is_longer_than_the_screen(anna: Tab) -> None:
    await anna.ask("Show my migraines in all")
    await anna.page.emulate_media(media="print")

    log = anna.page.get_by_role("log")
    assert not await log.evaluate("(log) => log.scrollHeight > log.clientHeight")
