"""Reading periods out of words: an own grammar, since no library read more than 29 of 48 everyday expressions.

A reader is given a position and returns what it found with the position behind it, or None. Whole local dates; weeks
from Monday; half-open ranges that end tomorrow at the latest. What was read is replaced by :data:`TIME`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from gateway.apps.health.chat import dates
from gateway.apps.health.chat.calendar_periods import CalendarPeriods
from gateway.apps.health.chat.dates import DAY, Unit
from gateway.apps.health.chat.frame import DateRange
from gateway.apps.health.chat.periods_from_today import ARTICLES, Found
from gateway.apps.health.chat.relative_times import Relative, read_relative
from gateway.apps.health.chat.time_words import (
    ALL_TIME_PHRASES,
    AMOUNT_WORDS,
    DAY_PARTS,
    HOLIDAYS,
    LATELY,
    MONTHS,
    NEAR_DAYS,
    ORDINALS,
    PREPOSITIONS,
    QUARTERS,
    SEASONS,
    THIRDS,
    UNITS,
    WEEKDAYS,
    day_number,
    phrase_at,
    whole_number,
)

TIME: Final = "<time>"
_LEADS: Final = tuple(
    (tuple(phrase.split()), meant)
    for meant, phrases in {
        "since": (
            "no earlier than", "not earlier than", "not before than", "on or after", "on and after", "ever since",
            "as of", "since", "starting from", "starting in", "starting on", "beginning from", "beginning in",
            "beginning on", "onwards from", "onward from", "starting",
        ),
        "until": (
            "up to and including", "up to & including", "until and including", "no later than", "not later than",
            "on or before", "on and before", "up to", "up until", "up till", "until", "till", "til",
        ),
        "before": ("prior to", "before"),
        "after": ("after",),
        "from": ("from",),
    }.items()
    for phrase in phrases
)  # fmt: skip
"""What opens or closes a range at one end. Of those that begin alike, the longer stands first."""
_FIRST_OF_LEADS: Final = frozenset(phrase[0] for phrase, _ in _LEADS)
_EVENT_WORDS_MAX: Final = 8
_NO_EVENT: Final = frozenset({"how", "when", "what", "which", "did", "latest", "previous", "?", "and", "had", "have"})
_BEFORE_UP: Final = frozenset({"measure", "measured", "measures", "stack", "stacked", "stacks", "add", "live", "match"})
"""Of these, "up" is a part: "how does it measure up to last week"."""
_JOINING: Final = frozenset({"than", "and", "or", "versus", "with", "to", "against"})
_TRAILERS: Final = (
    (("so", "far"), False), (("to", "date"), False), (("as", "a", "whole"), False), (("in", "the"), True),
    (("at",), True), (("late",), True), (("early",), True),
)  # fmt: skip
"""What may follow a period and adds no date, and whether a part of the day must come behind it."""


_SEASON_MONTHS: Final = 3
_AHEAD_MAX: Final = 13
"""Words within which one must tell time for a period to begin; more only costs time."""
WORDS_OF_TIME: Final = frozenset(
    {
        *UNITS, *MONTHS, *WEEKDAYS, *(f"{day}s" for day in WEEKDAYS), *SEASONS, *QUARTERS, *DAY_PARTS, *THIRDS,
        *(word for phrases in (HOLIDAYS, NEAR_DAYS, LATELY) for phrase in phrases for word in phrase),
        "easter", "fortnight", "fortnights", "weekend", "weekends", "decade", "decades", "quarter", "quarters", "half",
        "sat", "sun", "wed", "then", "that", "it", "time", "period", "date", "range", "other", "one", "now", "present",
        "til", "till", "thru", *ORDINALS,
    }
)  # fmt: skip


_BEGIN_ALL_TIME: Final = frozenset(phrase[0] for phrase in ALL_TIME_PHRASES)
_BEGINNINGS: Final = frozenset(
    {
        *UNITS, *MONTHS, *WEEKDAYS, *SEASONS, *QUARTERS, *THIRDS, *AMOUNT_WORDS,
        *(phrase[0] for phrases in (HOLIDAYS, NEAR_DAYS, LATELY) for phrase in phrases),
        "last", "this", "past", "previous", "preceding", "latest", "current", "final", "other", "these", "easter",
        "half", "quarter", "fortnight", "fortnights", "decade", "weekend", "weekends", "sat", "sun", "wed", "good",
    }
)  # fmt: skip


def _begins(word: str) -> bool:
    """Tell a word that a period may begin with, once prepositions and articles are passed."""
    return word in _BEGINNINGS or word[:1].isdigit() or whole_number(word) is not None or day_number(word) is not None


@dataclass(frozen=True, slots=True)
class Times:
    """What was said of time: periods in the order of their mention, or a reference to the one spoken of before."""

    words: tuple[str, ...]
    periods: tuple[DateRange, ...] = ()
    relative: Relative | None = None
    is_all_time: bool = False


_AFTER_ALL_OVER: Final = frozenset({"after", "at", "before", "between", "during", "from", "in", "on", "since", "until"})
"""Behind "over", these begin the time, and "over" belongs to what was before: "itching all over in May"."""


_BEFORE_OVER: Final = tuple([word] for word in ("keeled", "keel", "keeling", "fell", "fall", "falling", "doubled"))
"""Of these, "over" is a part: "I fell over last week"."""


def find_times(words: Sequence[str], now: datetime) -> Times:
    """Return the periods in ``words``; ``now`` is the person's local time."""
    grammar = _Grammar(words, now)
    rest: list[str] = []
    periods: list[DateRange] = []
    relative: Relative | None = None
    is_all_time = False
    tells_time = [word in WORDS_OF_TIME or word[:1].isdigit() for word in words]
    i = 0
    while i < len(words):
        is_all_over = words[i] == "over" and (
            words[i - 1 : i] in _BEFORE_OVER or (i + 1 < len(words) and words[i + 1] in _AFTER_ALL_OVER)
        )
        may_begin = not is_all_over and any(tells_time[i : i + _AHEAD_MAX])
        reference = read_relative(words, i) if may_begin else None
        if reference is not None:
            tied = grammar.period(reference[0]) if reference[1].steps else None
            if tied is not None:  # "the week before Christmas"
                periods.append(_clipped(reference[1].resolve(tied.period, now.date()), now.date()))
            else:
                relative = relative or reference[1]
            i = tied.after if tied is not None else reference[0]
            rest.append(TIME)
            continue
        found = grammar.period(i) if may_begin else None
        if found is not None:
            i = found.after
            periods.append(_clipped(found.period, now.date()))
            rest.append(TIME)
            continue
        if (
            rest
            and rest[-1] in _JOINING
            and periods
            and (left_out := _last_left_out(words, i, periods[-1], now.date()))
        ):
            periods.append(left_out)
            rest.append(TIME)
            i += 1
            continue
        is_ever_so = words[i] == "ever" and words[i + 1 : i + 2] == ["so"]
        ever = phrase_at(words, i, ALL_TIME_PHRASES) if words[i] in _BEGIN_ALL_TIME and not is_ever_so else 0
        if ever:
            is_all_time = True
            i += ever
            rest.append(TIME)
            continue
        rest.append(words[i])
        i += 1
    return Times(tuple(rest), tuple(periods), relative, is_all_time)


