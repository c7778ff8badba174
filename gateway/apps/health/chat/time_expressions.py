"""Reading periods out of words: an own grammar, since no library read more than 29 of 48 everyday expressions.

A reader is given a position and returns what it found with the position behind it, or None. Whole local dates; weeks
from Monday; half-open ranges that end tomorrow at the latest. What was read is replaced by :data:`TIME`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from gateway.apps.health.chat.changes_of_periods import FEW, OPENS_FURTHER_BACK
from gateway.apps.health.chat.frame import DateRange
from gateway.apps.health.chat.one_period import OPENS_ONE, begins
from gateway.apps.health.chat.parts_of_that import OPENS_REACHING, part_of_that, reaching
from gateway.apps.health.chat.period_ranges import FIRST_OF_LEADS, PeriodRanges
from gateway.apps.health.chat.periods_beside import (
    Place,
    clipped,
    joined,
    may_leave_out,
    meant_beside,
    set_off,
    unit_left_out,
)
from gateway.apps.health.chat.periods_from_today import Found
from gateway.apps.health.chat.relative_times import Relative
from gateway.apps.health.chat.relative_words import read_relative
from gateway.apps.health.chat.time_words import (
    ALL_TIME_PHRASES,
    DAY_PARTS,
    FEASTS,
    HOLIDAYS,
    LATELY,
    MONTHS,
    NEAR_DAYS,
    ORDINALS,
    QUARTERS,
    SEASONS,
    THIRDS,
    UNITS,
    WEEKDAYS,
    by_first_word,
    phrase_at,
    whole_number,
    year_number,
)

TIME: Final = "<time>"
WORDS_OF_TIME: Final = frozenset(
    {
        *UNITS, *MONTHS, *WEEKDAYS, *(f"{name}s" for name in (*WEEKDAYS, *SEASONS)), *SEASONS, *QUARTERS, *DAY_PARTS,
        *THIRDS, *(word for phrases in (HOLIDAYS, FEASTS, NEAR_DAYS, LATELY) for phrase in phrases for word in phrase),
        "easter", "fortnight", "fortnights", "weekend", "weekends", "decade", "decades", "quarter", "quarters", "half",
        "sat", "sun", "wed", "then", "that", "it", "time", "period", "date", "range", "other", "one", "now", "present",
        "til", "till", "thru", *ORDINALS,
    }
)  # fmt: skip
_ALL_TIME: Final = by_first_word(ALL_TIME_PHRASES)
_OR_ANY_OTHER: Final = by_first_word(
    tuple(phrase.split())
    for phrase in (
        "or any other", "or any other year", "or any other month", "or any other week", "or any other time",
        "or any year", "or any month", "or any time", "or at any time", "or at any other time", "or in any other year",
        "or in any other month", "or in any year", "or in any other", "or ever", "or whenever", "or any time before",
        "or any time at all", "or at any time before", "or otherwise",
    )
)  # fmt: skip
"""Behind a period these ask of all time: "at its worst, this year or any other"."""
_AFTER_ALL_OVER: Final = frozenset({"after", "at", "before", "between", "during", "from", "in", "on", "since", "until"})
"""Behind "over", these begin the time, and "over" belongs to what was before: "itching all over in May"."""
_BEFORE_OVER: Final = tuple(
    [word] for word in ("keeled", "keel", "keeling", "fell", "fall", "falling", "doubled", "all")
)
"""Of these, "over" is a part: "I fell over last week", "aching all over last week"."""
_NEAR: Final = 4
"""Words before a span among which the season stands that it says more of."""
_NO_PERIOD: Final = -1
_MAY_BEGIN: Final = frozenset(
    {
        "double",
        "triple",
        "treble",
        "twice",
        "last",
        "past",
        "previous",
        "preceding",
        "prior",
        "next",
        "following",
        "the",
    }
)
"""Where little is said, these may begin what has no word of time: "the last sixty", "twice as long"."""
_OPENS: Final = OPENS_ONE | FIRST_OF_LEADS | OPENS_REACHING | OPENS_FURTHER_BACK | _MAY_BEGIN | DAY_PARTS | {
    "between", "anytime", "sometime", "only", "just", "week", "since", "before", "after", "earlier", "till", "ever",
    "same", "that", "rest", "plus", "give", "an",
}  # fmt: skip
"""Before a period's own beginning, or a reference's; no other word opens a time, which most words are spared by."""
_AHEAD_MAX: Final = 13
"""Words within which one must tell time for a period to begin; more only costs time."""


@dataclass(frozen=True, slots=True)
class Times:
    """What was said of time: periods in the order of their mention, or a reference to the one spoken of before."""

    words: tuple[str, ...]
    periods: tuple[DateRange, ...] = ()
    relative: Relative | None = None
    is_all_time: bool = False
    beside: Relative | None = None
    """What is meant instead where a period was spoken of before: "the previous week", "the second half", "the 6th"."""
    named: DateRange | None = None
    """The whole of the one period, a month or season by its name alone that has not ended yet."""
    places: tuple[int, ...] = ()
    """Which of the periods each mark in ``words`` stands for, -1 for a reference and for all time."""
    taken_back: tuple[DateRange, ...] = ()
    """What is said not to be meant: "not August, September"."""


def find_times(words: Sequence[str], now: datetime) -> Times:
    """Return the periods in ``words``; ``now`` is the person's local time."""
    grammar = PeriodRanges(words, now)
    rest: list[str | int] = []
    periods: list[DateRange] = []
    relative: Relative | None = None
    beside: Relative | None = None
    named: DateRange | None = None
    is_all_time = False
    tells_time = [word in WORDS_OF_TIME or word[:1].isdigit() for word in words]
    i = 0
    while i < len(words):
        is_all_over = words[i] == "over" and (
            words[i - 1 : i] in _BEFORE_OVER or (i + 1 < len(words) and words[i + 1] in _AFTER_ALL_OVER)
        )
        may_begin = (
            not is_all_over
            and (words[i] in _OPENS or begins(words[i]))
            and (
                words[i] == "since"
                or any(tells_time[i : i + _AHEAD_MAX])
                or (len(words) <= FEW and (words[i] in _MAY_BEGIN or whole_number(words[i]) is not None))
            )
        )
        reference = _reference_at(words, i, grammar, now) if may_begin else None
        if reference is not None:
            is_of_last = reference[1].is_around and bool(periods) and rest[-1] == len(periods) - 1
            last = periods.pop() if is_of_last else None
            tied = _tied(reference, words, grammar, last, now.date())
            periods += [tied.period] if tied is not None else []
            relative = relative or (reference[1] if tied is None else None)
            i = tied.after if tied is not None else reference[0]
            rest.append(_NO_PERIOD if tied is None else len(periods) - 1)
            continue
        found = grammar.period(i) if may_begin else None
        before = grammar.block_before(i) if found is not None and periods else None
        if before is not None:  # "the last 7 days compared to the previous 7 days"
            found = Found(before[0], before[1].resolve(periods[-1], now.date()))
        elif found is None and words[i] in {"last", "this"} and periods and may_leave_out(rest, words[i]):
            found = unit_left_out(words, i, periods[-1], now.date())
        if found is not None:
            seen = meant_beside(words[i : found.after])
            beside = beside or seen
            if periods:
                found = Found(found.after, set_off(found.period, periods[-1], words[: found.after], seen, now.date()))
            named = found.period if _is_running(found.period, words[i : found.after], now.date()) else None
            place = Place(words[max(0, i - _NEAR) : i], words[i : found.after], rest[-2:])
            periods = joined(periods, found.period, place, now.date())
            i = found.after
            rest.append(len(periods) - 1)
            if words[i : i + 1] == ["or"] and len(periods) == 1 and (other := phrase_at(words, i, _OR_ANY_OTHER)):
                periods, is_all_time, i, rest[-1] = [], True, i + other, _NO_PERIOD
            continue
        if ever := _all_time_at(words, i):
            is_all_time = True
            i += ever
            rest.append(_NO_PERIOD)
            continue
        rest.append(words[i])
        i += 1
    return Times(
        tuple(TIME if isinstance(word, int) else word for word in rest),
        tuple(periods),
        relative,
        is_all_time,
        beside if len(periods) == 1 else None,
        named if len(periods) == 1 else None,
        tuple(word for word in rest if isinstance(word, int)),
    )


