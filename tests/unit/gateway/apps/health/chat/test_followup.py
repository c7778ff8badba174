"""What a follow-up means by the period that was asked for before. Tuesday 20 October 2026."""

from __future__ import annotations

import pytest

from gateway.apps.health.chat.symptoms import base_lexicon
from gateway.apps.health.chat.understand import Dialog, predict


def asked(*turns: str) -> tuple[object, object, object]:
    dialog = Dialog.model_validate({"id": "A", "now": "2026-10-20T13:30", "turns": turns})
    said = predict(dialog, base_lexicon())[0].as_json()
    return said["intent"], said["start"], said["end"]


@pytest.mark.parametrize(
    ("before", "then", "start", "end"),
    [
        ("last week", "the previous week?", "2026-10-05", "2026-10-12"),
        ("in March", "and the previous month", "2026-02-01", "2026-03-01"),
        ("this month", "and the previous month", "2026-09-01", "2026-10-01"),
        ("in the past 4 weeks", "preceding 4 weeks", "2026-08-26", "2026-09-23"),
        ("on 5 May", "and the previous month", "2026-09-01", "2026-10-01"),
        ("last winter", "and the winter before", "2024-12-01", "2025-03-01"),
        ("on 5 October", "and the next three days", "2026-10-06", "2026-10-09"),
    ],
)
def test_period_lies_beside_the_one_before_when_it_is_as_long(before: str, then: str, start: str, end: str) -> None:
    assert asked(f"headaches {before}", then) == ("list", start, end)


@pytest.mark.parametrize(
    ("before", "then", "start", "end"),
    [
        ("last month", "only the second half", "2026-09-16", "2026-10-01"),
        ("in 2025", "just the first half", "2025-01-01", "2025-07-01"),
        ("in September", "the first ten days only", "2026-09-01", "2026-09-11"),
        ("in September", "just the first week", "2026-09-01", "2026-09-08"),
        ("in 2024", "only december", "2024-12-01", "2025-01-01"),
        ("in 2024", "just the first quarter", "2024-01-01", "2024-04-01"),
        ("the week before last", "just the Wednesday", "2026-10-07", "2026-10-08"),
        ("in August", "only the 5th", "2026-08-05", "2026-08-06"),
        ("on 5 September", "and the 6th?", "2026-09-06", "2026-09-07"),
        ("on 5 September", "6th?", "2026-09-06", "2026-09-07"),
        ("in March 2025", "what about May that year", "2025-05-01", "2025-06-01"),
        ("on Monday", "that month", "2026-10-01", "2026-10-21"),
    ],
)
def test_period_is_a_part_of_the_one_before_when_it_says_so(before: str, then: str, start: str, end: str) -> None:
    assert asked(f"headaches {before}", then) == ("list", start, end)


@pytest.mark.parametrize(
    ("before", "then", "start", "end"),
    [
        ("in 2025", "only this month", "2026-10-01", "2026-10-21"),
        ("in 2025", "and in March", "2026-03-01", "2026-04-01"),
        ("before May", "only in March", "2026-03-01", "2026-04-01"),
        ("in February", "and the 30th?", "2026-09-30", "2026-10-01"),
    ],
)
def test_period_is_its_own_when_it_is_no_part_of_the_one_before(before: str, then: str, start: str, end: str) -> None:
    assert asked(f"headaches {before}", then) == ("list", start, end)


@pytest.mark.parametrize(
    ("before", "then", "start", "end"),
    [
        ("in January", "the same month a year earlier?", "2025-01-01", "2025-02-01"),
        ("in January", "same month one year before that", "2025-01-01", "2025-02-01"),
        ("in January", "the same month two years before", "2024-01-01", "2024-02-01"),
        ("in January", "the same month two years ago", "2024-01-01", "2024-02-01"),
        ("in May 2025", "the same month a year before", "2024-05-01", "2024-06-01"),
        ("in January", "the same month 999 years ago", "2026-01-01", "2026-02-01"),
        ("in March", "show month before", "2026-02-01", "2026-03-01"),
        ("yesterday", "any day before that", None, "2026-10-19"),
        ("yesterday", "any rash day before that", "2026-10-18", "2026-10-19"),
        ("the week before last", "list week after?", "2026-10-12", "2026-10-19"),
    ],
)
def test_period_lies_before_or_behind_when_its_distance_is_told_in_short(
    before: str, then: str, start: str | None, end: str
) -> None:
    assert asked(f"headaches {before}", then) == ("list", start, end)


