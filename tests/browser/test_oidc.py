"""Signing in through a service that nobody here wrote, by its own pages, on another site than the appliance's."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Route, expect

from tests.browser.tab import Tab
from tests.oidc_provider import skip_unless_installed

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

FONTS = "https://fonts.googleapis.com/"


async def leave(tab: Tab) -> None:
    """Go to the service by the button of the sign-in page."""
    skip_unless_installed()
    assert tab.site.provider is not None
    tab.expect_places(f"{tab.site.provider.issuer}/", FONTS)

    async def no_fonts(route: Route) -> None:
        await route.fulfill(status=200, content_type="text/css", body="")

    await tab.page.route(f"{FONTS}**", no_fonts)
    await tab.open("/account/security")
    await tab.page.get_by_role("link", name="Sign in with the test's service").click()
    there = re.compile(re.escape(f"{tab.site.provider.issuer}/interaction/"))
    await expect(tab.page).to_have_url(there, timeout=15_000)


async def sign_in_there(tab: Tab, login: str) -> None:
    await tab.page.get_by_placeholder("Enter any login").fill(login)
    await tab.page.get_by_placeholder("and password").fill("any")
    await tab.page.get_by_role("button", name="Sign-in").click()
    await tab.page.get_by_role("button", name="Continue").click()


async def test_person_is_signed_in_where_they_were_going_when_they_come_back_from_the_service(visitor: Tab) -> None:
    await leave(visitor)
    kept = {cookie["name"]: cookie for cookie in await visitor.context.cookies(visitor.site.url)}["__Host-oidc"]
    assert (kept["httpOnly"], kept["secure"], kept["sameSite"]) == (True, True, "Lax")

    await sign_in_there(visitor, "anna")

    await expect(visitor.page).to_have_url(f"{visitor.site.url}/account/security", timeout=15_000)
    await expect(visitor.page.get_by_text(visitor.site.access.email).first).to_be_visible()
    names = {cookie["name"] for cookie in await visitor.context.cookies(visitor.site.url)}
    assert {"__Host-session", "__Host-name"} <= names
    assert "__Host-oidc" not in names
    assert await visitor.page.evaluate("document.cookie") == ""


async def test_page_says_so_when_the_person_has_no_account_here(visitor: Tab) -> None:
    visitor.expect_status(403)
    await leave(visitor)
    await sign_in_there(visitor, "stranger")
    alert = visitor.page.get_by_role("alert")
    await expect(alert).to_contain_text("There is no account here with your e-mail address.", timeout=15_000)
    await expect(visitor.page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_page_says_so_when_the_person_comes_back_without_having_signed_in(visitor: Tab) -> None:
    await leave(visitor)
    await visitor.page.get_by_role("link", name="Cancel").click()
    await expect(visitor.page.get_by_role("status")).to_have_text(
        "You came back without having signed in.", timeout=15_000
    )
    await visitor.fill_in(visitor.site.access.email, visitor.site.access.password)
    await expect(visitor.page).to_have_url(f"{visitor.site.url}/account/security", timeout=15_000)
