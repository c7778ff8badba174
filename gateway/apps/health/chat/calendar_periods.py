"""Periods by the calendar: weekdays, dates, parts of a month, months, quarters, seasons, years and holidays.

One that says no year is the latest that has begun.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from gateway.apps.health.chat import dates
from gateway.apps.health.chat.dates import DAY, Unit
from gateway.apps.health.chat.frame import DateRange
from gateway.apps.health.chat.periods_from_today import Found, PeriodsFromToday
from gateway.apps.health.chat.time_words import (
    DAY_PARTS,
    FEASTS,
    HOLIDAYS,
    MONTHS,
    PREPOSITIONS,
    QUARTERS,
    SEASONS,
    THIRDS,
    WEEKDAYS,
    day_number,
    year_number,
)

_MONTHS_OF_YEAR: Final = 12
_DAY_MAX: Final = 31
_SATURDAY: Final = 5
_SUNDAY: Final = 6
_DECEMBER: Final = 12
_YEARS_OF_WINTER: Final = re.compile(r"(?:20)?(\d\d)[/-](?:20)?(\d\d)")
_LONG_WEEKEND: Final = 4
_YEARS_BACK_MAX: Final = 150
_TWO_DIGIT_YEARS: Final = 100
_SHORT_AND_A_WORD: Final = {"wed": 2, "sat": 5, "sun": 6}
_NO_DAY_BEHIND: Final = frozenset(
    {"i", "he", "she", "we", "they", "just", "been", "the", "in", "get", "got", "of", "my"}
)
"""Behind these, "sat", "wed" and "sun" are no day."""
OF_A_DAY: Final = frozenset({"of", "commencing", "beginning", "starting", "ending", "from", "around"})
"""Behind "the week", these say by which of its days: it is that of the calendar."""
_WHO: Final = frozenset({"i", "it", "he", "she", "we", "they", "you", "that", "these", "those", "which", "there"})
_BEHIND_MAY: Final = frozenset(
    {"help", "also", "just", "still", "cause", "mean", "need", "seem", "never", "ask", "want", "explain", "happen",
     "actually", "even", "get", "look", "feel", "always", "sound", "affect", "hurt"}
)  # fmt: skip
_MARCHES: Final = frozenset({"protest", "charity", "pride", "peace", "forced", "hunger", "parade"})
_MARCHING: Final = frozenset(
    {"every", "each", "with", "on", "for", "up", "down", "around", "about", "through", "along", "past"}
)
"""What follows somebody's marching."""
_ALSO_NAMES: Final = frozenset({"april", "may", "june", "august", "jan"})
_SAID: Final = frozenset({"says", "said", "thinks", "thought", "reckons", "reckoned", "told", "asked", "asks", "wants"})
_PARTS_OF_IT: Final = frozenset({"part", "bit", "portion"})
_TURNS: Final = frozenset({"before", "after", "earlier", "later", "ago", "prior", "of"})
_COUNTED: Final = frozenset({"quarter", "half", "week", "weekend", "month"})
_EDGES: Final = frozenset({"start", "beginning", "end"})
_BEHIND_A_VERB: Final = frozenset({"in", "this", "last", "previous"})
_BEFORE_A_DAY: Final = frozenset({"on", "since", "until", "before", "after", "to", "-"})
_BEFORE_A_DATE: Final = _BEFORE_A_DAY | {"from", "till", "til", "between"}
_BETWEEN_ALIKE: Final = frozenset({"and", "or", "versus", "than", "with", "against"})
_BEFORE_A_SEASON: Final = PREPOSITIONS | {
    "the",
    "last",
    "this",
    "since",
    "before",
    "after",
    "until",
    ",",
    "with",
    "than",
    "versus",
    "against",
}
_BEHIND_A_SEASON: Final = frozenset({"", "?", ",", "and", "or", "than", "versus", "with", "how", "was", "did"})
_OF_EASTER: Final = {"saturday": -1, "sunday": 0, "monday": 1, "tuesday": 2}
"""Days after Easter Sunday."""


