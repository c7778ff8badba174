"""What stands around a question changes nothing of what it asks: politeness, doubt, who wants to know and why."""

from __future__ import annotations

from datetime import datetime

import pytest

from gateway.apps.health.chat.frame import Intent
from gateway.apps.health.chat.intent import unframed
from gateway.apps.health.chat.symptoms import base_lexicon
from gateway.apps.health.chat.turn import read_turn

NOW = datetime(2026, 4, 14, 11, 15)  # noqa: DTZ001 - the person's local time
BEFORE = (
    "", "any chance you could tell me", "my GP has asked me to find out,", "the doctor said I should check,",
    "I've got an appointment on Friday and need to know:", "sorry if this is a daft question but",
    "just out of interest,", "I've been wondering", "do you happen to know", "when you get a sec,",
    "my memory is shocking these days.",
    "I was away in Cornwall for a bit.", "it's been a rubbish year.", "I stopped taking ibuprofen, so", "hey there",
)  # fmt: skip
BEHIND = (
    "", ", please", "if poss", "- I can't remember", ", for the doctor", ", asking for my GP", "before my appointment",
    ", a short answer will do", ", is that something you can tell me?", "as I have a review coming up",
    "- I lost count",
)  # fmt: skip
ASKED = (
    ("how many headaches did I have in March", Intent.COUNT, ("headache",)),
    ("when did I last have a nosebleed", Intent.LATEST, ("nosebleed",)),
    ("was my knee sore last week", Intent.LIST, ("knee pain",)),
    ("is my cough getting worse", Intent.TREND, ("cough",)),
    ("should I see a doctor about my knee", Intent.OUT_OF_SCOPE, ()),
    ("why do I get headaches", Intent.OUT_OF_SCOPE, ()),
)


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize(("question", "intent", "symptoms"), ASKED, ids=[question for question, *_ in ASKED])
def test_question_means_the_same_when_something_stands_before_it(
    before: str, question: str, intent: Intent, symptoms: tuple[str, ...]
) -> None:
    turn = read_turn(f"{before} {question}", NOW, base_lexicon())
    assert (turn.intent, turn.symptoms) == (intent, symptoms)


@pytest.mark.parametrize("behind", BEHIND)
@pytest.mark.parametrize(("question", "intent", "symptoms"), ASKED, ids=[question for question, *_ in ASKED])
def test_question_means_the_same_when_something_stands_behind_it(
    behind: str, question: str, intent: Intent, symptoms: tuple[str, ...]
) -> None:
    text = f"{question}{behind}" if behind.startswith(",") else f"{question} {behind}"
    turn = read_turn(text, NOW, base_lexicon())
    assert (turn.intent, turn.symptoms) == (intent, symptoms)


@pytest.mark.parametrize("before", ["can you tell me if", "I wonder whether", "do you know if"])
def test_statement_is_asked_for_when_an_if_stands_before_it(before: str) -> None:
    assert read_turn(f"{before} I had a headache on Sunday", NOW, base_lexicon()).intent is Intent.LIST


def test_text_stays_when_all_of_it_is_a_frame() -> None:
    assert unframed("for the doctor") == "for the doctor"


def test_mark_of_a_question_is_kept_when_what_stands_behind_it_goes() -> None:
    assert unframed("any <symptom> for the doctor ?") == "any <symptom> ?"