def test_period_is_the_one_before_when_the_named_one_is_taken_back() -> None:
    assert asked("headaches not last week but the week before") == ("list", "2026-10-05", "2026-10-12")


def test_month_before_is_as_long_when_the_month_spoken_of_is_no_calendar_month() -> None:
    assert asked("headaches in the past month", "and the month before that") == ("list", "2026-08-21", "2026-09-21")


def about_what_came_back(first: str, then: str, **returned: object) -> tuple[object, object, object, object]:
    dialog = Dialog.model_validate(
        {"id": "A", "now": "2026-10-20T13:30", "turns": (first, then), "returned": [{"turn": 0, **returned}]}
    )
    said = predict(dialog, base_lexicon())[0].as_json()
    return said["intent"], said["symptom"], said["start"], said["end"]


@pytest.mark.parametrize(
    ("then", "intent"),
    [
        ("how often in total, ever?", "count"),
        ("when was the last time?", "latest"),
        ("how bad on average overall?", "average_severity"),
    ],
)
def test_most_frequent_symptom_that_came_back_is_asked_of(then: str, intent: str) -> None:
    said = about_what_came_back("what did I get most often ever?", then, symptom="insomnia")

    assert said == (intent, ["insomnia"], None, None)


def test_entries_are_counted_of_all_symptoms_behind_the_most_frequent() -> None:
    first, then = "what did I get most often last month?", "how many entries in total?"

    assert about_what_came_back(first, then, symptom="insomnia")[:2] == ("count", None)


@pytest.mark.parametrize(
    ("then", "symptoms", "start"),
    [
        ("which other complaints that day?", None, "2026-10-14"),
        ("any other symptoms that day?", None, "2026-10-14"),
        ("did I have a headache the next day", ["headache"], "2026-10-15"),
    ],
)
def test_that_day_is_of_the_only_record_that_came_back(then: str, symptoms: list[str] | None, start: str) -> None:
    row = {"symptom": "swelling", "date": "2026-10-14", "severity": 5}

    assert about_what_came_back("did I have a swollen ankle last week?", then, rows=[row])[:3] == (
        "list",
        symptoms,
        start,
    )


def test_somebody_elses_symptom_is_listed_behind_a_question_for_the_latest() -> None:
    row = {"symptom": "fever", "date": "2026-05-18", "severity": 7}
    said = about_what_came_back("when did Jake last have a fever?", "did he get chills the next day", rows=[row])

    assert said == ("list", ["chills"], "2026-05-19", "2026-05-20")


@pytest.mark.parametrize(
    ("before", "then", "start", "end"),
    [
        ("in 2025", "only autumn", "2025-09-01", "2025-12-01"),
        ("in 2025", "just October", "2025-10-01", "2025-11-01"),
        ("this year", "only October", "2026-10-01", "2026-10-21"),
        ("last week", "go back one more week", "2026-10-05", "2026-10-12"),
        ("last week", "another week back", "2026-10-05", "2026-10-12"),
        ("last month", "one more month back please", "2026-08-01", "2026-09-01"),
        ("in March", "drop March, use April", "2026-04-01", "2026-05-01"),
        ("in March", "forget March, show April", "2026-04-01", "2026-05-01"),
    ],
)
def test_period_gives_way_to_another(before: str, then: str, start: str, end: str) -> None:
    assert asked(f"headaches {before}", then) == ("list", start, end)


def test_period_stays_when_another_symptom_takes_the_place_of_the_one_before() -> None:
    assert asked("headaches in March", "forget the headaches, show coughs") == ("list", "2026-03-01", "2026-04-01")


