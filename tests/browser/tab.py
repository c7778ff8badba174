"""One visitor's tab, which remembers everything that a visitor should never meet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    ViewportSize,
    expect,
)  # fmt: skip

from tests.browser.appliance import Site

PHONE: Final[ViewportSize] = {"width": 390, "height": 844}
DESKTOP: Final[ViewportSize] = {"width": 1280, "height": 800}

_TELL_OF_VIOLATIONS: Final = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy violated: ${event.effectiveDirective} ${event.blockedURI}`));
"""


@dataclass  # without slots: playwright writes on whose methods it calls
class Tab:
    """What a visitor does. ``complaints`` has to be empty at the end.

    Chromium's console tells of every answer that is an error: those with ``expected_statuses`` are no complaints.
    """

    page: Page
    site: Site
    complaints: list[str] = field(default_factory=list)
    expected_statuses: set[int] = field(default_factory=set)
    expected_places: list[str] = field(default_factory=list)

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    @property
    def message(self) -> Locator:
        return self.page.get_by_label("Your question")

    @property
    def answers(self) -> Locator:
        return self.page.locator("#log .answer:not(.welcome, .typing)")

    @property
    def last_answer(self) -> Locator:
        return self.answers.last

    @property
    def outage(self) -> Locator:
        return self.page.locator("#outage")

    async def open(self, path: str = "/") -> None:
        await self.page.goto(self.site.url + path)

    async def fill_in(self, email: str, password: str) -> None:
        """Fill in the sign-in form and send it."""
        await self.page.get_by_label("E-mail").fill(email)
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Sign in").click()

    async def sign_in(self) -> None:
        """Sign in as the demo's account, and see the chat."""
        await self.sign_in_as(self.site.access.email)

    async def sign_in_as(self, email: str) -> None:
        """Sign in to an account that has the demo's password, and see the chat."""
        await self.open()
        await self.fill_in(email, self.site.access.password)
        await expect(self.message).to_be_visible()
        await self.page.wait_for_load_state()  # the script has run

    async def ask(self, question: str) -> str:
        """Ask, and return what the answer says in words."""
        count = await self.answers.count()
        await self.message.fill(question)
        await self.page.get_by_role("button", name="Send").click()
        await expect(self.answers).to_have_count(count + 1)
        return await self.last_answer.locator(".text").inner_text()

    async def ask_by_form(self, question: str) -> str:
        """Do the same where no script runs: the page loads anew."""
        await self.message.fill(question)
        async with self.page.expect_navigation():
            await self.page.get_by_role("button", name="Send").click()
        return await self.last_answer.locator(".text").inner_text()

    def expect_status(self, *statuses: int) -> None:
        self.expected_statuses.update(statuses)

    def expect_places(self, *urls: str) -> None:
        """Let the browser go to what begins so, too."""
        self.expected_places.extend(urls)

    def hear(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        if any(f"responded with a status of {status} " in message.text for status in self.expected_statuses):
            return
        self.complaints.append(f"console: {message.text}")

    def look_at(self, request: Request) -> None:
        places = (f"{self.site.url}/", *self.expected_places)
        if not request.url.startswith(places) and urlsplit(request.url).scheme != "data":
            self.complaints.append(f"went elsewhere: {request.url}")


@asynccontextmanager
async def opened(
    browser: Browser,
    site: Site,
    *,
    viewport: ViewportSize = DESKTOP,
    color_scheme: Literal["light", "dark"] = "light",
    has_script: bool = True,
) -> AsyncIterator[Tab]:
    """Give a new visitor's tab; at the end, nothing may have gone wrong in it, and nothing been reported."""
    reported = site.gateway_events().count("csp_violated")
    context = await browser.new_context(
        locale="en-GB",
        timezone_id="Europe/Berlin",
        viewport=viewport,
        color_scheme=color_scheme,
        java_script_enabled=has_script,
    )
    context.set_default_timeout(7_000)
    try:
        await context.add_init_script(_TELL_OF_VIOLATIONS)
        tab = Tab(await context.new_page(), site)
        context.on("console", tab.hear)
        context.on("weberror", lambda error: tab.complaints.append(f"error: {error.error}"))
        context.on("request", tab.look_at)
        yield tab
        assert not tab.complaints, tab.complaints
        assert site.gateway_events().count("csp_violated") == reported, "a violated policy was reported"
    finally:
        await context.close()
