"""What :func:`tests.browser.tab.opened` promises about every test in this folder."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Error

from tests.browser.appliance import Site
from tests.browser.tab import opened
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.story("health/US-BE-30.3")
async def test_visit_fails_when_a_page_violates_its_policy(browser: Browser, site: Site) -> None:
    with pytest.raises(AssertionError, match="policy violated: style-src-attr inline"):
        async with opened(browser, site) as tab:
            await tab.open()
            await tab.page.evaluate("document.body.setAttribute('style', 'color: red')")
            await until(lambda: any("policy violated" in complaint for complaint in tab.complaints))
            await until(lambda: "csp_violated" in site.gateway_events())


async def test_visit_fails_when_a_script_raises(browser: Browser, site: Site) -> None:
    with pytest.raises(AssertionError, match="error: unforeseen"):
        async with opened(browser, site) as tab:
            await tab.open()
            await tab.page.evaluate("setTimeout(() => { throw new Error('unforeseen'); })")
            await until(lambda: bool(tab.complaints))


@pytest.mark.story("health/US-BE-30.2")
async def test_visit_fails_when_a_page_goes_elsewhere(browser: Browser, site: Site) -> None:
    with pytest.raises(AssertionError, match=r"went elsewhere: https://example\.org/"):
        async with opened(browser, site) as tab:
            with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
                await tab.page.goto("https://example.org/")