@pytest.mark.parametrize("text", ["all of them again", "now all of them please", "show me the lot"])
def test_least_severity_is_taken_back_when_all_are_wanted(text: str) -> None:
    dialog = Dialog.model_validate(
        {"id": "A", "now": "2026-10-20T13:30", "turns": ("headaches in March", "bad ones only", text)}
    )
    said = predict(dialog, base_lexicon())[0].as_json()
    assert (said["intent"], said["start"], said["min_severity"]) == ("list", "2026-03-01", None)


@pytest.mark.parametrize("text", ["drop the headache from Monday", "drop Monday"])
def test_entry_is_not_dropped(text: str) -> None:
    assert asked("headaches in March", text)[0] == "out_of_scope"


@pytest.mark.parametrize(
    ("before", "then", "start", "end"),
    [
        ("in the past 10 days", "make that the past 100", "2026-07-13", "2026-10-21"),
        ("in the past 5 days", "silly me, past 10 it should be", "2026-10-11", "2026-10-21"),
        ("in the past 2 weeks", "make it the past 3", "2026-09-30", "2026-10-21"),
        ("in the past 2 weeks", "no, the past 10", "2026-10-11", "2026-10-21"),
        ("in the past 6 months", "the past 3 please", "2026-07-21", "2026-10-21"),
        ("in the past 2 years", "no, the past 3", "2023-10-21", "2026-10-21"),
        ("in the past 3 months", "make that the past 90", "2026-07-23", "2026-10-21"),
        ("in March", "make that the past 100", "2026-07-13", "2026-10-21"),
        ("in the past 3 months", "now stretch it to twelve months", "2025-10-21", "2026-10-21"),
        ("last week", "make it two weeks", "2026-10-07", "2026-10-21"),
        ("last week", "change that to 6 months", "2026-04-21", "2026-10-21"),
        ("last week", "can you extend it to cover the last 3 months?", "2026-07-21", "2026-10-21"),
        ("last week", "widen the range to a year", "2025-10-21", "2026-10-21"),
        ("last week", "make it two weeks ago", "2026-10-05", "2026-10-12"),
        ("this week", "not this week, last", "2026-10-12", "2026-10-19"),
        ("in May", "same again for April, whole month", "2026-04-01", "2026-05-01"),
        ("in June", "the 5th", "2026-06-05", "2026-06-06"),
        ("this month", "drop the date, I want everything", None, None),
    ],
)
def test_period_is_another_when_only_its_length_or_its_side_is_changed(
    before: str, then: str, start: str | None, end: str | None
) -> None:
    assert asked(f"headaches {before}", then) == ("list", start, end)


@pytest.mark.parametrize(
    ("then", "symptoms"),
    [
        ("what was wrong with me the day before?", None),
        ("what did I report on the next day?", None),
        ("what did I log that week?", None),
        ("what bothered me the week before", None),
        ("what else the day before?", None),
        ("how bad was it the day before?", ["headache"]),
        ("and the day before?", ["headache"]),
        ("drop the date, I want everything", ["headache"]),
    ],
)
def test_all_symptoms_are_meant_when_a_question_of_its_own_only_takes_its_time(
    then: str, symptoms: list[str] | None
) -> None:
    dialog = Dialog.model_validate({"id": "A", "now": "2026-10-20T13:30", "turns": ["headaches on 5 May", then]})
    assert predict(dialog, base_lexicon())[0].as_json()["symptom"] == symptoms


@pytest.mark.parametrize(
    ("before", "then", "start", "end"),
    [
        ("in May", "go forward a month", "2026-06-01", "2026-07-01"),
        ("in May", "shift that back a month", "2026-04-01", "2026-05-01"),
        ("in May", "the following fortnight", "2026-06-01", "2026-06-15"),
        ("in May", "from then until now", "2026-06-01", "2026-10-21"),
        ("in May", "ignore the dates", None, None),
        ("in May", "regardless of the date", None, None),
        ("in May", "in any month", None, None),
        ("last week", "what about Friday that week", "2026-10-16", "2026-10-17"),
        ("in the past 3 months", "6 months then", "2026-04-21", "2026-10-21"),
        ("in the past 3 months", "ok, a year?", "2025-10-21", "2026-10-21"),
        ("in the past 3 months", "6 months ago then", "2026-04-01", "2026-05-01"),
    ],
)
def test_period_is_moved_when_a_follow_up_says_which_way(
    before: str, then: str, start: str | None, end: str | None
) -> None:
    assert asked(f"headaches {before}", then) == ("list", start, end)


