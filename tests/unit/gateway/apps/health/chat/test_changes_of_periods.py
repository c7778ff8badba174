"""What a follow-up makes of the period that was asked for before, in few words. Tuesday 20 October 2026."""

from __future__ import annotations

import pytest

from gateway.apps.health.chat.symptoms import base_lexicon
from gateway.apps.health.chat.understand import Dialog, predict


def said(*turns: str) -> dict[str, object]:
    dialog = Dialog.model_validate({"id": "A", "now": "2026-10-20T13:30", "turns": turns})
    return predict(dialog, base_lexicon())[0].as_json()


def asked(*turns: str) -> tuple[object, object, object]:
    slots = said(*turns)
    return slots["intent"], slots["start"], slots["end"]


@pytest.mark.parametrize(
    ("before", "then", "start", "end"),
    [
        ("in the past 5 days", "and the 5 before that?", "2026-10-11", "2026-10-16"),
        ("in the last 2 weeks", "the two before", "2026-09-23", "2026-10-07"),
        ("in the last 40 days", "and the previous 40", "2026-08-02", "2026-09-11"),
        ("last month", "and the 3 before that", "2026-06-01", "2026-09-01"),
        ("in the last 30 days", "last 60", "2026-08-22", "2026-10-21"),
        ("in the last 30 days", "and the last 90?", "2026-07-23", "2026-10-21"),
        ("in March", "make that the past 100", "2026-07-13", "2026-10-21"),
        ("in the last 10 days", "double it", "2026-10-01", "2026-10-21"),
        ("in the last 3 months", "can you double that?", "2026-04-21", "2026-10-21"),
        ("last week", "make it twice as long", "2026-10-05", "2026-10-19"),
        ("on 5 May", "3 days either side", "2026-05-02", "2026-05-09"),
        ("on 5 May", "and a week each side of it?", "2026-04-28", "2026-05-13"),
        ("last month", "extend that to today", "2026-09-01", "2026-10-21"),
        ("in March", "extend it to the end of June", "2026-03-01", "2026-07-01"),
        ("in March", "stretch it back to January", "2026-01-01", "2026-04-01"),
        ("in March", "up to today", "2026-03-01", "2026-10-21"),
        ("since 1 March", "only until 20 March", "2026-03-01", "2026-03-21"),
        ("between 10 and 20 February", "between 21 and 28", "2026-02-21", "2026-03-01"),
        ("in September", "and from the 1st to the 9th?", "2026-09-01", "2026-09-10"),
        ("in September", "up to the 15th", "2026-09-01", "2026-09-16"),
        ("in September", "from the 10th on", "2026-09-10", "2026-10-01"),
        ("in the second quarter", "and the quarter before", "2026-01-01", "2026-04-01"),
        ("last week", "the one before", "2026-10-05", "2026-10-12"),
        ("in August", "and since?", "2026-09-01", "2026-10-21"),
        ("on 3 May", "and since that day", "2026-05-03", "2026-10-21"),
        ("on 3 May", "the morning after", "2026-05-04", "2026-05-05"),
        ("in the second quarter", "previous quarter", "2026-01-01", "2026-04-01"),
        ("in spring", "and the season before", "2025-12-01", "2026-03-01"),
        ("in August", "include September too", "2026-08-01", "2026-10-01"),
        ("in August", "the week leading up to it", "2026-07-25", "2026-08-01"),
        ("in August", "and in 2025, same month", "2025-08-01", "2025-09-01"),
        ("this year", "and the year before", "2025-01-01", "2026-01-01"),
        ("this year", "the same period last year", "2025-01-01", "2025-10-21"),
    ],
)
def test_period_is_changed_when_little_is_said(before: str, then: str, start: str, end: str) -> None:
    assert asked(f"how many headaches {before}", then) == ("count", start, end)


@pytest.mark.parametrize(
    ("before", "then", "start", "end"),
    [
        ("in December", "and the December before?", "2024-12-01", "2025-01-01"),
        ("in March", "and the December before that?", "2025-12-01", "2026-01-01"),
        ("on Friday", "and the Wednesday before", "2026-10-14", "2026-10-15"),
        ("last Monday", "and the Monday before", "2026-10-12", "2026-10-13"),
        ("on 3 May", "the following Monday?", "2026-05-04", "2026-05-05"),
        ("at Easter", "and the Easter before?", "2025-04-20", "2025-04-21"),
        ("in March", "and the previous March", "2025-03-01", "2025-04-01"),
        ("at Christmas", "and the Christmas before", "2024-12-25", "2024-12-26"),
        ("on Friday", "the weekend before", "2026-10-10", "2026-10-12"),
        ("last weekend", "and two weekends before that?", "2026-10-03", "2026-10-05"),
    ],
)
def test_period_is_the_next_of_its_name_when_it_lies_beside(before: str, then: str, start: str, end: str) -> None:
    assert asked(f"how many headaches {before}", then) == ("count", start, end)


