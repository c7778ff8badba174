from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.appliance import Site
from tests.browser.tab import Tab

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

_OF_MIGRAINE = """
  FROM symptom_log JOIN symptom_type ON symptom_type.id = symptom_id
 WHERE patient_id = $1 AND label = 'Migraine'
"""
COUNT = f"SELECT count(*) {_OF_MIGRAINE}"
WORST = f"SELECT max(severity) {_OF_MIGRAINE}"
AVERAGE = f"SELECT avg(severity)::float8 {_OF_MIGRAINE}"
IN_ALL = "How often did I have a migraine in all?"


def number_in(answer: str) -> float:
    """Return the first number of an answer."""
    found = re.search(r"\d[\d,]*(?:\.\d+)?", answer)
    assert found is not None, answer
    return float(found.group().replace(",", ""))


@pytest.mark.story("health/US-BE-30.5")
async def test_answer_is_what_the_database_says_when_asked_how_often(anna: Tab, site: Site) -> None:
    answer = await anna.ask(IN_ALL)

    count = await site.in_records(COUNT)
    assert count > 0
    assert number_in(answer) == count


async def test_follow_up_is_about_the_same_when_it_names_nothing(anna: Tab, site: Site) -> None:
    await anna.ask(IN_ALL)

    average = await anna.ask("How bad was it on average?")
    worst = await anna.ask("And the worst one?")

    assert number_in(average) == pytest.approx(await site.in_records(AVERAGE), abs=0.051)
    assert number_in(worst) == await site.in_records(WORST)


async def test_follow_up_is_understood_when_the_page_was_loaded_again(anna: Tab, site: Site) -> None:
    await anna.ask(IN_ALL)
    await anna.page.reload()
    await expect(anna.answers).to_have_count(1)

    average = await anna.ask("How bad was it on average?")

    assert number_in(average) == pytest.approx(await site.in_records(AVERAGE), abs=0.051)


async def test_records_are_listed_when_a_suggestion_is_clicked(anna: Tab) -> None:
    await anna.ask(IN_ALL)
    suggestions = anna.page.get_by_role("form", name="Suggestions")

    await suggestions.get_by_role("button", name="List them").click()

    await expect(anna.answers).to_have_count(2)
    rows = anna.last_answer.get_by_role("listitem")
    await expect(rows.first).to_contain_text("Migraine")
    assert await rows.count() > 1
    await expect(anna.page.locator(".question").last).to_have_text("List them")
    await expect(anna.message).to_be_focused()


async def test_question_is_shown_as_text_when_it_holds_markup(anna: Tab) -> None:
    question = "<img src=x onerror=alert(1)><b>migraine</b> & <script>alert(2)</script>"
    await anna.ask(question)
    await anna.page.reload()

    await expect(anna.page.locator(".question")).to_have_text(question)
    assert await anna.page.locator("#log :is(img, b, script)").count() == 0


async def test_number_to_call_is_shown_when_somebody_is_in_danger_and_the_agent_away(anna: Tab, site: Site) -> None:
    with site.without_agent():
        answer = await anna.ask("I have crushing chest pain right now")

        assert "call 112" in answer
        await expect(anna.last_answer.get_by_role("link", name="Call 112")).to_have_attribute("href", "tel:112")


async def test_conversation_is_forgotten_when_cleared(anna: Tab) -> None:
    await anna.ask(IN_ALL)

    await anna.page.get_by_role("button", name="Clear").click()

    await expect(anna.answers).to_have_count(0)
    await expect(anna.message).to_be_focused()
    assert await anna.page.evaluate("sessionStorage.length") == 0


async def test_reader_is_told_once_when_an_answer_arrives(anna: Tab) -> None:
    """A live region speaks what is added to it: the finished answer, in one piece and once."""
    await anna.page.evaluate(
        """() => {
            window.added = [];
            const note = (changes) => window.added.push(...changes.flatMap((change) => [...change.addedNodes]));
            new MutationObserver(note).observe(document.getElementById("log"), {childList: true, subtree: true});
        }"""
    )

    await anna.ask(IN_ALL)

    added = await anna.page.evaluate("window.added.map((node) => node.className.trim())")
    assert [name for name in added if "typing" not in name] == ["message question", "message answer"]


async def test_chart_and_its_table_are_shown_when_a_trend_is_asked_for(anna: Tab, site: Site) -> None:
    await anna.ask("Is my migraine getting worse in all?")

    await expect(anna.last_answer.get_by_role("img")).to_have_accessible_name(re.compile("average severity by"))
    await anna.last_answer.get_by_text("Figures").click()
    counts = await anna.last_answer.locator("tbody td:nth-of-type(1)").all_inner_texts()
    assert sum(map(int, counts)) == await site.in_records(COUNT)


async def test_reading_is_chosen_when_the_chat_asks_back(anna: Tab) -> None:
    assert "Did you mean one of these?" in await anna.ask("how often did I have migraxyl in all?")

    await anna.last_answer.get_by_role("form", name="Did you mean").get_by_role("button").first.click()

    await expect(anna.answers).to_have_count(2)
    await expect(anna.last_answer.locator(".text")).to_contain_text("entries of migraine")


MARKUP = "<img src=x onerror=alert(1)><b>spots</b>"
WITH_MARKUP = """
    WITH kind AS (
        INSERT INTO symptom_type (id, label, category) VALUES (9001, $2, '<i>Skin</i>')
        ON CONFLICT (id) DO UPDATE SET label = excluded.label RETURNING id
    ), log AS (
        INSERT INTO symptom_log (patient_id, symptom_id, logged_at, severity, remark)
        SELECT $1, kind.id, now(), 5, $2 FROM kind RETURNING id
    ) SELECT count(*) FROM log"""
WITHOUT_MARKUP = """
    WITH gone AS (DELETE FROM symptom_log WHERE symptom_id = 9001 AND patient_id = $1 RETURNING id)
    SELECT count(*) FROM gone"""


@pytest.mark.story("health/US-BE-41.3", "todo/FR-015")
async def test_record_is_shown_as_text_when_its_symptom_and_note_hold_markup(visitor: Tab, site: Site) -> None:
    await site.in_records(WITH_MARKUP, MARKUP)
    try:
        await visitor.sign_in()
        await visitor.ask("Show my entries of any symptom today")

        row = visitor.last_answer.get_by_role("listitem").first
        await expect(row.locator(".symptom")).to_have_text(MARKUP)
        await expect(row.locator(".note")).to_have_text(MARKUP)
        await visitor.ask("When did I last have any symptom?")
        await expect(visitor.last_answer).to_contain_text(MARKUP)
        await visitor.page.reload()
        await expect(visitor.answers).to_have_count(2)
        assert await visitor.page.locator("#log :is(img, b, script)").count() == 0
    finally:
        await site.in_records(WITHOUT_MARKUP)


async def test_note_is_read_from_the_right_when_it_is_written_so(visitor: Tab, site: Site) -> None:
    await site.in_records(WITH_MARKUP, "\u0635\u062f\u0627\u0639 3")
    try:
        await visitor.sign_in()
        await visitor.ask("Show my entries of any symptom today")

        note = visitor.last_answer.get_by_role("listitem").first.locator(".note")
        assert await note.evaluate("(words) => getComputedStyle(words).direction") == "rtl"
    finally:
        await site.in_records(WITHOUT_MARKUP)
