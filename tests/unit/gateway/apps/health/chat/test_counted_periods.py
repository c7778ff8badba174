"""Periods that are counted out. Tuesday 14 April 2026."""

from __future__ import annotations

from datetime import datetime

import pytest

from gateway.apps.health.chat.normalise import words_of
from gateway.apps.health.chat.time_expressions import find_times

NOW = datetime(2026, 4, 14, 11, 15)  # noqa: DTZ001 - the person's local time


def found(text: str) -> list[tuple[str, str]]:
    return [(str(period.start), str(period.end)) for period in find_times(words_of(text), NOW).periods]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("the first Monday of March", "2026-03-02", "2026-03-03"),
        ("the third Friday in March", "2026-03-20", "2026-03-21"),
        ("the last Sunday of last month", "2026-03-29", "2026-03-30"),
        ("the last weekend of March", "2026-03-28", "2026-03-30"),
        ("the last day of March", "2026-03-31", "2026-04-01"),
        ("the first day of the year", "2026-01-01", "2026-01-02"),
        ("the last two weekends", "2026-04-04", "2026-04-13"),
        ("my last couple of weekends", "2026-04-04", "2026-04-13"),
        ("two weekends ago", "2026-04-04", "2026-04-06"),
        ("the summer before last", "2024-06-01", "2024-09-01"),
        ("two winters ago", "2024-12-01", "2025-03-01"),
        ("in the month just gone", "2026-03-01", "2026-04-01"),
        ("the week just ended", "2026-04-06", "2026-04-13"),
        ("in week 12", "2026-03-16", "2026-03-23"),
        ("in calendar week 50", "2025-12-08", "2025-12-15"),
        ("in week 2 of 2025", "2025-01-06", "2025-01-13"),
        ("the last two weeks of last year", "2025-12-18", "2026-01-01"),
        ("the first ten days of 2025", "2025-01-01", "2025-01-11"),
        ("the second week of the year", "2026-01-08", "2026-01-15"),
        ("the final week of March", "2026-03-25", "2026-04-01"),
        ("the three months to March", "2026-01-01", "2026-04-01"),
        ("the early part of March", "2026-03-01", "2026-03-11"),
        ("the week of Monday 16 to Sunday 22 March", "2026-03-16", "2026-03-23"),
        ("in the week of 13 to 19 April", "2026-04-13", "2026-04-15"),
        ("the week of 28 March to 3 April", "2026-03-28", "2026-04-04"),
        ("from Mon the 9th to Thu the 12th of March", "2026-03-09", "2026-03-13"),
        ("13 to 19 April", "2026-04-13", "2026-04-15"),
        ("15 to 19 April", "2025-04-15", "2025-04-20"),
        ("the 3rd of March through to the 9th", "2026-03-03", "2026-03-10"),
        ("since a week last Friday", "2026-04-03", "2026-04-15"),
        ("the weekend before Easter", "2026-03-28", "2026-03-30"),
        ("the fortnight before Easter", "2026-03-22", "2026-04-05"),
        ("between my birthday, 3 March, and now", "2026-03-03", "2026-04-15"),
        ("since I stopped drinking tea on 7 March", "2026-03-07", "2026-04-15"),
        ("two weeks before my exam on 10 April", "2026-03-27", "2026-04-10"),
        ("three days before my exam on 10 April", "2026-04-07", "2026-04-08"),
        ("the fortnight after my fall on 2 March", "2026-03-03", "2026-03-17"),
        ("going back to March", "2026-03-01", "2026-04-15"),
        ("going back 3 weeks", "2026-03-25", "2026-04-15"),
        ("March onwards", "2026-03-01", "2026-04-15"),
        ("March 1 or later", "2026-03-01", "2026-04-15"),
        ("post 5 March", "2026-03-06", "2026-04-15"),
        ("on Friday 3rd", "2026-04-03", "2026-04-04"),
        ("the last hundred days", "2026-01-05", "2026-04-15"),
        ("the winter of 2024 to 2025", "2024-12-01", "2025-03-01"),
        ("this week last year", "2025-04-14", "2025-04-21"),
        ("this month last year", "2025-04-01", "2025-05-01"),
        ("the past week or two", "2026-04-01", "2026-04-15"),
        ("past 7d", "2026-04-08", "2026-04-15"),
        ("last 2w", "2026-04-01", "2026-04-15"),
        ("last 6m", "2025-10-15", "2026-04-15"),
        ("prev 4 wks", "2026-03-18", "2026-04-15"),
        ("since Xmas Eve", "2025-12-24", "2026-04-15"),
        ("the first half of the month", "2026-04-01", "2026-04-15"),
        ("Christmas week", "2025-12-22", "2025-12-29"),
        ("halfway through March", "2026-03-11", "2026-03-21"),
        ("headaches w/e 8 March", "2026-03-02", "2026-03-09"),
        ("headaches last w/e", "2026-04-11", "2026-04-13"),
        ("headaches wc 9 March", "2026-03-09", "2026-03-16"),
    ],
)
def test_period_is_counted_out_when_its_place_is_said(text: str, start: str, end: str) -> None:
    assert found(text) == [(start, end)]


@pytest.mark.parametrize(
    "text",
    ["the first headache of my life", "a week 3 of them", "in week 54", "two seizures ago"],
)
def test_no_period_is_counted_out_when_there_is_none(text: str) -> None:
    assert found(text) == []


def test_place_is_no_day_when_the_month_has_fewer() -> None:
    assert found("the fourth weekend of February 2025") == [("2025-02-22", "2025-02-24")]
    assert ("2026-03-01", "2026-04-01") in found("the 9th Monday of March")


@pytest.mark.parametrize(
    "text",
    [
        "I march every Sunday",
        "we march with the band",
        "it may well hurt",
        "the peace march",
        "April says my knees hurt",
    ],
)
def test_month_is_none_when_it_is_a_verb_or_a_name(text: str) -> None:
    assert not any(start.endswith("-01") for start, _ in found(text))


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("how bad was it May?", "2025-05-01"),
        ("what I had this March", "2026-03-01"),
        ("in March with a cold", "2026-03-01"),
    ],
)
def test_month_is_one_when_no_verb_can_stand_there(text: str, start: str) -> None:
    assert [each for each, _ in found(text)] == [start]


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("pre Easter", "2026-04-05"),
        ("not after 5 March", "2026-03-06"),
        ("up to but not including 5 March", "2026-03-05"),
        ("5 March or earlier", "2026-03-06"),
    ],
)
def test_period_is_open_when_it_only_says_its_end(text: str, end: str) -> None:
    assert found(text) == [("None", end)]
