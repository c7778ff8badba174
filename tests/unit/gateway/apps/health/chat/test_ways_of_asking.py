"""One question in every construction that English has for it. Wednesday 17 June 2026."""

from __future__ import annotations

import pytest

from tests.understanding.asked import asked, slots_of

MARCH = ("2026-03-01", "2026-04-01")
APRIL = ("2026-04-01", "2026-05-01")
MAY = ("2026-05-01", "2026-06-01")
LAST_WEEK = ("2026-06-08", "2026-06-15")
ALWAYS = (None, None)


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("The 31st: was I feeling sad?", ("2026-05-31", "2026-06-01")),
        ("May: was I feeling low?", MAY),
        ("In March - was I feeling sad?", MARCH),
        ("Last week: was I feeling sad?", LAST_WEEK),
        ("On Monday. Was I feeling sad?", ("2026-06-15", "2026-06-16")),
    ],
)
def test_question_is_read_when_its_time_stands_alone_before_it(text: str, period: tuple[str, str]) -> None:
    assert slots_of(text) == ("list", ["low mood"], period)


def test_all_entries_are_meant_when_the_time_stands_alone_before_what_was_up() -> None:
    assert slots_of("Christmas: what was up with me?") == ("list", None, ("2025-12-25", "2025-12-26"))


@pytest.mark.parametrize("text", ["Tomorrow: will I be dizzy?", "Next week: book me a doctor", "May: what did I eat?"])
def test_nothing_is_answered_when_the_question_behind_the_time_is_out_of_scope(text: str) -> None:
    assert asked(text)["intent"] == "out_of_scope"


@pytest.mark.parametrize(
    ("text", "intent", "symptoms"),
    [
        ("Were there not some blurry-eyed days in May?", "list", ["blurred vision"]),
        ("Weren't my back troubles worse in May than in April?", "compare", ["back pain"]),
        ("Isn't the stiffness in my neck getting worse?", "trend", ["neck pain"]),
        ("Wasn't my cough bad in May?", "list", ["cough"]),
        ("Didn't my back hurt in May?", "list", ["back pain"]),
        ("Hasn't my cough improved?", "trend", ["cough"]),
        ("Aren't my migraines more frequent now?", "trend", ["migraine"]),
        ("So wasn't there any cough in May?", "list", ["cough"]),
        ("Did my knee not hurt in May?", "list", ["knee pain"]),
        ("Wasn't I dizzy on Monday?", "list", ["dizziness"]),
    ],
)
def test_symptom_is_meant_when_the_question_expects_a_yes(text: str, intent: str, symptoms: list[str]) -> None:
    said = asked(text)
    assert (said["intent"], said["symptom"]) == (intent, symptoms)


@pytest.mark.parametrize(
    ("then", "symptoms"),
    [
        ("not coughs, rashes", ["rash"]),
        ("wasn't coughs, rashes", ["rash"]),
        ("no, not the cough, the rash", ["rash"]),
        ("isn't coughs, it's rashes", ["rash"]),
        ("sorry not coughs, back", ["back pain"]),
    ],
)
def test_symptom_is_taken_back_when_it_is_corrected(then: str, symptoms: list[str]) -> None:
    assert asked("coughs in May", then)["symptom"] == symptoms


@pytest.mark.parametrize(
    ("before", "then", "slots"),
    [
        (
            "Was my back worse last month than the month before?",
            "And was my appetite?",
            ("compare", "loss of appetite"),
        ),
        ("worst cough in May", "And did my knee?", ("max_severity", "knee pain")),
        ("how bad was my back in May", "And is my neck?", ("average_severity", "neck pain")),
        ("when did I last cough", "And did the rash?", ("latest", "rash")),
        ("average cough in May", "but were my migraines?", ("average_severity", "migraine")),
        ("how often did I cough in May", "and did my back hurt?", ("list", "back pain")),
        ("how often did I cough in May", "And was I dizzy?", ("list", "dizziness")),
        ("When did it last burn when I peed?", "And what about not seeing sharply?", ("latest", "blurred vision")),
        ("how often was my throat sore?", "what about not seeing clearly", ("count", "blurred vision")),
    ],
)
def test_intent_is_kept_when_a_verb_stands_for_what_was_asked(before: str, then: str, slots: tuple[str, str]) -> None:
    said = asked(before, then)
    assert (said["intent"], said["symptom"]) == (slots[0], [slots[1]])


@pytest.mark.parametrize(
    "then",
    [
        "Severe ones only, leaving aside the rest", "Severe ones only, never mind the rest",
        "just the severe ones, not the others", "only severe, ignoring all the others", "severe only, forget the rest",
        "Only the severe ones, setting the rest aside", "counting only the severe ones",
        "just counting the severe ones",
    ],
)  # fmt: skip
def test_intent_is_kept_when_the_rest_is_left_aside(then: str) -> None:
    said = asked("worst muscle cramps last month", then)
    assert (said["intent"], said["start"], said["min_severity"]) == ("max_severity", "2026-05-01", 7)


@pytest.mark.parametrize(
    ("then", "intent"),
    [
        ("Could that be had as a graph?", "trend"),
        ("could it be plotted?", "trend"),
        ("May that be drawn as a curve?", "trend"),
        ("Might those be counted?", "count"),
        ("Can these be listed?", "list"),
        ("Would that be shown as a chart?", "trend"),
        ("How many days ago does that make it?", "duration_since"),
        ("It's the actual days I'm after", "list"),
        ("the individual days, please", "list"),
        ("is that one on the wane?", "trend"),
        ("is it abating?", "trend"),
        ("has it been ebbing?", "trend"),
        ("its typical severity being?", "average_severity"),
    ],
)
def test_intent_alone_is_changed_when_it_is_wished_for_otherwise(then: str, intent: str) -> None:
    assert slots_of("how often did I have acid reflux in May", then) == (intent, ["heartburn"], MAY)


