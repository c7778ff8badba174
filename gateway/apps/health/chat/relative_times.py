"""Periods said by their distance from the one spoken of before: "the week before", "the next day", "since then"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from gateway.apps.health.chat.dates import DAY, Unit, add, calendar_unit, days, rolling, start_of, valid_date
from gateway.apps.health.chat.frame import DateRange
from gateway.apps.health.chat.time_words import (
    MONTHS,
    SEASONS,
    UNITS,
    WEEKDAYS,
    phrase_at,
    whole_number,
    year_number,
)

_YEARS: Final = range(1900, 2200)
"""Beyond, nothing is stepped on: no records, and soon no calendar."""
_STEPS_MAX: Final = 1_000
_STEPS: Final = frozenset({*UNITS, "fortnight"})
_YEARS_MAX: Final = 5
_MONTHS_MAX: Final = 24
_WEEKS_MAX: Final = 8
"""A greater number is one of smaller units: "make it 90" of three months means days."""
_NUMBER_ENDS: Final = frozenset({"", "?", "!", ",", "please", "instead", "now", "it", "then", "not"})
_SATURDAY: Final = 5
_THAT: Final = frozenset({"that", "then", "it", "this"})
_RANK: Final = (
    r"worst|strongest|most severe|most painful|first|second|third|fourth|fifth|last|latest|earliest|most recent"
)
_ROW: Final = re.compile(
    rf"(on |for |from )the (day|date)s? (of|with|for) (the|my|that) (?P<a>{_RANK}) (one|entry|record|time)?(?= |$)"
    rf"|(on|for) the (?P<b>{_RANK}) (one |entry |record )?(date|day) (?=[?,]|did|was|had|have|$)"
    rf"|(on )?the day (it|they|that|this) (was|were|felt|got) (at (its|their) |the |my )?(?P<c>{_RANK}) "
)
_SINCE: Final = (
    ("since", "then"), ("since", "that"), ("from", "then", "on"), ("after", "that"), ("from", "then", "until", "now"),
    ("from", "then", "to", "now"), ("from", "then", "till", "now"),
)  # fmt: skip
_BEHIND_AFTER_THAT: Final = frozenset(
    {
        "?", "!", ",", "and", "or", "but", "did", "do", "does", "was", "were", "is", "are", "have", "had", "has", "i",
        "my", "me", "how", "when", "what", "which", "show", "list", "please", "only", "then", "any", "it", "they",
        "the", "there", "that", "in", "on", "at", "until", "up", "to", "for", "with", "one", "date", "day", "week",
        "month", "time", "point", "year", "too", "also", "ever", "again",
    }
)  # fmt: skip
"""What may go on behind "after that" where it tells a time; anything else is what it was after."""
_FURTHER_BACK: Final = re.compile(
    r"(?:(?:(?:go|going|move|shift|take|push|roll)(?: it| that| this)? )?(?P<way>back|forward|forwards|ahead)"
    r" (?:a|an|one|another|1) (?:more |further )?(?P<a>day|week|month|year)"
    r"|(?:one more|another|a further) (?P<b>day|week|month|year) (?:back|before|earlier|further back))"
    r" (?=$|[?!.,]|again|please)"
)
"""The one before that spoken of: "go back one more week"; or the one after, "go forward a month"."""
_OPENS_FURTHER_BACK: Final = frozenset(
    {"go", "going", "back", "one", "another", "a", "move", "shift", "take", "push", "roll", "forward", "forwards",
     "ahead"}
)  # fmt: skip
_SIGNS: Final = {
    "before": -1, "earlier": -1, "prior": -1, "preceding": -1, "previous": -1, "after": 1, "later": 1, "following": 1,
}  # fmt: skip
_CLOSELY: Final = frozenset({"just", "right", "immediately", "directly", "straight", "exactly"})
"""What may stand before "before", and changes nothing."""
_BEFORE_ALIKE: Final = frozenset({"and", "about", "versus", "than", "with", "or", "to"})
_ENDS: Final = frozenset({"", "?", "!", ",", "for", "please", "so", "then"})
_AT_END: Final = frozenset({"", "?", "!", ",", "only", "please"})
_NO_ONE: Final = frozenset({"any", "each", "every", "which", "what", "many", "one", "per", "all", "no", "of"})
"""Behind these, a day or a month is no certain one."""
_NAMED: Final = frozenset(
    {*MONTHS, *SEASONS, *WEEKDAYS, "easter", "christmas", "xmas", "halloween", "new", "valentine", "valentines"}
)
"""Behind "the week before last", these are what it lies before."""
_BEFORE: Final = (("before", "that"), ("before", "then"), ("earlier", "than", "that"))


@dataclass(frozen=True, slots=True)
class Relative:
    """``steps`` units before (negative) or after; 0 with a unit: the same. ``year`` moves it to that year.

    ``until`` is the open range before it, ``since`` the one from its end. ``is_shift`` moves it as it is: a weekend
    before is two days, not a week. ``is_alike`` is one of the same kind: "this one" after last month is this month,
    "the one before" the month before. ``row`` is the day of one of the records that came back: "worst", "second".
    ``half`` is the first or second of its month or year, ``first_days`` are so many of it, ``day`` is one of its month.
    ``count`` are the last units of those that it has several of: "make that the past 100" of ten days.
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

    def resolve(self, period: DateRange, today: date) -> DateRange:  # noqa: PLR0911 - a case a line
        """Return the period meant, seen from ``period``; ``period`` itself where it is unbounded."""
        start, end = period.start, period.end
        if self.is_since:
            return DateRange(start=min(end, today) if end else None, end=today + DAY)
        if self.is_until:
            return DateRange(end=start)
        if start is None or end is None or start.year not in _YEARS or end.year not in _YEARS:
            return period
        if self.count:
            return _rolled(self.count, start, end, today) or period
        if self.half or self.first_days or self.day:
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

    def _part(self, start: date, end: date) -> DateRange:
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
        if start is not None and end is not None and (self.half or self.day):
            is_in_one = start_of(start, Unit.MONTH) == start_of(end - DAY, Unit.MONTH)
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
        if unit is Unit.YEAR and (end - start).days < 365:  # noqa: PLR2004 - "the year before", of a month
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
    return DateRange(start=start + steps * (end - start), end=end + steps * (end - start))