@pytest.mark.parametrize("then", ["is that more than a month ago?", "more or fewer than a month ago?"])
def test_times_are_set_side_by_side_when_more_is_of_a_time(then: str) -> None:
    dialog = Dialog.model_validate({"id": "A", "now": "2026-10-20T13:30", "turns": ["headaches this month", then]})
    said = predict(dialog, base_lexicon())[0].as_json()
    assert (said["intent"], said["compare_start"], said["compare_end"]) == ("compare", "2026-09-01", "2026-10-01")


def slots(*turns: str) -> tuple[object, ...]:
    dialog = Dialog.model_validate({"id": "A", "now": "2026-10-20T13:30", "turns": turns})
    said = predict(dialog, base_lexicon())[0].as_json()
    return said["intent"], said["symptom"], said["start"], said["min_severity"]


@pytest.mark.parametrize(
    ("then", "least"),
    [
        ("no milder than 6, I mean", 6),
        ("not weaker than 5 please", 5),
        ("how many of those were bad?", 7),
        ("nothing above 4", None),
        ("below 4", None),
        ("any gentler than 3?", None),
    ],
)
def test_severity_is_narrowed_when_a_follow_up_says_the_least_or_the_greatest(then: str, least: int | None) -> None:
    intent = "count" if "how many" in then else "list"
    assert slots("coughs in May", then) == (intent, ["cough"], "2026-05-01", least)


def test_least_severity_is_given_up_when_a_greatest_takes_its_place() -> None:
    assert slots("coughs over 5 in May", "now below 4") == ("list", ["cough"], "2026-05-01", None)


@pytest.mark.parametrize(
    "then",
    [
        "go on then, spell them out for me",
        "name them all please",
        "what are they?",
        "could you read those out",
        "go on, which?",
        "reel them off",
        "give them to me one by one",
        "break them down",
    ],
)
def test_records_are_listed_when_what_was_counted_is_to_be_seen(then: str) -> None:
    assert asked("how many headaches in May", then) == ("list", "2026-05-01", "2026-06-01")


@pytest.mark.parametrize("then", ["write it down", "delete them", "print them off", "spell headache"])
def test_wish_is_refused_when_it_is_for_more_than_seeing_what_was_counted(then: str) -> None:
    assert asked("how many headaches in May", then)[0] == "out_of_scope"


@pytest.mark.parametrize("then", ["so did that beat March", "did it top March?", "and does that exceed March?"])
def test_times_are_set_side_by_side_when_one_may_beat_the_other(then: str) -> None:
    dialog = Dialog.model_validate({"id": "A", "now": "2026-10-20T13:30", "turns": ["headaches in May", then]})
    said = predict(dialog, base_lexicon())[0].as_json()
    assert (said["intent"], said["start"], said["compare_start"]) == ("compare", "2026-05-01", "2026-03-01")


@pytest.mark.parametrize(
    ("then", "symptom", "start"),
    [
        ("whoops neck not back", "neck pain", "2026-05-01"),
        ("whoopsie, neck", "neck pain", "2026-05-01"),
        ("soz neck", "neck pain", "2026-05-01"),
        ("apologies, june", "back pain", "2026-06-01"),
        ("my bad, june", "back pain", "2026-06-01"),
    ],
)
def test_slot_is_corrected_when_a_word_of_regret_says_so(then: str, symptom: str, start: str) -> None:
    assert slots("back pain in May", then) == ("list", [symptom], start, None)


@pytest.mark.parametrize("then", ["no, ever. the last one, date only", "I mean ever. the last one?"])
def test_all_time_counts_when_it_stands_beside_what_is_asked(then: str) -> None:
    assert asked("any coughs in May?", then) == ("latest", None, None)


