"""Whole dialogs of people who chat: much around the question, a child's diary, a word taken back. 17 June 2026."""

from __future__ import annotations

import pytest

from gateway.apps.health.chat.normalise import words_of
from gateway.apps.health.chat.reading import Repairs
from gateway.apps.health.chat.symptoms import base_lexicon
from tests.understanding.asked import asked, slots_of

LAST_WEEK = ("2026-06-08", "2026-06-15")
LAST_MONTH = ("2026-05-01", "2026-06-01")
MARCH = ("2026-03-01", "2026-04-01")
MONDAY = ("2026-06-15", "2026-06-16")
ALWAYS = (None, None)


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("how many times did his ears hurt last month", ("count", ["earache"], LAST_MONTH)),
        ("was his nose streaming on Monday", ("list", ["runny nose"], MONDAY)),
        ("did her throat hurt in March", ("list", ["sore throat"], MARCH)),
        ("did she bring her tea up on Monday", ("list", ["vomiting"], MONDAY)),
        ("when was he last off his food", ("latest", ["loss of appetite"], ALWAYS)),
        (
            "My lad was off his food for a spell. Show me everything on that in March",
            ("list", ["loss of appetite"], MARCH),
        ),
        ("is their tummy ache getting worse", ("trend", ["abdominal pain"], ALWAYS)),
    ],
)
def test_symptom_is_read_when_it_is_of_a_child_whose_diary_it_is(text: str, slots: tuple[object, ...]) -> None:
    assert slots_of(text) == slots


@pytest.mark.parametrize("text", ["fetch my mum's symptom list for March", "is her rash serious"])
def test_question_is_out_of_scope_when_it_is_of_the_records_of_another(text: str) -> None:
    assert asked(text)["intent"] == "out_of_scope"


@pytest.mark.parametrize(
    ("then", "symptoms"),
    [
        ("and my back, no I tell a lie, my knees?", ["knee pain"]),
        ("and my back, no hang on, my knees?", ["knee pain"]),
        ("I'm a wally, I meant my back", ["back pain"]),
        ("silly me, my back", ["back pain"]),
        ("not his neck, his teeth", ["toothache"]),
        ("not his neck, his throat being sore", ["sore throat"]),
        ("and my back, my knees?", ["back pain", "knee pain"]),
    ],
)
def test_symptom_is_taken_back_when_somebody_owns_a_mistake(then: str, symptoms: list[str]) -> None:
    assert slots_of("how bad is my neck usually", then) == ("average_severity", symptoms, ALWAYS)


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("had I been puffed out going up the stairs in March, I can't for the life of me remember",
         ("list", ["shortness of breath"], MARCH)),
        ("had I been dizzy going down the hill in March", ("list", ["dizziness"], MARCH)),
        ("is my cough going up", ("trend", ["cough"], ALWAYS)),
        ("Grandson wants to know (he's doing a project, bless him): any headaches last week?",
         ("list", ["headache"], LAST_WEEK)),
        ("how bad was my back (the lower bit) in March", ("average_severity", ["back pain"], MARCH)),
        ("I think I felt queasy on Monday, or did I dream it? pls check", ("list", ["nausea"], MONDAY)),
        ("Would you mind awfully pulling up the times I came over all hot last month? Menopause clinic, you see.",
         ("list", ["hot flushes"], LAST_MONTH)),
        ("how many headaches in March? GP surgery form.", ("count", ["headache"], MARCH)),
        ("My husband says I scratch like a dog. What's in there about it since the 1st?",
         ("list", ["itching"], ("2026-06-01", "2026-06-18"))),
        ("what did I grumble about on Monday", ("list", None, MONDAY)),
        ("my podiatrist wonders when my feet last itched", ("latest", ["itching"], ALWAYS)),
        ("most recent funny turn where I actually keeled over?", ("latest", ["fainting"], ALWAYS)),
        ("is it my ears or my teeth that's been hurting worse in March", ("compare", ["earache", "toothache"], MARCH)),
        ("do i cough less then i used too", ("trend", ["cough"], ALWAYS)),
        ("I was going to ask about last week's headaches", ("list", ["headache"], LAST_WEEK)),
        ("I told Brenda I'd had a dozen migraines in March. How many was it really?", ("count", ["migraine"], MARCH)),
        ("We had guests in March. What came up most often?", ("most_frequent", None, MARCH)),
        ("We had guests on Monday. What came up most often?", ("most_frequent", None, ALWAYS)),
    ],
)  # fmt: skip
def test_question_is_read_when_much_is_said_around_it(text: str, slots: tuple[object, ...]) -> None:
    assert slots_of(text) == slots


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("did I weigh more in March than in February, I've been bloated so I wonder", "out_of_scope"),
        ("how many headaches in March? Log one more.", "out_of_scope"),
        ("how many headaches in March? Can I take ibuprofen?", "out_of_scope"),
        ("lovely to meet you, I'm Doreen", "greeting"),
        ("I was going to ask about last week's headaches, only I've crushing pain in the chest", "emergency"),
    ],
)  # fmt: skip
def test_message_is_taken_for_what_it_is_when_much_is_said_around_it(text: str, intent: str) -> None:
    assert asked(text)["intent"] == intent


@pytest.mark.parametrize("then", ["list 'em, there's a dear", "list them, there's a pet", "list them if you would"])
def test_follow_up_is_read_when_it_ends_kindly(then: str) -> None:
    assert slots_of("how often did I cough in March?", then) == ("list", ["cough"], MARCH)


def test_intent_is_kept_when_a_reason_stands_behind_a_period() -> None:
    said = slots_of("How many nosebleeds in March?", "likewise the month before, my ENT man's thorough")
    assert said == ("count", ["nosebleed"], ("2026-02-01", "2026-03-01"))


@pytest.mark.parametrize("name", ["Irene", "Becky", "Trevor", "Kelly", "Derek", "Laura", "Brenda"])
def test_name_is_no_misspelt_symptom(name: str) -> None:
    words = words_of(f"{name} asks")
    assert Repairs().repaired(words, base_lexicon()) == words


@pytest.mark.parametrize(
    ("then", "symptoms", "period"),
    [
        ("ta love, and in March?", ["headache"], MARCH),
        ("no no, silly moo, March", ["headache"], MARCH),
        ("and in March, my GP'll want both", ["headache"], MARCH),
        ("fancy that! and March?", ["headache"], MARCH),
        ("cheers pet, how about March", ["headache"], MARCH),
        ("and coughs, while you're there", ["cough"], LAST_MONTH),
        ("oh and dizziness too, nearly forgot", ["dizziness"], LAST_MONTH),
    ],
)
def test_intent_is_kept_when_slots_alone_stand_in_chat(then: str, symptoms: list[str], period: tuple[str, str]) -> None:
    assert slots_of("how many headaches did I have in May", then) == ("count", symptoms, period)


@pytest.mark.parametrize("then", ["I had one today", "my daughter is poorly too", "I cough a lot"])
def test_statement_is_no_question_when_it_follows_one(then: str) -> None:
    assert asked("how many headaches did I have in May", then)["intent"] == "out_of_scope"
