"""The API's own page in a browser: it is drawn under the strict policy, and what it shows can be tried."""

from __future__ import annotations

from typing import Final

import pytest
from playwright.async_api import Browser, expect

from tests.browser.appliance import Site
from tests.browser.tab import Tab, opened
from tests.browser.test_axe import LOOKS, violations

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

DRAWN_MS: Final = 30_000
"""What the page may take on a busy machine: its script is large, and is not ours."""


@pytest.mark.story("water/FR-092", "todo/FR-020", "water/US-5.2")
async def test_route_answers_when_it_is_tried_on_the_page_of_the_api(anna: Tab) -> None:
    anna.page.set_default_timeout(DRAWN_MS)
    await anna.open("/docs")
    route = anna.page.locator(".opblock", has=anna.page.locator("[data-path='/api/v1/health/symptoms']"))
    await route.locator(".opblock-summary").click()
    await route.get_by_role("button", name="Try it out").click()

    async with anna.page.expect_response("**/api/v1/health/symptoms?*") as asked:
        await route.get_by_role("button", name="Execute").click()

    assert (await asked.value).status == 200
    await expect(route.locator(".live-responses-table")).to_contain_text("recorded_at", timeout=DRAWN_MS)


@pytest.mark.story("health/US-BE-30.5")
async def test_page_of_the_api_has_no_violation_in_any_state(browser: Browser, site: Site) -> None:
    for viewport, scheme in LOOKS:
        async with opened(browser, site, viewport=viewport, color_scheme=scheme) as tab:
            tab.page.set_default_timeout(DRAWN_MS)
            await tab.open("/docs")
            await expect(tab.page.locator(".opblock").first).to_be_visible(timeout=DRAWN_MS)
            assert await violations(tab.page) == []
            for method, path in (("get", "/health"), ("put", "/api/v1/users/profile"), ("post", "/api/v1/chat")):
                route = tab.page.locator(f".opblock-{method}", has=tab.page.locator(f"[data-path='{path}']"))
                await route.locator(".opblock-summary-control").click()
                await route.get_by_role("button", name="Try it out").click()
            await tab.page.locator(".opblock-get.is-open").get_by_role("button", name="Execute").click()
            await expect(tab.page.locator(".live-responses-table")).to_contain_text("200", timeout=DRAWN_MS)
            assert await violations(tab.page) == []
            await tab.page.locator(".models-control").click()
            await tab.page.locator(".btn.authorize").first.click()
            await expect(tab.page.get_by_role("dialog")).to_be_visible()
            assert await violations(tab.page) == []