@pytest.mark.parametrize(
    ("turns", "symptoms"),
    [
        (["nothing about my knee in May, was there?"], ["knee pain"]),
        (["nothing on coughs this month?"], ["cough"]),
        (["was there nothing about a rash in July"], ["rash"]),
        (["there's nothing for headaches last week is there"], ["headache"]),
        (["symptoms in May", "nothing about coughs, was there?"], ["cough"]),
        (["symptoms in May", "nothing about coughs"], None),
        (["everything in May, nothing about coughs"], None),
        (["nothing about headaches, just the coughs?"], ["cough"]),
    ],
)
def test_symptom_is_asked_for_when_nothing_of_it_is_doubted(turns: list[str], symptoms: list[str] | None) -> None:
    assert slots(*turns)[1] == symptoms


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        (["fevers in May", "and June", "compare the two"], ("2026-06-01", "2026-05-01", ["fever"])),
        (
            ["how many fevers in June", "how many in May", "which month was worse?"],
            ("2026-06-01", "2026-05-01", ["fever"]),
        ),
        (["fevers in May", "and June", "list them", "side by side please"], ("2026-06-01", "2026-05-01", ["fever"])),
        (["fevers in May", "and coughs?", "which was more frequent"], ("2026-05-01", None, ["cough", "fever"])),
        (["fevers in May", "coughs in June", "compare them"], ("2026-06-01", None, ["cough"])),
        (["fevers in May", "compare"], ("2026-05-01", None, ["fever"])),
    ],
)
def test_question_before_is_the_other_side_when_a_comparison_names_none(
    turns: list[str], expected: tuple[str, str | None, list[str]]
) -> None:
    dialog = Dialog.model_validate({"id": "A", "now": "2026-10-20T13:30", "turns": turns})
    said = predict(dialog, base_lexicon())[0].as_json()
    assert (said["intent"], (said["start"], said["compare_start"], said["symptom"])) == ("compare", expected)


@pytest.mark.parametrize(
    ("before", "then", "intent"),
    [
        ("average headache severity", "so what was it in June?", "average_severity"),
        ("worst headache", "and what was it like in June?", "max_severity"),
        ("how many headaches", "was it the same in June?", "count"),
        ("headaches", "how was it in June", "list"),
    ],
)
def test_intent_stays_when_a_follow_up_asks_the_same_of_another_time(before: str, then: str, intent: str) -> None:
    assert asked(f"{before} in May", then) == (intent, "2026-06-01", "2026-07-01")


@pytest.mark.parametrize(
    ("then", "intent", "symptom"),
    [
        ("and the second one, just that, how many times", "count", "abdominal pain"),
        ("only the latter", "list", "abdominal pain"),
        ("the former, how often?", "count", "headache"),
        ("average severity of the latter", "average_severity", "abdominal pain"),
    ],
)
def test_symptom_is_one_of_those_before_when_only_its_place_is_said(then: str, intent: str, symptom: str) -> None:
    assert slots("headaches and tummy aches in May", then) == (intent, [symptom], "2026-05-01", None)


@pytest.mark.parametrize("then", ["just the second half", "the first one", "the third one"])
def test_symptoms_stay_when_no_place_of_theirs_is_said(then: str) -> None:
    assert slots("headaches and tummy aches in May", then)[1] == ["abdominal pain", "headache"]


@pytest.mark.parametrize(
    ("then", "symptoms"),
    [
        ("plus headaches", ["cough", "headache"]),
        ("and now including headaches please", ["cough", "headache"]),
        ("include fevers and headaches as well", ["cough", "fever", "headache"]),
        ("and headaches too", ["headache"]),
        ("try it with headaches", ["headache"]),
        ("repeat that for headaches", ["headache"]),
    ],
)
def test_symptom_is_added_when_it_is_to_be_included(then: str, symptoms: list[str]) -> None:
    assert slots("how many coughs in May", then) == ("count", symptoms, "2026-05-01", None)
