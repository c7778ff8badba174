"""Who asks plainly is answered, however rare the words; who only tells is not. Wednesday 17 June 2026."""

from __future__ import annotations

import pytest

from tests.understanding.asked import asked


@pytest.mark.parametrize(
    ("text", "intent", "symptom"),
    [
        ("list the evenings my teeth chattered with cold", "list", "chills"),
        ("list the mornings I felt sick as a parrot", "list", "nausea"),
        ("how many nights did I not sleep a wink", "count", "insomnia"),
        ("the last time I came out in a rash", "latest", "rash"),
        ("rake out the coughs from last week", "list", "cough"),
        ("leaf back through my nosebleeds in May", "list", "nosebleed"),
        ("what is the furthest back fever I have", "first", "fever"),
        ("totally wrecked, early May", "list", "fatigue"),
        ("has the baby had a rash", "list", "rash"),
        ("did our child have a cough on Monday", "list", "cough"),
    ],
)
def test_question_is_answered_when_it_begins_plainly(text: str, intent: str, symptom: str) -> None:
    said = asked(text)
    assert (said["intent"], said["symptom"]) == (intent, [symptom])


@pytest.mark.parametrize(
    "text",
    [
        "list the best teas for a sore throat",
        "how fast is my heart",
        "any temperature readings in May",
        "did my husband cough on Monday",
        "my back was sore and my throat too",
        "I've got a headache, first day back at school!",
        "will it rain with this headache",
    ],
)
def test_nothing_is_answered_when_nothing_of_the_records_is_asked(text: str) -> None:
    assert asked(text)["intent"] == "out_of_scope"


@pytest.mark.parametrize("text", ["my chest hurts and my arm is numb", "I have a razor blade in my hand"])
def test_danger_is_seen_when_it_is_told_like_what_is_mild(text: str) -> None:
    assert asked(text)["intent"] == "emergency"


def test_razor_blades_are_no_danger_when_they_are_what_a_throat_feels_like() -> None:
    assert asked("how bad was the razor blade throat in May")["symptom"] == ["sore throat"]


@pytest.mark.parametrize("text", ["coughs and wheezing next to each other, May", "my coughs beside my fevers in May"])
def test_two_symptoms_are_compared_when_they_stand_beside_each_other(text: str) -> None:
    assert asked(text)["intent"] == "compare"


@pytest.mark.parametrize("behind", ["My physio is bound to ask.", "The cardiologist will want to know."])
def test_question_stands_when_somebody_will_ask_for_its_answer(behind: str) -> None:
    said = asked(f"How many times was I dizzy in May? {behind}")
    assert (said["intent"], said["symptom"]) == ("count", ["dizziness"])


def test_symptom_is_left_out_when_it_is_put_aside() -> None:
    assert asked("Coughs aside, sore throats in May")["symptom"] == ["sore throat"]


@pytest.mark.parametrize(("text", "intent"), [("what should I be asking", "help"), ("I must be going", "greeting")])
def test_chat_itself_is_meant_when_nothing_else_is(text: str, intent: str) -> None:
    assert asked(text)["intent"] == intent


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("how many out of ten was my cough in May", "average_severity"),
        ("how hard was the cough on me in May", "average_severity"),
        ("top mark for a cough in May", "max_severity"),
        ("my baddest cough in May", "max_severity"),
        ("when did I come down with the cough", "first"),
        ("put May next to April for coughs", "compare"),
        ("is the cough wearing off", "trend"),
        ("whatever you hold on my cough", "list"),
    ],
)
def test_wish_is_heard_when_its_words_are_unusual(text: str, intent: str) -> None:
    said = asked(text)
    assert (said["intent"], said["symptom"]) == (intent, ["cough"])


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("what's my biggest bugbear in May", "most_frequent"),
        ("what comes up time and again in May", "most_frequent"),
        ("how does one go about asking", "help"),
        ("what are my choices here", "help"),
        ("ttfn", "greeting"),
        ("what brings my cough on", "out_of_scope"),
    ],
)
def test_wish_without_a_symptom_is_heard_when_its_words_are_unusual(text: str, intent: str) -> None:
    assert asked(text)["intent"] == intent
