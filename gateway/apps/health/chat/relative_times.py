"""Periods said by their distance from the one spoken of before, or by what is changed of it, and what they then are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from gateway.apps.health.chat.dates import (
    DAY,
    Unit,
    add,
    calendar_unit,
    days,
    easter_sunday,
    rolling,
    start_of,
    valid_date,
)
from gateway.apps.health.chat.frame import DateRange
from gateway.apps.health.chat.time_words import HOLIDAYS, MONTHS, SEASONS, WEEKDAYS

_YEARS: Final = range(1900, 2200)
"""Beyond, nothing is stepped on: no records, and soon no calendar."""
_YEARS_MAX: Final = 5
_MONTHS_MAX: Final = 24
_WEEKS_MAX: Final = 8
"""A greater number is one of smaller units: "make it 90" of three months means days."""
_SATURDAY: Final = 5
_DAYS_OF_MONTH: Final = 31
"""Until a later day of the month, it is until its end."""


@dataclass(frozen=True, slots=True)
class Relative:
    """``steps`` units before (negative) or after; 0 with a unit: the same. ``year`` moves it to that year.

    ``until`` is the open range before it, ``since`` the one from its end. ``is_shift`` moves it as it is: a weekend
    before is two days, not a week. ``is_alike`` is one of the same kind: "this one" after last month is this month,
    "the one before" the month before. ``row`` is the day of one of the records that came back: "worst", "second".
    ``half`` is the first or second of its month or year, ``first_days`` are so many of it, ``day`` is one of its month.
    ``count`` are the last units of those that it has several of: "make that the past 100" of ten days; with ``steps``
    so many before or after it: "the 3 before that". ``named`` is the month, season, weekday or feast of that name next
    to it: "the December before". ``until_day`` ends the days that ``day`` begins: "between 21 and 28". ``is_around``
    has so many units at either side. ``times`` is how much longer it gets, ``reach`` what it is made to hold,
    ``part`` the words that say what of the unit is meant: "the second half of that year". ``is_with`` holds the period
    seen from as well: "include the week before".
    """

    unit: Unit | None = None
    steps: int = 0
    year: int | None = None
    year_back: int | None = None
    is_since: bool = False
    is_until: bool = False
    is_shift: bool = False
    is_alike: bool = False
    row: str = ""
    half: int = 0
    first_days: int = 0
    day: int = 0
    count: int = 0
    named: str = ""
    until_day: int = 0
    is_around: bool = False
    times: int = 0
    reach: DateRange | None = None
    part: tuple[str, ...] = ()
    is_with: bool = False

    def resolve(self, period: DateRange, today: date) -> DateRange:  # noqa: PLR0911 - a case a line
        """Return the period meant, seen from ``period``; ``period`` itself where it is unbounded."""
        start, end = period.start, period.end
        if self.is_since:
            since = start if self.unit is not None else end
            return DateRange(start=min(since, today) if since else None, end=today + DAY)
        if self.is_until:
            return DateRange(end=start)
        if start is None or end is None or start.year not in _YEARS or end.year not in _YEARS:
            return period
        if self.reach is not None or self.times or self.is_around or self.is_with:
            return self._widened(start, end, today)
        if self.count or self.named:
            named = _beside_named(self.named, start, end, self.steps) if self.named else None
            return named or _counted(self.count, self.steps, start, end, today)
        if self.half or self.first_days or self.day or self.until_day:
            return self._part(start, end)
        if self.is_alike:
            return _alike(start, end, self.steps, today)
        if self.year is not None or self.year_back is not None:
            year = self.year if self.year is not None else today.year - (self.year_back or 0)
            return _moved_by_years(start, end, year - start.year)
        if self.is_shift and self.unit is not None:
            if self.unit is Unit.WEEK and start.weekday() == _SATURDAY and end == start + DAY:
                end += DAY  # a weekend, spoken of on its Saturday
            return DateRange(start=add(start, self.steps, self.unit), end=add(end, self.steps, self.unit))
        if self.unit is not None and self.steps == 0 and start_of(start, self.unit) == start_of(end - DAY, self.unit):
            whole = calendar_unit(start, self.unit)  # "that week", of a day
            return DateRange(start=whole.start, end=min(whole.end or end, max(end, today + DAY)))
        return period if self.unit is None or self.steps == 0 else self._step(self.unit, start, end, today)

    def _widened(self, start: date, end: date, today: date) -> DateRange:
        reach = (
            replace(self, is_with=False).resolve(DateRange(start=start, end=end), today) if self.is_with else self.reach
        )
        if reach is not None:
            until = min(reach.end or end, today + DAY)
            return DateRange(start=min(start, reach.start or start), end=max(end, until))
        if self.times:
            return _times_as_long(self.times, start, end)
        unit = self.unit or Unit.DAY
        until = min(add(end, self.steps, unit), max(end, today + DAY))
        return DateRange(start=add(start, -self.steps, unit), end=until)

    def _part(self, start: date, end: date) -> DateRange:
        if self.until_day:
            first = valid_date(start.year, start.month, self.day) if self.day else start
            last = valid_date(start.year, start.month, self.until_day)
            last = end - DAY if self.until_day > _DAYS_OF_MONTH else last
            return DateRange(start=first, end=last + DAY) if first and last else DateRange(start=start, end=end)
        if self.day:
            return days(start.replace(day=self.day))
        if self.first_days:
            return DateRange(start=start, end=min(start + self.first_days * DAY, max(end, start + DAY)))
        whole = calendar_unit(start, Unit.MONTH)
        middle = start.replace(day=16)
        if start_of(end - DAY, Unit.MONTH) != whole.start:
            whole, middle = calendar_unit(start, Unit.YEAR), date(start.year, 7, 1)
        return DateRange(start=whole.start, end=middle) if self.half == 1 else DateRange(start=middle, end=whole.end)

    def fits(self, period: DateRange, today: date) -> bool:
        """Tell whether it may be meant of ``period``: the previous week of a week, a day of a month that has it."""
        start, end = period.start, period.end
        if start is not None and end is not None and (self.half or self.day or self.until_day):
            is_in_one = start_of(start, Unit.MONTH) == start_of(end - DAY, Unit.MONTH)
            if self.until_day:
                until = start.day if self.until_day > _DAYS_OF_MONTH else self.until_day
                return is_in_one and all(valid_date(start.year, start.month, day) for day in (self.day or 1, until))
            if self.day:
                found = valid_date(start.year, start.month, self.day)
                return is_in_one and found is not None and found <= today
            return is_in_one or start.year == (end - DAY).year
        if self.unit is None or start is None or end is None or start.year not in _YEARS or end.year not in _YEARS:
            return False
        return add(start, abs(self.steps), self.unit) == end or (
            abs(self.steps) == 1 and start == start_of(today, self.unit) and end == today + DAY
        )

    def _step(self, unit: Unit, start: date, end: date, today: date) -> DateRange:
        if self.steps > 0:
            tomorrow = today + DAY
            if end >= tomorrow:
                return DateRange(start=today, end=tomorrow)
            return DateRange(start=end, end=add(end, self.steps, unit))
        is_this_year = start == start_of(today, Unit.YEAR) and end == today + DAY
        if unit is Unit.YEAR and not is_this_year and (end - start).days < 365:  # noqa: PLR2004 - "the year before", of a month
            return _moved_by_years(start, end, self.steps)
        is_as_long = add(start, -self.steps, unit) == end  # "the past month and the month before that"
        until = start if unit is Unit.WEEK or is_as_long else start_of(start, unit)
        return DateRange(start=add(until, self.steps, unit), end=until)


def _alike(start: date, end: date, steps: int, today: date) -> DateRange:
    """Return the period ``steps`` before or after one, or the running one of its kind."""
    unit = next((unit for unit in Unit if _is_whole(start, end, unit, today)), None)
    if steps == 0:
        return (
            DateRange(start=calendar_unit(today, unit or Unit.DAY).start, end=today + DAY)
            if unit
            else DateRange(start=start, end=end)
        )
    if unit is not None:
        return calendar_unit(start, unit, steps)
    if start.weekday() == _SATURDAY and end == start + 2 * DAY:
        return DateRange(start=start + 7 * steps * DAY, end=end + 7 * steps * DAY)
    if start.day == end.day == 1:  # the quarter before
        months = steps * ((end.year - start.year) * 12 + end.month - start.month)
        return DateRange(start=add(start, months, Unit.MONTH), end=add(end, months, Unit.MONTH))
    return DateRange(start=start + steps * (end - start), end=end + steps * (end - start))


def _unit_counted(count: int, start: date, end: date) -> Unit:
    """Return what ``count`` counts, said without its unit behind a period: the units that this has, if so many can be.

    "make it 90" of three months means days, "the past 6" behind a month means months.
    """
    fits = {Unit.YEAR: count <= _YEARS_MAX, Unit.MONTH: count <= _MONTHS_MAX, Unit.WEEK: count <= _WEEKS_MAX}
    spans = {Unit.YEAR: 12, Unit.MONTH: 1}
    months = (end.year - start.year) * 12 + end.month - start.month
    unit = next(
        (unit for unit, each in spans.items() if fits[unit] and _is_several(months // each, start, end, unit)), None
    )
    if unit is not None:
        return unit
    is_weeks = fits[Unit.WEEK] and count % 7 and _is_several((end - start).days // 7, start, end, Unit.WEEK)
    one = next((unit for unit in (Unit.YEAR, Unit.MONTH, Unit.WEEK) if add(start, 1, unit) == end), Unit.DAY)
    return Unit.WEEK if is_weeks else one if fits.get(one) else Unit.DAY


def _unit_of(count: int, start: date, end: date) -> Unit:
    """Return the unit of "the 3 before that": that of which the period has as many, else as ``_unit_counted`` does."""
    alike = next((unit for unit in Unit if add(end, -count, unit) == start), None)
    return alike or _unit_counted(count, start, end)


def _counted(count: int, steps: int, start: date, end: date, today: date) -> DateRange:
    """Return so many units before the period (negative ``steps``), behind it, or (0) the last ones until today."""
    if not steps:
        return rolling(today, count, _unit_counted(count, start, end))
    unit = _unit_of(count, start, end)
    if steps < 0:
        return DateRange(start=add(start, -count, unit), end=start)
    return DateRange(start=end, end=add(end, count, unit))


def _times_as_long(times: int, start: date, end: date) -> DateRange:
    """Return the period made so many times as long, backwards from its end."""
    for unit in (Unit.YEAR, Unit.MONTH):
        spans = (end.year - start.year) * 12 + end.month - start.month
        count = spans // 12 if unit is Unit.YEAR else spans
        if count and add(end, -count, unit) == start:
            return DateRange(start=add(end, -count * times, unit), end=end)
    return DateRange(start=end - times * (end - start), end=end)


def _beside_named(name: str, start: date, end: date, steps: int) -> DateRange | None:
    """Return what is so named and lies next before the period (negative steps), or next behind it."""
    near = start if steps < 0 else end
    if name == "weekend":
        day = start if steps < 0 else end - DAY
        back = (day.weekday() - _SATURDAY) % 7  # days since the last Saturday
        is_on_or_after = back < 2 or steps > 0  # noqa: PLR2004 - the weekend itself
        return days(day + (7 * (steps + (not is_on_or_after)) - back) * DAY, 2)
    if name in WEEKDAYS:
        back = (near.weekday() - WEEKDAYS[name] - 1) % 7 + 1
        return days(near - back * DAY if steps < 0 else near + (7 - back) * DAY)
    years = (near.year + 1, near.year, near.year - 1) if steps < 0 else (near.year - 1, near.year, near.year + 1)
    for year in years:
        found = _named_in(name, year)
        if found is None or found.start is None or found.end is None:
            return None
        if found.end <= start if steps < 0 else found.start >= end:
            return found
    return None


def _named_in(name: str, year: int) -> DateRange | None:
    if name in MONTHS or name in SEASONS:
        first = date(year, MONTHS.get(name) or SEASONS[name], 1)
        return DateRange(start=first, end=add(first, 1 if name in MONTHS else 3, Unit.MONTH))
    if name == "easter":
        return days(easter_sunday(year))
    month_day = HOLIDAYS.get(tuple(name.split()))
    found = valid_date(year, *month_day) if month_day else None
    return days(found) if found else None


def _is_several(count: int, start: date, end: date, unit: Unit) -> bool:
    return count > 1 and add(end, -count, unit) == start


def _is_whole(start: date, end: date, unit: Unit, today: date) -> bool:
    whole = calendar_unit(start, unit)
    is_running = unit is not Unit.DAY and end == today + DAY and whole.end is not None and end < whole.end
    return start == whole.start and (end == whole.end or is_running)


def _moved_by_years(start: date, end: date, years: int) -> DateRange:
    """Return the same days in another year; a whole month stays one, 29 February included."""
    is_in_one = start_of(start, Unit.MONTH) == start_of(end, Unit.MONTH)
    if start.day == 1 and is_in_one and end > start:  # a month that is still running
        end = add(start_of(end, Unit.MONTH), 1, Unit.MONTH)
    return DateRange(start=add(start, years, Unit.YEAR), end=add(end, years, Unit.YEAR))
