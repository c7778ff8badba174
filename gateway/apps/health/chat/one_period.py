"""One period, whatever form it has, with what may stand before it and behind it that adds no date.

A reader is given a position and returns what it found there, or None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from gateway.apps.health.chat import dates
from gateway.apps.health.chat.counted_periods import CountedPeriods
from gateway.apps.health.chat.dates import DAY, STEPS_MAX, Unit, is_a_day
from gateway.apps.health.chat.periods_from_today import ARTICLES, Found
from gateway.apps.health.chat.relative_times import Relative
from gateway.apps.health.chat.time_words import (
    AMOUNT_WORDS,
    DAY_PARTS,
    FEASTS,
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
    by_first_word,
    day_number,
    phrase_at,
    whole_number,
)

_EVENT_WORDS_MAX: Final = 8
_MEALS: Final = frozenset({"meal", "meals", "breakfast", "lunch", "dinner", "tea", "supper", "bed", "game", "gym"})
_OPENS_ANOTHER: Final = frozenset({"since", "until", "till", "between"})
"""What begins a time of its own behind one of what happened: "after the race, that is since 21 July"."""
_NO_EVENT: Final = frozenset({"how", "when", "what", "which", "did", "latest", "previous", "?", "and", "had", "have"})
_TRAILERS: Final = (
    (("so", "far"), False), (("to", "date"), False), (("as", "a", "whole"), False), (("in", "the"), True),
    (("at",), True), (("late",), True), (("early",), True),
)  # fmt: skip
"""What may follow a period and adds no date, and whether a part of the day must come behind it."""
_BESIDE: Final = frozenset({"before", "after"})
_WHOLE: Final = frozenset({"whole", "entire", "full", "all"})
UNTIL_NOW: Final = by_first_word(
    tuple(phrase.split()) for phrase in ("up to now", "until now", "till now", "up until now", "up till now")
)
_BEGINNINGS: Final = frozenset(
    {
        *UNITS, *MONTHS, *WEEKDAYS, *SEASONS, *QUARTERS, *THIRDS, *AMOUNT_WORDS, "calendar",
        *(phrase[0] for phrases in (HOLIDAYS, FEASTS, NEAR_DAYS, LATELY) for phrase in phrases),
        "last", "this", "past", "previous", "preceding", "latest", "current", "final", "other", "these", "easter",
        "half", "quarter", "fortnight", "fortnights", "decade", "weekend", "weekends", "sat", "sun", "wed", "good",
        "latter", "h", "opening", "closing",
    }
)  # fmt: skip


OPENS_ONE: Final = PREPOSITIONS | ARTICLES | {"all", "whole", "entire", "full", "month", "year", "bank", "long"}
"""What may stand before the beginning of a period."""


def begins(word: str) -> bool:
    """Tell a word that a period may begin with, once prepositions and articles are passed."""
    return word in _BEGINNINGS or word[:1].isdigit() or whole_number(word) is not None or day_number(word) is not None


class OnePeriod(CountedPeriods):
    """The first of all readers that finds something, each position read once."""

    def __init__(self, words: Sequence[str], now: datetime) -> None:
        super().__init__(words, now)
        self._read: dict[int, Found | None] = {}
        self._rules: tuple[Callable[[int], Found | None], ...] = (
            self._beside_event, self._between_ago,
            self._to_date, self._nth_day, self._part_of_month, self._weekends, self._season_back, self._just_gone,
            self._amount_to_now, self._amount_beside,
            self._near_day, self._this_time, self._week_of, self._numbered_week,
            self._week_last, self._ago, self._before_last, self._rolling, self._unit,
            self._so_far, self._weekend_of, self._weekend, self._weekdays_ago, self._named_days, self._weekday,
            self._third_of_month, self._listed_days, self._days_of_month, self._day_month, self._month_day,
            self._month, self._numeric, self._day_of_month, self._year, self._season, self._quarter, self._holiday,
            self._lately,
        )  # fmt: skip

    def _simple(self, i: int) -> Found | None:
        if i not in self._read:
            self._read[i] = self._read_simple(i)
        return self._read[i]

    def _read_simple(self, i: int) -> Found | None:
        while self._at(i) in PREPOSITIONS:
            i += 1
        if self._at(i) in {"all", "whole"} and self._at(i + 1) in {"of", "the", "this", "last", "day", *MONTHS}:
            i += 2 if self._at(i + 1) == "of" else 1
        i += self._at(i) == "all" and self._at(i + 1) in UNITS
        i += self._at(i) in ARTICLES and self._at(i + 1) != "days"  # "these days"
        if self._at(i) in {"whole", "entire", "full"}:
            i += 1
        if self._at(i) in {"month", "year"} and self._at(i + 1) == "of" and self._at(i + 2) not in {"the", "my"}:
            i += 2  # "the month of October"
        if (self._at(i), self._at(i + 1)) == ("bank", "holiday") and self._at(i + 2) == "weekend":
            i += 2
        i += self._at(i) == "long" and self._at(i + 1) == "weekend"
        if not begins(self._at(i)):
            return None
        for rule in self._rules:
            found = rule(i)
            if found is not None:
                return self._with_trailer(found)
        return None

    def _said_again(self, found: Found) -> Found | None:
        """Read a day's date behind its name, "Easter Sunday, 28 March", and "the whole month" behind a month."""
        k = found.after + (self._at(found.after) == ",")
        k += self._at(k) in {"on", "for"}
        k += (has_article := self._at(k) == "the")
        start, end, word = found.period.start, found.period.end, self._at(k)
        if start is None or end is None:
            return None
        if word in _WHOLE:
            unit = UNITS.get(self._at(k + 1), "hour")
            is_same = unit != "hour" and found.period == dates.calendar_unit(start, Unit(unit))
            return Found(k + 2, found.period) if is_same else None
        if end != start + DAY or not (word[:1].isdigit() or word in MONTHS):
            return None
        dated = self._day_month(k) or self._month_day(k) or self._numeric(k)
        dated = dated or (self._day_of_month(k) if has_article else None)
        if dated is None or dated.period.start is None or not is_a_day(dated.period):
            return None
        is_same = (dated.period.start.month, dated.period.start.day) == (start.month, start.day)
        return dated if is_same else None

    def _with_trailer(self, found: Found) -> Found:
        """Swallow what adds no date: parts of the day, "so far", "as a whole", "year to date"."""
        found = self._said_again(found) or found
        i = found.after
        if found.period.end == self._today + DAY:  # "this week up to now"
            i += phrase_at(self._words, i, UNTIL_NOW)
            found = Found(i, found.period)
        for trailer, needs_day_part in _TRAILERS:
            behind = i + len(trailer)
            if tuple(self._words[i:behind]) == trailer and (not needs_day_part or self._at(behind) in DAY_PARTS):
                return Found(behind + needs_day_part, found.period)
        if found.period.start and found.period.end == found.period.start + 7 * DAY:  # "last week on Wednesday"
            behind = i + (self._at(i) in {"on", ","})
            weekday = WEEKDAYS.get(self._at(behind))
            if weekday is not None and self._at(behind + 1) not in {"and", "to", "-"}:
                return Found(behind + 1, dates.days(found.period.start + weekday * DAY))
        is_feast = self._at(i - 1) in {"christmas", "xmas", "easter"} and self._at(i) == "week"  # "Christmas week"
        if is_feast and found.period.start:
            return Found(i + 1, dates.calendar_unit(found.period.start, Unit.WEEK))
        if self._at(i) in DAY_PARTS and found.period.end and found.period.start == found.period.end - DAY:
            i += 1 + (self._at(i + 1) == "time")
        return Found(i, found.period)

    def _event(self, i: int) -> Found | None:
        """Read the date of what happened: "(since) I moved house on 3 May", "(since) my birthday, 5 March"."""
        for k in range(i + 1, min(i + 1 + _EVENT_WORDS_MAX, len(self._words))):
            if self._at(k - 1) in _NO_EVENT or self._at(k) in _NO_EVENT:
                return None
            is_meal = self._at(k - 1) in _MEALS and k - 1 <= i + 1
            if is_meal or self._at(k) in _OPENS_ANOTHER:  # "before the meal on Monday"; not "since I gave up tea on …"
                return None
            is_dated = self._at(k) in {"on", "in", "at", "last", "yesterday"} or self._at(k - 1) == ","
            is_dated = is_dated or self._day_month(k) is not None  # "my birthday (3 March)"
            found = self._simple(k) if is_dated else None
            if found is not None:
                return found
        return None

    def _beside_event(self, i: int) -> Found | None:
        """Read "(the) day after my birthday, 3 May", "(the) week before the operation on 3 May"."""
        amount = self._amount(i) if not _BESIDE.isdisjoint(self._words) else None
        if amount is None or amount[2] == "hour" or amount[1] > STEPS_MAX:
            return None
        behind, count, unit = amount
        sign = {"before": -1, "after": 1}.get(self._at(behind))
        if sign is None or self._at(behind + 1) not in {"my", "the", "our", "i", "we"}:
            return None
        event = self._event(behind + 1)
        if event is None or not is_a_day(event.period):
            return None
        is_one_day = unit == "day" and count > 1 and not self._has_article(i)  # "three days before my exam"
        seen = Relative(Unit(unit), sign * count, is_shift=is_one_day)
        return Found(event.after, seen.resolve(event.period, self._today))
