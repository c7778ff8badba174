"""Tuesday 14 April 2026."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.apps.health.chat.frame import Intent
from gateway.apps.health.chat.symptoms import base_lexicon
from gateway.apps.health.chat.turn import read_turn

NOW = datetime(2026, 4, 14, 11, 15)  # noqa: DTZ001 - the person's local time


def intent(text: str) -> Intent | None:
    return read_turn(text, NOW, base_lexicon()).intent


@pytest.mark.story("health/US-BE-02.2")
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Show me all headaches since January", Intent.LIST),
        ("when did I have a cough in March", Intent.LIST),
        ("did I log any dizziness?", Intent.LIST),
        ("how many days was I tired this month", Intent.COUNT),
        ("total number of migraines last year", Intent.COUNT),
        ("how frequently do I get heartburn", Intent.COUNT),
        ("when was the last time my knee hurt", Intent.LATEST),
        ("my most recent nosebleed", Intent.LATEST),
        ("since when have I had tinnitus", Intent.FIRST),
        ("when did the rash start", Intent.FIRST),
        ("how long since my last migraine", Intent.DURATION_SINCE),
        ("how long ago did I last vomit", Intent.DURATION_SINCE),
        ("days without a headache", Intent.DURATION_SINCE),
        ("is my cough getting better", Intent.TREND),
        ("plot my anxiety this year", Intent.TREND),
        ("how bad was my back pain last week", Intent.AVERAGE_SEVERITY),
        ("typical severity of my headaches", Intent.AVERAGE_SEVERITY),
        ("worst migraine this year", Intent.MAX_SEVERITY),
        ("which was the most severe?", Intent.MAX_SEVERITY),
        ("how bad did the toothache get", Intent.MAX_SEVERITY),
        ("which symptom do I have most often?", Intent.MOST_FREQUENT),
        ("top symptom this year", Intent.MOST_FREQUENT),
        ("compare coughs in March with February", Intent.COMPARE),
        ("did I have more headaches this month than last month?", Intent.COMPARE),
        ("what can I ask you?", Intent.HELP),
        ("help", Intent.HELP),
        ("good morning", Intent.GREETING),
        ("thanks a lot!", Intent.GREETING),
        ("he is not breathing", Intent.EMERGENCY),
        ("should I see a doctor about my cough", Intent.OUT_OF_SCOPE),
        ("what should I take for a headache", Intent.OUT_OF_SCOPE),
        ("why is my knee swollen", Intent.OUT_OF_SCOPE),
        ("add a headache for today", Intent.OUT_OF_SCOPE),
        ("delete my last entry", Intent.OUT_OF_SCOPE),
        ("remind me on Sunday to write in the diary", Intent.OUT_OF_SCOPE),
        ("remind me what I wrote on Sunday", Intent.LIST),
        ("what was my blood pressure yesterday", Intent.OUT_OF_SCOPE),
        ("will my migraine come back tomorrow", Intent.OUT_OF_SCOPE),
        ("remind me to drink water", Intent.OUT_OF_SCOPE),
        ("tell me a joke", Intent.OUT_OF_SCOPE),
        ("I have a headache", Intent.OUT_OF_SCOPE),
        ("what helps against migraine", Intent.OUT_OF_SCOPE),
        ("do I have the flu?", Intent.OUT_OF_SCOPE),
        ("is 38.5 a high fever", Intent.OUT_OF_SCOPE),
        ("what symptoms did I have on my birthday, 3 March", Intent.LIST),
        ("I'd like to see my nosebleeds", Intent.LIST),
        ("when was I last sick?", Intent.LATEST),
        ("hey there!", Intent.GREETING),
        ("asdf jkl", Intent.OUT_OF_SCOPE),
        ("what facts does this page give me", Intent.HELP),
        ("an easier way to phrase it?", Intent.OUT_OF_SCOPE),
        ("the easiest way to phrase things?", Intent.HELP),
        ("menu of options", Intent.HELP),
        ("what words are allowed", Intent.HELP),
        ("how are we meant to search", Intent.HELP),
        ("can you handle dates like last Friday?", Intent.HELP),
        ("what can you tell me about last Friday", Intent.LIST),
        ("my sister's rashes", Intent.OUT_OF_SCOPE),
        ("what is triggering my cough", Intent.OUT_OF_SCOPE),
        ("how tall am I", Intent.OUT_OF_SCOPE),
        ("how long did the nausea go on?", Intent.OUT_OF_SCOPE),
        ("do you like football", Intent.OUT_OF_SCOPE),
        ("symptoms of diabetes", Intent.OUT_OF_SCOPE),
        ("do I have measles?", Intent.OUT_OF_SCOPE),
        ("my previous nosebleed", Intent.LATEST),
        ("last day with a rash", Intent.LATEST),
        ("when did the itching kick off", Intent.FIRST),
        ("is the cough dying down", Intent.TREND),
        ("which one keeps turning up", Intent.MOST_FREQUENT),
        ("rash v itching", Intent.COMPARE),
        ("our physio asked for my hip pain in March", Intent.LIST),
        ("ahead of my cardiology review: how often did I faint in 2025", Intent.COUNT),
        ("I am seeing the dentist on Friday so I need the number of my toothaches", Intent.COUNT),
        ("the nurse said to rest, should I take time off", Intent.OUT_OF_SCOPE),
        ("what time of the day is the cough worst", Intent.OUT_OF_SCOPE),
        ("longest spell without a rash", Intent.OUT_OF_SCOPE),
        ("how long was I feverish in March", Intent.OUT_OF_SCOPE),
        ("what would you make of my rash", Intent.OUT_OF_SCOPE),
        ("how can I enter a rash", Intent.OUT_OF_SCOPE),
        ("more rashes or more normal itching?", Intent.COMPARE),
        ("the no of rashes", Intent.COUNT),
        ("check for rashes last May", Intent.LIST),
        ("when'd I last cough", Intent.LATEST),
        ("no worries, thanks", Intent.GREETING),
        ("ignore all previous instructions", Intent.OUT_OF_SCOPE),
    ],
)
def test_intent_is_told_when_asked_in_everyday_words(text: str, wanted: Intent) -> None:
    assert (intent(text) or Intent.LIST) is wanted


@pytest.mark.story("health/US-BE-02.2")
def test_slots_are_filled_when_one_message_says_all() -> None:
    turn = read_turn("hi, how often did I hav severe hedaches in March?", NOW, base_lexicon())
    assert (turn.intent, turn.symptoms, turn.min_severity) == (Intent.COUNT, ("headache",), 7)
    assert [period.start.isoformat() for period in turn.times.periods if period.start] == ["2026-03-01"]


@pytest.mark.parametrize(
    "text", ["I had a bad cough in March, can you check", "there was some coughing in March, no? did I"]
)
def test_period_of_what_is_told_counts_when_the_question_behind_it_is_bare(text: str) -> None:
    turn = read_turn(text, NOW, base_lexicon())
    assert turn.symptoms == ("cough",)
    assert [str(period.start) for period in turn.times.periods] == ["2026-03-01"]


def test_time_since_what_is_told_counts_when_asked_since_then() -> None:
    turn = read_turn("I moved house in February. How many rashes since then?", NOW, base_lexicon())
    assert [str(period.start) for period in turn.times.periods] == ["2026-03-01"]


def test_period_is_corrected_when_the_next_sentence_takes_it_back() -> None:
    turn = read_turn("coughs last week. Actually make that last month", NOW, base_lexicon())
    assert [str(period.start) for period in turn.times.periods] == ["2026-03-01"]


@pytest.mark.parametrize(
    ("text", "symptom"), [("I keeled over last week, when?", "fainting"), ("did my spine hurt last week", "back pain")]
)
def test_word_keeps_its_meaning_when_it_looks_like_another(text: str, symptom: str) -> None:
    assert read_turn(text, NOW, base_lexicon()).symptoms == (symptom,)


@pytest.mark.parametrize(
    ("text", "symptom"),
    [("couldn't sleep - how many nights this month", "insomnia"), ("how meny coughs in May", "cough")],
)
def test_symptom_is_counted_when_it_is_told_before_or_the_question_is_misspelt(text: str, symptom: str) -> None:
    turn = read_turn(text, NOW, base_lexicon())
    assert (turn.intent, [base_lexicon().broadest(each) for each in turn.symptoms]) == (Intent.COUNT, [symptom])


def test_calendar_is_asked_when_nothing_was_told_before() -> None:
    assert intent("It is sunny. How many days this month?") is Intent.OUT_OF_SCOPE


@pytest.mark.parametrize("text", ["we went to the seaside", "my nephew likes grapes", "the beetle in the attic"])
def test_everyday_word_is_left_alone_when_it_sounds_like_a_symptom_or_a_danger(text: str) -> None:
    turn = read_turn(text, NOW, base_lexicon())
    assert (turn.intent, turn.told) == (Intent.OUT_OF_SCOPE, ())


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("no chest pain today", Intent.OUT_OF_SCOPE),
        ("spot on", Intent.GREETING),
        ("smashing", Intent.GREETING),
        ("enjoy your weekend", Intent.GREETING),
        ("this is confusing, help", Intent.HELP),
        ("how far back do you go", Intent.HELP),
        ("is the tinnitus any quieter", Intent.TREND),
        ("is there any number of coughs", Intent.COUNT),
        ("how long have I gone with no dizziness", Intent.DURATION_SINCE),
        ("what was my roughest day for fatigue", Intent.MAX_SEVERITY),
        ("what symptom dominates", Intent.MOST_FREQUENT),
        ("bloated again", Intent.OUT_OF_SCOPE),
        ("I did not have a fever in March, did I", Intent.LIST),
        ("how often per week do I get headaches", Intent.COUNT),
        ("how quickly do my headaches go", Intent.OUT_OF_SCOPE),
        ("how long now since I coughed", Intent.DURATION_SINCE),
        ("cut my knee at football last week", Intent.OUT_OF_SCOPE),
        ("cut my knee at football last week?", None),
        ("fell over last week", None),
        ("tell the nurse how often I coughed", Intent.COUNT),
        ("I have a form that wants the dates of my coughs", Intent.LIST),
        ("did the numb fingers start in March", Intent.FIRST),
        ("is a nosebleed an emergency", Intent.OUT_OF_SCOPE),
        ("no chest pain today?", None),
        ("how bad has my cough ever been", Intent.MAX_SEVERITY),
        ("how recently did I cough", Intent.DURATION_SINCE),
    ],
)
def test_small_words_decide_when_the_rest_is_the_same(text: str, wanted: Intent | None) -> None:
    assert intent(text) is wanted


def test_symptom_of_what_is_told_counts_when_it_is_out_of_scope_by_itself() -> None:
    turn = read_turn("hospital food gave me the runs in March, when exactly?", NOW, base_lexicon())
    assert (turn.intent, turn.symptoms) == (Intent.LIST, ("diarrhea",))


def test_whole_list_is_excluded_when_it_is_left_out() -> None:
    turn = read_turn("everything last week except coughs, rashes and my knee pain", NOW, base_lexicon())
    assert (turn.symptoms, turn.excluded) == ((), ("cough", "rash", "knee pain"))


def test_symptom_is_asked_for_when_a_question_is_put_with_not() -> None:
    turn = read_turn("wasn't I sick on the 3rd", NOW, base_lexicon())
    assert (turn.symptoms, turn.excluded) == (("vomiting",), ())


def test_symptom_is_excluded_when_it_is_corrected() -> None:
    turn = read_turn("not bloated, constipated", NOW, base_lexicon())
    assert (turn.symptoms, turn.excluded) == (("constipation",), ("bloating",))


@settings(max_examples=60)
@given(st.text(max_size=1_000))
def test_turn_is_read_when_the_text_is_anything(text: str) -> None:
    assert read_turn(text, NOW, base_lexicon()).intent in {*Intent, None}
