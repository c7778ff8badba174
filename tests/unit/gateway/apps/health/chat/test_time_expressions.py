"""Tuesday 14 April 2026, 11:15, unless a test says otherwise."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.apps.health.chat.frame import DateRange
from gateway.apps.health.chat.normalise import words_of
from gateway.apps.health.chat.relative_times import Relative
from gateway.apps.health.chat.time_expressions import TIME, find_times

NOW = datetime(2026, 4, 14, 11, 15)  # noqa: DTZ001 - the person's local time
TOMORROW = "2026-04-15"


def found(text: str, now: datetime = NOW) -> list[tuple[str | None, str | None]]:
    periods = find_times(words_of(text), now).periods
    return [(p.start.isoformat() if p.start else None, p.end.isoformat() if p.end else None) for p in periods]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("today", "2026-04-14", TOMORROW),
        ("the week of 4th March", "2026-03-02", "2026-03-09"),
        ("week ending on the 8th March", "2026-03-02", "2026-03-09"),
        ("week commencing in March", "2026-03-01", "2026-04-01"),
        ("the Monday before last", "2026-04-06", "2026-04-07"),
        ("April 3rd through 9th", "2026-04-03", "2026-04-10"),
        ("headaches of late", "2026-04-01", TOMORROW),
        ("the other week", "2026-04-01", TOMORROW),
        ("headaches, spring", "2026-03-01", TOMORROW),
        ("over the bank holiday weekend", "2026-04-11", "2026-04-13"),
        ("the long weekend", "2026-04-11", "2026-04-13"),
        ("during the first ten days of March", "2026-03-01", "2026-03-11"),
        ("the last two weeks of March", "2026-03-18", "2026-04-01"),
        ("the first 99 days of March", "2026-03-01", "2026-04-01"),
        ("March 3 to 20", "2026-03-03", "2026-03-21"),
        ("April 3 to 20", "2026-04-03", TOMORROW),
        ("from April 3 to 20, 2025", "2025-04-03", "2025-04-21"),
        ("in March 9999 years ago", "2026-03-01", "2026-04-01"),
        ("the week before Christmas", "2025-12-18", "2025-12-25"),
        ("the day after Christmas", "2025-12-26", "2025-12-27"),
        ("in the month before March", "2026-02-01", "2026-03-01"),
        ("since I moved house on 3 March", "2026-03-03", TOMORROW),
        ("since my birthday, 5 March", "2026-03-05", TOMORROW),
        ("since the start of the year", "2026-01-01", TOMORROW),
        ("as of 1 March", "2026-03-01", TOMORROW),
        ("no earlier than 1 March", "2026-03-01", TOMORROW),
        ("on or before 1 March", None, "2026-03-02"),
        ("Mar '25", "2025-03-01", "2025-04-01"),
        ("last week on Wednesday", "2026-04-08", "2026-04-09"),
        ("three Mondays ago", "2026-03-30", "2026-03-31"),
        ("the first quarter of 2025", "2025-01-01", "2025-04-01"),
        ("the last year and a half", "2024-10-15", TOMORROW),
        ("the year so far", "2026-01-01", TOMORROW),
        ("this morning", "2026-04-14", TOMORROW),
        ("yesterday evening", "2026-04-13", "2026-04-14"),
        ("last night", "2026-04-13", "2026-04-14"),
        ("the day before yesterday", "2026-04-12", "2026-04-13"),
        ("3 days ago", "2026-04-11", "2026-04-12"),
        ("a week ago", "2026-04-06", "2026-04-13"),
        ("two months ago", "2026-02-01", "2026-03-01"),
        ("a fortnight ago", "2026-03-30", "2026-04-06"),
        ("30 hours ago", "2026-04-13", "2026-04-14"),
        ("this week", "2026-04-13", TOMORROW),
        ("last week", "2026-04-06", "2026-04-13"),
        ("the previous week", "2026-04-06", "2026-04-13"),
        ("the week before last", "2026-03-30", "2026-04-06"),
        ("the last week", "2026-04-08", TOMORROW),
        ("past week", "2026-04-08", TOMORROW),
        ("in the past 3 days", "2026-04-12", TOMORROW),
        ("last 24 hours", "2026-04-13", TOMORROW),
        ("over the last couple of weeks", "2026-04-01", TOMORROW),
        ("past fortnight", "2026-04-01", TOMORROW),
        ("past half a year", "2025-10-15", TOMORROW),
        ("this month so far", "2026-04-01", TOMORROW),
        ("last month", "2026-03-01", "2026-04-01"),
        ("the past month", "2026-03-15", TOMORROW),
        ("this year", "2026-01-01", TOMORROW),
        ("last year", "2025-01-01", "2026-01-01"),
        ("in 2024", "2024-01-01", "2025-01-01"),
        ("in March", "2026-03-01", "2026-04-01"),
        ("in April", "2026-04-01", TOMORROW),
        ("in May", "2025-05-01", "2025-06-01"),
        ("March 2025", "2025-03-01", "2025-04-01"),
        ("June of last year", "2025-06-01", "2025-07-01"),
        ("last April", "2025-04-01", "2025-05-01"),
        ("early March", "2026-03-01", "2026-03-11"),
        ("mid-March", "2026-03-11", "2026-03-21"),
        ("late February", "2026-02-21", "2026-03-01"),
        ("at the end of last month", "2026-03-21", "2026-04-01"),
        ("on Monday", "2026-04-13", "2026-04-14"),
        ("last Tuesday", "2026-04-07", "2026-04-08"),
        ("Wednesday last week", "2026-04-08", "2026-04-09"),
        ("Monday to Wednesday last week", "2026-04-06", "2026-04-09"),
        ("at the weekend", "2026-04-11", "2026-04-13"),
        ("last weekend", "2026-04-11", "2026-04-13"),
        ("the weekend before last", "2026-04-04", "2026-04-06"),
        ("1 June", "2025-06-01", "2025-06-02"),
        ("the 1st of March 2026", "2026-03-01", "2026-03-02"),
        ("March 5th", "2026-03-05", "2026-03-06"),
        ("on Monday 6 April", "2026-04-06", "2026-04-07"),
        ("the 5th of last month", "2026-03-05", "2026-03-06"),
        ("on the 30th", "2026-03-30", "2026-03-31"),
        ("on the 31st", "2026-03-31", "2026-04-01"),
        ("05/03/2026", "2026-03-05", "2026-03-06"),
        ("5.3.26", "2026-03-05", "2026-03-06"),
        ("5/3", "2026-03-05", "2026-03-06"),
        ("2026-03-05", "2026-03-05", "2026-03-06"),
        ("2026-02", "2026-02-01", "2026-03-01"),
        ("29 February", "2024-02-29", "2024-03-01"),
        ("3 to 5 March", "2026-03-03", "2026-03-06"),
        ("March 3-5", "2026-03-03", "2026-03-06"),
        ("between 20 March and 2 April", "2026-03-20", "2026-04-03"),
        ("from the 3rd to the 5th of March", "2026-03-03", "2026-03-06"),
        ("from January to March 2025", "2025-01-01", "2025-04-01"),
        ("December - February", "2025-12-01", "2026-03-01"),
        ("from 1 April until now", "2026-04-01", TOMORROW),
        ("since Friday", "2026-04-10", TOMORROW),
        ("since last month", "2026-03-01", TOMORROW),
        ("from February onwards", "2026-02-01", TOMORROW),
        ("before March", None, "2026-03-01"),
        ("until the end of March", None, "2026-04-01"),
        ("up to 3 March", None, "2026-03-04"),
        ("after 3 March", "2026-03-04", TOMORROW),
        ("lately", "2026-04-01", TOMORROW),
        ("these days", "2026-04-01", TOMORROW),
        ("last summer", "2025-06-01", "2025-09-01"),
        ("last winter", "2025-12-01", "2026-03-01"),
        ("in spring", "2026-03-01", TOMORROW),
        ("summer 2024", "2024-06-01", "2024-09-01"),
        ("last quarter", "2026-01-01", "2026-04-01"),
        ("in Q1", "2026-01-01", "2026-04-01"),
        ("Q4", "2025-10-01", "2026-01-01"),
        ("the first week of March", "2026-03-01", "2026-03-08"),
        ("the last week of March", "2026-03-25", "2026-04-01"),
        ("second half of last month", "2026-03-16", "2026-04-01"),
        ("at Christmas", "2025-12-25", "2025-12-26"),
        ("on Valentine's Day", "2026-02-14", "2026-02-15"),
        ("New Year's Eve", "2025-12-31", "2026-01-01"),
        ("at Easter", "2026-04-05", "2026-04-06"),
        ("Easter Monday", "2026-04-06", "2026-04-07"),
        ("in early 2020", "2020-01-01", "2021-01-01"),
        ("at the start of the year", "2026-01-01", "2026-02-01"),
        ("towards the end of last year", "2025-12-01", "2026-01-01"),
        ("at the beginning of the month", "2026-04-01", "2026-04-11"),
        ("from the start of last week", "2026-04-06", TOMORROW),
        ("up to and including 3 April", None, "2026-04-04"),
        ("this time last month", "2026-03-14", "2026-03-15"),
        ("this time two years ago", "2024-04-14", "2024-04-15"),
        ("a week last Friday", "2026-04-03", "2026-04-04"),
        ("Good Friday", "2026-04-03", "2026-04-04"),
        ("on St Patrick's Day", "2026-03-17", "2026-03-18"),
        ("on the ninth", "2026-04-09", "2026-04-10"),
        ("all month", "2026-04-01", TOMORROW),
        ("the whole year", "2026-01-01", TOMORROW),
        ("the worst of the week", "2026-04-13", TOMORROW),
        ("last months entries", "2026-03-01", "2026-04-01"),
        ("the second quarter", "2026-04-01", TOMORROW),
        ("the third quarter", "2025-07-01", "2025-10-01"),
        ("as of late", "2026-04-01", TOMORROW),
        ("03-04-2025", "2025-04-03", "2025-04-04"),
        ("the twenty-first of March", "2026-03-21", "2026-03-22"),
        ("from 1 March up to 31 March", "2026-03-01", "2026-04-01"),
        ("since 2024 began", "2024-01-01", TOMORROW),
        ("the month of October", "2025-10-01", "2025-11-01"),
        ("the first three months of the year 2020", "2020-01-01", "2020-04-01"),
        ("the last 2 months of 2024", "2024-11-01", "2025-01-01"),
        ("the first two months of last year", "2025-01-01", "2025-03-01"),
        ("the first 3 months of the year", "2026-01-01", "2026-04-01"),
        ("the full year 2024", "2024-01-01", "2025-01-01"),
        ("this week up to now", "2026-04-13", TOMORROW),
        ("V-Day 2025", "2025-02-14", "2025-02-15"),
        ("yday evening", "2026-04-13", "2026-04-14"),
        ("between the twentieth and the thirtieth of March", "2026-03-20", "2026-03-31"),
        ("how many days in the past 100", "2026-01-05", TOMORROW),
        ("the 3 weeks to today", "2026-03-25", TOMORROW),
        ("the past six and a half weeks", "2026-03-01", TOMORROW),
        ("the last week and a half", "2026-04-05", TOMORROW),
        ("last 10d", "2026-04-05", TOMORROW),
        ("3/25/2026", "2026-03-25", "2026-03-26"),
        ("2026/03/25", "2026-03-25", "2026-03-26"),
        ("03/2026", "2026-03-01", "2026-04-01"),
        ("since about three weeks ago", "2026-03-23", TOMORROW),
        ("since two weeks", "2026-04-01", TOMORROW),
        ("later than 1 April", "2026-04-02", TOMORROW),
        ("earlier than 1 April", None, "2026-04-01"),
        ("Mon-Thu last week", "2026-04-06", "2026-04-10"),
        ("a year ago today", "2025-04-14", "2025-04-15"),
        ("this day last year", "2025-04-14", "2025-04-15"),
        ("a month or so ago", "2026-03-01", "2026-04-01"),
        ("headaches spring 2025", "2025-03-01", "2025-06-01"),
        ("winter 2024-2025", "2024-12-01", "2025-03-01"),
        ("in the preceding month", "2026-03-01", "2026-04-01"),
        ("w/c 2 March", "2026-03-02", "2026-03-09"),
        ("the week of the 5th", "2026-03-30", "2026-04-06"),
        ("between the 8th and 10th", "2026-04-08", "2026-04-11"),
        ("8th to the 10th", "2026-04-08", "2026-04-11"),
        ("on 8, 9 and 10 March", "2026-03-08", "2026-03-11"),
        ("from 28 to 3 April", "2026-03-28", "2026-04-04"),
        ("in autumn (September to November)", "2025-09-01", "2025-12-01"),
        ("headache wed", "2026-04-08", "2026-04-09"),
        ("sat night headache", "2026-04-11", "2026-04-12"),
        ("1st week of March", "2026-03-01", "2026-03-08"),
        ("3mo ago", "2026-01-01", "2026-02-01"),
        ("the last two to three weeks", "2026-03-25", TOMORROW),
        ("past 2-3 weeks", "2026-03-25", TOMORROW),
        ("January up to date", "2026-01-01", TOMORROW),
        ("between now and January", "2026-01-01", TOMORROW),
        ("between today and last Monday", "2026-04-13", TOMORROW),
        ("since noon", "2026-04-14", TOMORROW),
        ("since my birthday (3 March)", "2026-03-03", TOMORROW),
        ("before my holiday on 3 March", None, "2026-03-03"),
        ("before the meal on Monday", "2026-04-13", "2026-04-14"),
        ("tired after my jab in March", "2026-03-01", "2026-04-01"),
    ],
)
def test_period_is_read_as_the_conventions_say(text: str, start: str | None, end: str | None) -> None:
    assert found(text) == [(start, end)]


@pytest.mark.parametrize(
    ("now", "text", "start", "end"),
    [
        ("2024-02-29", "a year ago", "2023-01-01", "2024-01-01"),
        ("2024-02-29", "past year", "2023-03-01", "2024-03-01"),
        ("2024-03-31", "past month", "2024-03-01", "2024-04-01"),
        ("2025-12-31", "this week", "2025-12-29", "2026-01-01"),
        ("2026-01-01", "last month", "2025-12-01", "2026-01-01"),
        ("2026-04-12", "this weekend", "2026-04-11", "2026-04-13"),
        ("2026-04-12", "last weekend", "2026-04-04", "2026-04-06"),
        ("2026-04-13", "on Monday", "2026-04-06", "2026-04-07"),
        ("2026-03-30", "on the 31st", "2026-01-31", "2026-02-01"),
    ],
)
def test_period_is_right_when_the_day_is_an_edge_of_the_calendar(now: str, text: str, start: str, end: str) -> None:
    assert found(text, datetime.fromisoformat(f"{now}T12:00")) == [(start, end)]


@pytest.mark.parametrize(
    "text", ["i may have a cold", "how bad was it", "my second headache", "99/99/2026", "fall asleep"]
)
def test_nothing_is_read_when_no_time_is_said(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("text", ["the chair where I sat", "home from the sun", "we wed", "I sat night after night"])
def test_short_name_is_no_day_when_it_is_a_word(text: str) -> None:
    assert found(text) == []


def test_last_one_is_the_year_before_when_this_one_was_named() -> None:
    assert found("more coughs this winter than last winter", datetime.fromisoformat("2026-04-14T12:00")) == [
        ("2025-12-01", "2026-03-01"),
        ("2024-12-01", "2025-03-01"),
    ]
    assert found("coughs in winter, last winter") == [("2025-12-01", "2026-03-01")]


def test_two_periods_are_kept_apart_when_both_are_named() -> None:
    assert found("more migraines in March or in February?") == [
        ("2026-03-01", "2026-04-01"),
        ("2026-02-01", "2026-03-01"),
    ]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("this winter than last", "2024-12-01", "2025-03-01"),
        ("this weekend than last?", "2026-04-04", "2026-04-06"),
        ("this month than last for", "2026-03-01", "2026-04-01"),
    ],
)
def test_bare_last_is_the_one_of_the_same_kind_before(text: str, start: str, end: str) -> None:
    assert found(text)[1] == (start, end)


@pytest.mark.parametrize("text", ["this hour than last", "this morning than last"])
def test_bare_last_is_no_period_when_its_kind_has_no_days(text: str) -> None:
    assert len(found(text)) < 2


def test_the_one_before_is_no_time_when_it_is_before_something_else() -> None:
    assert find_times(words_of("and the one before breakfast"), NOW).relative is None


@pytest.mark.parametrize("text", ["you were ever so kind", "I feel ever so ill"])
def test_ever_so_is_no_time(text: str) -> None:
    assert not find_times(words_of(text), NOW).is_all_time


def test_up_is_no_end_of_a_range_when_something_is_measured_up_to_it() -> None:
    assert found("how does it measure up to last week") == [("2026-04-06", "2026-04-13")]


def test_bare_last_is_the_unit_before_when_the_running_one_was_named() -> None:
    assert found("worse this month than last?") == [("2026-04-01", TOMORROW), ("2026-03-01", "2026-04-01")]


def test_words_of_a_period_are_consumed_when_it_is_read() -> None:
    assert find_times(words_of("coughs since last Monday please"), NOW).words == ("coughs", TIME, "please")


@pytest.mark.parametrize("text", ["ever", "of all time", "overall", "in total"])
def test_all_time_is_said_when_the_range_is_lifted(text: str) -> None:
    assert find_times(words_of(text), NOW).is_all_time


def resolved(text: str, period: tuple[str, str]) -> tuple[str | None, str | None]:
    relative = find_times(words_of(text), NOW).relative
    assert relative is not None
    was = DateRange(start=date.fromisoformat(period[0]), end=date.fromisoformat(period[1]))
    now = relative.resolve(was, NOW.date())
    return now.start.isoformat() if now.start else None, now.end.isoformat() if now.end else None


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("the week before", ("2026-04-13", TOMORROW), ("2026-04-06", "2026-04-13")),
        ("the month before that", ("2026-03-01", "2026-04-01"), ("2026-02-01", "2026-03-01")),
        ("the two months before", ("2025-11-01", "2025-12-01"), ("2025-09-01", "2025-11-01")),
        ("the month before", ("2026-03-10", "2026-03-11"), ("2026-02-01", "2026-03-01")),
        ("the year before", ("2025-01-01", "2026-01-01"), ("2024-01-01", "2025-01-01")),
        ("the year before", ("2026-04-01", TOMORROW), ("2025-04-01", "2025-05-01")),
        ("the day after", ("2026-04-03", "2026-04-04"), ("2026-04-04", "2026-04-05")),
        ("the next day", ("2026-04-03", "2026-04-04"), ("2026-04-04", "2026-04-05")),
        ("the following week", ("2026-03-02", "2026-03-09"), ("2026-03-09", "2026-03-16")),
        ("the day after", ("2026-04-14", TOMORROW), ("2026-04-14", TOMORROW)),
        ("the same month last year", ("2026-03-01", "2026-04-01"), ("2025-03-01", "2025-04-01")),
        ("the same month in 2024", ("2026-02-01", "2026-03-01"), ("2024-02-01", "2024-03-01")),
        ("the same month a year before", ("2026-03-01", "2026-04-01"), ("2025-03-01", "2025-04-01")),
        ("that week", ("2026-03-02", "2026-03-09"), ("2026-03-02", "2026-03-09")),
        ("since then", ("2026-03-02", "2026-03-09"), ("2026-03-09", TOMORROW)),
        ("before that", ("2026-03-02", "2026-03-09"), (None, "2026-03-02")),
    ],
)
def test_relative_time_is_resolved_when_a_period_was_spoken_of(
    text: str, before: tuple[str, str], after: tuple[str | None, str | None]
) -> None:
    assert resolved(text, before) == after


def test_relative_time_changes_nothing_when_the_period_is_unbounded() -> None:
    from_march = DateRange(start=date(2026, 3, 1))
    assert Relative(steps=-1).resolve(from_march, NOW.date()) == from_march


@given(st.text(st.sampled_from("0123456789 -/.stndrhmabcewyulopjfvi"), max_size=80))
def test_every_period_is_forward_and_ends_by_tomorrow_when_the_text_is_anything(text: str) -> None:
    for period in find_times(words_of(text), NOW).periods:
        assert period.start is None or period.end is None or period.start < period.end
        assert period.end is None or period.end <= date(2026, 4, 15) or (period.start or date.min) > NOW.date()


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Monday and Thursday last week", ["2026-04-06", "2026-04-09"]),
        ("on Monday or on Friday the week before last", ["2026-03-30", "2026-04-03"]),
        ("Saturday and Sunday two weeks ago", ["2026-04-04", "2026-04-05"]),
        ("last Friday and Sunday", ["2026-04-10", "2026-04-12"]),
        ("Monday and last week", ["2026-04-13", "2026-04-06"]),
    ],
)
def test_weekdays_lie_in_the_week_behind_them_when_they_share_it(text: str, days: list[str]) -> None:
    assert [start for start, _ in found(text)] == days


@pytest.mark.parametrize(
    "text", ["my last night sweats", "last night sweat", "the last day of it", "the day of the week"]
)
def test_no_period_is_read_when_its_words_belong_to_something_else(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "periods"),
    [
        ("early and late March", [("2026-03-01", "2026-03-11"), ("2026-03-21", "2026-04-01")]),
        ("early or mid last month", [("2026-03-01", "2026-03-11"), ("2026-03-11", "2026-03-21")]),
        ("mid versus late February 2025", [("2025-02-11", "2025-02-21"), ("2025-02-21", "2025-03-01")]),
        ("mid to late March", [("2026-03-11", "2026-04-01")]),
    ],
)
def test_parts_of_a_month_are_read_when_they_share_its_name(text: str, periods: list[tuple[str, str]]) -> None:
    assert found(text) == periods


@pytest.mark.parametrize(
    ("text", "periods"),
    [
        ("since 5.3.", [("2026-03-05", TOMORROW)]),
        ("on 12.3", [("2026-03-12", "2026-03-13")]),
        ("from 1.3. to 7.3.", [("2026-03-01", "2026-03-08")]),
        ("between 3.3 and 9.3", [("2026-03-03", "2026-03-10")]),
        ("a 5.5 and a 6.5", []),
        ("since 45.3", []),
    ],
)
def test_day_and_month_are_read_when_a_dot_parts_them_behind_what_leads_to_a_date(
    text: str, periods: list[tuple[str, str]]
) -> None:
    assert found(text) == periods


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("in two thousand twenty five", ("2025-01-01", "2026-01-01")),
        ("in two thousand and twenty five", ("2025-01-01", "2026-01-01")),
        ("since twenty twenty-four", ("2024-01-01", TOMORROW)),
        ("in twenty nineteen", ("2019-01-01", "2020-01-01")),
        ("in March twenty twenty five", ("2025-03-01", "2025-04-01")),
        ("the past twenty two days", ("2026-03-24", TOMORROW)),
        ("thirty-one days ago", ("2026-03-14", "2026-03-15")),
        ("on the twenty second of March", ("2026-03-22", "2026-03-23")),
        ("yest", ("2026-04-13", "2026-04-14")),
        ("ths week", ("2026-04-13", TOMORROW)),
    ],
)
def test_period_is_read_when_numbers_are_in_letters_or_words_are_short(text: str, period: tuple[str, str]) -> None:
    assert found(text) == [period]


@pytest.mark.parametrize(
    "text", ["the last day I felt low", "tell me the last night I coughed", "my last day that I had a rash"]
)
def test_last_day_is_no_period_when_it_is_the_last_one_of_something(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("text", ["in the last day I felt low", "over the last day my cough", "the last day"])
def test_last_day_is_today_when_it_is_the_time_of_something(text: str) -> None:
    assert found(text) == [("2026-04-14", TOMORROW)]


def test_two_quarters_are_read_when_they_share_their_noun() -> None:
    assert found("the first and third quarter of 2025") == [("2025-01-01", "2025-04-01"), ("2025-07-01", "2025-10-01")]


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("the weekend of 7 and 8 March", ("2026-03-07", "2026-03-09")),
        ("over the weekend of the 14th", ("2026-03-14", "2026-03-16")),
        ("the weekend of 7/8 March", ("2026-03-07", "2026-03-09")),
        ("the weekend of 6 March", ("2026-03-07", "2026-03-09")),
        ("the weekend of 8 March", ("2026-03-07", "2026-03-09")),
        ("the weekend of the 7th and the 8th", ("2026-03-07", "2026-03-09")),
        ("the Easter weekend", ("2026-04-03", "2026-04-07")),
        ("Easter weekend 2025", ("2025-04-18", "2025-04-22")),
        ("at Easter 2025", ("2025-04-20", "2025-04-21")),
        ("last weekend", ("2026-04-11", "2026-04-13")),
    ],
)
def test_weekend_is_read_when_it_is_named_by_its_days(text: str, period: tuple[str, str]) -> None:
    assert found(text) == [period]


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("after Easter Sunday, 5 April", ("2026-04-06", TOMORROW)),
        ("up to New Year's Eve (31 December)", (None, "2026-01-01")),
        ("since Christmas Day, 25 December 2024", ("2024-12-25", TOMORROW)),
        ("yesterday, the 13th", ("2026-04-13", "2026-04-14")),
        ("yesterday, 13 April", ("2026-04-13", "2026-04-14")),
        ("on Halloween, 31 October", ("2025-10-31", "2025-11-01")),
        ("for March, whole month", ("2026-03-01", "2026-04-01")),
        ("in March, the entire month", ("2026-03-01", "2026-04-01")),
        ("last week, all week", ("2026-04-06", "2026-04-13")),
        ("in 2025, the whole year", ("2025-01-01", "2026-01-01")),
        ("in the first 12 days of March, 1st to 12th", ("2026-03-01", "2026-03-13")),
        ("in the second half of March, 16th to 31st", ("2026-03-16", "2026-04-01")),
        ("over Christmas week 22 to 28 December", ("2025-12-22", "2025-12-29")),
        ("the whole month", ("2026-04-01", TOMORROW)),
    ],
)
def test_period_is_one_when_it_is_said_again(text: str, period: tuple[str | None, str]) -> None:
    assert found(text) == [period]


@pytest.mark.parametrize(
    ("text", "periods"),
    [
        ("the one in the middle of March, when was it, 11th to 14th", [("2026-03-11", "2026-03-15")]),
        ("in March, the 5th", [("2026-03-05", "2026-03-06")]),
        ("in June, the 5th to the 9th", [("2025-06-05", "2025-06-10")]),
        ("in March and on the 5th", [("2026-03-01", "2026-04-01"), ("2026-04-05", "2026-04-06")]),
        ("in March than on the 5th", [("2026-03-01", "2026-04-01"), ("2026-04-05", "2026-04-06")]),
        ("in February, the 30th", [("2026-02-01", "2026-03-01"), ("2026-03-30", "2026-03-31")]),
    ],
)
def test_days_alone_lie_in_the_month_before_them_when_nothing_joins_them(
    text: str, periods: list[tuple[str, str]]
) -> None:
    assert found(text) == periods


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("in the fortnight to 20 March", ("2026-03-07", "2026-03-21")),
        ("the week to Sunday", ("2026-04-06", "2026-04-13")),
        ("the three months to the end of February", ("2025-12-01", "2026-03-01")),
        ("the three weeks leading up to Christmas", ("2025-12-05", "2025-12-26")),
        ("the month ending on 5 March", ("2026-02-06", "2026-03-06")),
        ("in the ten days from 1 March", ("2026-03-01", "2026-03-11")),
        ("for a week from 3 March", ("2026-03-03", "2026-03-10")),
        ("in the fortnight starting 2 March", ("2026-03-02", "2026-03-16")),
        ("in the three days from Monday to Wednesday", ("2026-04-06", "2026-04-09")),
        ("week ending Sunday 8 March", ("2026-03-02", "2026-03-09")),
        ("the week from 4 March", ("2026-03-02", "2026-03-09")),
        ("the three weeks to today", ("2026-03-25", TOMORROW)),
    ],
)
def test_amount_is_counted_from_or_to_a_day_when_one_stands_beside_it(text: str, period: tuple[str, str]) -> None:
    assert found(text) == [period]


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("H1 2025", ("2025-01-01", "2025-07-01")),
        ("in h2", ("2025-07-01", "2026-01-01")),
        ("the latter half of March", ("2026-03-16", "2026-04-01")),
        ("the latter half of 2025", ("2025-07-01", "2026-01-01")),
        ("in the 2025 summer", ("2025-06-01", "2025-09-01")),
        ("winter 24/25", ("2024-12-01", "2025-03-01")),
        ("winter 2024-25", ("2024-12-01", "2025-03-01")),
        ("from the 3rd up to and including the 9th of March", ("2026-03-03", "2026-03-10")),
        ("not before March", ("2026-03-01", TOMORROW)),
        ("no sooner than 3 March", ("2026-03-03", TOMORROW)),
        ("since 6 am", ("2026-04-14", TOMORROW)),
        ("since 9 o'clock this morning", ("2026-04-14", TOMORROW)),
        ("since 11 pm", ("2026-04-13", TOMORROW)),
        ("11/12 March", ("2026-03-11", "2026-03-13")),
        ("on 11/03", ("2026-03-11", "2026-03-12")),
        ("in 2025", ("2025-01-01", "2026-01-01")),
    ],
)
def test_period_is_read_when_it_is_written_in_a_rarer_way(text: str, period: tuple[str, str]) -> None:
    assert found(text) == [period]


@pytest.mark.parametrize("behind", ["or any other", "or any other year", "or ever", "or at any time"])
def test_all_time_is_meant_when_any_other_is_as_well(behind: str) -> None:
    times = find_times(words_of(f"at its worst, this year {behind}"), NOW)
    assert times.is_all_time
    assert not times.periods


@pytest.mark.parametrize(
    ("text", "periods"),
    [
        ("not this week, last", [("2026-04-13", TOMORROW), ("2026-04-06", "2026-04-13")]),
        ("not last month, this", [("2026-03-01", "2026-04-01"), ("2026-04-01", TOMORROW)]),
        ("this month, sorry, last", [("2026-04-01", TOMORROW), ("2026-03-01", "2026-04-01")]),
        ("in March, last", [("2026-03-01", "2026-04-01")]),
        ("this week, what was last", [("2026-04-13", TOMORROW)]),
    ],
)
def test_unit_is_left_out_when_a_correction_says_which(text: str, periods: list[tuple[str, str]]) -> None:
    assert found(text) == periods


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("in the last third of March", ("2026-03-21", "2026-04-01")),
        ("the first third of March", ("2026-03-01", "2026-03-11")),
        ("the week before last Christmas", ("2025-12-18", "2025-12-25")),
        ("the week before last", ("2026-03-30", "2026-04-06")),
        ("in the 3rd quarter of 2025", ("2025-07-01", "2025-10-01")),
        ("on the 3rd", ("2026-04-03", "2026-04-04")),
        ("from 3 March for ten days", ("2026-03-03", "2026-03-13")),
        ("between 2 and 4 weeks ago", ("2026-03-16", "2026-04-06")),
        ("2 to 4 days ago", ("2026-04-10", "2026-04-13")),
        ("two or three weeks ago", ("2026-03-23", "2026-03-30")),
        ("more than a month ago", (None, "2026-03-01")),
        ("less than 3 days ago", ("2026-04-12", TOMORROW)),
        ("the last full month", ("2026-03-01", "2026-04-01")),
        ("last complete week", ("2026-04-06", "2026-04-13")),
        ("the last month", ("2026-03-15", TOMORROW)),
        ("the 1st of the month", ("2026-04-01", "2026-04-02")),
        ("from the 1st of the month to today", ("2026-04-01", TOMORROW)),
        ("on the 20th of the month", ("2026-03-20", "2026-03-21")),
        ("weekend 7-8 March", ("2026-03-07", "2026-03-09")),
        ("the day after my birthday, 3 March", ("2026-03-04", "2026-03-05")),
        ("the week before my operation on 3 March", ("2026-02-24", "2026-03-03")),
        ("the day before I flew home on 3 March", ("2026-03-02", "2026-03-03")),
        ("on Palm Sunday", ("2026-03-29", "2026-03-30")),
        ("on Pancake Day", ("2026-02-17", "2026-02-18")),
        ("at Whitsun 2025", ("2025-06-08", "2025-06-09")),
        ("on May Day", ("2025-05-01", "2025-05-02")),
        ("in May", ("2025-05-01", "2025-06-01")),
        ("mtd", ("2026-04-01", TOMORROW)),
    ],
)
def test_period_is_read_when_it_is_told_by_what_it_lies_beside(text: str, period: tuple[str | None, str]) -> None:
    assert found(text) == [period]


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("on the twenty third of the ninth twenty twenty five", "2025-09-23"),
        ("on the fifth of the second twenty twenty six", "2026-02-05"),
        ("on the 5th of the 2nd", "2026-02-05"),
        ("on the 21st of the 11th last year", "2025-11-21"),
    ],
)
def test_day_is_read_when_its_month_is_a_number(text: str, start: str) -> None:
    assert [period[0] for period in found(text)] == [start]


def test_number_is_no_month_when_nothing_says_of_which_day() -> None:
    assert found("was the second of the two worse") == []