def _last_left_out(words: Sequence[str], i: int, period: DateRange, today: date) -> DateRange | None:
    """Return the period that a bare "last" means: "this month than last", "this winter than last"."""
    if words[i] != "last" or (i + 1 < len(words) and words[i + 1] not in {"?", "!", ",", "for"}):
        return None
    noun = next((word for word in reversed(words[:i]) if word in UNITS or word in SEASONS or word == "weekend"), "")
    if noun in SEASONS and period.start is not None:
        start = dates.add(period.start, -1, Unit.YEAR)
        return DateRange(start=start, end=dates.add(start, _SEASON_MONTHS, Unit.MONTH))
    if noun == "weekend" and period.start is not None and period.end is not None:
        return DateRange(start=period.start - 7 * DAY, end=period.start - 5 * DAY)
    unit = UNITS.get(noun, "hour")
    return dates.calendar_unit(today, Unit(unit), -1) if unit != "hour" else None


def _clipped(period: DateRange, today: date) -> DateRange:
    """Return the part of ``period`` that is not in the future; one that is wholly there stays, and is never empty."""
    tomorrow = today + DAY
    if period.start is not None and period.start >= tomorrow:
        return DateRange(start=period.start, end=max(period.end or period.start, period.start + DAY))
    if period.end is None or period.end > tomorrow:
        return DateRange(start=period.start, end=tomorrow)
    return period


