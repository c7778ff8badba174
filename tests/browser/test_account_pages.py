"""The pages about accounts in every group of states: readable, reachable, and whole on a phone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.appliance import OWNER, Site
from tests.browser.tab import Tab, opened
from tests.browser.test_axe import LOOKS, violations
from tests.browser.test_look import check_contrasts, check_names, check_tap_targets, scrolls_sideways

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def strangers(tab: Tab) -> AsyncIterator[str]:
    """Visit what nobody has to be signed in for, and name each state."""
    tab.expect_status(400, 503)
    for path in ("/sign-in", "/sign-up", "/reset-password", "/reset-password?notice=sent", "/confirm-address"):
        await tab.open(path)
        yield path
    for path in ("/confirm-address", "/accept-invitation", "/reset-password"):
        await tab.open(f"{path}?token=x")
        yield f"{path} with a token"
    await tab.page.get_by_label("New password", exact=True).fill("Right-horse-7")
    await tab.page.get_by_label("New password again").fill("Wrong-horse-7")
    await tab.page.get_by_role("button").click()
    await expect(tab.page.get_by_label("New password again")).to_be_focused()
    yield "/reset-password after a slip"


async def owners(tab: Tab) -> AsyncIterator[str]:
    """Visit what an administrator sees of their own account."""
    tab.expect_status(400)
    await tab.sign_in_as(OWNER)
    yield "/ for an administrator"
    await tab.page.get_by_role("link", name="Account").click()
    yield "/account"
    await tab.page.get_by_label("Time zone").fill("Mars")
    await tab.page.get_by_role("button", name="Save the preferences").click()
    await expect(tab.page.get_by_label("Time zone")).to_be_focused()
    yield "/account after a slip"
    for path in ("/account/security", "/account/activity", "/account/seen", "/account/data", "/account/feedback"):
        await tab.open(path)
        yield path


async def administrators(tab: Tab) -> AsyncIterator[str]:
    """Visit what an administrator sees of everybody's accounts."""
    tab.expect_status(400)
    await tab.sign_in_as(OWNER)
    for path in ("/accounts", "/accounts/invitations", "/accounts/feedback"):
        await tab.open(path)
        yield path
    await tab.open("/accounts")
    await tab.page.get_by_role("link", name="Add somebody").click()
    await tab.page.locator("summary").click()
    yield "/accounts/new"
    await tab.open("/accounts")
    await tab.page.get_by_role("link", name=OWNER, exact=True).click()
    yield "/accounts/{id}"
    await tab.page.get_by_label("Type the address of the account").fill("nobody@example.org")
    await tab.page.get_by_role("button", name="Delete the account for good").click()
    await expect(tab.page.get_by_label("Type the address of the account")).to_be_focused()
    yield "/accounts/{id} after a slip"


Visit = Callable[[Tab], AsyncIterator[str]]
VISITS: Final[tuple[Visit, ...]] = (strangers, owners, administrators)


async def looked_at(tab: Tab, visit: Visit, look: Callable[[str], Awaitable[None]]) -> None:
    """Visit each state, and look."""
    async for state in visit(tab):
        await look(state)


@pytest_asyncio.fixture(loop_scope="session", params=LOOKS, ids=["desktop light", "phone dark"])
async def tab(request: pytest.FixtureRequest, browser: Browser, site: Site) -> AsyncIterator[Tab]:
    viewport, scheme = request.param
    async with opened(browser, site, viewport=viewport, color_scheme=scheme) as tab:
        yield tab


@pytest.mark.usefixtures("_owner")
@pytest.mark.parametrize("visit", VISITS)
async def test_pages_are_for_everybody_in_every_state(tab: Tab, visit: Visit) -> None:
    async def look(state: str) -> None:
        assert await violations(tab.page) == [], state
        await check_names(tab.page)
        await check_contrasts(tab.page)
        await check_tap_targets(tab.page)
        assert not await scrolls_sideways(tab.page), state

    await looked_at(tab, visit, look)
