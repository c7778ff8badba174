"""Periods counted from today: yesterday, three weeks ago, the last fortnight, this month, lately.

A reader is given a position and returns what it found there, or None.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from gateway.apps.health.chat import dates
from gateway.apps.health.chat.dates import DAY, Unit
from gateway.apps.health.chat.frame import DateRange
from gateway.apps.health.chat.time_words import (
    AMOUNT_WORDS,
    DAY_PARTS,
    LATELY,
    NEAR_DAYS,
    UNITS,
    by_first_word,
    phrase_at,
    whole_number,
    year_number,
)

_LATELY: Final = by_first_word(LATELY)
ARTICLES: Final = frozenset({"the", "my", "these", "those"})
_LATELY_DAYS: Final = 14
_WEEKEND_DAYS: Final = 2
_SATURDAY: Final = 5
_OF_IT: Final = frozenset({"of", "with"})
"""Behind "the last day", these say of what: it is no time."""
_OF_IT_TOLD: Final = frozenset(
    {"i", "my", "he", "she", "his", "her", "we", "our", "it", "that", "when", "where", "there"}
)
"""The same behind "the last day" where nothing leads to it: "what was the last day I had a rash"."""
_LEADS_TO: Final = frozenset(
    {"in", "over", "within", "for", "during", "through", "throughout", "from", "of", "since", "than"}
)
_WHOLE: Final = frozenset({"full", "complete", "whole", "entire", "calendar"})
_TURNS: Final = frozenset(
    {"before", "after", "earlier", "later", "ago", "prior", "long", "round", "around", "preceding"}
)
_PARTS: Final = frozenset(
    {"day", "days", "time", "times", "part", "parts", "rest", "start", "end", "beginning", "middle", "half", "quarter",
     "turn", "week", "weeks", "month", "months", "night", "out", "one"}
)  # fmt: skip
"""Before "of the month", these take a part of it, or any such unit."""


@dataclass(frozen=True, slots=True)
class Found:
    """A period and the position behind it."""

    after: int
    period: DateRange


class PeriodsFromToday:
    """Readers of ``words``; ``now`` is the person's local time."""

    def __init__(self, words: Sequence[str], now: datetime) -> None:
        self._words = words
        self._now = now
        self._today = now.date()

    def _at(self, i: int) -> str:
        return self._words[i] if 0 <= i < len(self._words) else ""

    def _has_article(self, i: int) -> bool:
        return self._at(i - 1) in ARTICLES

    def _amount(self, i: int) -> tuple[int, int, str] | None:  # noqa: PLR0911 - a case a line
        """Read "3 days", "a couple of weeks", "fortnight", "half a year": the position behind, count and unit."""
        count = 1
        if self._at(i) in {"half", "quarter"} and "year" in self._words[i + 1 : i + 4]:
            behind = self._words.index("year", i) + 1
            return behind, 6 if self._at(i) == "half" else 3, "month"
        if self._at(i) in {"a", "an"} and self._at(i + 1) in {"couple", "few", "fortnight", "quarter", "half", "dozen"}:
            return self._amount(i + 1)
        number = whole_number(self._at(i)) or AMOUNT_WORDS.get(self._at(i))
        if number is not None:
            count, i = self._at_most(number, i + 1)
            i += self._at(i) == "of"
            i += self._at(i) in {"full", "whole", "calendar"}
        if self._at(i) in {"fortnight", "fortnights"}:
            return i + 1, 2 * count, "week"
        if self._at(i) in {"decade", "decades"}:
            return i + 1, 10 * count, "year"
        if self._at(i) in {"quarter", "quarters"} and (number is not None or self._at(i - 1) == "past"):
            return i + 1, 3 * count, "month"
        half = number is not None and tuple(self._words[i : i + 3]) == ("and", "a", "half")
        i += 3 * half
        unit = UNITS.get(self._at(i))
        if half and count and unit in {"week", "year"}:  # "six and a half weeks"
            return (i + 1, 7 * count + 3, "day") if unit == "week" else (i + 1, 12 * count + 6, "month")
        if unit is None and self._at(i - 1).isdigit():  # "10d"
            unit = {"d": "day", "h": "hour", "mo": "month"}.get(self._at(i))
        if unit == "week" and self._words[i + 1 : i + 4] == ["and", "a", "half"]:
            return i + 4, 7 * count + 3, "day"
        if unit == "year" and self._words[i + 1 : i + 4] == ["and", "a", "half"]:
            return i + 4, 12 * count + 6, "month"
        if self._at(i) in {"1.5", "2.5"} and UNITS.get(self._at(i + 1)) == "year":
            return i + 2, int(12 * float(self._at(i))), "month"
        return (i + 1, count, unit) if unit and count else None

    def _at_most(self, count: int, i: int) -> tuple[int, int]:
        """Read the rest of "two to three (weeks)": the greater number, and the position behind."""
        more = whole_number(self._at(i + 1)) if self._at(i) in {"to", "or", "-"} else None
        is_span = more is not None and more > count and UNITS.get(self._at(i + 2), "hour") != "hour"
        return (more, i + 2) if is_span and more else (count, i)

    def _near_day(self, i: int) -> Found | None:
        for phrase, days_ago in NEAR_DAYS.items():
            is_named = tuple(self._words[i : i + len(phrase)]) == phrase
            if is_named and not self._is_night_sweat(i) and not self._is_latest_of_it(i):
                return Found(i + len(phrase), dates.days(self._today - days_ago * DAY))
        if self._at(i) == "this" and self._at(i + 1) in DAY_PARTS:
            return Found(i + 2, dates.days(self._today))
        if self._has_article(i) and self._at(i) == "other" and self._at(i + 1) in {"day", "night", "week"}:
            return Found(i + 2, dates.rolling(self._today, _LATELY_DAYS, Unit.DAY))
        return None

    def _is_night_sweat(self, i: int) -> bool:
        """Tell "(my) last night sweat", the latest one, from what was last night."""
        is_alone = i == 0 and set(self._words[3:]) <= {"?", "!", "please"}
        is_many = self._at(i + 2) == "sweats" and (is_alone or self._at(i - 1) in {"my", "the"})
        is_one = self._at(i + 2) == "sweat" or is_many
        return self._at(i + 1) == "night" and is_one

    def _is_latest_of_it(self, i: int) -> bool:
        """Tell "(what was) the last day I had a rash", the latest one, from the day that is over."""
        is_led = self._at(i - 2) in _LEADS_TO or self._at(i - 1) not in {"the", "my"}
        return (
            not is_led
            and self._at(i) == "last"
            and UNITS.get(self._at(i + 1)) == "day"
            and (self._at(i + 2) in _OF_IT_TOLD)
        )

    def _this_time(self, i: int) -> Found | None:
        """Read "this time last week", "this day last year": that day; "this week last year": all of it."""
        whole = UNITS.get(self._at(i + 1), "hour")
        is_last_year = self._at(i) == "this" and (self._at(i + 2), self._at(i + 3)) == ("last", "year")
        if is_last_year and whole in {"week", "month"}:
            return Found(i + 4, dates.calendar_unit(dates.add(self._today, -1, Unit.YEAR), Unit(whole)))
        if self._at(i) != "this" or self._at(i + 1) not in {"time", "day", "date"}:
            return None
        unit = UNITS.get(self._at(i + 3))
        if self._at(i + 2) in {"last", "previous"} and unit not in {None, "hour"}:
            return Found(i + 4, dates.days(dates.add(self._today, -1, Unit(unit))))
        amount = self._amount(i + 2)
        if amount is None or self._at(amount[0]) != "ago" or amount[2] == "hour" or _is_too_far(amount[1], amount[2]):
            return None
        return Found(amount[0] + 1, dates.days(dates.add(self._today, -amount[1], Unit(amount[2]))))

    def _so_far(self, i: int) -> Found | None:
        """Read "all week", "the whole year", "(worst) of the month": the unit that is running."""
        unit = UNITS.get(self._at(i))
        if unit in {None, "hour", "day"} or self._at(i).endswith("s"):
            return None
        is_whole = self._at(i - 1) in {"all", "whole", "entire", "full"}
        is_of_it = self._at(i - 1) == "the" and self._at(i - 2) == "of" and self._at(i - 3) not in _PARTS
        start = dates.calendar_unit(self._today, Unit(unit)).start
        is_running = (is_whole or is_of_it) and self._at(i + 1) not in _TURNS and year_number(self._at(i + 1)) is None
        return Found(i + 1, DateRange(start=start, end=self._today + DAY)) if is_running else None

    def _between_ago(self, i: int) -> Found | None:
        """Read "(between) 2 and 4 weeks ago", "two to four weeks ago": from the one to the other."""
        if self._at(i + 1) not in {"to", "-", "and"} or self._at(i + 4) != "ago":
            return None
        one, other, unit = whole_number(self._at(i)), whole_number(self._at(i + 2)), UNITS.get(self._at(i + 3), "hour")
        if one is None or other is None or unit == "hour" or _is_too_far(max(one, other), unit):
            return None
        far, near = (
            dates.calendar_unit(self._today, Unit(unit), -count) for count in (max(one, other), min(one, other))
        )
        return Found(i + 5, DateRange(start=far.start, end=near.end)) if far != near else None

    def _ago(self, i: int) -> Found | None:
        amount = None if self._at(i) in UNITS else self._amount(i)
        if amount is None:
            return None
        behind, count, unit = amount
        behind += 2 * ((self._at(behind), self._at(behind + 1)) == ("or", "so"))
        if self._at(behind) not in {"ago", "back"}:
            return None
        if unit == "hour":
            return Found(behind + 1, dates.days((self._now - timedelta(hours=count)).date()))
        if _is_too_far(count, unit):
            return None
        if self._at(behind + 1) == "today":  # "a year ago today"
            return Found(behind + 2, dates.days(dates.add(self._today, -count, Unit(unit))))
        return Found(behind + 1, dates.calendar_unit(self._today, Unit(unit), -count))

    def _rolling(self, i: int) -> Found | None:
        word = self._at(i)
        if word not in {"last", "past", "previous", "preceding", "latest"}:
            return None
        amount = None if self._is_night_sweat(i) else self._amount(i + 1)
        amount = amount or self._amount_of_asked(i + 1)
        if amount is None or (amount[1:] == (1, "day") and self._at(amount[0]) in _OF_IT) or self._is_latest_of_it(i):
            return None
        behind, count, unit = amount
        if count == 1 and (self._at(behind), self._at(behind + 1)) == ("or", "two"):  # "the past week or two"
            behind, count = behind + 2, 2
        is_single = UNITS.get(self._at(i + 1)) is not None  # "last week", no number in between
        if is_single and unit != "hour" and not (word == "past" or (self._has_article(i) and word == "last")):
            return None
        if unit == "hour":
            start = (self._now - timedelta(hours=min(count, 100_000))).date()
            return Found(behind, DateRange(start=start, end=self._today + DAY))
        if _is_too_far(count, unit):
            return None
        return Found(behind, dates.rolling(self._today, count, Unit(unit)))

    def _amount_of_asked(self, i: int) -> tuple[int, int, str] | None:
        """Read the number in "how many days in the past 100"."""
        count = whole_number(self._at(i))
        asked = [UNITS.get(self._at(k + 1)) for k in range(i) if self._at(k) == "many"]
        unit = asked[-1] if asked else None
        return (i + 1, count, unit) if count and unit else None

    def _before_last(self, i: int) -> Found | None:
        if (self._at(i + 1), self._at(i + 2)) != ("before", "last"):
            return None
        if self._at(i) == "weekend":
            return Found(i + 3, dates.days(self._last_finished_weekend() - 7 * DAY, _WEEKEND_DAYS))
        unit = UNITS.get(self._at(i))
        if unit in {None, "hour"}:
            return None
        return Found(i + 3, dates.calendar_unit(self._today, Unit(unit), -2))

    def _unit(self, i: int) -> Found | None:
        offset = {"this": 0, "current": 0, "last": -1, "previous": -1, "preceding": -1}.get(self._at(i))
        i += offset is not None and self._at(i + 1) in _WHOLE and self._at(i + 2) in {"week", "month", "year"}
        unit = UNITS.get(self._at(i + 1))
        if offset is None or unit in {None, "hour"} or self._is_night_sweat(i):
            return None
        if self._at(i + 1).endswith("s") and (unit == "day" or self._has_article(i)):  # "last weeks coughs" is one
            return None
        if unit == "day" and (self._at(i + 2) in _OF_IT or self._is_latest_of_it(i)):
            return None
        return Found(i + 2, dates.calendar_unit(self._today, Unit(unit), offset))

    def _to_date(self, i: int) -> Found | None:
        """Read "year to date"."""
        unit = UNITS.get(self._at(i))
        if unit in {None, "hour"} or (self._at(i + 1), self._at(i + 2)) not in {("to", "date"), ("so", "far")}:
            return None
        start = dates.calendar_unit(self._today, Unit(unit)).start
        return Found(i + 3, DateRange(start=start, end=self._today + DAY))

    def _weekend(self, i: int) -> Found | None:
        word = self._at(i)
        named = word in {"last", "this", "past", "previous"}
        if self._at(i + named) not in {"weekend", "weekends"}:
            return None
        is_on = self._today.weekday() >= _SATURDAY
        begun = self._today - (self._today.weekday() - _SATURDAY) % 7 * DAY
        start = begun if word not in {"last", "previous", "past"} or not is_on else self._last_finished_weekend()
        return Found(i + named + 1, dates.days(start, _WEEKEND_DAYS))

    def _last_finished_weekend(self) -> date:
        return self._today - (self._today.weekday() + _WEEKEND_DAYS) * DAY

    def _lately(self, i: int) -> Found | None:
        if (self._at(i - 1), self._at(i)) == ("of", "late"):  # the preposition has been passed
            return Found(i + 1, dates.rolling(self._today, _LATELY_DAYS, Unit.DAY))
        is_asked = self._at(i - 1) == "how" or (self._at(i - 1), self._at(i)) == ("most", "recently")
        length = 0 if is_asked else phrase_at(self._words, i, _LATELY)
        period = dates.rolling(self._today, _LATELY_DAYS, Unit.DAY)
        return Found(i + length, period) if length else None


def _is_too_far(count: int, unit: str) -> bool:
    """Tell an amount that no calendar holds."""
    return count * {"day": 1, "week": 7, "month": 31, "year": 366}[unit] > 150 * 366
