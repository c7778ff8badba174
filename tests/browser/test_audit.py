"""The audit trail's pages: readable, reachable with a thumb, and whole without a script."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.browser.appliance import OWNER, Site
from tests.browser.tab import DESKTOP, Tab, opened
from tests.browser.test_axe import violations
from tests.browser.test_look import check_contrasts, check_names, check_tap_targets, scrolls_sideways
from tests.browser.test_status import NARROW, Scheme

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session"), pytest.mark.usefixtures("_owner")]


async def check(tab: Tab) -> None:
    await tab.page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    assert await violations(tab.page) == []
    await check_names(tab.page)
    await check_contrasts(tab.page)
    await check_tap_targets(tab.page)
    assert not await scrolls_sideways(tab.page)
    name = await tab.page.locator(".brand span").bounding_box()
    links = await tab.page.locator(".bar-actions").bounding_box()
    assert name is not None
    assert links is not None
    assert name["x"] + name["width"] <= links["x"], "the links lie on the name"


@pytest.mark.parametrize(
    ("width", "scheme"), [("desktop", "light"), ("phone", "dark")], ids=["desktop light", "phone dark"]
)
async def test_audit_page_is_for_everybody_and_filters_without_a_script(
    browser: Browser, site: Site, width: str, scheme: Scheme
) -> None:
    viewport = DESKTOP if width == "desktop" else NARROW
    async with opened(browser, site, viewport=viewport, color_scheme=scheme, has_script=False) as tab:
        await tab.sign_in_as(OWNER)
        await tab.open("/status")
        await tab.page.get_by_role("link", name="Audit trail").click()
        await tab.page.get_by_label("By whom").fill(OWNER)
        await tab.page.get_by_label("Action").fill("accounts.sign_in")
        await tab.page.get_by_role("button", name="Show").click()
        await expect(tab.page.get_by_text(f"by {OWNER}").first).to_be_visible()
        await expect(tab.page.get_by_label("By whom")).to_have_value(OWNER)
    async with opened(browser, site, viewport=viewport, color_scheme=scheme) as tab:
        await tab.sign_in_as(OWNER)
        await tab.open("/audit?action=accounts.sign_in")
        await check(tab)
        tab.expect_status(400)
        await tab.open("/audit?from=soon&user=nobody")
        await expect(tab.page.get_by_text("must be a date")).to_be_visible()
        await check(tab)


@pytest.mark.parametrize(
    ("width", "scheme"), [("desktop", "light"), ("phone", "dark")], ids=["desktop light", "phone dark"]
)
async def test_person_sees_who_looked_when_they_ask_below_the_chat(
    browser: Browser, site: Site, width: str, scheme: Scheme
) -> None:
    viewport = DESKTOP if width == "desktop" else NARROW
    async with opened(browser, site, viewport=viewport, color_scheme=scheme) as tab:
        await tab.sign_in()
        await tab.ask("Show my migraines in all")
        await tab.page.get_by_role("link", name="Who looked at them?").click()
        await expect(tab.page.get_by_role("listitem").filter(has_text="you").first).to_be_visible()
        await check(tab)