@pytest.mark.parametrize(
    ("before", "then", "start", "end"),
    [
        ("in 2024", "the second half of that year", "2024-07-01", "2025-01-01"),
        ("in 2024", "the last three months of that year", "2024-10-01", "2025-01-01"),
        ("in 2024", "only the third quarter of that year", "2024-07-01", "2024-10-01"),
        ("in March", "late that month", "2026-03-21", "2026-04-01"),
        ("in February 2024", "the last week of that month", "2024-02-23", "2024-03-01"),
        ("in March", "just the last ten days of it", "2026-03-22", "2026-04-01"),
        ("in 2024", "the first half of it", "2024-01-01", "2024-07-01"),
    ],
)
def test_part_is_of_the_time_before_when_it_says_of_which(before: str, then: str, start: str, end: str) -> None:
    assert asked(f"how many headaches {before}", then) == ("count", start, end)


@pytest.mark.parametrize(
    ("before", "then", "intent", "start"),
    [
        ("", "last 3", "latest", None),
        ("in March", "between 6 and 8", "out_of_scope", None),
        ("in March", "and in April", "list", "2026-04-01"),
        ("on Friday", "the Monday before last", "list", "2026-10-12"),
        ("since 1 March", "before March", "list", None),
    ],
)
def test_period_is_another_when_what_is_said_only_looks_like_it(
    before: str, then: str, intent: str, start: str | None
) -> None:
    assert asked(f"list my headaches {before}", then)[:2] == (intent, start)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("my operation was on 3 March, any nausea in the two weeks after", "2026-03-04", "2026-03-18"),
        ("I had my jab on 3 March. Any nausea the day before?", "2026-03-02", "2026-03-03"),
        ("I gave up gluten on 1 July, show me nausea from that day on", "2026-07-01", "2026-10-21"),
        ("I gave up gluten on 1 July, show me nausea from that day on, 1 July", "2026-07-01", "2026-10-21"),
        ("2024 was bad. List nausea in the second half of that year", "2024-07-01", "2025-01-01"),
        ("I started the tablets on 4 May, any nausea since?", "2026-05-04", "2026-10-21"),
        ("I started the tablets on 4 May. List nausea before that", None, "2026-05-04"),
        ("I was on holiday 1 to 14 May. Any nausea then?", "2026-05-01", "2026-05-15"),
        ("I was on holiday 1 to 14 May, nausea the week after", "2026-05-15", "2026-05-22"),
        ("any nausea 3 days either side of 5 May", "2026-05-02", "2026-05-09"),
        ("any nausea on 5 May plus or minus 2 days", "2026-05-03", "2026-05-08"),
    ],
)
def test_time_is_seen_from_what_is_told_when_it_stands_in_the_same_message(
    text: str, start: str | None, end: str
) -> None:
    assert asked(text)[1:] == (start, end)


def test_both_questions_are_set_side_by_side_when_the_two_are_to_be_compared() -> None:
    times = said("total fevers in 2025", "and in 2024?", "compare the two please")
    assert (times["start"], times["compare_start"], times["symptom"]) == ("2025-01-01", "2024-01-01", ["fever"])
    symptoms = said("how many headaches in May", "and nausea?", "compare them")
    assert (symptoms["symptom"], symptoms["start"]) == (["headache", "nausea"], "2026-05-01")


def test_weekend_is_compared_with_the_one_before_it() -> None:
    slots = said("compare headaches the weekend just gone and the one before")
    assert (slots["start"], slots["compare_start"], slots["compare_end"]) == ("2026-10-17", "2026-10-10", "2026-10-12")


def test_question_is_compared_with_none_when_it_is_the_first() -> None:
    assert said("total fevers in 2024", "compare the two please")["compare_start"] is None


@pytest.mark.parametrize(
    ("then", "start"),
    [
        ("three months would be better", "2026-07-21"),
        ("I'd rather have half a year", "2026-04-21"),
        ("could I see two months", "2026-08-21"),
        ("not six, four weeks", "2026-09-23"),
        ("not 6 weeks, 4", "2026-09-23"),
        ("four weeks, not six", "2026-09-23"),
        ("sorry, not six weeks but four", "2026-09-23"),
    ],
)
def test_period_is_so_long_when_another_length_would_be_better_or_is_taken_back(then: str, start: str) -> None:
    assert asked("headaches in the past 6 weeks", then) == ("list", start, "2026-10-21")


