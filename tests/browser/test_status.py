"""The owner's view in a browser: in every state, for everybody, live and without a script."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, ViewportSize, expect

from bridge.process.clock import SystemClock
from tests import status_snapshots
from tests.browser.appliance import OWNER, Site
from tests.browser.tab import DESKTOP, Tab, opened
from tests.browser.test_axe import violations
from tests.browser.test_look import check_bar, check_contrasts, check_names, check_tap_targets, scrolls_sideways
from tests.status_snapshots import write

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session"), pytest.mark.usefixtures("_owner")]

NARROW: Final[ViewportSize] = {"width": 360, "height": 740}
Scheme = Literal["light", "dark"]


def nothing(site: Site) -> None:
    for file in site.snapshots.iterdir():
        file.unlink()


def good(site: Site) -> None:
    now = SystemClock.time()
    write(site.snapshots, status_snapshots.monitor(now), status_snapshots.ddns(now))


def bad(site: Site) -> None:
    now = SystemClock.time()
    write(site.snapshots, status_snapshots.in_an_outage(now), status_snapshots.refused_ddns(now))


def silent(site: Site) -> None:
    before = SystemClock.time() - 3600
    write(site.snapshots, status_snapshots.in_an_outage(before), status_snapshots.ddns(before))


def endless(site: Site) -> None:
    """Write what has no place to break a line."""
    now = SystemClock.time()
    monitor: dict[str, Any] = status_snapshots.in_an_outage(now)
    word = "x" * 200
    monitor["diagnosis"] |= {"summary": word, "evidence": {word: word}}
    monitor["keep"]["units"][0]["name"] = monitor["bans"]["recent"][0]["address"] = monitor["alerts"][0]["summary"] = (
        word
    )
    monitor["outages"][0]["summary"] = monitor["backup"]["detail"] = monitor["gateways"][0]["name"] = word
    write(site.snapshots, monitor, status_snapshots.ddns(now))


@asynccontextmanager
async def owner_of(
    browser: Browser, site: Site, *, viewport: ViewportSize = DESKTOP, scheme: Scheme = "light", has_script: bool = True
) -> AsyncIterator[Tab]:
    async with opened(browser, site, viewport=viewport, color_scheme=scheme, has_script=has_script) as tab:
        await tab.sign_in_as(OWNER)
        yield tab


@pytest_asyncio.fixture(loop_scope="session")
async def owner(browser: Browser, site: Site) -> AsyncIterator[Tab]:
    """Give an administrator's tab, signed in."""
    async with owner_of(browser, site) as tab:
        yield tab


async def is_live(tab: Tab) -> None:
    await expect(tab.page.get_by_text("Live: it changes by itself.")).to_be_visible()


def heading(tab: Tab) -> Locator:
    return tab.page.get_by_role("heading", level=1)


