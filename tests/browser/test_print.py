"""What comes out of the printer, for a doctor's visit."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.tab import Tab

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def test_report_has_questions_answers_and_figures_and_nothing_to_press_when_printed(anna: Tab) -> None:
    await anna.ask("Is my migraine getting worse in all?")
    await anna.ask("how often did I have migraxyl in all?")

    await anna.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    await anna.page.emulate_media(media="print")

    await expect(anna.page.locator(".printed")).to_contain_text("Printed on ")
    await expect(anna.page.locator(".question")).to_have_count(2)
    await expect(anna.page.get_by_role("img").first).to_be_visible()
    await expect(anna.page.locator("circle.dot").first).to_be_visible()
    await expect(anna.page.get_by_role("table")).to_be_visible()
    for part in (".bar", ".ask", ".welcome", ".choices"):
        await expect(anna.page.locator(part)).to_be_hidden()
    await expect(anna.page.locator(".question").first).to_be_visible()
    colour = await anna.page.locator(".question .text").first.evaluate("(words) => getComputedStyle(words).color")
    assert colour == "rgb(0, 0, 0)"


async def test_report_is_whole_when_it_is_longer_than_the_screen(anna: Tab) -> None:
    await anna.ask("Show my migraines in all")
    await anna.page.emulate_media(media="print")

    log = anna.page.get_by_role("log")
    assert not await log.evaluate("(log) => log.scrollHeight > log.clientHeight")


async def test_report_shows_the_bars_of_its_charts_when_printed(anna: Tab) -> None:
    await anna.ask("How often did I have a migraine in all?")
    await anna.ask("Compare my migraines this year with last year")
    await anna.page.emulate_media(media="print")

    bars = anna.page.locator("rect.bar")
    assert await bars.count() > 2
    for number in range(await bars.count()):
        await expect(bars.nth(number)).to_be_visible()


async def test_report_leaves_out_what_is_no_record_when_printed(anna: Tab) -> None:
    for question in ("How often did I have a migraine in all?", "What should I take for a headache?", "hello",
                     "how often did I have migraxyl in all?", "I have crushing chest pain right now"):  # fmt: skip
        await anna.ask(question)
    await anna.page.emulate_media(media="print")

    await expect(anna.answers).to_have_count(5)
    for kind in (".question", ".answer:not(.welcome)"):
        shown = anna.page.locator(f"#log {kind}").filter(visible=True)
        await expect(shown).to_have_count(1)
        await expect(shown).to_contain_text("migraine in all")