class CalendarPeriods(PeriodsFromToday):
    """These readers, and those that count from today."""

    def _weekday(self, i: int) -> Found | None:
        i += (is_named := self._at(i) in {"last", "this", "past", "previous"})
        weekday = self._weekday_number(i, is_named=is_named)
        if weekday is None:
            return None
        i += 1
        i += self._at(i) == ","
        dated = None if is_named else self._day_month(i) or self._month_day(i) or self._numeric(i)
        if dated is None and self._at(i) == "the":
            dated = self._day_month(i + 1) or self._day_of_month(i + 1)
        if dated is None and not is_named and self._at(i)[-2:] in {"st", "nd", "rd", "th"}:  # "Sunday 7th"
            day = dates.last_day_of_month_called(day_number(self._at(i)) or 0, self._today)
            dated = Found(i + 1, dates.days(day)) if day and day.weekday() == weekday else None
        if dated is not None:
            return dated
        if (self._at(i), self._at(i + 1)) == ("before", "last"):
            return Found(i + 2, dates.days(dates.last_weekday(weekday, self._today) - 7 * DAY))
        week = self._week_said(i) or self._week_said_of_both(i)
        if week is not None:
            return Found(week[0], dates.days(week[1] + weekday * DAY))
        day = dates.last_weekday(weekday, self._today)
        if self._at(i - 2) == "this" and weekday == self._today.weekday():
            day = self._today
        return Found(i, dates.days(day))

    def _weekday_number(self, i: int, *, is_named: bool) -> int | None:
        """Return which day of the week a word is; none that comes round, as "every Friday" does."""
        if self._at(i - 1) in {"every", "each"}:
            return None
        weekday = WEEKDAYS.get(self._at(i))
        is_short = is_named or self._at(i - 1) in _BEFORE_A_DAY
        is_short = is_short or self._joins_weekday(i + 1, i + 2) or self._joins_weekday(i - 1, i - 2)  # "Sat and Sun"
        is_short = is_short or (  # "headache Wed", "Sat night"
            self._at(i - 1) not in _NO_DAY_BEHIND and self._at(i + 1) in {"", "?", *DAY_PARTS}
        )
        return _SHORT_AND_A_WORD.get(self._at(i)) if weekday is None and is_short else weekday

    def _joins_weekday(self, link: int, other: int) -> bool:
        name = self._at(other)
        return self._at(link) in {"and", "or", "to", "-"} and (name in WEEKDAYS or name in _SHORT_AND_A_WORD)

    def _week_said(self, i: int) -> tuple[int, date] | None:
        """Read "last week", "of this week", "the week before last" after a weekday: the position behind, its Monday."""
        i += self._at(i) in {"of", "in"}
        i += self._at(i) == "the"
        for rule in (self._before_last, self._unit, self._ago):
            found = rule(i)
            if found and found.period.start and found.period.end == found.period.start + 7 * DAY:
                return found.after, found.period.start
        return None

    def _week_said_of_both(self, i: int) -> tuple[int, date] | None:
        """Read the week behind the second of two weekdays, still to be read: "Tuesday and Friday last week"."""
        other = i + 1 + (self._at(i + 1) == "on")
        is_joined = self._at(i) in {"and", "or"} and self._at(other) in WEEKDAYS
        week = self._week_said(other + 1) if is_joined else None
        return None if week is None else (i, week[1])

    def _week_of(self, i: int) -> Found | None:
        """Read "the week of 4 May", "week commencing 4 May", "week ending 10 May": the calendar week of that day."""
        if self._at(i) != "week" or self._at(i + 1) not in OF_A_DAY:
            return None
        i += 2 + (self._at(i + 2) in {"on", "the"})
        i += self._at(i) == "the"
        i += self._at(i) in WEEKDAYS and (self._at(i + 1)[:1].isdigit() or self._at(i + 1) in {"the", *MONTHS})
        i += self._at(i) == "the"
        found = self._day_month(i) or self._month_day(i) or self._numeric(i) or self._day_of_month(i)
        found = found or self._holiday(i)
        if found is None or found.period.start is None or found.period.end != found.period.start + DAY:
            return None
        return Found(found.after, dates.calendar_unit(found.period.start, Unit.WEEK))

    def _weekend_of(self, i: int) -> Found | None:
        """Read "the weekend of 11 and 12 April", "the weekend of the 11th": the Saturday and Sunday of that day."""
        if self._at(i) != "weekend" or not (self._at(i + 1) in OF_A_DAY or self._at(i + 1)[:1].isdigit()):
            return None
        i += 1 + (self._at(i + 1) in OF_A_DAY)
        i += self._at(i) == "the"
        found = self._days_of_month(i) or self._day_month(i) or self._month_day(i) or self._numeric(i)
        day = day_number(self._at(i)) if found is None and not self._at(i).isdigit() else None
        named = self._last_weekend_day_called(day) or dates.last_day_of_month_called(day, self._today) if day else None
        found = Found(i + 1, dates.days(named)) if named else found
        if found is None or found.period.start is None or found.period.end is None:
            return None
        start, end = found.period.start, found.period.end
        if end > start + DAY:
            return found if end - start <= _LONG_WEEKEND * DAY else None
        behind = found.after + 1 + (self._at(found.after + 1) == "the")
        is_joined = self._at(found.after) in {"and", "-", "to"} and day_number(self._at(behind)) == (start + DAY).day
        saturday = start - DAY if start.weekday() == _SUNDAY else start + (_SATURDAY - start.weekday()) * DAY
        return Found(behind + 1 if is_joined else found.after, dates.days(saturday, 2))

    def _last_weekend_day_called(self, day: int) -> date | None:
        """Return the latest Saturday or Sunday that is such a day of its month."""
        for back in range(_MONTHS_OF_YEAR):
            first = dates.add(self._today.replace(day=1), -back, Unit.MONTH)
            found = dates.valid_date(first.year, first.month, day)
            if found and found <= self._today and found.weekday() >= _SATURDAY:
                return found
        return None

    def _week_last(self, i: int) -> Found | None:
        """Read "a week last Monday": a week before it."""
        i += self._at(i) in {"a", "1"}
        if self._at(i) not in {"week", "fortnight"} or self._at(i - 1) not in {"a", "1"}:
            return None
        behind = i + 1 + (self._at(i + 1) == "ago") + (self._at(i + 1) == "on")
        weekday = WEEKDAYS.get(self._at(behind + 1)) if self._at(behind) == "last" else None
        if weekday is None:
            return None
        weeks = 1 if self._at(i) == "week" else 2
        return Found(behind + 2, dates.days(dates.last_weekday(weekday, self._today) - 7 * weeks * DAY))

    # months and their days

    def _year_behind(self, i: int) -> tuple[int, int] | None:
        """Read the year that may follow a month: "2025", "of last year", "this year"."""
        i += self._at(i) in {"of", "in", ","}
        year = year_number(self._at(i))
        if year is not None:
            return i + 1, year
        i += self._at(i) == "the"
        if self._at(i) == "year" and self._at(i - 1) == "the" and self._at(i + 1) not in {"before", "after", "ago"}:
            return i + 1, self._today.year
        if self._at(i + 1) == "year" and self._at(i) in {"last", "this", "previous"}:
            return i + 2, self._today.year - (self._at(i) != "this")
        if self._at(i) == "year" and (self._at(i + 1), self._at(i + 2)) == ("before", "last"):
            return i + 3, self._today.year - 2
        amount = self._amount(i)
        is_years = amount is not None and amount[2] == "year" and amount[1] <= _YEARS_BACK_MAX
        if amount is not None and is_years and self._at(amount[0]) == "ago":
            return amount[0] + 1, self._today.year - amount[1]
        return None

    def _month_at(self, i: int) -> int | None:
        """Return the month's number; "may" and "march" are months only where no verb can stand."""
        word = self._at(i)
        is_led = self._at(i - 1) in {"in", "during", "of", "since", "until", "throughout", "for"}
        if word == "may" and self._at(i + 1) == "day" and self._at(i + 2) != "by":
            return None  # "May Day"
        if word in {"may", "march"} and not is_led and self._is_verb_or_walk(i):
            return None
        if self._at(i + 1) in _SAID and word in _ALSO_NAMES:
            return None
        if word == "may" and not is_led and self._at(i + 1) in {"i", "it", "you", "we", "have", "be", "not", "well"}:
            return None
        return MONTHS.get(word)

    def _is_verb_or_walk(self, i: int) -> bool:
        """Tell "I march every Sunday", "it may help", "the peace march on Saturday" from the months."""
        before, behind = self._at(i - 1), self._at(i + 1)
        if self._at(i) == "may":
            return before in _WHO and behind in _BEHIND_MAY
        return before in _MARCHES or (before in {"i", "we", "they"} and behind in _MARCHING)

    def _month(self, i: int) -> Found | None:
        i += (is_last := self._at(i) in {"last", "this", "past"})
        month = self._month_at(i)
        if month is None:
            return None
        year = self._year_behind(i + 1)
        if year is not None:
            return Found(year[0], dates.month_range(year[1], month))
        if not is_last and self._at(i + 1) in _BETWEEN_ALIKE and self._month_at(i + 2) is not None:
            year = self._year_behind(i + 3)  # "March and April 2022"
            if year is not None and self._at(i + 3).isdigit():
                return Found(i + 1, dates.month_range(year[1], month))
        is_over = is_last and self._at(i - 1) == "last" and month == self._today.month
        as_seen = self._today.replace(day=1) - DAY if is_over else self._today
        return Found(i + 1, dates.last_month_called(month, as_seen))

    def _third_of_month(self, i: int) -> Found | None:
        third = THIRDS.get(self._at(i))
        if third is None and (self._at(i + 1), self._at(i + 2)) == ("third", "of"):  # "the last third of May"
            third, i = {"first": 0, "second": 1, "last": 2, "final": 2}.get(self._at(i)), i + 1
        if third is None:
            return None
        edge, i = i, i + 1 + (self._at(i + 1) in _PARTS_OF_IT | {"third"})
        last = THIRDS.get(self._at(i + 1), -1) if self._at(i) in {"to", "-"} else -1
        i += 2 * (last > third)  # "mid to late February"
        if self._at(i) in _BEHIND_A_VERB and self._at(edge) in _EDGES and not self._has_article(edge):
            return None  # "did it start in May", "when did it start this month"
        is_shared = self._at(i) in _BETWEEN_ALIKE and self._at(i + 1) in THIRDS  # "early and late May"
        behind, i = i, i + 2 * is_shared
        i += self._at(i) in {"of", "in", "-"}
        i += self._at(i) == "the"
        found = self._month(i) or self._unit(i) or self._year(i) or self._running_unit(i)
        if found is not None and is_shared:
            found = Found(behind, found.period)
        if found is None or found.period.start is None or found.period.end is None:
            return None
        first, end = found.period.start, found.period.end
        if end - first > 31 * DAY:  # "the early part of the year" is vague
            return None if self._at(edge + 1) in _PARTS_OF_IT else self._edge_of_year(found, first, self._at(edge))
        if first.day != 1 or end - first < 28 * DAY:
            return None
        start, last = first + (third * 10) * DAY, max(third, last)
        return Found(found.after, DateRange(start=start, end=end if last == 2 else first + (last + 1) * 10 * DAY))  # noqa: PLR2004

    @staticmethod
    def _edge_of_year(found: Found, first: date, word: str) -> Found:
        """Return the first or last month for the start or end of a year; what is early in it may be any day."""
        month = {"start": 1, "beginning": 1, "end": 12}.get(word)
        return Found(found.after, dates.month_range(first.year, month)) if month else found

    def _running_unit(self, i: int) -> Found | None:
        i += self._at(i) == "the"
        unit = {"year": Unit.YEAR, "month": Unit.MONTH, "week": Unit.WEEK}.get(self._at(i))
        return Found(i + 1, dates.calendar_unit(self._today, unit)) if unit else None

    def _day_month(self, i: int) -> Found | None:
        """Read "1 June", "1st of June 2025", "the 5th of last month"."""
        day = day_number(self._at(i))
        if day is None:
            return None
        i += 1
        is_of = self._at(i) == "of"
        i += is_of
        month = self._month_at(i)
        if month is not None:
            return self._dated(i + 1, month, day)
        i += (has_article := self._at(i) == "the")
        if is_of and has_article and self._at(i) == "month" and self._at(i + 1) not in _TURNS:
            named = dates.last_day_of_month_called(day, self._today)  # "the 1st of the month"
            return Found(i + 1, dates.days(named)) if named else None
        numbered = day_number(self._at(i)) if is_of and has_article and not self._at(i).isdigit() else None
        if numbered is not None and numbered <= _MONTHS_OF_YEAR:  # "the 23rd of the 9th 2025"
            return self._dated(i + 1, numbered, day)
        unit = self._unit(i) if is_of else None
        if unit is None or unit.period.start is None or unit.period.end is None or self._at(i + 1) != "month":
            return None
        found = dates.valid_date(unit.period.start.year, unit.period.start.month, day)
        return Found(unit.after, dates.days(found)) if found else None

    def _month_day(self, i: int) -> Found | None:
        """Read "June 1", "March 5th 2026", "June the 1st", "March 3 to 5"."""
        month = self._month_at(i)
        if month is None:
            return None
        i += 1
        i += self._at(i) == "the"
        day = day_number(self._at(i))
        if day is None:
            return None
        found = self._dated(i + 1, month, day)
        second = day_number(self._at(i + 2)) if self._at(i + 1) in {"-", "to", "and", "through", "thru"} else None
        if found and second and second > day and self._month_at(i + 3) is None and found.after == i + 1:
            year = self._year_behind(i + 3)
            first = dates.valid_date(year[1], month, day) if year else found.period.start
            last = dates.valid_date(first.year, month, second) if first else None
            if first and last:
                return Found(year[0] if year else i + 3, DateRange(start=first, end=last + DAY))
        return found

    def _dated(self, after: int, month: int, day: int) -> Found | None:
        year = self._year_behind(after)
        if year is not None:
            found = dates.valid_date(year[1], month, day)
            return Found(year[0], dates.days(found)) if found else None
        found = dates.last_date(month, day, self._today)
        return Found(after, dates.days(found)) if found else None

    def _days_of_month(self, i: int) -> Found | None:
        """Read "3 to 5 March", "the 3rd - 5th of March 2025", "11/12 April"."""
        if "/" in self._at(i) and self._month_at(i + 1) is not None:
            return self._slashed_days(i)
        led = i
        i += self._at(i) in WEEKDAYS and i + 1 < len(self._words)  # "Monday 17 to Sunday 23 November"
        i += i > led and self._at(i) == "the"
        first = day_number(self._at(i))
        if first is None or self._at(i + 1) not in {"-", "to", "and", "until", "till", "through", "thru"}:
            return None
        behind = i + 2 + (self._at(i + 2) == "the")
        behind += self._at(behind) in WEEKDAYS
        behind += self._at(behind - 1) in WEEKDAYS and self._at(behind) == "the"
        last = self._running_day(behind, first) or self._day_month(behind)
        if last is None or last.period.start is None or last.period.end is None:
            return None
        month = last.period.start.replace(day=1)
        if first >= last.period.start.day and self._at(led - 1) in {"from", "between"}:  # "from 28 to 3 October"
            month = dates.add(month, -1, Unit.MONTH)
        start = dates.valid_date(month.year, month.month, first)
        if start is None or start >= last.period.start:
            return None
        return Found(last.after, DateRange(start=start, end=last.period.end))

    def _named_days(self, i: int) -> Found | None:
        return self._days_of_month(i) if self._at(i) in WEEKDAYS else None

    def _running_day(self, i: int, first: int) -> Found | None:
        """Read "12 October" on the 10th where what begins on the ``first`` of it has begun: it is this year's."""
        k = i + 1 + (self._at(i + 1) == "of")
        day, month = day_number(self._at(i)), self._month_at(k)
        if day is None or month is None or self._year_behind(k + 1) is not None:
            return None
        start, end = (dates.valid_date(self._today.year, month, each) for each in (first, day))
        is_running = start is not None and end is not None and start <= self._today < end
        return Found(k + 1, dates.days(end)) if is_running and end is not None else None

    def _slashed_days(self, i: int) -> Found | None:
        parts, month = self._at(i).split("/"), self._month_at(i + 1)
        days = [day_number(part) or 0 for part in parts]
        if month is None or len(days) != 2 or not 0 < days[0] < days[1]:  # noqa: PLR2004
            return None
        last = self._dated(i + 2, month, days[1])
        first = dates.valid_date(last.period.start.year, month, days[0]) if last and last.period.start else None
        return Found(last.after, DateRange(start=first, end=last.period.end)) if last and first else None

    def _day_of_month(self, i: int) -> Found | None:
        """Read "the 30th", "on the 5th"."""
        word = self._at(i)
        is_ordinal = word[:1].isdigit() and word[-2:] in {"st", "nd", "rd", "th"}
        is_in_letters = self._at(i - 2) == "on" and self._at(i + 1) in {"", "?", ",", "!"}  # "on the twelfth"
        is_led = self._has_article(i) or self._at(i - 1) in _BEFORE_A_DAY
        is_second = is_ordinal and self._at(i - 1) in {"and", "or"} and day_number(self._at(i - 2)) is not None
        behind = i + 2 + (self._at(i + 2) == "the")
        is_first = self._at(i + 1) in {"to", "-"} and self._at(behind)[-2:] in {"st", "nd", "rd", "th"}
        is_first = is_first and day_number(self._at(behind)) is not None  # "12th to the 14th"
        is_first = is_first or (i == 0 and self._at(1) in {"", "?"})
        if self._at(i + 1) in _COUNTED or not (is_ordinal or is_in_letters) or not (is_led or is_second or is_first):
            return None
        day = day_number(word)
        found = dates.last_day_of_month_called(day, self._today) if day else None
        return Found(i + 1, dates.days(found)) if found else None

    def _numeric(self, i: int) -> Found | None:
        """Read 2026-03-05, 2026-03, 05/03/2026 and 05-03-2026 (day first), 5.3.26 and 5/3."""
        word = self._at(i)
        if not word[:1].isdigit():
            return None
        parts = word.replace("/", ".").replace("-", ".").split(".")
        if len(parts) < 2 or not all(part.isdigit() for part in parts):  # noqa: PLR2004
            return None
        numbers = [int(part) for part in parts]
        if "/" in word and len(numbers) == 3 and numbers[0] > _DAY_MAX:  # noqa: PLR2004 - 2026/03/05
            day = dates.valid_date(*numbers)
        elif "/" in word and len(numbers) == 2 and numbers[1] > _TWO_DIGIT_YEARS:  # noqa: PLR2004 - 03/2026
            first = dates.valid_date(numbers[1], numbers[0], 1)
            return Found(i + 1, dates.calendar_unit(first, Unit.MONTH)) if first else None
        elif "-" in word:
            if len(numbers) == 2:  # noqa: PLR2004
                first = dates.valid_date(numbers[0], numbers[1], 1)
                return Found(i + 1, dates.calendar_unit(first, Unit.MONTH)) if first else None
            day = dates.valid_date(*(numbers if numbers[0] > _DAY_MAX else numbers[::-1]))
        elif len(numbers) == 2:  # noqa: PLR2004
            is_led = self._at(i - 1) in _BEFORE_A_DATE or (self._at(i - 1) == "and" and "." in self._at(i - 2))
            is_day = is_led or "/" in word  # "since 5.11.", "between 3.4. and 9.4."
            day = dates.last_date(numbers[1], numbers[0], self._today) if is_day else None
        else:
            year = numbers[2] + (2000 if numbers[2] < _TWO_DIGIT_YEARS else 0)
            month = numbers[1] if numbers[1] <= _MONTHS_OF_YEAR else numbers[0]  # "9/15/2026" can only be American
            day = dates.valid_date(year, month, numbers[0] + numbers[1] - month)
        return Found(i + 1, dates.days(day)) if day else None

    # longer ones

    def _year(self, i: int) -> Found | None:
        i += self._at(i) == "year"
        year = year_number(self._at(i))
        if year is None:
            return None
        first_month = SEASONS.get(self._at(i + 1)) if self._at(i + 2) in _BEHIND_A_SEASON else None
        if first_month is not None:  # "the 2025 summer"
            return Found(i + 2, _three_months(date(year, first_month, 1)))
        return Found(i + 1, dates.calendar_unit(date(year, 1, 1), Unit.YEAR))

    def _season(self, i: int) -> Found | None:
        i += (is_named := self._at(i) in {"last", "this", "past"})
        first_month = SEASONS.get(self._at(i))
        if first_month is None:
            return None
        is_alone = i == 0 and self._at(1) in {"", "?"}
        is_alone = is_alone or (self._at(i + 1) in _BETWEEN_ALIKE and self._at(i + 2) in SEASONS)
        is_alone = is_alone or self._at(i - 1) in _BEFORE_A_SEASON or year_number(self._at(i + 1)) is not None
        if self._at(i) in {"fall", "spring"} and not is_alone:
            return None  # verbs elsewhere
        year = self._years_of_winter(i + 1) if first_month == _DECEMBER else None
        year = year or self._year_behind(i + 1)
        if year is not None:
            is_through = self._at(i) == "winter" and self._at(year[0]) in {"-", "to", "into"}  # "winter 2024-2025"
            is_through = is_through and year_number(self._at(year[0] + 1)) == year[1] + 1
            return Found(year[0] + 2 * is_through, _three_months(date(year[1], first_month, 1)))
        if self._at(i + 1) in _BETWEEN_ALIKE and self._at(i + 2) in SEASONS:  # "spring versus summer 2023"
            year = self._year_behind(i + 3)
            if year is not None:
                return Found(i + 1, _three_months(date(year[1], first_month, 1)))
        if self._at(i + 1) == "of" and ("," in self._words[max(0, i - 2) : i]) and not self._at(i + 2)[:1].isdigit():
            return None  # "July 2026, the summer of the mozzies"
        is_finished = is_named and self._at(i - 1) != "this"
        return Found(i + 1, dates.season(first_month, self._today, finished=is_finished))

    def _years_of_winter(self, i: int) -> tuple[int, int] | None:
        """Read "24/25", "2024-25" behind a winter: the first of them."""
        years = _YEARS_OF_WINTER.fullmatch(self._at(i))
        is_one = years is not None and int(years[2]) == int(years[1]) + 1
        return (i + 1, 2000 + int(years[1])) if years is not None and is_one else None

    def _quarter(self, i: int) -> Found | None:
        half = {"1": 1, "2": 7}.get(self._at(i + 1)) if self._at(i) == "h" else None
        if half is not None:  # "H1 2025"
            said = self._year_behind(i + 2) or (i + 2, self._today.year - (half > self._today.month))
            first = date(said[1], half, 1)
            return Found(said[0], DateRange(start=first, end=dates.add(first, 6, Unit.MONTH)))
        number = QUARTERS.get(self._at(i))
        shared = i + 2 + (self._at(i + 2) == "the")
        is_shared = (
            self._at(i + 1) in {"and", "or", "versus", "with", "to"} and day_number(self._at(shared)) is not None
        )
        noun = shared + 1 if is_shared else i + 1  # "the first and second quarter"
        parts = {"quarter": 4, "half": 2}.get(self._at(noun))
        place = {
            "first": 1,
            "second": 2,
            "third": 3,
            "fourth": 4,
            "1st": 1,
            "2nd": 2,
            "3rd": 3,
            "4th": 4,
            "latter": parts,
            "last": parts,
            "final": parts,
        }.get(self._at(i))
        if parts and place and place <= parts:
            year, months = self._year_behind(noun + 1), 12 // parts
            first_month = (place - 1) * months + 1
            if year is None and self._at(i) not in {"last", "final"} and self._at(noun + 1) not in {"of", "in"}:
                year = noun + 1, self._today.year - (first_month > self._today.month)
            if year is not None:
                first = date(year[1], first_month, 1)
                after = i + 1 if is_shared else year[0]
                return Found(after, DateRange(start=first, end=dates.add(first, months, Unit.MONTH)))
        if number is not None:
            year = self._year_behind(i + 1) or (i + 1, self._today.year - (3 * number - 2 > self._today.month))
            return Found(year[0], _three_months(date(year[1], 3 * number - 2, 1)))
        offset = {"this": 0, "current": 0, "last": -1, "previous": -1}.get(self._at(i))
        if offset is None or self._at(i + 1) != "quarter":
            return None
        first = date(self._today.year, (self._today.month - 1) // 3 * 3 + 1, 1)
        return Found(i + 2, _three_months(dates.add(first, 3 * offset, Unit.MONTH)))

    def _holiday(self, i: int) -> Found | None:
        if self._at(i - 1) in {"happy", "merry"}:  # a wish
            return None
        i += self._at(i) == "last"
        for phrase, (month, day) in HOLIDAYS.items():
            if tuple(self._words[i : i + len(phrase)]) == phrase:
                return self._dated(i + len(phrase), month, day)
        for phrase, days_after in FEASTS.items():
            if tuple(self._words[i : i + len(phrase)]) == phrase:
                behind = i + len(phrase)
                year = self._year_behind(behind)
                sunday = dates.easter_sunday(year[1]) if year else self._latest_easter(days_after) - days_after * DAY
                return Found(year[0] if year else behind, dates.days(sunday + days_after * DAY))
        return self._easter(i) if self._at(i) == "easter" else None

    def _easter(self, i: int) -> Found:
        """Read "Easter", "Easter Monday", "the Easter weekend" with its Friday and Monday."""
        if self._at(i + 1) in {"weekend", "weekends"}:
            year = self._year_behind(i + 2)
            friday = dates.easter_sunday(year[1]) - 2 * DAY if year else self._latest_easter(-2)
            return Found(year[0] if year else i + 2, dates.days(friday, _LONG_WEEKEND))
        name = self._at(i + 1) if self._at(i + 1) in _OF_EASTER else ""
        behind = i + 1 + bool(name)
        dated = self._day_month(behind) or self._month_day(behind)
        if dated is not None:
            return dated
        year = self._year_behind(behind)
        if year is not None:
            return Found(year[0], dates.days(dates.easter_sunday(year[1]) + _OF_EASTER.get(name, 0) * DAY))
        return Found(behind, dates.days(self._latest_easter(_OF_EASTER.get(name, 0))))

    def _latest_easter(self, days_after: int) -> date:
        """Return the latest day that lies so many days after an Easter Sunday."""
        this_year = dates.easter_sunday(self._today.year) + days_after * DAY
        if this_year <= self._today:
            return this_year
        return dates.easter_sunday(self._today.year - 1) + days_after * DAY


def _three_months(start: date) -> DateRange:
    return DateRange(start=start, end=dates.add(start, 3, Unit.MONTH))