class _Grammar(CalendarPeriods):
    """One period, or a range made of two ends."""

    def __init__(self, words: Sequence[str], now: datetime) -> None:
        super().__init__(words, now)
        self._read: dict[int, Found | None] = {}
        self._rules: tuple[Callable[[int], Found | None], ...] = (
            self._to_date, self._part_of_month,
            self._near_day, self._this_time, self._week_of,
            self._week_last, self._ago, self._before_last, self._rolling, self._unit,
            self._so_far, self._weekend, self._weekdays_ago, self._weekday,
            self._third_of_month, self._days_of_month, self._day_month, self._month_day,
            self._month, self._numeric, self._day_of_month, self._year, self._season, self._quarter, self._holiday,
            self._lately,
        )  # fmt: skip

    # ranges made of two ends

    def period(self, i: int) -> Found | None:
        start = i + 1 if self._at(i) in {"anytime", "sometime", "only", "just"} else i
        return self._between(start) or self._one_sided(start) or self._simple_or_span(start)

    def _between(self, i: int) -> Found | None:
        opening = self._at(i)
        if opening not in {"between", "from"}:
            return None
        links = {"and", "-"} if opening == "between" else {"to", "until", "till", "til", "through", "-", "thru", "and"}
        return self._span(i + 1, links)

    def _simple_or_span(self, i: int) -> Found | None:
        return self._span(i, {"to", "-", "until", "till", "through", "thru"}) or self._simple(i)

    def _span(self, i: int, links: set[str]) -> Found | None:
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
        return Found(second.after, DateRange(start=start, end=end))

    def _now_found(self, i: int) -> Found | None:
        if self._at(i) == "now":
            return Found(i + 1, dates.days(self._today))
        if self._at(i) == "the" and self._at(i + 1) == "present":
            return Found(i + 2, dates.days(self._today))
        return None

    def _one_sided(self, i: int) -> Found | None:
        if self._at(i) not in _FIRST_OF_LEADS or (self._at(i) == "up" and self._at(i - 1) in _BEFORE_UP):
            return None
        led = next((lead for lead in _LEADS if tuple(self._words[i : i + len(lead[0])]) == lead[0]), None)
        if led is None:
            return None
        word, behind = led[1], i + len(led[0])
        found = self._now_found(behind) if word == "until" else None
        edge = self._edge(behind)
        found = found or edge or self._simple(behind) or (self._event(behind) if word == "since" else None)
        if found is None:
            return None
        start, end, tomorrow = found.period.start, found.period.end, self._today + DAY
        after = found.after
        if word == "from":
            is_open = self._at(after) in {"on", "onwards", "onward"}
            if edge is not None and not is_open:  # "from the start of last week"
                return Found(after, DateRange(start=start, end=tomorrow))
            return Found(after + 1, DateRange(start=start, end=tomorrow)) if is_open else None
        periods = {
            "since": DateRange(start=start, end=tomorrow),
            "before": DateRange(end=start),
            "after": DateRange(start=end, end=max(tomorrow, end or tomorrow)),
        }
        return Found(after, periods.get(word, DateRange(end=end)))

    def _edge(self, i: int) -> Found | None:
        """Read "the start of the year", "the end of last week": the first or last day. A month's is a third of it."""
        i += self._at(i) == "the"
        edge = self._at(i)
        if edge not in {"start", "beginning", "end", "turn"} or self._at(i + 1) != "of":
            return None
        found = self._simple(i + 2) or self._running_unit(i + 2)
        if found is None or found.period.start is None or found.period.end is None:
            return None
        is_month = found.period.start.day == 1 and (found.period.end - found.period.start).days <= 31  # noqa: PLR2004
        if is_month and edge == "end":
            return None
        day = found.period.end - DAY if edge == "end" else found.period.start
        return Found(found.after, dates.days(day))

    def _event(self, i: int) -> Found | None:
        """Read the date of what happened: "(since) I moved house on 3 May", "(since) my birthday, 5 March"."""
        for k in range(i + 1, min(i + 1 + _EVENT_WORDS_MAX, len(self._words))):
            if self._at(k - 1) in _NO_EVENT or self._at(k) in _NO_EVENT:
                return None
            is_dated = self._at(k) in {"on", "in", "at", "last", "yesterday"} or self._at(k - 1) == ","
            found = self._simple(k) if is_dated else None
            if found is not None:
                return found
        return None

    # one period

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
        if (self._at(i), self._at(i + 1)) == ("bank", "holiday") and self._at(i + 2) == "weekend":
            i += 2
        i += self._at(i) == "long" and self._at(i + 1) == "weekend"
        if not _begins(self._at(i)):
            return None
        for rule in self._rules:
            found = rule(i)
            if found is not None:
                return self._with_trailer(found)
        return None

    def _with_trailer(self, found: Found) -> Found:
        """Swallow what adds no date: parts of the day, "so far", "as a whole", "year to date"."""
        i = found.after
        for trailer, needs_day_part in _TRAILERS:
            behind = i + len(trailer)
            if tuple(self._words[i:behind]) == trailer and (not needs_day_part or self._at(behind) in DAY_PARTS):
                return Found(behind + needs_day_part, found.period)
        if found.period.start and found.period.end == found.period.start + 7 * DAY:  # "last week on Wednesday"
            behind = i + (self._at(i) in {"on", ","})
            weekday = WEEKDAYS.get(self._at(behind))
            if weekday is not None and self._at(behind + 1) not in {"and", "to", "-"}:
                return Found(behind + 1, dates.days(found.period.start + weekday * DAY))
        if self._at(i) in DAY_PARTS and found.period.end and found.period.start == found.period.end - DAY:
            i += 1 + (self._at(i + 1) == "time")
        return Found(i, found.period)