def _reference_at(words: Sequence[str], i: int, grammar: PeriodRanges, now: datetime) -> tuple[int, Relative] | None:
    reach = reaching(words, i, grammar) if words[i] in OPENS_REACHING else None
    return part_of_that(words, i, now) or reach or read_relative(words, i)


def _tied(
    reference: tuple[int, Relative], words: Sequence[str], grammar: PeriodRanges, last: DateRange | None, today: date
) -> Found | None:
    """Read what ``reference`` is seen from behind it, "the week before Christmas"; or ``last``, right before it."""
    at, relative = reference
    if last is not None:  # "5 May, 3 days either side"
        return Found(at, clipped(relative.resolve(last, today), today))
    is_since_a_day = relative.is_since and relative.unit is not None  # "from that day on, 1 July"
    if not (relative.steps or is_since_a_day):
        return None
    seen_from = grammar.period(at + (is_since_a_day and words[at : at + 1] == [","]))
    return Found(seen_from.after, clipped(relative.resolve(seen_from.period, today), today)) if seen_from else None


def _is_running(period: DateRange, said: Sequence[str], today: date) -> bool:
    """Tell what is said by a name alone and goes on: "(only) summer", in July."""
    is_named = any(word in MONTHS or word in SEASONS or word in QUARTERS for word in said)
    is_near = not {"this", "last", "past"}.isdisjoint(said) or any(year_number(word) for word in said)
    return is_named and not is_near and period.start is not None and period.end is not None and period.end > today


def _all_time_at(words: Sequence[str], i: int) -> int:
    return phrase_at(words, i, _ALL_TIME) if words[i : i + 2] != ["ever", "so"] else 0
