"""Tuesday 14 April 2026: sentences, what is told before a question, and what is read of them together."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from gateway.apps.health.chat.clauses import sentences
from gateway.apps.health.chat.frame import DateRange, Intent
from gateway.apps.health.chat.normalise import words_of
from gateway.apps.health.chat.reading import Turn
from gateway.apps.health.chat.symptoms import base_lexicon
from gateway.apps.health.chat.time_expressions import WORDS_OF_TIME, find_times
from gateway.apps.health.chat.turn import read_turn

NOW = datetime(2026, 4, 14, 11, 15)  # noqa: DTZ001 - the person's local time
MARCH = DateRange(start=date(2026, 3, 1), end=date(2026, 4, 1))


def read(text: str) -> Turn:
    return read_turn(text, NOW, base_lexicon())


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("e.g. from 3 Jan. to 5 Feb. please", ["e.g. from 3 Jan. to 5 Feb. please"]),
        ("coughs 3 - 5 April", ["coughs 3 - 5 April"]),
        ("coughs from March - May", ["coughs from March - May"]),
        ("my head hurts... when was that last", ["my head hurts", "when was that last"]),
        ("headaches in March: how many", ["headaches in March", "how many"]),
        ("it is 10:30\nshow coughs", ["it is 10:30", "show coughs"]),
        ("...", []),
    ],
)
def test_sentences_end_where_a_reader_sees_an_end(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


def test_every_sentence_is_looked_at_for_danger_when_there_are_many() -> None:
    harmless = "I am home. It is late. The tv is on. It rains. My cat sleeps. Good night. Show my coughs."

    assert read(f"I want to kill myself. {harmless}").intent is Intent.EMERGENCY
    assert read(harmless).intent is Intent.LIST


@pytest.mark.parametrize(
    ("text", "intent", "symptoms"),
    [
        ("I saw Linda on Monday. When did I last have a rash?", Intent.LATEST, ("rash",)),
        ("so I was talking to Linda and she had shingles anyway when did I last have a rash", Intent.LATEST, ("rash",)),
        ("My hands trembled again. What was the first date I had it?", Intent.FIRST, ("tremor",)),
        ("school run now so quick, anything logged yesterday", Intent.LIST, ()),
        ("Hi! What can you do?", Intent.HELP, ()),
        ("My doctor wants to know. How many migraines did I have?", Intent.COUNT, ("migraine",)),
        ("How many headaches in March? And what should I take for them?", Intent.OUT_OF_SCOPE, ()),
        ("Thanks! Bye.", Intent.GREETING, ()),
        ("last headache - when?", Intent.LATEST, ("headache",)),
    ],
)
def test_question_is_read_when_something_is_told_beside_it(
    text: str, intent: Intent, symptoms: tuple[str, ...]
) -> None:
    turn = read(text)

    assert (turn.intent, turn.symptoms) == (intent, symptoms)


def test_slots_come_from_beside_when_the_question_has_none() -> None:
    turn = read("Headaches. How bad were they? The ones in March, I mean.")

    assert (turn.intent, turn.symptoms, turn.times.periods) == (Intent.AVERAGE_SEVERITY, ("headache",), (MARCH,))


@pytest.mark.parametrize(
    ("text", "symptoms"),
    [
        ("migraines, not the ordinary headaches", ("migraine",)),
        ("how often was I sad no sorry I mean nervous", ("anxiety",)),
        ("headaches and migraines without the migraines", ("headache",)),
        ("when did my neck and back hurt, not nausea", ("neck pain", "back pain")),
        ("when did my neck and back hurt, no wait, headaches", ("headache",)),
        ("How many headaches in March? I mean migraines.", ("migraine",)),
    ],
)
def test_symptom_is_left_out_when_it_is_taken_back(text: str, symptoms: tuple[str, ...]) -> None:
    assert read(text).symptoms == symptoms


@pytest.mark.parametrize(
    "text",
    [
        "coughs not in February, in March", "coughs instead of February March", "How many coughs in May? Sorry, March.",
        "How many coughs in May? Make that March.",
    ],
)  # fmt: skip
def test_period_is_left_out_when_it_is_taken_back(text: str) -> None:
    assert read(text).times.periods == (MARCH,)


def test_no_word_of_time_is_taken_for_a_typing_error() -> None:
    said = {word: find_times(words_of(f"on {word}"), NOW).periods for word in WORDS_OF_TIME}

    assert {word for word in WORDS_OF_TIME if read(f"on {word}").times.periods != said[word]} == set()


@pytest.mark.parametrize("text", ["headaches after I stopped coffee in March", "was I tired after my jab in March"])
def test_question_is_in_scope_when_what_is_not_stands_in_an_aside(text: str) -> None:
    turn = read(text)

    assert turn.intent is not Intent.OUT_OF_SCOPE
    assert turn.times.periods == (MARCH,)


@pytest.mark.parametrize(
    "text", ["<img src=x onerror=alert(1)>", "'; DROP TABLE symptoms; --", "https://x.example/?q=cough"]
)
def test_code_is_out_of_scope_when_words_of_a_question_stand_in_it(text: str) -> None:
    assert read(text).intent is Intent.OUT_OF_SCOPE


def test_month_is_the_one_told_of_when_a_question_refers_to_it() -> None:
    turn = read("The heat was awful in March. How many hot flushes that month?")

    assert (turn.intent, turn.symptoms, turn.times.periods) == (Intent.COUNT, ("hot flushes",), (MARCH,))
