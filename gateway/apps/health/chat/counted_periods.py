"""Periods that are counted out: the first Monday of October, the last two weekends, two summers ago, week 38.

A reader is given a position and returns what it found there, or None.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from gateway.apps.health.chat import dates
from gateway.apps.health.chat.calendar_periods import OF_A_DAY, CalendarPeriods
from gateway.apps.health.chat.dates import DAY, Unit
from gateway.apps.health.chat.frame import DateRange
from gateway.apps.health.chat.periods_from_today import Found
from gateway.apps.health.chat.time_words import MONTHS, SEASONS, UNITS, WEEKDAYS, day_number, whole_number

_PLACES: Final = {
    "first": 0, "1st": 0, "second": 1, "2nd": 1, "third": 2, "3rd": 2, "fourth": 3, "4th": 3, "last": -1, "final": -1,
}  # fmt: skip
_IN_LETTERS: Final = {
    "latter": "second", "final": "last", "closing": "last", "opening": "first",
    "1st": "first", "2nd": "second", "3rd": "third", "4th": "fourth",
}  # fmt: skip
_SATURDAY: Final = 5
_WEEKENDS_MAX: Final = 52
_YEARS_MAX: Final = 100
_AMOUNT_MAX: Final = 1_000
_WEEKS_A_YEAR_MAX: Final = 53
_DAYS_LISTED_MAX: Final = 6
_MONTHS_OF_YEAR: Final = 12
_MONTH_MAX: Final = 31
_FROM: Final = frozenset({"from", "starting", "beginning"})
_TO: Final = frozenset({"to", "until", "till", "up", "ending", "ended", "leading"})
_BESIDE: Final = _FROM | _TO
_GONE: Final = (("just", "gone"), ("gone", "by"), ("just", "past"), ("just", "ended"), ("that", "just", "ended"))


class CountedPeriods(CalendarPeriods):
    """These readers, and those of the calendar."""

    def _weekdays_ago(self, i: int) -> Found | None:
        """Read "three Mondays ago"."""
        count = whole_number(self._at(i))
        weekday = WEEKDAYS.get(self._at(i + 1).removesuffix("s")) if count else None
        if weekday is None or count is None or self._at(i + 2) != "ago":
            return None
        return Found(i + 3, dates.days(dates.last_weekday(weekday, self._today) - 7 * (count - 1) * DAY))

    def _part_of_month(self, i: int) -> Found | None:
        """Read "the first week of March", "the last ten days of May", "the second half of last month"."""
        which, part = _IN_LETTERS.get(self._at(i), self._at(i)), self._at(i + 1)
        amount = self._amount(i + 1) if which in {"first", "last"} and part not in UNITS else None
        noun = amount[0] if amount is not None else i + 2
        behind = noun + (self._at(noun) in {"of", "in"})
        behind += self._at(behind) == "the"
        days = {"week": 7, "half": 15}.get(part)
        if amount is not None and amount[2] in {"day", "week"}:  # "the first ten days of May"
            days = amount[1] * (7 if amount[2] == "week" else 1)
            days = days if days <= _MONTH_MAX and self._at(noun) in {"of", "in"} else None
        if amount is not None and amount[2] == "month" and self._at(noun) in {"of", "in"}:
            return self._months_of_year(which, amount[1], behind)
        found = self._month(behind) or self._unit(behind) or self._days_of_year(behind, part) if days else None
        if found is None or days is None or found.period.start is None or found.period.end is None:
            return None
        first, end = found.period.start, found.period.end
        is_month = first.day == 1 and ((end - first).days <= _MONTH_MAX or part != "half")
        ordinal = {"first": 0, "second": 1, "third": 2, "fourth": 3}.get(which)
        if not is_month or (ordinal is None and which != "last"):
            return None
        if ordinal is None:
            return Found(found.after, DateRange(start=end - days * DAY, end=end))
        start = first + ordinal * days * DAY
        return Found(found.after, DateRange(start=start, end=end if part == "half" and ordinal else start + days * DAY))

    def _days_of_year(self, i: int, part: str) -> Found | None:
        """Read "2024", "the year", whose days and weeks are counted and no half; "the month" has one."""
        if part == "half":
            return self._running_unit(i) if self._at(i) == "month" else None
        return self._year(i) or self._running_unit(i)

    def _months_of_year(self, which: str, count: int, i: int) -> Found | None:
        """Read what is behind "the first three months of": "2025", "the year 2025", "last year", "the year"."""
        found = self._year(i) or self._unit(i) or self._running_unit(i)
        if found is None or found.period.start is None or self._at(found.after - 1) in {"week", "month"}:
            return None
        year, count = found.period.start.year, min(count, _MONTHS_OF_YEAR)
        if which == "first":
            months = DateRange(start=date(year, 1, 1), end=dates.add(date(year, 1, 1), count, Unit.MONTH))
        else:
            months = DateRange(start=dates.add(date(year + 1, 1, 1), -count, Unit.MONTH), end=date(year + 1, 1, 1))
        return Found(found.after, months)

    def _nth_day(self, i: int) -> Found | None:
        """Read "the first Monday of October", "the last weekend in May", "the last day of last month"."""
        place, noun, behind = _PLACES.get(self._at(i)), self._at(i + 1), i + 3
        if place is None or self._at(i + 2) not in {"of", "in"}:
            return None
        weekday = WEEKDAYS.get(noun, _SATURDAY if noun == "weekend" else None)
        if weekday is None and noun != "day":
            return None
        behind += self._at(behind) == "the"
        found = self._month(behind) or self._unit(behind) or self._year(behind) or self._running_unit(behind)
        if found is None or found.period.start is None or found.period.end is None:
            return None
        first, end = found.period.start, found.period.end
        if weekday is not None:
            first += (weekday - first.weekday()) % 7 * DAY
        step = 1 if weekday is None else 7
        count = max(0, ((end - first).days - 1) // step + 1)
        if place >= count or not count:
            return None
        day = first + (place if place >= 0 else count - 1) * step * DAY
        return Found(found.after, dates.days(day, 2 if noun == "weekend" else 1))

    def _weekends(self, i: int) -> Found | None:
        """Read "the last two weekends", from the first Saturday to the last Sunday, and "two weekends ago"."""
        is_led = self._at(i) in {"last", "past", "previous", "these"}
        k = i + is_led
        k += is_led and self._at(k) in {"last", "past"}
        count = 2 if self._at(k) == "couple" else whole_number(self._at(k))
        k += 1 + (self._at(k + 1) == "of")
        if count is None or not 0 < count <= _WEEKENDS_MAX or self._at(k) not in {"weekend", "weekends"}:
            return None
        first = self._last_finished_weekend() - 7 * (count - 1) * DAY
        if is_led:
            return Found(k + 1, DateRange(start=first, end=self._last_finished_weekend() + 2 * DAY))
        return Found(k + 2, dates.days(first, 2)) if self._at(k + 1) in {"ago", "back"} else None

    def _season_back(self, i: int) -> Found | None:
        """Read "the summer before last", "two summers ago"; the one that was over last is one summer ago."""
        if (self._at(i + 1), self._at(i + 2)) == ("before", "last"):
            month, years = SEASONS.get(self._at(i)), 1
        else:
            count = whole_number(self._at(i)) if self._at(i + 2) == "ago" else None
            month, years = SEASONS.get(self._at(i + 1).removesuffix("s")), (count or 0) - 1
        if month is None or not 0 <= years <= _YEARS_MAX:
            return None
        start = dates.season(month, self._today, finished=True).start
        if start is None:
            return None
        start = dates.add(start, -years, Unit.YEAR)
        return Found(i + 3, DateRange(start=start, end=dates.add(start, 3, Unit.MONTH)))

    def _amount_to_now(self, i: int) -> Found | None:
        """Read "(the) three weeks to today"."""
        amount = self._amount(i) if self._has_article(i) else None
        if amount is None or amount[2] == "hour" or amount[1] > _AMOUNT_MAX:
            return None
        behind = amount[0] + (self._at(amount[0]) in {"leading", "up"})
        behind += self._at(behind) == "up"
        if self._at(behind) not in {"to", "until", "till"} or self._at(behind + 1) not in {"today", "now"}:
            return None
        return Found(behind + 2, dates.rolling(self._today, amount[1], Unit(amount[2])))

    def _amount_beside(self, i: int) -> Found | None:
        """Read "(the) fortnight to 20 May", "(the) month ending on the 5th", "ten days from 1 May"."""
        amount = self._amount(i) if not _BESIDE.isdisjoint(self._words) else None
        if amount is None or amount[2] == "hour" or amount[1] > _AMOUNT_MAX:
            return None
        k, count, unit = amount
        is_from = self._at(k) in _FROM
        if not (is_from or (self._has_article(i) and self._at(k) in _TO)):
            return None
        if self._at(i) in {"week", "weekend"} and self._at(k) in OF_A_DAY:
            return None  # the calendar week
        k += 1
        while not is_from and self._at(k - 1) in {"leading", "up"} and self._at(k) in {"up", "to"}:
            k += 1
        k += self._at(k) in {"on", "and"}
        day = self._day_at(k) or (None if is_from else self._end_of_month(k))
        if day is None or self._at(day.after) in {"to", "-", "until", "till", "through"}:
            return None
        first = day.period.start
        if first is None or first >= self._today + (not is_from) * DAY:
            return None
        end = dates.add(first, count, Unit(unit)) if is_from else first + DAY
        start = first if is_from else dates.add(end, -count, Unit(unit))
        return Found(day.after, DateRange(start=start, end=end))

    def _end_of_month(self, i: int) -> Found | None:
        """Read the last day of the month to which "(the) three months to March" are."""
        month = self._month(i) if self._at(i) in MONTHS else None
        end = month.period.end if month is not None else None
        return Found(month.after, dates.days(end - DAY)) if month is not None and end is not None else None

    def _day_at(self, i: int) -> Found | None:
        """Read one day: "20 May", "Sunday", "the 5th", "the end of June"."""
        if (self._at(i), self._at(i + 1), self._at(i + 2)) == ("the", "end", "of"):
            found = self._month(i + 3)
            end = found.period.end if found is not None else None
            return Found(found.after, dates.days(end - DAY)) if found is not None and end is not None else None
        i += self._at(i) == "the"
        found = self._day_month(i) or self._month_day(i) or self._numeric(i) or self._weekday(i) or self._near_day(i)
        found = found or self._holiday(i) or self._day_of_month(i)
        is_day = found is not None and found.period.start is not None and found.period == dates.days(found.period.start)
        return found if is_day else None

    def _just_gone(self, i: int) -> Found | None:
        """Read "(in) the month just gone", the one before this, and "the fortnight just gone", up to today."""
        amount = self._amount(i) if self._has_article(i) else None
        if amount is None or amount[2] == "hour" or amount[1] > _AMOUNT_MAX:
            return None
        behind, count, unit = amount
        gone = next((phrase for phrase in _GONE if tuple(self._words[behind : behind + len(phrase)]) == phrase), None)
        if gone is None:
            return None
        is_one = self._at(i) in UNITS
        period = (
            dates.calendar_unit(self._today, Unit(unit), -1)
            if is_one
            else dates.rolling(self._today, count, Unit(unit))
        )
        return Found(behind + len(gone), period)

    def _numbered_week(self, i: int) -> Found | None:
        """Read "(calendar) week 38": the latest one so numbered (ISO 8601) that has begun."""
        i += self._at(i) == "calendar"
        number = whole_number(self._at(i + 1)) if self._at(i) == "week" and self._at(i + 1).isdigit() else None
        if number is None or not 0 < number <= _WEEKS_A_YEAR_MAX or self._at(i - 1) not in {"in", "calendar", "for"}:
            return None
        year = self._year_behind(i + 2)
        for each in (year[1],) if year else (self._today.year, self._today.year - 1):
            monday = _monday(each, number)
            if monday is not None and (year or monday <= self._today):
                return Found(year[0] if year else i + 2, dates.days(monday, 7))
        return None

    def _listed_days(self, i: int) -> Found | None:
        """Read "12, 13 and 14 October", whole from the first to the last."""
        days, k = [self._day_in_a_list(i)], i + 1
        while days[-1] is not None and self._at(k) in {",", "and", "or"} and len(days) < _DAYS_LISTED_MAX:
            k += 1
            k += self._at(k) in {"and", "or"}
            k += self._at(k) == "the"
            last = self._day_month(k)
            if last is not None and last.period.start is not None and len(days) > 1:
                first = min(day for day in days if day is not None)
                if first >= last.period.start.day:
                    return None
                return Found(last.after, DateRange(start=last.period.start.replace(day=first), end=last.period.end))
            days.append(self._day_in_a_list(k))
            k += 1
        return None

    def _day_in_a_list(self, i: int) -> int | None:
        return day_number(self._at(i)) if self._at(i)[:1].isdigit() else None


def _monday(year: int, week: int) -> date | None:
    try:
        return date.fromisocalendar(year, week, 1)
    except ValueError:
        return None
