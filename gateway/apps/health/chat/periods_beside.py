"""What a period means beside the one said before it: the same again, a part of it, one set off from it, its unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

from gateway.apps.health.chat import dates
from gateway.apps.health.chat.dates import DAY, STEPS_MAX, Unit
from gateway.apps.health.chat.frame import DateRange
from gateway.apps.health.chat.periods_from_today import ARTICLES, Found
from gateway.apps.health.chat.relative_times import Relative
from gateway.apps.health.chat.time_words import (
    MONTHS,
    PREPOSITIONS,
    SEASONS,
    UNITS,
    day_number,
    whole_number,
    year_number,
)

_JOINING: Final = frozenset({"than", "and", "or", "versus", "with", "to", "against"})
_CORRECTING: Final = frozenset({"not", "no", "sorry", "mean", "meant", "wait", "rather", "oops", "actually"})
_BEFORE_MEANT: Final = frozenset({",", "but", "-"})
"""What stands in a correction, and before what is meant in it: "not this week, last"."""
_RETURNING: Final = frozenset({*SEASONS, *MONTHS})
_SEASON_MONTHS: Final = 3
_TO_ITS_END: Final = 32
_MONTH_DAYS: Final = 31
_MONTHS_BACK_MAX: Final = 60
_LINKS: Final = frozenset({"to", "-", "and", "until", "till", "through", "between"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a period stands: the words close before it, its own, and the last two of what was made of those before."""

    near: Sequence[str]
    said: Sequence[str]
    last: Sequence[str | int]

    def is_near_time(self) -> bool:
        """Tell that a time, or "that is" of one, has just been said, of which the next may say more."""
        before = self.last[-2:-1] if self.last[-1:] == [","] else self.last[-1:]
        return self.last[-1:] == ["is"] or any(isinstance(word, int) for word in before)


def joined(periods: list[DateRange], period: DateRange, place: Place, today: date) -> list[DateRange]:
    """Return ``periods`` and ``period``, or it in place of the last if it only says more of that."""
    whole, period, said = period, clipped(period, today), place.said
    closer = _closer(period, periods[-1], place.near, said, today) if periods and place.is_near_time() else None
    if closer is not None and said[0] in {"from", "between"}:
        return [*periods[:-1], closer]
    if periods and place.last[-1] not in _JOINING and _are_days_alone(said):
        closer = _days_within(whole, periods[-1])
        if closer is not None:
            return [*periods[:-1], closer]
    return periods if periods[-1:] == [period] else [*periods, period]  # "in autumn (September to November)"


def set_off(
    period: DateRange, before: DateRange, words: Sequence[str], beside: Relative | None, today: date
) -> DateRange:
    """Return what ``period``, whose words are the last of ``words``, means behind ``before``."""
    if (
        beside is not None and beside.half and beside.fits(before, today)
    ):  # "the first half of April or the second half"
        return beside.resolve(before, today)
    noun = words[-1]
    is_named_twice = ("this", noun) in pairwise(words) and words[-2] == "last"
    if is_named_twice and noun in _RETURNING and clipped(period, today) == before:  # "this summer and last summer"
        return Relative(Unit.YEAR, -1, is_shift=True).resolve(period, today)
    return period


def meant_beside(words: Sequence[str]) -> Relative | None:
    """Return what "previous week", "second half", "6th", "until the 6th" mean beside the period spoken of before."""
    if (days := _days_meant(words)) is not None:
        return days
    said = [
        word for word in words if word not in PREPOSITIONS and word not in ARTICLES and word not in {"only", "just"}
    ]
    if said in (["first", "half"], ["second", "half"]):
        return Relative(half=1 if said[0] == "first" else 2)
    if len(said) == 1 and day_number(said[0]) is not None:
        return Relative(day=day_number(said[0]) or 0)
    if said in (["previous", "quarter"], ["preceding", "quarter"], ["prior", "quarter"]):
        return Relative(Unit.MONTH, -3)
    unit = UNITS.get(said[-1], "hour") if said and said[0] in {"previous", "preceding", "prior"} else "hour"
    count = 1 if len(said) == 2 else whole_number(said[1]) if len(said) == 3 else None  # noqa: PLR2004
    return None if unit == "hour" or not count or count > STEPS_MAX else Relative(Unit(unit), -count)


def _days_meant(words: Sequence[str]) -> Relative | None:
    """Return the days of a month that is not said: "from the 10th on", "the 3rd to the 9th", "until the 6th"."""
    if words[-1] in {"on", "onwards", "onward"} and (day := _day_alone(words[:-1])):
        return Relative(day=day, until_day=_TO_ITS_END)
    if (span := _days_alone(words)) is not None:
        return Relative(day=span[0], until_day=span[1])
    day = _day_alone(words) if words[0] in {"until", "till", "up"} else 0
    return Relative(until_day=day) if day else None


