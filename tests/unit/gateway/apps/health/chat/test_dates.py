from __future__ import annotations

from datetime import date

import pytest

from gateway.apps.health.chat.dates import Unit, add, easter_sunday, last_date, last_day_of_month_called


@pytest.mark.parametrize(
    ("year", "month", "day"),
    [(2000, 4, 23), (2008, 3, 23), (2019, 4, 21), (2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2038, 4, 25)],
)
def test_easter_is_the_published_date_when_computed(year: int, month: int, day: int) -> None:
    assert easter_sunday(year) == date(year, month, day)


def test_months_clamp_to_the_last_day_when_the_month_is_shorter() -> None:
    assert add(date(2026, 3, 31), -1, Unit.MONTH) == date(2026, 2, 28)
    assert add(date(2024, 2, 29), 1, Unit.YEAR) == date(2025, 2, 28)


def test_last_date_is_none_when_no_calendar_has_it() -> None:
    assert last_date(2, 30, date(2026, 4, 14)) is None
    assert last_day_of_month_called(32, date(2026, 4, 14)) is None
