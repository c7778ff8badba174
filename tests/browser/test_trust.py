"""Only who trusts the appliance's own CA gets to see it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, Error, Playwright

from tests.browser.appliance import Site
from tests.browser.chromium import launched
from tests.browser.tab import opened

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def test_browser_refuses_the_site_when_it_does_not_trust_the_ca(
    playwright: Playwright, site: Site, tmp_path: Path
) -> None:
    async with launched(playwright, tmp_path) as stranger:
        page = await stranger.new_page()

        with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
            await page.goto(site.url)


async def test_browser_shows_the_site_when_it_trusts_the_ca(browser: Browser, site: Site) -> None:
    async with opened(browser, site) as tab:
        response = await tab.page.goto(site.url)

        assert response is not None
        details = await response.security_details()
        assert details is not None
        assert details.get("protocol") == "TLS 1.3"
        assert await tab.page.evaluate("isSecureContext")
