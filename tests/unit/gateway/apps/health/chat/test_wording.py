from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.apps.health.chat.frame import DateRange
from gateway.apps.health.chat.wording import decimal, entries, listed, moment_words, period_words

TODAY = date(2026, 4, 14)


@pytest.mark.story("health/US-BE-04.4")
@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (None, None, "in all your records"),
        (None, "2026-03-01", "before 1 March 2026"),
        ("2026-03-01", None, "since 1 March 2026"),
        ("2026-04-14", "2026-04-15", "today, 14 April 2026"),
        ("2026-04-13", "2026-04-14", "yesterday, 13 April 2026"),
        ("2026-04-06", "2026-04-07", "on Monday 6 April 2026"),
        ("2025-01-01", "2026-01-01", "in 2025"),
        ("2026-03-01", "2026-04-01", "in March 2026"),
        ("2026-04-01", "2026-04-15", "since 1 April 2026"),
        ("2026-03-02", "2026-03-09", "from 2 to 8 March 2026"),
        ("2026-03-30", "2026-04-06", "from 30 March to 5 April 2026"),
        ("2025-12-30", "2026-01-06", "from 30 December 2025 to 5 January 2026"),
    ],
)
def test_period_is_said_as_people_say_it_when_it_is_echoed(start: str | None, end: str | None, words: str) -> None:
    assert period_words(DateRange.model_validate({"start": start, "end": end}), TODAY) == words


def test_moment_is_the_person_s_own_clock_when_the_zone_differs() -> None:
    moment = datetime(2026, 4, 6, 23, 30, tzinfo=UTC)
    assert moment_words(moment, ZoneInfo("Europe/Berlin"), TODAY) == "on Tuesday 7 April 2026 at 01:30"


def test_numbers_and_lists_are_plain_when_said() -> None:
    assert [entries(1), entries(0), entries(1_204)] == ["1 entry", "0 entries", "1,204 entries"]
    assert [decimal(6.5), decimal(7.0), decimal(6.04), decimal(9.25)] == ["6.5", "7", "6", "9.3"]
    assert [listed([]), listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