def test_number_is_no_length_of_time_when_no_unit_is_said() -> None:
    assert asked("headaches of at least 4 in May", "not 4, 6")[1] is None


@pytest.mark.parametrize(
    ("before", "then", "start", "end"),
    [
        ("in May", "take June in as well, both months", "2026-05-01", "2026-07-01"),
        ("in May", "and June too, both months please", "2026-05-01", "2026-07-01"),
        ("in May", "include April", "2026-04-01", "2026-06-01"),
        ("in May", "can you add April to that", "2026-04-01", "2026-06-01"),
        ("last week", "include the week before", "2026-10-05", "2026-10-19"),
        ("last week", "put this week in too", "2026-10-12", "2026-10-21"),
        ("in May", "and June as well", "2026-06-01", "2026-07-01"),
        ("in 2025", "december alone?", "2025-12-01", "2026-01-01"),
        ("in 2024", "and March on its own", "2024-03-01", "2024-04-01"),
        ("in May", "between the ninth and the twenty second only", "2026-05-09", "2026-05-23"),
    ],
)
def test_period_is_widened_or_narrowed_when_a_follow_up_says_by_what(
    before: str, then: str, start: str, end: str
) -> None:
    assert asked(f"coughs {before}", then) == ("list", start, end)


@pytest.mark.parametrize("then", ["add a headache for June", "add nausea", "take it"])
def test_nothing_is_widened_when_it_is_no_time(then: str) -> None:
    assert asked("coughs in May", then)[0] == "out_of_scope"


@pytest.mark.parametrize(
    ("then", "later", "earlier"),
    [
        ("not August, July", "2026-09-01", "2026-07-01"),
        ("July, not August", "2026-09-01", "2026-07-01"),
        ("no I meant June instead of August", "2026-09-01", "2026-06-01"),
        ("not September, this month", "2026-10-01", "2026-08-01"),
        ("sorry, not September, July", "2026-08-01", "2026-07-01"),
    ],
)
def test_side_of_a_comparison_gives_way_when_it_is_taken_back(then: str, later: str, earlier: str) -> None:
    slots = said("was I more anxious in September than in August", then)
    assert (slots["intent"], slots["start"], slots["compare_start"]) == ("compare", later, earlier)


@pytest.mark.parametrize(
    ("before", "then", "start", "end"),
    [
        ("in May", "longer, six months", "2026-04-21", "2026-10-21"),
        ("in May", "too short, make it a year", "2025-10-21", "2026-10-21"),
        ("in May", "that's too long, two weeks is enough", "2026-10-07", "2026-10-21"),
        ("in May", "just the first fortnight", "2026-05-01", "2026-05-15"),
        ("in 2025", "only the first three months", "2025-01-01", "2025-04-01"),
        ("in 2025", "the back half", "2025-07-01", "2026-01-01"),
        ("last month", "and the month before that too, both months", "2026-08-01", "2026-10-01"),
        ("in December 2024", "not December, November", "2024-11-01", "2024-12-01"),
        ("last week", "only the Monday and Tuesday", "2026-10-12", "2026-10-14"),
        ("last week", "just yesterday and today", "2026-10-19", "2026-10-21"),
        ("in May", "change May to June", "2026-06-01", "2026-07-01"),
        ("in May", "May should be June", "2026-06-01", "2026-07-01"),
    ],
)
def test_period_is_another_when_a_follow_up_finds_fault_with_it(before: str, then: str, start: str, end: str) -> None:
    assert asked(f"how many coughs {before}", then) == ("count", start, end)


@pytest.mark.parametrize(
    ("before", "then", "later", "earlier"),
    [
        ("this week than last week", "not last week, the week before", "2026-10-19", "2026-10-05"),
        ("in May than in April", "change April to June", "2026-06-01", "2026-05-01"),
        ("in May than in April", "make April March", "2026-05-01", "2026-03-01"),
        ("in December 2024 than in November 2024", "not November, October", "2024-12-01", "2024-10-01"),
    ],
)
def test_side_gives_way_when_it_is_changed_in_other_words(before: str, then: str, later: str, earlier: str) -> None:
    slots = said(f"did I cough more {before}", then)
    assert (slots["intent"], slots["start"], slots["compare_start"]) == ("compare", later, earlier)
