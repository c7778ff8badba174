"""Arithmetic with local dates. Every range is half-open."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from gateway.apps.health.chat.frame import DateRange

DAY: Final = timedelta(days=1)
MONTHS_A_YEAR: Final = 12
STEPS_MAX: Final = 1_000
"""Most units that are counted back or on."""
_YEARS: Final = range(1900, 2200)


class Unit(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


_DAYS_MAX: Final = {Unit.WEEK: 7, Unit.MONTH: 31, Unit.YEAR: 366}
_BACK_MAX: Final = 60
_YEAR_MIN: Final = 1900


def days(start: date, count: int = 1) -> DateRange:
    return DateRange(start=start, end=start + count * DAY)


def is_a_day(period: DateRange) -> bool:
    return period.start is not None and period == days(period.start)


def add(day: date, count: int, unit: Unit) -> date:
    """Return the date ``count`` units later (earlier if negative); a day past the month's end becomes its last."""
    if unit is Unit.DAY:
        return day + count * DAY
    if unit is Unit.WEEK:
        return day + 7 * count * DAY
    months = day.year * MONTHS_A_YEAR + day.month - 1 + count * (MONTHS_A_YEAR if unit is Unit.YEAR else 1)
    year, month = divmod(months, MONTHS_A_YEAR)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def within(period: DateRange, whole: DateRange, today: date) -> DateRange:
    """Return ``period`` as it lies in ``whole``: "only December" of 2024, "just the Wednesday" of a week."""
    if period.start is None or period.end is None or whole.start is None or whole.end is None:
        return period
    if period.end > today:  # the last days, this month
        return period
    for unit in (Unit.WEEK, Unit.MONTH, Unit.YEAR):
        if (whole.end - whole.start).days > _DAYS_MAX[unit]:
            continue
        for count in range(_BACK_MAX):
            if period.start.year - count < _YEAR_MIN:
                break
            start, end = add(period.start, -count, unit), add(period.end, -count, unit)
            if whole.start <= start and end <= whole.end:
                return DateRange(start=start, end=end)
    return period


def start_of(day: date, unit: Unit) -> date:
    """Return the first date of the calendar unit that holds ``day``. Weeks start on Monday."""
    if unit is Unit.WEEK:
        return day - day.weekday() * DAY
    if unit is Unit.MONTH:
        return day.replace(day=1)
    return day.replace(month=1, day=1) if unit is Unit.YEAR else day


def calendar_unit(day: date, unit: Unit, offset: int = 0) -> DateRange:
    """Return the calendar unit that lies ``offset`` units after the one holding ``day``."""
    start = add(start_of(day, unit), offset, unit)
    return DateRange(start=start, end=add(start, 1, unit))


def rolling(today: date, count: int, unit: Unit) -> DateRange:
    """Return the last ``count`` units, today being the last day."""
    tomorrow = today + DAY
    return DateRange(start=add(tomorrow, -count, unit), end=tomorrow)


def month_range(year: int, month: int) -> DateRange:
    return calendar_unit(date(year, month, 1), Unit.MONTH)


def last_month_called(month: int, today: date) -> DateRange:
    """Return the latest such month whose first day is not in the future."""
    return month_range(today.year if month <= today.month else today.year - 1, month)


def last_date(month: int, day: int, today: date) -> date | None:
    """Return the latest date with that day and month that is not in the future; None where there is none."""
    for year in range(today.year, today.year - 9, -1):  # 29 February: at most eight years apart
        found = valid_date(year, month, day)
        if found and found <= today:
            return found
    return None


def last_day_of_month_called(day: int, today: date) -> date | None:
    """Return the latest date with that day of the month that is not in the future; None beyond 31."""
    for back in range(MONTHS_A_YEAR):
        first = add(today.replace(day=1), -back, Unit.MONTH)
        found = valid_date(first.year, first.month, day)
        if found and found <= today:
            return found
    return None


def last_weekday(weekday: int, today: date) -> date:
    """Return the latest such day strictly before today. Monday is 0."""
    return today - ((today.weekday() - weekday - 1) % 7 + 1) * DAY


def season(first_month: int, today: date, *, finished: bool) -> DateRange:
    """Return the latest season (three months) that has begun, or that is over."""
    for year in range(today.year, today.year - 3, -1):
        start = date(year, first_month, 1)
        end = add(start, 3, Unit.MONTH)
        if (end if finished else start) <= today:
            return DateRange(start=start, end=end)
    raise AssertionError  # one of three years has it


def easter_sunday(year: int) -> date:
    """Return Western Easter (Meeus/Jones/Butcher)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (a + 11 * h) // 319
    r = (2 * e + 2 * i - k - h + m + 32) % 7
    month = (h - m + r + 90) // 25
    return date(year, month, (h - m + r + month + 19) % 32)


def valid_date(year: int, month: int, day: int) -> date | None:
    """Return the date, or None where the calendar has none, or outside the years that records can be of."""
    if year not in _YEARS:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None
