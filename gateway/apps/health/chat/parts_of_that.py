"""Periods made of the one spoken of before: a part of it, "the second half of that year", or it and more."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time
from typing import Final

from gateway.apps.health.chat.changes_of_periods import FEW, is_opening
from gateway.apps.health.chat.dates import DAY, Unit, start_of
from gateway.apps.health.chat.frame import DateRange
from gateway.apps.health.chat.period_ranges import PeriodRanges
from gateway.apps.health.chat.periods_from_today import ARTICLES
from gateway.apps.health.chat.relative_times import Relative
from gateway.apps.health.chat.relative_words import read_relative
from gateway.apps.health.chat.time_words import PREPOSITIONS

_WHOLES: Final = frozenset({"week", "month", "year"})
_NO_PART: Final = frozenset({"since", "until", "till", "before", "after", "and", "or", "than", "versus", "?", ","})
"""With these, what stands before "that month" is no part of it."""
_SAYS_NOTHING: Final = PREPOSITIONS | ARTICLES | {"only", "just", "all", "whole", "entire"}
_PART_WORDS_MAX: Final = 9
_IT: Final = frozenset({"it", "that", "this", "then"})
_AT_END: Final[tuple[list[str], ...]] = ([], ["?"], [","], ["!"], ["please"], ["only"])
OPENS_REACHING: Final = frozenset(
    {"extend", "stretch", "widen", "expand", "lengthen", "carry", "continue", "take", "run", "bring", "push", "roll",
     "include", "add", "plus", "put", "throw", "count"}
)  # fmt: skip
_REACHES: Final = re.compile(
    r"(?:(?:extend|stretch|widen|expand|lengthen)"
    r"(?: (?:it|that|this|them|(?:the|that) (?:range|period|window|time|span|dates?|chart|graph|plot)))?"
    r"(?: (?:on|up|out|back|right|forwards?|all the way))* (?:to|until|till|through to)"
    r"|(?:carry|continue|take|run|bring|push|roll)"
    r" (?:it|that|this|them|on|(?:the|that) (?:range|period|window|time|span|dates?|chart|graph|plot))"
    r"(?: (?:on|up|out|right|forwards?|all the way))* (?:to|until|till|through to)) "
)
_TAKES_IN: Final = frozenset({"include", "add", "plus", "take", "put", "throw", "count"})
_BEHIND_TAKEN: Final = re.compile(
    r"(?:(?:in|on|too|also|as well|to (?:it|that|this)|with (?:it|that)) )*(?=$|[?!,]|please|both)"
)
_REFERS: Final = frozenset({"that", "same", "it"})
_AHEAD_MAX: Final = 13


def part_of_that(words: Sequence[str], i: int, now: datetime) -> tuple[int, Relative] | None:
    """Read "the second half of that year", "early that month", as it is read of this one."""
    if _REFERS.isdisjoint(words):
        return None
    for k in range(i + 1, min(i + _PART_WORDS_MAX, len(words))):
        is_of_it = words[k - 1] == "of" and words[k] in _IT and words[k + 1 : k + 2] in _AT_END
        unit = words[k + 1] if words[k : k + 1] != [] and words[k] in {"that", "same"} and k + 1 < len(words) else ""
        if unit not in _WHOLES and not is_of_it:
            continue
        part = tuple(words[i : k - (words[k - 1] == "the")])
        if not _says_more(part) or not _NO_PART.isdisjoint(part):
            return None
        units = ("month", "year") if is_of_it else (unit,)
        if not any(_is_whole_period([*part, "this", each], now) for each in units):
            return None
        return (k + 1, Relative(part=part)) if is_of_it else (k + 2, Relative(Unit(unit), part=part))
    return None


def _is_whole_period(words: Sequence[str], now: datetime) -> bool:
    found = PeriodRanges(words, now).period(0)
    return found is not None and found.after == len(words)


def _says_more(part: Sequence[str]) -> bool:
    return any(word not in _SAYS_NOTHING for word in part)


def part_of(relative: Relative, whole: DateRange, today: date) -> DateRange:
    """Return the ``part`` of ``relative`` in ``whole``, which is a week, month or year, or else in one of these."""
    if whole.end is None or whole.start is None:
        return whole
    is_month = start_of(whole.start, Unit.MONTH) == start_of(whole.end - DAY, Unit.MONTH)
    unit = relative.unit or (Unit.MONTH if is_month else Unit.YEAR)
    then = datetime.combine(min(whole.end - DAY, today), time())
    found = PeriodRanges([*relative.part, "this", unit.value], then).period(0)
    return found.period if found is not None else whole


def reaching(words: Sequence[str], i: int, grammar: PeriodRanges) -> tuple[int, Relative] | None:
    """Read what the period before is to hold as well: "extend that to today", "take March in, too"."""
    if words[i] in _TAKES_IN and (taken := _taken_in(words, i, grammar)) is not None:
        return taken
    found = _REACHES.match(" ".join(words[i : i + _AHEAD_MAX])) if is_opening(words[:i]) else None
    if found is None:
        return None
    at = i + len(found[0].split())
    reach = grammar.period_or_now(at)
    if reach is None or reach.period.start is None:
        return None
    return reach.after, Relative(reach=reach.period)


def _taken_in(words: Sequence[str], i: int, grammar: PeriodRanges) -> tuple[int, Relative] | None:
    """Read "include March", "add March to it", "take March in as well" where nothing else is said."""
    if len(words) > FEW or not is_opening(words[:i]):
        return None
    at = i + 1 + (words[i + 1 : i + 2] in (["in"], ["on"]))
    found = grammar.period(at)
    seen = read_relative(words, at) if found is None and at < len(words) else None
    if seen is not None and seen[1].steps:
        after, taken = seen[0], replace(seen[1], is_with=True)
    elif found is not None and found.period.start is not None:
        after, taken = found.after, Relative(reach=found.period)
    else:
        return None
    behind = _BEHIND_TAKEN.match(" ".join(words[after:]) + " " * (after < len(words)))
    is_in = words[i] in {"include", "add", "plus"} or "in" in words[i + 1 :]
    return (after + len(behind[0].split()), taken) if behind is not None and is_in else None