@pytest.mark.parametrize("bring_about", [good, bad, silent, nothing, endless])
@pytest.mark.parametrize(
    ("viewport", "scheme"), [(DESKTOP, "light"), (NARROW, "dark")], ids=["desktop light", "phone dark"]
)
async def test_status_is_for_everybody_in_every_state(
    browser: Browser,
    site: Site,
    viewport: ViewportSize,
    scheme: Scheme,
    bring_about: Callable[[Site], None],
) -> None:
    bring_about(site)
    async with owner_of(browser, site, viewport=viewport, scheme=scheme) as tab:
        await tab.page.get_by_role("link", name="Status").click()
        await is_live(tab)
        await tab.page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")

        assert await violations(tab.page) == []
        await check_names(tab.page)
        await check_contrasts(tab.page)
        await check_tap_targets(tab.page)
        await check_bar(tab.page)
        assert not await scrolls_sideways(tab.page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_marks_and_outages_stand_out_when_seen_without_their_colour(
    browser: Browser, site: Site, scheme: Scheme
) -> None:
    bad(site)
    async with owner_of(browser, site, scheme=scheme) as tab:
        await tab.open("/status")

        shapes = await tab.page.evaluate(
            """() => ["good", "warning", "bad", "unknown", "off"].map((state) =>
                [...new Set([...document.querySelectorAll(`.mark.${state}`)].map((mark) => mark.innerHTML))])"""
        )
        heights = await tab.page.evaluate(
            """() => Object.fromEntries(["line", "outside", "keep"].map((kind) =>
                [kind, [...new Set([...document.querySelectorAll(`.month .block.${kind}`)]
                    .map((block) => `${block.getAttribute("y")} ${block.getAttribute("height")}`))]]))"""
        )

    assert all(len(of_a_state) == 1 for of_a_state in shapes)
    assert len({shape for [shape] in shapes}) == 5
    assert heights == {"line": ["0 24"], "outside": ["14 10"], "keep": ["0 10"]}


async def test_page_changes_by_itself_and_keeps_what_the_reader_does(owner: Tab, site: Site) -> None:
    good(site)
    await owner.open("/status")
    await is_live(owner)
    router = owner.page.locator("details[data-key=rung-router] summary")
    await router.click()
    await owner.page.locator("details[data-key=outages] summary").focus()

    bad(site)

    await expect(heading(owner)).to_contain_text("The line is down: The router at 192.168.1.1 does not answer")
    await expect(owner.page.get_by_role("status")).to_contain_text("The line is down")
    await expect(owner.page.locator("details[data-key=rung-router]")).to_have_attribute("open", "")
    await expect(owner.page.locator("details[data-key=rung-link]")).not_to_have_attribute("open", "")
    await expect(owner.page.locator("details[data-key=outages] summary")).to_be_focused()
    await expect(owner.page).to_have_title(re.compile(r"^The line is down: .* and 11 more · Drawbridge$"))


async def test_reader_stays_in_place_when_something_above_grows(owner: Tab, site: Site) -> None:
    good(site)
    await owner.open("/status")
    await is_live(owner)
    summary = owner.page.locator("details[data-key=outages] summary")
    await summary.focus()
    await summary.scroll_into_view_if_needed()
    before = await summary.bounding_box()

    bad(site)
    await expect(heading(owner)).to_contain_text("The line is down")
    after = await summary.bounding_box()

    assert before is not None
    assert after is not None
    assert abs(after["y"] - before["y"]) < 40  # its own part may have grown by a line


async def test_page_says_so_when_the_connection_is_lost_and_comes_back(owner: Tab, site: Site) -> None:
    good(site)
    await owner.open("/status")
    await is_live(owner)
    owner.expected_statuses.add(502)

    await owner.context.set_offline(offline=True)
    await owner.page.evaluate("window.stop()")
    site.appliance.restart("gateway")
    await expect(owner.page.get_by_text("Not connected at the moment.")).to_be_visible()
    await owner.context.set_offline(offline=False)
    await is_live(owner)

    owner.complaints[:] = [
        each for each in owner.complaints if "ERR_" not in each
    ]  # what an outage leaves in a console


async def test_page_asks_to_sign_in_when_the_account_is_disabled(owner: Tab, site: Site) -> None:
    good(site)
    await owner.open("/status")
    await is_live(owner)
    owner.expect_status(401)
    try:
        site.disable_owner()

        await expect(owner.page.get_by_text("You are signed out:")).to_be_visible(timeout=10_000)
        await owner.page.get_by_role("link", name="Sign in").click()
        await expect(owner.page.get_by_role("heading", name="Sign in")).to_be_visible()
    finally:
        site.enable_owner()


async def test_page_is_there_when_the_keep_is_away(owner: Tab, site: Site) -> None:
    good(site)
    await owner.open("/status")
    with site.without_agent():
        await owner.open("/status")

        await expect(heading(owner)).to_contain_text("All is well")
        await is_live(owner)


async def test_account_without_the_role_sees_no_link_and_is_refused(anna: Tab) -> None:
    anna.expect_status(403)
    await expect(anna.page.get_by_role("link", name="Status")).to_have_count(0)

    await anna.open("/status")

    await expect(heading(anna)).to_have_text("Not allowed")


async def test_page_is_whole_and_reloads_by_its_link_when_there_is_no_script(browser: Browser, site: Site) -> None:
    good(site)
    async with owner_of(browser, site, has_script=False) as tab:
        await tab.open("/status")
        await expect(heading(tab)).to_contain_text("All is well")
        await expect(tab.page.get_by_text("As of ").first).to_be_visible()
        bad(site)

        await tab.page.get_by_role("link", name="Reload").click()

        await expect(heading(tab)).to_contain_text("The line is down")
        await tab.page.locator("details[data-key=outages] summary").click()
        await expect(tab.page.locator(".outages tbody tr")).to_have_count(18)


async def test_page_is_operated_by_keyboard_when_there_is_no_mouse(owner: Tab, site: Site) -> None:
    bad(site)
    await owner.open("/status")
    await is_live(owner)
    await owner.page.keyboard.press("Tab")
    await expect(owner.page.get_by_role("link", name="Skip to the status")).to_be_focused()

    first = owner.page.locator(".findings a").first
    await first.focus()
    await owner.page.keyboard.press("Enter")
    await expect(owner.page).to_have_url(f"{site.url}/status#line")
    await owner.page.locator("details[data-key=rung-link] summary").focus()
    await owner.page.keyboard.press("Enter")

    await expect(owner.page.locator("details[data-key=rung-link]")).to_have_attribute("open", "")


async def test_page_prints_whole_and_in_ink_when_it_is_printed(owner: Tab, site: Site) -> None:
    bad(site)
    await owner.open("/status")
    await is_live(owner)

    await owner.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    await owner.page.emulate_media(media="print")

    await expect(owner.page.locator(".outages")).to_be_visible()
    await expect(owner.page.get_by_role("link", name="Reload")).to_be_hidden()
    await expect(owner.page.locator(".bar")).to_be_hidden()
    colour = await heading(owner).evaluate("(words) => getComputedStyle(words).color")
    assert colour == "rgb(0, 0, 0)"
