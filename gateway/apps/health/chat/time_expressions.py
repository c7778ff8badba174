"""Reading periods out of words: an own grammar, since no library read more than 29 of 48 everyday expressions.

A reader is given a position and returns what it found with the position behind it, or None. Whole local dates; weeks
from Monday; half-open ranges that end tomorrow at the latest. What was read is replaced by :data:`TIME`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from gateway.apps.health.chat import dates
from gateway.apps.health.chat.dates import DAY, Unit
from gateway.apps.health.chat.frame import DateRange
from gateway.apps.health.chat.relative_times import Relative, read_relative
from gateway.apps.health.chat.time_words import (
    ALL_TIME_PHRASES,
    AMOUNT_WORDS,
    DAY_PARTS,
    HOLIDAYS,
    LATELY,
    MONTHS,
    NEAR_DAYS,
    PREPOSITIONS,
    QUARTERS,
    SEASONS,
    THIRDS,
    UNITS,
    WEEKDAYS,
    day_number,
    phrase_at,
    whole_number,
    year_number,
)  # fmt: skip

TIME: Final = "<time>"
_LATELY_DAYS: Final = 14
_TWO_DIGIT_YEARS: Final = 100
_WEEKEND_DAYS: Final = 2
_SATURDAY: Final = 5
_ARTICLES: Final = frozenset({"the", "my", "these", "those"})
_JOINING: Final = frozenset({"than", "and", "or", "versus", "with", "to", "against"})
_BEFORE_A_DAY: Final = frozenset({"on", "since", "until", "before", "after", "to", "-"})
_BEFORE_A_SEASON: Final = PREPOSITIONS | {"the", "last", "this", "since", "before", "after", "until"}
_TRAILERS: Final = (
    (("so", "far"), False), (("to", "date"), False), (("as", "a", "whole"), False), (("in", "the"), True),
    (("at",), True), (("late",), True), (("early",), True),
)  # fmt: skip
"""What may follow a period and adds no date, and whether a part of the day must come behind it."""


@dataclass(frozen=True, slots=True)
class Times:
    """What was said of time: periods in the order of their mention, or a reference to the one spoken of before."""

    words: tuple[str, ...]
    periods: tuple[DateRange, ...] = ()
    relative: Relative | None = None
    is_all_time: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    """A period and the position behind it."""

    after: int
    period: DateRange


def find_times(words: Sequence[str], now: datetime) -> Times:
    """Return the periods in ``words``; ``now`` is the person's local time."""
    grammar = _Grammar(words, now)
    rest: list[str] = []
    periods: list[DateRange] = []
    relative: Relative | None = None
    is_all_time = False
    i = 0
    while i < len(words):
        reference = read_relative(words, i)
        if reference is not None:
            relative, i = relative or reference[1], reference[0]
            rest.append(TIME)
            continue
        found = grammar.period(i)
        if found is not None:
            i = found.after
            periods.append(_clipped(found.period, now.date()))
            rest.append(TIME)
            continue
        if rest and rest[-1] in _JOINING and periods and (unit := _unit_left_out(words, i)):
            periods.append(dates.calendar_unit(now.date(), unit, -1))
            rest.append(TIME)
            i += 1
            continue
        ever = phrase_at(words, i, ALL_TIME_PHRASES)
        if ever:
            is_all_time = True
            i += ever
            rest.append(TIME)
            continue
        rest.append(words[i])
        i += 1
    return Times(tuple(rest), tuple(periods), relative, is_all_time)


def _unit_left_out(words: Sequence[str], i: int) -> Unit | None:
    """Return the unit that a bare "last" means: "this month than last"."""
    is_bare = words[i] == "last" and (i + 1 == len(words) or words[i + 1] in {"?", "!", ",", "for"})
    unit = next((UNITS[word] for word in reversed(words[:i]) if word in UNITS), None) if is_bare else None
    return Unit(unit) if unit and unit != "hour" else None


def _clipped(period: DateRange, today: date) -> DateRange:
    """Return the part of ``period`` that is not in the future; one that is wholly there stays, and is never empty."""
    tomorrow = today + DAY
    if period.start is not None and period.start >= tomorrow:
        return DateRange(start=period.start, end=max(period.end or period.start, period.start + DAY))
    if period.end is None or period.end > tomorrow:
        return DateRange(start=period.start, end=tomorrow)
    return period