def _day_alone(words: Sequence[str]) -> int:
    """Return the day of a month that is said with no more than small words, or 0: "up to the 15th"."""
    small = PREPOSITIONS | ARTICLES | _LINKS | {"up", "only", "just"}
    said = [word for word in words if word not in small]
    return (day_number(said[0]) or 0) if len(said) == 1 and not said[0].isdigit() else 0


def _days_alone(words: Sequence[str]) -> tuple[int, int] | None:
    """Return the two days of a month that are said alone, or None: "between the 3rd and the 9th"."""
    if not _are_days_alone(words):
        return None
    said = [day for word in words if (day := day_number(word)) is not None]
    return (said[0], said[1]) if len(said) == 2 and said[0] < said[1] else None  # noqa: PLR2004


def may_leave_out(rest: Sequence[str | int], word: str) -> bool:
    """Tell where a bare "last" or "this" may leave out its unit: "than last", "not last week, this"."""
    if rest[-1] in _JOINING:
        return word == "last"
    return not _CORRECTING.isdisjoint(rest) and (rest[-1] in _BEFORE_MEANT or rest[-1] in _CORRECTING)


def unit_left_out(words: Sequence[str], i: int, period: DateRange, today: date) -> Found | None:
    """Read a bare "last", "this month than last", "this winter than last"; or a bare "this"."""
    if i + 1 < len(words) and words[i + 1] not in {"?", "!", ",", "for", "please"}:
        return None
    noun = next((word for word in reversed(words[:i]) if word in UNITS or word in SEASONS or word == "weekend"), "")
    unit, found = UNITS.get(noun, "hour"), None
    if words[i] == "last" and noun in SEASONS and period.start is not None:
        start = dates.add(period.start, -1, Unit.YEAR)
        found = DateRange(start=start, end=dates.add(start, _SEASON_MONTHS, Unit.MONTH))
    elif words[i] == "last" and noun == "weekend" and period.start is not None:
        found = DateRange(start=period.start - 7 * DAY, end=period.start - 5 * DAY)
    elif unit != "hour":
        found = dates.calendar_unit(today, Unit(unit), -1 if words[i] == "last" else 0)
    return Found(i + 1, found) if found is not None else None


def clipped(period: DateRange, today: date) -> DateRange:
    """Return the part of ``period`` that is not in the future; one that is wholly there stays, and is never empty."""
    tomorrow = today + DAY
    if period.start is not None and period.start >= tomorrow:
        return DateRange(start=period.start, end=max(period.end or period.start, period.start + DAY))
    if period.end is None or period.end > tomorrow:
        return DateRange(start=period.start, end=tomorrow)
    return period


def _closer(
    period: DateRange, whole: DateRange, before: Sequence[str], said: Sequence[str], today: date
) -> DateRange | None:
    """Return what ``period`` says more closely of ``whole``, which is said before it, or None.

    "in the spring, from 1 March to 31 May 2025", "last month, from the 3rd to the 9th", "in 2025, from March to May".
    """
    if period.start is None or period.end is None or whole.start is None or whole.end is None:
        return None
    if not SEASONS.keys().isdisjoint(before) or (whole.start <= period.start and period.end <= whole.end):
        return period
    is_as_long = abs((period.end - period.start) - (whole.end - whole.start)) <= DAY
    if is_as_long and period.start < whole.end and whole.start < period.end:  # "over Christmas week, 22 to 28 December"
        return period
    is_of_a_month = whole.end - whole.start <= _MONTH_DAYS * DAY
    is_named = any(year_number(word) is not None or (is_of_a_month and word in MONTHS) for word in said)
    meant = period if is_named else dates.within(period, whole, today)
    return meant if meant != period else None


def _are_days_alone(words: Sequence[str]) -> bool:
    """Tell days of a month that is not named: "the 20th", "11th to 20th"."""
    said = [word for word in words if word not in ARTICLES and word not in PREPOSITIONS and word not in _LINKS]
    return bool(said) and not any(word.isdigit() or day_number(word) is None for word in said)


def _days_within(period: DateRange, whole: DateRange) -> DateRange | None:
    """Return the same days of a month where they lie in ``whole``: "mid September … 11th to 20th"."""
    if period.start is None or period.end is None or whole.start is None or whole.end is None:
        return None
    for back in range(_MONTHS_BACK_MAX):
        start, end = (dates.add(day, -back, Unit.MONTH) for day in (period.start, period.end))
        if start < whole.start:
            break
        if end <= whole.end and start.day == period.start.day:
            return DateRange(start=start, end=end)
    return None
