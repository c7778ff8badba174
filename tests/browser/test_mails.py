"""Mails as a mail reader draws them: on a phone and a desktop, light and dark."""

from __future__ import annotations

from typing import Final, Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ViewportSize

from agent.mail.wording import Template, word
from tests.browser.tab import DESKTOP, PHONE

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

VALUES: Final = {
    "link": f"/confirm-address?token={'a' * 43}",
    "hours": "24",
    "minutes": "60",
    "at": "29 November 2026, 21:40 (Europe/Berlin)",
    "account": "anna@example.org",
    "topic": "the chat",
    "message": f"Two lines,\none of them long: {'word' * 100}",
}
OPTIONS: Final = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}  # a mail has no landmarks of its own


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_mails_are_read_without_moving_sideways_when_they_are_shown(
    browser: Browser, viewport: ViewportSize, scheme: Literal["light", "dark"]
) -> None:
    context = await browser.new_context(viewport=viewport, color_scheme=scheme)
    page = await context.new_page()
    for template in Template:
        values = {name: VALUES[name] for name in template.names}
        await page.set_content(word(template, "en", values, site="https://health.example.org").html)
        assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth"), template
        assert (await Axe().run(page, options=OPTIONS)).response["violations"] == [], template
        is_dark = await page.evaluate("getComputedStyle(document.body).backgroundColor !== 'rgb(255, 255, 255)'")
        assert is_dark == (scheme == "dark"), template
    await context.close()
