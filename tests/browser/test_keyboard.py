"""Everything can be done without a mouse."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.tab import Tab

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

_FOCUSED_NAME = """() => {
    const focused = document.activeElement;
    return focused === document.body ? "" :
        focused.getAttribute("aria-label") ?? focused.labels?.[0]?.textContent.trim() ?? focused.textContent.trim();
}"""


async def test_sign_in_works_when_there_is_only_a_keyboard(visitor: Tab) -> None:
    await visitor.open()
    keyboard = visitor.page.keyboard
    await expect(visitor.page.get_by_label("E-mail")).to_be_focused()

    await keyboard.type(visitor.site.access.email)
    await keyboard.press("Tab")
    await keyboard.type(visitor.site.access.password)
    await keyboard.press("Enter")

    await expect(visitor.message).to_be_focused()


async def test_focus_visits_everything_in_reading_order_when_tabbed_through(anna: Tab) -> None:
    suggestions = await anna.page.get_by_role("form", name="Suggestions").get_by_role("button").all_inner_texts()
    visited = []
    while name := await anna.page.evaluate(_FOCUSED_NAME):
        visited.append(name)
        await anna.page.keyboard.press("Shift+Tab")

    assert visited[::-1] == [
        "Skip to the question",
        "Drawbridge",
        "Account",
        "Sign out",
        "Conversation",
        *suggestions,
        "Your question",
    ]


async def test_focus_goes_on_to_send_and_the_number_when_tabbed_from_the_question(anna: Tab) -> None:
    await anna.page.keyboard.press("Tab")
    await expect(anna.page.get_by_role("button", name="Send")).to_be_focused()
    await anna.page.keyboard.press("Tab")
    await expect(anna.page.get_by_role("link", name="Who looked at them?")).to_be_focused()
    await anna.page.keyboard.press("Tab")
    await expect(anna.page.get_by_role("link", name="112")).to_be_focused()


async def test_question_is_focused_when_the_skip_link_is_followed(anna: Tab) -> None:
    await anna.page.get_by_role("link", name="Skip to the question").focus()
    await expect(anna.page.get_by_role("link", name="Skip to the question")).to_be_in_viewport()

    await anna.page.keyboard.press("Enter")

    await expect(anna.message).to_be_focused()


async def test_question_is_sent_and_focus_returns_when_enter_is_pressed(anna: Tab) -> None:
    await anna.page.keyboard.type("How often did I have a migraine in all?")
    await anna.page.keyboard.press("Enter")

    await expect(anna.last_answer).to_contain_text("of migraine")
    await expect(anna.message).to_be_focused()
    await expect(anna.message).to_have_value("")


async def test_line_is_broken_and_nothing_sent_when_shift_and_enter_are_pressed(anna: Tab) -> None:
    await anna.page.keyboard.type("migraine")
    await anna.page.keyboard.press("Shift+Enter")
    await anna.page.keyboard.type("last year")

    await expect(anna.message).to_have_value("migraine\nlast year")
    await expect(anna.page.locator(".question")).to_have_count(0)


async def test_nothing_is_sent_when_the_question_is_empty(anna: Tab) -> None:
    await anna.page.keyboard.type("   ")
    await anna.page.keyboard.press("Enter")

    await expect(anna.message).to_be_focused()
    await expect(anna.page.locator(".question")).to_have_count(0)


async def test_suggestion_is_asked_when_enter_is_pressed_on_it(anna: Tab) -> None:
    suggestion = anna.page.get_by_role("form", name="Suggestions").get_by_role("button").first
    text = await suggestion.inner_text()

    await suggestion.focus()
    await anna.page.keyboard.press("Enter")

    await expect(anna.page.locator(".question")).to_have_text(text)
    await expect(anna.answers).to_have_count(1)
    await expect(anna.message).to_be_focused()
