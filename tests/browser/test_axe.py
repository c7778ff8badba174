"""What axe-core has to say about every state of the pages: nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, Literal

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, ViewportSize, expect

from tests.browser.appliance import Site
from tests.browser.tab import DESKTOP, PHONE, Tab, opened

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

OPTIONS: Final = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {"label-content-name-mismatch": {"enabled": True}},  # 2.5.3: who speaks a button's words has to be heard
}
LOOKS: Final[tuple[tuple[ViewportSize, Literal["light", "dark"]], ...]] = ((DESKTOP, "light"), (PHONE, "dark"))


async def violations(page: Page) -> list[str]:
    found: dict[str, Any] = (await Axe().run(page, options=OPTIONS)).response
    return [f"{one['id']}: {node['html'][:120]}" for one in found["violations"] for node in one["nodes"]]


async def nothing(_tab: Tab) -> None:
    """Leave the page as it is when opened."""


async def a_list(tab: Tab) -> None:
    await tab.ask("Show my migraines in all")


async def a_chart_with_its_table(tab: Tab) -> None:
    await tab.ask("Is my migraine getting worse in all?")
    await tab.last_answer.get_by_text("Figures").click()


async def a_comparison(tab: Tab) -> None:
    await tab.ask("Compare my migraines this year with last year")


async def a_question_back(tab: Tab) -> None:
    await tab.ask("how often did I have migraxyl in all?")


async def an_emergency(tab: Tab) -> None:
    await tab.ask("I have crushing chest pain right now")


async def an_outage(tab: Tab) -> None:
    tab.expect_status(503)
    await tab.message.fill("How often did I have a cough in 2024?")
    await tab.page.keyboard.press("Enter")
    await expect(tab.page.get_by_role("alert")).to_be_visible()


async def both_notices(tab: Tab) -> None:
    await tab.ask("Show my migraines in all")
    with tab.site.without_agent():
        await tab.ask("Show my migraines in all")
    await expect(tab.outage).to_be_visible()
    await tab.context.set_offline(offline=True)
    await expect(tab.page.get_by_text("You are offline.")).to_be_visible()
    tab.complaints.clear()


async def a_greeting(tab: Tab) -> None:
    await tab.ask("hello")


@pytest_asyncio.fixture(loop_scope="session", params=LOOKS, ids=["desktop light", "phone dark"])
async def tab(request: pytest.FixtureRequest, browser: Browser, site: Site) -> AsyncIterator[Tab]:
    viewport, scheme = request.param
    async with opened(browser, site, viewport=viewport, color_scheme=scheme) as tab:
        yield tab


@pytest.mark.story("health/US-BE-30.5")
@pytest.mark.parametrize(
    ("bring_about", "is_agent_there"),
    [
        (nothing, True), (a_list, True), (a_chart_with_its_table, True), (a_comparison, True),
        (a_question_back, True), (a_greeting, True), (an_emergency, True), (an_outage, False), (both_notices, True),
    ],
)  # fmt: skip
async def test_chat_has_no_violation_in_any_state(
    tab: Tab, site: Site, bring_about: Callable[[Tab], Awaitable[None]], is_agent_there: bool
) -> None:
    await tab.sign_in()
    around: AbstractContextManager[object] = nullcontext() if is_agent_there else site.without_agent()
    with around:
        await bring_about(tab)

        assert await violations(tab.page) == []


async def test_sign_in_and_error_pages_have_no_violation(tab: Tab) -> None:
    tab.expect_status(401, 404)
    for path in ("/sign-in", "/nowhere", "/sign-in?notice=signed-out"):
        await tab.open(path)
        assert await violations(tab.page) == []
    await tab.open("/sign-in")
    await tab.fill_in("nobody@example.org", "wrong")
    await expect(tab.page.get_by_role("alert")).to_be_visible()
    assert await violations(tab.page) == []