def _rolled(count: int, start: date, end: date, today: date) -> DateRange | None:
    """Return the last ``count`` units where there were several until today; what they were is told by both numbers."""
    if end != today + DAY:
        return None
    fits = {Unit.YEAR: count <= _YEARS_MAX, Unit.MONTH: count <= _MONTHS_MAX, Unit.WEEK: count <= _WEEKS_MAX}
    spans = {Unit.YEAR: 12, Unit.MONTH: 1}
    months = (end.year - start.year) * 12 + end.month - start.month
    unit = next(
        (unit for unit, each in spans.items() if fits[unit] and _is_several(months // each, start, end, unit)), None
    )
    days_ago = (end - start).days
    if unit is None:
        is_weeks = fits[Unit.WEEK] and count % 7 and _is_several(days_ago // 7, start, end, Unit.WEEK)
        unit = Unit.WEEK if is_weeks else Unit.DAY
    return rolling(today, count, unit)


def _is_several(count: int, start: date, end: date, unit: Unit) -> bool:
    return count > 1 and add(end, -count, unit) == start


def _is_whole(start: date, end: date, unit: Unit, today: date) -> bool:
    whole = calendar_unit(start, unit)
    is_running = unit is not Unit.DAY and end == today + DAY and whole.end is not None and end < whole.end
    return start == whole.start and (end == whole.end or is_running)


def _moved_by_years(start: date, end: date, years: int) -> DateRange:
    """Return the same days in another year; a whole month stays one, 29 February included."""
    if start.day == 1 and end > start_of(end, Unit.MONTH):  # a month that is still running
        end = add(start_of(end, Unit.MONTH), 1, Unit.MONTH)
    return DateRange(start=add(start, years, Unit.YEAR), end=add(end, years, Unit.YEAR))


def read_relative(words: Sequence[str], i: int) -> tuple[int, Relative] | None:
    """Return the position behind and what was said, or None."""
    since = phrase_at(words, i, _SINCE)
    if since and words[i] == "after" and words[i + 2 : i + 3] and words[i + 2] not in _BEHIND_AFTER_THAT:
        since = 0  # "after that long run"
    before = phrase_at(words, i, _BEFORE)
    if since or before:
        return i + (since or before), Relative(is_since=bool(since), is_until=bool(before))
    alike = _further_back(words, i) or _alike_said(words, i)
    if alike is not None:
        return alike
    padded = [*words[i : i + 12], *[""] * 8]
    numbered = _first_days(padded) or (_past_number(padded) if "past" in padded[:3] and "many" not in words else None)
    if numbered is not None:
        return i + numbered[0], numbered[1]
    row = _ROW.match(" ".join(padded).strip() + " ")
    if row is not None:
        return i + len(row[0].split()), Relative(Unit.DAY, row=row["a"] or row["b"] or row["c"])
    k = 0
    while padded[k] in {"in", "on", "for", "during", "over", "from"}:
        k += 1
    if padded[k : k + 3] == ["the", "rest", "of"]:
        k += 3
    has_article = padded[k] in {"the", "a", "an"}
    k += has_article
    k += has_article and padded[k] == "very" and padded[k + 1] in {"next", "following", *UNITS}
    is_bare_next = padded[k : k + 2] == ["next", "day"] and padded[k + 2] in _ENDS and (i == 0 or words[i - 1] == "and")
    if padded[k] == "same" or (padded[k] == "that" and not has_article):
        found = _same(padded, k)
    elif (has_article or is_bare_next) and padded[k] in {"next", "following"} and padded[k + 1] in _STEPS:
        found = _stepped(k + 2, padded[k + 1], 1)
    elif has_article and padded[k] in {"next", "following"} and padded[k + 2] in UNITS and whole_number(padded[k + 1]):
        found = _stepped(k + 3, padded[k + 2], whole_number(padded[k + 1]) or 1)
    elif has_article and padded[k] in SEASONS and padded[k + 1] in _SIGNS and padded[k + 2] in {*_THAT, *_ENDS}:
        behind = k + 2 + (padded[k + 2] in _THAT)  # "and the winter before"
        found = behind, Relative(Unit.YEAR, _SIGNS[padded[k + 1]], is_shift=True)
    else:
        is_led = has_article or i + k == 0 or words[i - 1] in {"and", "or", "about"} or _is_bare_end(words, i + k)
        found = _before_or_after(padded, k, has_article=has_article or (is_led and whole_number(padded[k]) is None))
    return (i + found[0], found[1]) if found else None


def _is_bare_end(words: Sequence[str], i: int) -> bool:
    """Tell "(how often) month before", "(any headache) day before that", typed without "the"."""
    if i + 1 >= len(words) or words[i + 1] not in {"before", "after"}:
        return False
    if words[i] not in UNITS or words[i].endswith("s"):
        return False
    said = [*words[i : i + 4], "", ""]
    behind = 2 + (said[2] in _THAT)
    return said[behind] in {"", "?", "!"} and words[i - 1] not in _NO_ONE


def _past_number(words: Sequence[str]) -> tuple[int, Relative] | None:
    """Read "(make that) the past 100", whose unit is that of the period before."""
    k = int(words[0] in {"in", "over", "for"})
    k += words[k] == "the"
    count = whole_number(words[k + 1]) if words[k] == "past" else None
    is_alone = count is not None and 0 < count <= _STEPS_MAX and words[k + 2] in _NUMBER_ENDS
    return (k + 2, Relative(count=count or 0)) if is_alone else None


def _first_days(words: Sequence[str]) -> tuple[int, Relative] | None:
    """Read "(only) the first ten days", "just the first week" where nothing says of what: the words, and the days."""
    k = 0
    while words[k] in {"only", "just", "in", "for"}:
        k += 1
    if words[k : k + 2] != ["the", "first"] and (k == 0 or words[k] != "first"):
        return None
    k += 1 + (words[k] == "the")
    count = whole_number(words[k])
    k += count is not None
    unit = UNITS.get(words[k])
    if unit not in {"day", "week"} or (unit == "day" and count is None) or words[k + 1] not in _AT_END:
        return None
    found = (count or 1) * (7 if unit == "week" else 1)
    return (k + 1, Relative(first_days=found)) if 0 < found <= _STEPS_MAX else None


def _further_back(words: Sequence[str], i: int) -> tuple[int, Relative] | None:
    if words[i] not in _OPENS_FURTHER_BACK:
        return None
    found = _FURTHER_BACK.match(" ".join(words[i : i + 7]) + " ")
    if found is None:
        return None
    steps = -1 if found["way"] in {None, "back"} else 1
    return i + len(found[0].split()), Relative(Unit(found["a"] or found["b"]), steps)


def _alike_said(words: Sequence[str], i: int) -> tuple[int, Relative] | None:
    """Read "(and) this one", "(than) the one before"."""
    if i == 0 or words[i - 1] not in _BEFORE_ALIKE:
        return None
    said = [*words[i : i + 5], *[""] * 5]
    if said[:2] == ["this", "one"] and said[2] in _ENDS:
        return i + 2, Relative(is_alike=True)
    if said[:2] == ["the", "one"] and said[2] in _SIGNS and said[2] != "later":
        behind = 3 + (said[3] in _THAT)
        if said[behind] in _ENDS:
            return i + behind, Relative(steps=_SIGNS[said[2]], is_alike=True)
    return None


def _before_or_after(words: Sequence[str], k: int, *, has_article: bool) -> tuple[int, Relative] | None:
    """Read "the week before that", "two months earlier", "a day later"."""
    count = whole_number(words[k]) or (2 if words[k] == "couple" else None)
    if count is not None:
        k += 1
        k += words[k] == "of"
    at = k
    while words[k + 1] in _CLOSELY:
        k += 1
    sign = _SIGNS.get(words[k + 1])
    is_other = words[k + 2] in {"last", "yesterday", "i", "my", "the"}  # "the week before last", "the day before I …"
    is_other = is_other and not (words[k + 2] == "last" and words[k + 3] in _NAMED)
    said, behind = words[at], k + 2
    behind += words[k + 1 : k + 3] == ["prior", "to"]
    behind += words[behind] in _THAT
    if said in {"weekend", "weekends"} and has_article and sign is not None and not is_other:
        if (count or 1) > _STEPS_MAX:
            return None
        return behind, Relative(Unit.WEEK, sign * (count or 1), is_shift=True)
    if said not in UNITS or not (has_article or count) or sign is None or is_other:
        return None
    if not has_article and UNITS[said] == "day" and count and count <= _STEPS_MAX:  # "two days later" is one day
        return behind, Relative(Unit.DAY, sign * count, is_shift=True)
    return _stepped(behind, said, sign * (count or 1))


def _stepped(after: int, unit: str, steps: int) -> tuple[int, Relative] | None:
    known, steps = ("week", 2 * steps) if unit == "fortnight" else (UNITS[unit], steps)
    return (after, Relative(Unit(known), steps)) if known != "hour" and abs(steps) <= _STEPS_MAX else None


def _same(words: Sequence[str], k: int) -> tuple[int, Relative] | None:
    """Read "that day", "the same month last year", "the same period in 2024"."""
    rest = words[k + 1 :]
    if rest[0] in {"whole", "entire", "full", "very"}:
        k, rest = k + 1, rest[1:]
    noun = rest[0]
    if noun not in UNITS and noun not in {"period", "time", "date", "range", "weekend"}:
        return None
    known = UNITS.get(noun, "day")
    unit = Unit(known) if known != "hour" else None
    behind = 1
    behind += rest[behind] in {"in", "of", "the"}
    behind += rest[behind] == "the"
    year = year_number(rest[behind])
    if year is not None:
        return k + behind + 2, Relative(unit, year=year)
    if rest[behind] in {"last", "previous", "this"} and rest[behind + 1] == "year":
        return k + behind + 3, Relative(unit, year_back=0 if rest[behind] == "this" else 1)
    back = _years_back(rest, behind)
    if back is None:
        return k + 2, Relative(unit)
    after, years, is_from_today = back
    return k + 1 + after, Relative(unit, year_back=years) if is_from_today else Relative(Unit.YEAR, -years)


def _years_back(words: Sequence[str], i: int) -> tuple[int, int, bool] | None:
    """Read "year before", "a year earlier", "two years ago": the position behind, how many, and whether from today."""
    count = whole_number(words[i]) or (1 if words[i] == "a" else None)
    i += count is not None
    is_years = words[i] in {"year", "years"} and words[i + 1] in {"before", "earlier", "prior", "ago"}
    if not is_years or (count or 1) > len(_YEARS):
        return None
    return i + 2 + (words[i + 2] in _THAT), count or 1, words[i + 1] == "ago"
