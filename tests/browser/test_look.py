"""What a page has to be for everybody: readable, reachable with a thumb, named for those who hear it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Final, Literal

import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect

from tests.browser.appliance import Site
from tests.browser.tab import PHONE, Tab, opened

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

TAP_MIN_PX: Final = 44
TAP_IN_A_SENTENCE_MIN_PX: Final = 24  # WCAG 2.5.8
IN_ALL: Final = "How often did I have a migraine in all?"
DANGER: Final = "I have crushing chest pain right now"

_TAP_TARGETS: Final = """() => [...document.querySelectorAll("a, button, input:not([type=hidden]), textarea")]
    .filter((target) => target.checkVisibility() && !target.matches(".skip"))
    .map((target) => {
        const { width, height } = (target.closest("label.check") ?? target).getBoundingClientRect();
        const isInASentence = target.matches("p > a:not(.button)");
        return [target.textContent.trim() || target.name || target.className, isInASentence, Math.min(width, height)];
    })"""

_CONTRASTS: Final = """() => {
    const channels = (colour) => {
        const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = (channel) => {
        const share = channel / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    };
    const luminance = ([red, green, blue]) => 0.2126 * light(red) + 0.7152 * light(green) + 0.0722 * light(blue);
    const background = (element) => {
        const colour = channels(getComputedStyle(element).backgroundColor);
        return colour[3] === 255 || !element.parentElement ? colour : background(element.parentElement);
    };
    const ratio = (colour, element) => {
        const [darker, lighter] = [luminance(channels(colour)), luminance(background(element))].sort((a, b) => a - b);
        return (lighter + 0.05) / (darker + 0.05);
    };
    const says = (node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim();
    const texts = [...document.body.querySelectorAll("*")]
        .filter((element) => element.checkVisibility() && [...element.childNodes].some(says))
        .map((element) => [element.textContent.trim(), ratio(getComputedStyle(element).color, element)]);
    const placeholders = [...document.querySelectorAll("[placeholder]")].map((field) =>
        [field.placeholder, ratio(getComputedStyle(field, "::placeholder").color, field)]);
    return [...texts, ...placeholders];
}"""
"""WCAG 2.2, relative luminance and contrast ratio, for every element with words of its own."""
CONTRAST_MIN: Final = 4.5

_NAMELESS: Final = """() => {
    const isNamed = (each) =>
        each.labels?.length || each.ariaLabel || each.textContent.trim() || each.hasAttribute("alt");
    const parts = [...document.querySelectorAll("input:not([type=hidden]), textarea, button, a, img")];
    return parts.filter((each) => !isNamed(each)).map((each) => each.outerHTML);
}"""


@asynccontextmanager
async def busy_chat(
    browser: Browser, site: Site, color_scheme: Literal["light", "dark"] = "light"
) -> AsyncIterator[Tab]:
    """Give a phone with a conversation in which everything occurs that an answer may have, the last one failed."""
    async with opened(browser, site, viewport=PHONE, color_scheme=color_scheme) as tab:
        tab.expect_status(503)
        await tab.sign_in()
        for question in (IN_ALL, "List them", DANGER):
            await tab.ask(question)
        with site.without_agent():
            await tab.ask(IN_ALL)
            await expect(tab.outage).to_be_visible()
            await tab.ask("How often did I have a migraine in the first three months of the year 2020?")
        yield tab


_CUT_OFF: Final = """() => [...document.querySelectorAll(".message, .message *")]
    .filter((part) => part.checkVisibility() && part.getBoundingClientRect().right > innerWidth)
    .map((part) => part.tagName + ": " + part.textContent.trim().slice(0, 60))"""


async def scrolls_sideways(page: Page) -> bool:
    return bool(await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


async def check_bar(page: Page) -> None:
    """Check that nothing in the bar lies on something else, and that it is all in sight."""
    boxes = await page.evaluate(
        """[...document.querySelectorAll(".bar .brand img, .bar .brand span, .bar-actions > *")]
            .map((each) => each.getBoundingClientRect()).filter((box) => box.width > 1)
            .map((box) => [box.left, box.right])"""
    )
    assert len(boxes) > 1
    assert all(right <= left for (_, right), (left, _) in pairwise(boxes)), boxes
    assert boxes[-1][1] <= await page.evaluate("innerWidth")


async def check_tap_targets(page: Page) -> None:
    targets = await page.evaluate(_TAP_TARGETS)
    too_small = [
        (name, size)
        for name, is_in_a_sentence, size in targets
        if size < (TAP_IN_A_SENTENCE_MIN_PX if is_in_a_sentence else TAP_MIN_PX)
    ]
    assert targets
    assert not too_small, too_small


async def check_contrasts(page: Page) -> None:
    contrasts = await page.evaluate(_CONTRASTS)
    too_weak = [(text, round(ratio, 2)) for text, ratio in contrasts if ratio < CONTRAST_MIN]
    assert contrasts
    assert not too_weak, too_weak


async def check_names(page: Page) -> None:
    """Check what a screen reader needs: language, title, one heading of the first level, a main part, labels."""
    assert await page.locator("html").get_attribute("lang") == "en"
    assert (await page.title()).endswith("Drawbridge")
    await expect(page.get_by_role("heading", level=1)).to_have_count(1)
    await expect(page.get_by_role("main")).to_have_count(1)
    nameless = await page.evaluate(_NAMELESS)
    assert not nameless, nameless


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
async def test_chat_is_readable_and_reachable_when_on_a_phone(
    browser: Browser, site: Site, color_scheme: Literal["light", "dark"]
) -> None:
    async with busy_chat(browser, site, color_scheme) as tab:
        await check_names(tab.page)
        await check_contrasts(tab.page)
        await check_tap_targets(tab.page)
        assert not await scrolls_sideways(tab.page)


@pytest.mark.story("health/US-BE-16.4")
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
async def test_sign_in_and_errors_are_readable_and_reachable_when_on_a_phone(
    browser: Browser, site: Site, color_scheme: Literal["light", "dark"]
) -> None:
    async with opened(browser, site, viewport=PHONE, color_scheme=color_scheme) as tab:
        tab.expect_status(401, 404)
        await tab.open()
        await tab.fill_in("nobody@example.org", "wrong")
        await expect(tab.page.get_by_role("alert")).to_be_visible()
        for path in ("", "/nowhere", "/sign-in?notice=signed-out", "/sign-in?notice=signed-out-here"):
            if path:
                await tab.open(path)
            await check_names(tab.page)
            await check_contrasts(tab.page)
            await check_tap_targets(tab.page)
            assert not await scrolls_sideways(tab.page)


async def test_page_does_not_scroll_sideways_when_a_word_is_endless(browser: Browser, site: Site) -> None:
    async with opened(browser, site, viewport=PHONE) as tab:
        await tab.sign_in()
        await tab.ask("migraine" * 100)

        assert not await scrolls_sideways(tab.page)


async def test_number_to_call_is_in_sight_when_there_was_much_before_it(browser: Browser, site: Site) -> None:
    async with opened(browser, site, viewport={"width": 1280, "height": 560}) as tab:
        await tab.sign_in()
        await tab.ask(IN_ALL)
        await tab.ask("List them")

        await tab.ask(DANGER)

        await expect(tab.last_answer.get_by_role("link", name="Call 112")).to_be_in_viewport(ratio=1)


async def test_newest_answer_is_in_sight_when_the_banner_comes_and_the_question_stays(
    browser: Browser, site: Site
) -> None:
    async with busy_chat(browser, site) as tab:
        await expect(tab.page.get_by_role("button", name="Try again")).to_be_in_viewport(ratio=1)
        await expect(tab.last_answer.locator(".request-id")).to_be_in_viewport(ratio=1)


async def test_long_answer_is_read_from_its_beginning_when_it_is_longer_than_the_screen(
    browser: Browser, site: Site
) -> None:
    async with opened(browser, site, viewport=PHONE) as tab:
        await tab.sign_in()
        await tab.ask(IN_ALL)
        await tab.ask("List them")

        await expect(tab.page.locator(".question").last).to_be_in_viewport(ratio=1)
        await expect(tab.last_answer.locator(".text")).to_be_in_viewport(ratio=1)


LOW: Final[ViewportSize] = {"width": 640, "height": 400}
"""A screen of 1280 × 800 at 200 %, or a phone on its side."""


async def test_answer_is_in_sight_when_the_window_is_low(browser: Browser, site: Site) -> None:
    async with opened(browser, site, viewport=LOW) as tab:
        tab.expect_status(503)
        await tab.sign_in()
        await tab.ask(IN_ALL)
        await expect(tab.last_answer.locator(".text")).to_be_in_viewport(ratio=1)

        await tab.ask(DANGER)
        await expect(tab.last_answer.get_by_role("link", name="Call 112")).to_be_in_viewport(ratio=1)
        await expect(tab.message).to_be_in_viewport(ratio=1)
        await expect(tab.message).to_be_focused()

        with site.without_agent():
            await tab.ask("How often did I have a migraine in the first three months of the year 2020?")
            await expect(tab.page.get_by_role("button", name="Try again")).to_be_in_viewport(ratio=1)
        assert not await scrolls_sideways(tab.page)


async def test_page_stays_where_it_is_when_a_long_answer_is_read_from_its_beginning(
    browser: Browser, site: Site
) -> None:
    async with opened(browser, site, viewport=PHONE) as tab:
        await tab.sign_in()
        await tab.ask(IN_ALL)
        await tab.ask("List them")

        assert await tab.page.evaluate("scrollY") == 0
        await expect(tab.page.get_by_role("link", name="Account")).to_be_in_viewport(ratio=1)


async def test_names_of_a_comparison_are_above_its_bars_when_it_is_drawn_on_a_phone(
    browser: Browser, site: Site
) -> None:
    async with opened(browser, site, viewport=PHONE) as tab:
        await tab.sign_in()
        await tab.ask("Compare my migraines this year with last year")

        overlaps = await tab.last_answer.evaluate(
            """(answer) => {
                const boxes = (kind) => [...answer.querySelectorAll(kind)].map((part) => part.getBoundingClientRect());
                const meet = (a, b) =>
                    a.left < b.right && b.left < a.right && a.top + 1 < b.bottom && b.top + 1 < a.bottom;
                return boxes("text").filter((text) => boxes("rect").some((bar) => meet(text, bar))).length;
            }"""
        )
    assert overlaps == 0


async def test_question_is_read_from_the_right_when_it_is_written_so(browser: Browser, site: Site) -> None:
    async with opened(browser, site, viewport=PHONE) as tab:
        await tab.sign_in()
        await tab.ask("\u0635\u062f\u0627\u0639 migraine")

        direction = "(words) => getComputedStyle(words).direction"
        assert await tab.page.locator(".question .text").evaluate(direction) == "rtl"
        await tab.page.reload()
        assert await tab.page.locator(".question .text").evaluate(direction) == "rtl"


async def test_nothing_of_an_answer_is_cut_off_when_it_has_a_chart_on_a_phone(browser: Browser, site: Site) -> None:
    async with opened(browser, site, viewport=PHONE) as tab:
        await tab.sign_in()
        await tab.ask("Is my migraine getting worse in all?")

        assert await tab.page.evaluate(_CUT_OFF) == []


async def test_every_example_can_be_read_when_the_page_is_empty_on_a_phone(browser: Browser, site: Site) -> None:
    async with opened(browser, site, viewport=PHONE) as tab:
        await tab.sign_in()

        shown = await tab.page.evaluate(
            """() => [...document.querySelectorAll(".suggestions button")]
                .map((chip) => chip.getBoundingClientRect()).map((box) => box.left >= 0 && box.right <= innerWidth)"""
        )

    assert len(shown) > 1
    assert all(shown)