class _Grammar:
    def __init__(self, words: Sequence[str], now: datetime) -> None:
        self._words = words
        self._now = now
        self._today = now.date()
        self._rules: tuple[Callable[[int], _Found | None], ...] = (
            self._part_of_month, self._near_day, self._ago, self._before_last, self._rolling, self._unit, self._weekend,
            self._weekday, self._third_of_month, self._days_of_month, self._day_month, self._month_day, self._month,
            self._numeric, self._day_of_month, self._year, self._season, self._quarter, self._holiday, self._lately,
        )  # fmt: skip

    def _at(self, i: int) -> str:
        return self._words[i] if 0 <= i < len(self._words) else ""

    def _has_article(self, i: int) -> bool:
        return self._at(i - 1) in _ARTICLES

    # ranges made of two ends

    def period(self, i: int) -> _Found | None:
        start = i + 1 if self._at(i) in {"anytime", "sometime", "only", "just"} else i
        return self._between(start) or self._one_sided(start) or self._simple_or_span(start)

    def _between(self, i: int) -> _Found | None:
        opening = self._at(i)
        if opening not in {"between", "from"}:
            return None
        links = {"and", "-"} if opening == "between" else {"to", "until", "till", "til", "through", "-", "thru", "and"}
        return self._span(i + 1, links)

    def _simple_or_span(self, i: int) -> _Found | None:
        return self._span(i, {"to", "-", "until", "till", "through", "thru"}) or self._simple(i)

    def _span(self, i: int, links: set[str]) -> _Found | None:
        """Read "A to B", both included; A is the latest before B unless it says its year."""
        first = self._simple(i)
        if first is None or self._at(first.after) not in links:
            return None
        behind = first.after + 1
        second = self._now_found(behind) or self._simple(behind)
        if second is None:
            return None
        start, end = first.period.start, second.period.end
        if start is not None and end is not None and start >= end and second.period.start is not None:
            anchored = _Grammar(self._words, datetime.combine(second.period.start, self._now.time()))
            again = anchored._simple(i)
            start = again.period.start if again else start
        if start is None or end is None or start >= end:
            return None
        return _Found(second.after, DateRange(start=start, end=end))

    def _now_found(self, i: int) -> _Found | None:
        if self._at(i) == "now":
            return _Found(i + 1, dates.days(self._today))
        if self._at(i) == "the" and self._at(i + 1) == "present":
            return _Found(i + 2, dates.days(self._today))
        return None

    def _one_sided(self, i: int) -> _Found | None:
        word, behind = self._at(i), i + 1
        if word == "ever" and self._at(behind) == "since":
            word, behind = "since", behind + 1
        elif word == "up" and self._at(behind) in {"to", "until", "till"}:
            word, behind = "until", behind + 1
        elif word == "prior" and self._at(behind) == "to":
            word, behind = "before", behind + 1
        elif word in {"starting", "beginning", "onwards", "onward"} and self._at(behind) in {"from", "in", "on"}:
            word, behind = "since", behind + 1
        if word not in {"since", "before", "until", "till", "til", "after", "from"}:
            return None
        found = self._now_found(behind) if word in {"until", "till", "til"} else None
        found = found or self._simple(behind)
        if found is None:
            return None
        start, end, tomorrow = found.period.start, found.period.end, self._today + DAY
        after = found.after
        if word == "from":
            is_open = self._at(after) in {"on", "onwards", "onward"}
            return _Found(after + 1, DateRange(start=start, end=tomorrow)) if is_open else None
        periods = {
            "since": DateRange(start=start, end=tomorrow),
            "before": DateRange(end=start),
            "after": DateRange(start=end, end=max(tomorrow, end or tomorrow)),
        }
        return _Found(after, periods.get(word, DateRange(end=end)))

    # one period

    def _simple(self, i: int) -> _Found | None:
        while self._at(i) in PREPOSITIONS:
            i += 1
        if self._at(i) in {"all", "whole"} and self._at(i + 1) in {"of", "the", "this", "last", "day", *MONTHS}:
            i += 2 if self._at(i + 1) == "of" else 1
        i += self._at(i) in _ARTICLES and self._at(i + 1) != "days"  # "these days"
        if self._at(i) in {"whole", "entire", "full"}:
            i += 1
        for rule in self._rules:
            found = rule(i)
            if found is not None:
                return self._with_trailer(found)
        return None

    def _with_trailer(self, found: _Found) -> _Found:
        """Swallow what adds no date: parts of the day, "so far", "as a whole", "year to date"."""
        i = found.after
        for trailer, needs_day_part in _TRAILERS:
            behind = i + len(trailer)
            if tuple(self._words[i:behind]) == trailer and (not needs_day_part or self._at(behind) in DAY_PARTS):
                return _Found(behind + needs_day_part, found.period)
        if self._at(i) in DAY_PARTS and found.period.end and found.period.start == found.period.end - DAY:
            i += 1 + (self._at(i + 1) == "time")
        return _Found(i, found.period)

    def _near_day(self, i: int) -> _Found | None:
        for phrase, days_ago in NEAR_DAYS.items():
            if tuple(self._words[i : i + len(phrase)]) == phrase:
                return _Found(i + len(phrase), dates.days(self._today - days_ago * DAY))
        if self._at(i) == "this" and self._at(i + 1) in DAY_PARTS:
            return _Found(i + 2, dates.days(self._today))
        if self._has_article(i) and self._at(i) == "other" and self._at(i + 1) in {"day", "night"}:
            return _Found(i + 2, dates.rolling(self._today, _LATELY_DAYS, Unit.DAY))
        return None

    def _amount(self, i: int) -> tuple[int, int, str] | None:
        """Read "3 days", "a couple of weeks", "fortnight", "half a year": the position behind, count and unit."""
        count = 1
        if self._at(i) in {"half", "quarter"} and "year" in self._words[i + 1 : i + 4]:
            behind = self._words.index("year", i) + 1
            return behind, 6 if self._at(i) == "half" else 3, "month"
        if self._at(i) in {"a", "an"} and self._at(i + 1) in {"couple", "few", "fortnight", "quarter", "half", "dozen"}:
            return self._amount(i + 1)
        number = whole_number(self._at(i)) or AMOUNT_WORDS.get(self._at(i))
        if number is not None:
            count, i = number, i + 1
            i += self._at(i) == "of"
            i += self._at(i) in {"full", "whole", "calendar"}
        if self._at(i) in {"fortnight", "fortnights"}:
            return i + 1, 2 * count, "week"
        if self._at(i) in {"decade", "decades"}:
            return i + 1, 10 * count, "year"
        if self._at(i) in {"quarter", "quarters"} and number is not None:
            return i + 1, 3 * count, "month"
        unit = UNITS.get(self._at(i))
        return (i + 1, count, unit) if unit and count else None

    def _ago(self, i: int) -> _Found | None:
        amount = None if self._at(i) in UNITS else self._amount(i)
        if amount is None or self._at(amount[0]) not in {"ago", "back"}:
            return None
        behind, count, unit = amount
        if unit == "hour":
            return _Found(behind + 1, dates.days((self._now - timedelta(hours=count)).date()))
        if _is_too_far(count, unit):
            return None
        return _Found(behind + 1, dates.calendar_unit(self._today, Unit(unit), -count))

    def _rolling(self, i: int) -> _Found | None:
        word = self._at(i)
        if word not in {"last", "past", "previous", "preceding", "latest"}:
            return None
        amount = self._amount(i + 1)
        if amount is None:
            return None
        behind, count, unit = amount
        is_single = UNITS.get(self._at(i + 1)) is not None  # "last week", no number in between
        if is_single and unit != "hour" and not (word == "past" or (self._has_article(i) and word == "last")):
            return None
        if unit == "hour":
            start = (self._now - timedelta(hours=min(count, 100_000))).date()
            return _Found(behind, DateRange(start=start, end=self._today + DAY))
        if _is_too_far(count, unit):
            return None
        return _Found(behind, dates.rolling(self._today, count, Unit(unit)))

    def _before_last(self, i: int) -> _Found | None:
        if (self._at(i + 1), self._at(i + 2)) != ("before", "last"):
            return None
        if self._at(i) == "weekend":
            return _Found(i + 3, dates.days(self._last_finished_weekend() - 7 * DAY, _WEEKEND_DAYS))
        unit = UNITS.get(self._at(i))
        if unit in {None, "hour"}:
            return None
        return _Found(i + 3, dates.calendar_unit(self._today, Unit(unit), -2))

    def _unit(self, i: int) -> _Found | None:
        offset = {"this": 0, "current": 0, "last": -1, "previous": -1}.get(self._at(i))
        unit = UNITS.get(self._at(i + 1))
        if offset is None or unit in {None, "hour"} or self._at(i + 1).endswith("s"):
            return None
        return _Found(i + 2, dates.calendar_unit(self._today, Unit(unit), offset))

    def _last_finished_weekend(self) -> date:
        return self._today - (self._today.weekday() + _WEEKEND_DAYS) * DAY

    def _weekend(self, i: int) -> _Found | None:
        word = self._at(i)
        named = word in {"last", "this", "past", "previous"}
        if self._at(i + named) not in {"weekend", "weekends"}:
            return None
        is_on = self._today.weekday() >= _SATURDAY
        begun = self._today - (self._today.weekday() - _SATURDAY) % 7 * DAY
        start = begun if word not in {"last", "previous", "past"} or not is_on else self._last_finished_weekend()
        return _Found(i + named + 1, dates.days(start, _WEEKEND_DAYS))

    def _week_said(self, i: int) -> tuple[int, date] | None:
        """Read "last week", "of this week", "the week before last" after a weekday: the position behind, its Monday."""
        i += self._at(i) in {"of", "in"}
        i += self._at(i) == "the"
        for rule in (self._before_last, self._unit, self._ago):
            found = rule(i)
            if found and found.period.start and found.period.end == found.period.start + 7 * DAY:
                return found.after, found.period.start
        return None

    def _weekday(self, i: int) -> _Found | None:
        i += (is_named := self._at(i) in {"last", "this", "past", "previous"})
        weekday = WEEKDAYS.get(self._at(i))
        if weekday is None:
            return None
        i += 1
        i += self._at(i) == ","
        dated = None if is_named else self._day_month(i) or self._month_day(i) or self._numeric(i)
        if dated is None and self._at(i) == "the":
            dated = self._day_month(i + 1) or self._day_of_month(i + 1)
        if dated is not None:
            return dated
        week = self._week_said(i)
        if week is not None:
            return _Found(week[0], dates.days(week[1] + weekday * DAY))
        day = dates.last_weekday(weekday, self._today)
        if self._at(i - 2) == "this" and weekday == self._today.weekday():
            day = self._today
        return _Found(i, dates.days(day))

    # months and their days

    def _year_behind(self, i: int) -> tuple[int, int] | None:
        """Read the year that may follow a month: "2025", "of last year", "this year"."""
        i += self._at(i) in {"of", "in", ","}
        year = year_number(self._at(i))
        if year is not None:
            return i + 1, year
        i += self._at(i) == "the"
        if self._at(i + 1) == "year" and self._at(i) in {"last", "this", "previous"}:
            return i + 2, self._today.year - (self._at(i) != "this")
        if self._at(i) == "year" and (self._at(i + 1), self._at(i + 2)) == ("before", "last"):
            return i + 3, self._today.year - 2
        amount = self._amount(i)
        if amount is not None and amount[2] == "year" and self._at(amount[0]) == "ago":
            return amount[0] + 1, self._today.year - amount[1]
        return None

    def _month_at(self, i: int) -> int | None:
        """Return the month's number; "may" and "march" are months only where no verb can stand."""
        word = self._at(i)
        if word == "may" and self._at(i + 1) in {"i", "it", "you", "we", "have", "be", "not", "well"}:
            return None
        return MONTHS.get(word)

    def _month(self, i: int) -> _Found | None:
        i += (is_last := self._at(i) in {"last", "this", "past"})
        month = self._month_at(i)
        if month is None:
            return None
        year = self._year_behind(i + 1)
        if year is not None:
            return _Found(year[0], dates.month_range(year[1], month))
        is_over = is_last and self._at(i - 1) == "last" and month == self._today.month
        as_seen = self._today.replace(day=1) - DAY if is_over else self._today
        return _Found(i + 1, dates.last_month_called(month, as_seen))

    def _third_of_month(self, i: int) -> _Found | None:
        third = THIRDS.get(self._at(i))
        if third is None:
            return None
        i += 1
        i += self._at(i) in {"of", "in", "-"}
        i += self._at(i) == "the"
        found = self._month(i) or self._unit(i)
        if found is None or found.period.start is None or found.period.end is None:
            return None
        first, end = found.period.start, found.period.end
        if end - first > 31 * DAY or first.day != 1:
            return None
        start = first + (third * 10) * DAY
        return _Found(found.after, DateRange(start=start, end=end if third == 2 else start + 10 * DAY))  # noqa: PLR2004

    def _part_of_month(self, i: int) -> _Found | None:
        """Read "the first week of March", "the second half of last month"."""
        which, part = self._at(i), self._at(i + 1)
        behind = i + 2 + (self._at(i + 2) in {"of", "in"})
        behind += self._at(behind) == "the"
        days = {"week": 7, "half": 15}.get(part)
        found = self._month(behind) or self._unit(behind) if days else None
        if found is None or days is None or found.period.start is None or found.period.end is None:
            return None
        first, end = found.period.start, found.period.end
        is_month = first.day == 1 and (end - first).days <= 31  # noqa: PLR2004 - the longest month
        ordinal = {"first": 0, "second": 1, "third": 2, "fourth": 3}.get(which)
        if not is_month or (ordinal is None and which != "last"):
            return None
        if ordinal is None:
            return _Found(found.after, DateRange(start=end - days * DAY, end=end))
        start = first + ordinal * days * DAY
        return _Found(
            found.after, DateRange(start=start, end=end if part == "half" and ordinal else start + days * DAY)
        )

    def _day_month(self, i: int) -> _Found | None:
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
        i += self._at(i) == "the"
        unit = self._unit(i) if is_of else None
        if unit is None or unit.period.start is None or unit.period.end is None or self._at(i + 1) != "month":
            return None
        found = dates.valid_date(unit.period.start.year, unit.period.start.month, day)
        return _Found(unit.after, dates.days(found)) if found else None

    def _month_day(self, i: int) -> _Found | None:
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
        second = day_number(self._at(i + 2)) if self._at(i + 1) in {"-", "to", "and"} else None
        if found and second and second > day and self._month_at(i + 3) is None and found.after == i + 1:
            last = self._dated(i + 3, month, second)
            if last and found.period.start and last.period.end:
                return _Found(last.after, DateRange(start=found.period.start, end=last.period.end))
        return found

    def _dated(self, after: int, month: int, day: int) -> _Found | None:
        year = self._year_behind(after)
        if year is not None:
            found = dates.valid_date(year[1], month, day)
            return _Found(year[0], dates.days(found)) if found else None
        found = dates.last_date(month, day, self._today)
        return _Found(after, dates.days(found)) if found else None

    def _days_of_month(self, i: int) -> _Found | None:
        """Read "3 to 5 March", "the 3rd - 5th of March 2025"."""
        first = day_number(self._at(i))
        if first is None or self._at(i + 1) not in {"-", "to", "and", "until", "till", "through"}:
            return None
        behind = i + 2 + (self._at(i + 2) == "the")
        last = self._day_month(behind)
        if last is None or last.period.start is None or last.period.end is None or first >= last.period.start.day:
            return None
        return _Found(last.after, DateRange(start=last.period.start.replace(day=first), end=last.period.end))

    def _day_of_month(self, i: int) -> _Found | None:
        """Read "the 30th", "on the 5th"."""
        word = self._at(i)
        is_ordinal = word[:1].isdigit() and word[-2:] in {"st", "nd", "rd", "th"}
        if not is_ordinal or not (self._has_article(i) or self._at(i - 1) in _BEFORE_A_DAY):
            return None
        day = day_number(word)
        found = dates.last_day_of_month_called(day, self._today) if day else None
        return _Found(i + 1, dates.days(found)) if found else None

    def _numeric(self, i: int) -> _Found | None:
        """Read 2026-03-05, 2026-03, 05/03/2026 (day first), 5.3.26 and 5/3."""
        word = self._at(i)
        if not word[:1].isdigit():
            return None
        parts = word.replace("/", ".").replace("-", ".").split(".")
        if len(parts) < 2 or not all(part.isdigit() for part in parts):  # noqa: PLR2004
            return None
        numbers = [int(part) for part in parts]
        if "-" in word:
            if len(numbers) == 2:  # noqa: PLR2004
                first = dates.valid_date(numbers[0], numbers[1], 1)
                return _Found(i + 1, dates.calendar_unit(first, Unit.MONTH)) if first else None
            day = dates.valid_date(numbers[0], numbers[1], numbers[2])
        elif len(numbers) == 2:  # noqa: PLR2004
            day = dates.last_date(numbers[1], numbers[0], self._today) if "/" in word else None
        else:
            year = numbers[2] + (2000 if numbers[2] < _TWO_DIGIT_YEARS else 0)
            day = dates.valid_date(year, numbers[1], numbers[0])
        return _Found(i + 1, dates.days(day)) if day else None

    # longer ones

    def _year(self, i: int) -> _Found | None:
        i += self._at(i) == "year"
        year = year_number(self._at(i))
        if year is None:
            return None
        return _Found(i + 1, dates.calendar_unit(date(year, 1, 1), Unit.YEAR))

    def _season(self, i: int) -> _Found | None:
        i += (is_named := self._at(i) in {"last", "this", "past"})
        first_month = SEASONS.get(self._at(i))
        if first_month is None:
            return None
        if self._at(i) in {"fall", "spring"} and self._at(i - 1) not in _BEFORE_A_SEASON:  # verbs elsewhere
            return None
        year = self._year_behind(i + 1)
        if year is not None:
            return _Found(year[0], _three_months(date(year[1], first_month, 1)))
        is_finished = is_named and self._at(i - 1) != "this"
        return _Found(i + 1, dates.season(first_month, self._today, finished=is_finished))

    def _quarter(self, i: int) -> _Found | None:
        number = QUARTERS.get(self._at(i))
        if number is not None:
            year = self._year_behind(i + 1) or (i + 1, self._today.year - (3 * number - 2 > self._today.month))
            return _Found(year[0], _three_months(date(year[1], 3 * number - 2, 1)))
        offset = {"this": 0, "current": 0, "last": -1, "previous": -1}.get(self._at(i))
        if offset is None or self._at(i + 1) != "quarter":
            return None
        first = date(self._today.year, (self._today.month - 1) // 3 * 3 + 1, 1)
        return _Found(i + 2, _three_months(dates.add(first, 3 * offset, Unit.MONTH)))

    def _holiday(self, i: int) -> _Found | None:
        i += self._at(i) == "last"
        for phrase, (month, day) in HOLIDAYS.items():
            if tuple(self._words[i : i + len(phrase)]) == phrase:
                return self._dated(i + len(phrase), month, day)
        if self._at(i) != "easter":
            return None
        name = self._at(i + 1) if self._at(i + 1) in {"sunday", "monday"} else ""
        behind = i + 1 + bool(name)
        dated = self._day_month(behind) or self._month_day(behind)
        if dated is not None:
            return dated
        for year in (self._today.year, self._today.year - 1):
            found = dates.easter_sunday(year) + (DAY if name == "monday" else timedelta())
            if found <= self._today:
                return _Found(behind, dates.days(found))
        return None

    def _lately(self, i: int) -> _Found | None:
        length = 0 if self._at(i - 1) == "most" else phrase_at(self._words, i, LATELY)
        period = dates.rolling(self._today, _LATELY_DAYS, Unit.DAY)
        return _Found(i + length, period) if length else None


def _three_months(start: date) -> DateRange:
    return DateRange(start=start, end=dates.add(start, 3, Unit.MONTH))


def _is_too_far(count: int, unit: str) -> bool:
    """Tell an amount that no calendar holds."""
    return count * {"day": 1, "week": 7, "month": 31, "year": 366}[unit] > 150 * 366