@pytest.mark.parametrize(
    "then",
    [
        "And it'll be gone by next Friday, won't it?", "it will come back, won't it?",
        "that is going to get worse, no?",
        "Could that be shingles?", "can this be cancer?", "my cough will clear up soon, right?",
    ],
)  # fmt: skip
def test_nothing_is_answered_when_it_is_foretold(then: str) -> None:
    assert asked("Is the cough getting any better?", then)["intent"] == "out_of_scope"


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("Was it in March that I had the nosebleeds?", ("list", ["nosebleed"], MARCH)),
        ("It was in March that my back was worst, wasn't it?", ("max_severity", ["back pain"], MARCH)),
        ("I didn't have a migraine in March, did I?", ("list", ["migraine"], MARCH)),
        ("What I want to know is how often I coughed in March.", ("count", ["cough"], MARCH)),
        ("The number of headaches I had in March is what?", ("count", ["headache"], MARCH)),
        ("My last migraine was when?", ("latest", ["migraine"], ALWAYS)),
        ("My worst migraine was how bad?", ("max_severity", ["migraine"], ALWAYS)),
        ("Rashes in March there were how many of?", ("count", ["rash"], MARCH)),
        ("When it comes to my knees, how bad did they get in March?", ("max_severity", ["knee pain"], MARCH)),
        ("To what heights did my anxiety climb in March?", ("max_severity", ["anxiety"], MARCH)),
        ("When were my muscles at their sorest in March?", ("max_severity", ["muscle ache"], MARCH)),
        ("During which week was my back at its most painful?", ("max_severity", ["back pain"], ALWAYS)),
        ("Wanted: a headcount of my migraines in March", ("count", ["migraine"], MARCH)),
        ("Could my headaches be counted for March?", ("count", ["headache"], MARCH)),
        ("Could my cough be listed, please", ("list", ["cough"], ALWAYS)),
        ("I'm dying to know when I last had a runny nose", ("latest", ["runny nose"], ALWAYS)),
        ("I am itching to hear how often I coughed in March", ("count", ["cough"], MARCH)),
        ("could you work out the gap between today and my most recent fever", ("duration_since", ["fever"], ALWAYS)),
        ("how many days between my last fever and today?", ("duration_since", ["fever"], ALWAYS)),
        ("how long since my last fever today", ("duration_since", ["fever"], ("2026-06-17", "2026-06-18"))),
        ("how many days between my last fever and now?", ("duration_since", ["fever"], ALWAYS)),
        ("Am I more forgetful and cloudy-headed in May than I used to be?", ("trend", ["brain fog"], MAY)),
        ("which dates did I put fainting down for in March?", ("list", ["fainting"], MARCH)),
    ],
)
def test_question_is_read_in_every_construction(text: str, slots: tuple[object, ...]) -> None:
    assert slots_of(text) == slots


@pytest.mark.parametrize(
    "text",
    [
        "Do my coughs in April exceed those in March?",
        "Did April surpass March in coughs?",
        "Did the coughs of April outnumber those of March?",
        "March versus April: how do the two differ as far as my cough goes?",
        "March or April - in which did I cough more?",
    ],
)
def test_periods_are_compared_in_every_construction(text: str) -> None:
    said = asked(text)
    assert (said["intent"], said["symptom"]) == ("compare", ["cough"])
    assert (said["start"], said["compare_start"]) == (APRIL[0], MARCH[0])


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("up to and including Easter, 5 April, how many sore throats had I this year", ("2026-01-01", "2026-04-06")),
        ("how many sore throats this year until the end of March", ("2026-01-01", "2026-04-01")),
        ("sore throats in 2025 up to June 2025", ("2025-01-01", "2025-07-01")),
        ("sore throats by the end of April", (None, "2026-05-01")),
        ("This being Wednesday, did I have a sore throat on Monday", ("2026-06-15", "2026-06-16")),
        ("Seeing as it is Wednesday today, how many sore throats this week?", ("2026-06-15", "2026-06-18")),
        ("sore throats on Wednesday, it being my day off", ("2026-06-10", "2026-06-11")),
    ],
)  # fmt: skip
def test_period_is_narrowed_by_its_end_and_not_by_what_day_it_is(text: str, period: tuple[str | None, str]) -> None:
    said = asked(text)
    assert (said["symptom"], said["start"], said["end"]) == (["sore throat"], *period)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("Struggling for breath climbing the stairs - which dates did I put that down for in May?", "list"),
        ("Fainting: how often did I record it in May?", "count"),
        ("I can't breathe - when did I log that?", "emergency"),
        ("She's collapsed. Log it", "emergency"),
        ("Seizure right now, where do I log it", "emergency"),
    ],
)
def test_danger_is_what_is_happening_and_not_what_its_record_is_asked_for(text: str, intent: str) -> None:
    assert asked(text)["intent"] == intent


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("How many days is it till Easter?", "out_of_scope"),
        ("What all can be looked up in here?", "help"),
        ("what could be searched?", "help"),
        ("that's been most kind of you", "greeting"),
        ("that was ever so good of you", "greeting"),
        ("what do I write down most, all told?", "most_frequent"),
        ("which symptom do I note most?", "most_frequent"),
        ("what do I write to ask for a graph?", "help"),
    ],
)
def test_intent_is_read_when_no_symptom_is_named(text: str, intent: str) -> None:
    assert asked(text)["intent"] == intent
