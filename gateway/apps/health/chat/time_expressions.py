"""Reading periods out of words: an own grammar, since no library read more than 29 of 48 everyday expressions.

A reader is given a position and returns what it found with the position behind it, or None. Whole local dates; weeks
from Monday; half-open ranges that end tomorrow at the latest. What was read is replaced by :data:`TIME`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Final

from gateway.apps.health.chat import dates
from gateway.apps.health.chat.counted_periods import CountedPeriods
from gateway.apps.health.chat.dates import DAY, Unit
from gateway.apps.health.chat.frame import DateRange
from gateway.apps.health.chat.periods_from_today import ARTICLES, Found
from gateway.apps.health.chat.relative_times import Relative, read_relative
from gateway.apps.health.chat.time_words import (
    ALL_TIME_PHRASES,
    AMOUNT_WORDS,
    DAY_PARTS,
    FEASTS,
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
    year_number,
)

TIME: Final = "<time>"
_LEADS: Final = tuple(
    (tuple(phrase.split()), meant)
    for meant, phrases in {
        "since": (
            "no earlier than", "not earlier than", "not before than", "not before", "no sooner than",
            "not sooner than", "on or after", "on and after", "ever since",
            "as of", "since", "starting from", "starting in", "starting on", "beginning from", "beginning in",
            "beginning on", "onwards from", "onward from", "starting",
        ),
        "until": (
            "up to and including", "up to & including", "until and including", "no later than", "not later than",
            "by the end of", "by the close of",
            "on or before", "on and before", "up to", "up until", "up till", "until", "till", "til",
        ),
        "before": ("prior to", "before", "earlier than"),
        "after": ("after", "later than"),
        "from": ("from",),
    }.items()
    for phrase in phrases
)  # fmt: skip
"""What opens or closes a range at one end. Of those that begin alike, the longer stands first."""
_FIRST_OF_LEADS: Final = frozenset(phrase[0] for phrase, _ in _LEADS)
_EVENT_WORDS_MAX: Final = 8
_MEALS: Final = frozenset({"meal", "meals", "breakfast", "lunch", "dinner", "tea", "supper", "bed", "game", "gym"})
_OPENS_ANOTHER: Final = frozenset({"since", "until", "till", "between"})
"""What begins a time of its own behind one of what happened: "after the race, that is since 21 July"."""
_NO_EVENT: Final = frozenset({"how", "when", "what", "which", "did", "latest", "previous", "?", "and", "had", "have"})
_BEFORE_UP: Final = frozenset({"measure", "measured", "measures", "stack", "stacked", "stacks", "add", "live", "match"})
"""Of these, "up" is a part: "how does it measure up to last week"."""
_JOINING: Final = frozenset({"than", "and", "or", "versus", "with", "to", "against"})
_TRAILERS: Final = (
    (("so", "far"), False), (("to", "date"), False), (("as", "a", "whole"), False), (("in", "the"), True),
    (("at",), True), (("late",), True), (("early",), True),
)  # fmt: skip
"""What may follow a period and adds no date, and whether a part of the day must come behind it."""


_CORRECTING: Final = frozenset({"not", "no", "sorry", "mean", "meant", "wait", "rather", "oops", "actually"})
_BEFORE_MEANT: Final = frozenset({",", "but", "-"})
"""What stands in a correction, and before what is meant in it: "not this week, last"."""
_WHOLE: Final = frozenset({"whole", "entire", "full", "all"})
_OR_ANY_OTHER: Final = tuple(
    tuple(phrase.split())
    for phrase in (
        "or any other", "or any other year", "or any other month", "or any other week", "or any other time",
        "or any year", "or any month", "or any time", "or at any time", "or at any other time", "or in any other year",
        "or in any other month", "or in any year", "or in any other", "or ever", "or whenever", "or any time before",
        "or any time at all", "or at any time before", "or otherwise",
    )
)  # fmt: skip
"""Behind a period these ask of all time: "at its worst, this year or any other"."""
_RETURNING: Final = frozenset({*SEASONS, *MONTHS})
_ROUGHLY: Final = frozenset({"about", "around", "roughly", "approximately", "approx", "circa", "maybe"})
_BEHIND_AN_AMOUNT: Final = frozenset(
    {"i", "my", "how", "am", "is", "has", "have", "show", "list", "what", "which", "please", "continuously", "now"}
)
"""What goes on behind "since two weeks"."""
_ENDS: Final = frozenset({"", "?", "!", ","})
_UNTIL_NOW: Final = tuple(
    tuple(phrase.split()) for phrase in ("up to now", "until now", "till now", "up until now", "up till now")
)
_SEASON_MONTHS: Final = 3
_NEAR: Final = 4
"""Words before a span among which the season stands that it says more of."""
_MONTH_DAYS: Final = 31
_HOURS: Final = 12
_MONTHS_BACK_MAX: Final = 60
_LINKS: Final = frozenset({"to", "-", "and", "until", "till", "through", "between"})
_STEPS_MAX: Final = 1_000
_NO_PERIOD: Final = -1
_IN: Final = frozenset({"in", "of", "for", "during"})
_MONTHS_WITHOUT: Final = 62
"""Days within which each day of a month comes."""
_AHEAD_MAX: Final = 13
"""Words within which one must tell time for a period to begin; more only costs time."""
WORDS_OF_TIME: Final = frozenset(
    {
        *UNITS, *MONTHS, *WEEKDAYS, *(f"{name}s" for name in (*WEEKDAYS, *SEASONS)), *SEASONS, *QUARTERS, *DAY_PARTS,
        *THIRDS, *(word for phrases in (HOLIDAYS, FEASTS, NEAR_DAYS, LATELY) for phrase in phrases for word in phrase),
        "easter", "fortnight", "fortnights", "weekend", "weekends", "decade", "decades", "quarter", "quarters", "half",
        "sat", "sun", "wed", "then", "that", "it", "time", "period", "date", "range", "other", "one", "now", "present",
        "til", "till", "thru", *ORDINALS,
    }
)  # fmt: skip


_BEGIN_ALL_TIME: Final = frozenset(phrase[0] for phrase in ALL_TIME_PHRASES)
_BEGINNINGS: Final = frozenset(
    {
        *UNITS, *MONTHS, *WEEKDAYS, *SEASONS, *QUARTERS, *THIRDS, *AMOUNT_WORDS, "calendar",
        *(phrase[0] for phrases in (HOLIDAYS, FEASTS, NEAR_DAYS, LATELY) for phrase in phrases),
        "last", "this", "past", "previous", "preceding", "latest", "current", "final", "other", "these", "easter",
        "half", "quarter", "fortnight", "fortnights", "decade", "weekend", "weekends", "sat", "sun", "wed", "good",
        "latter", "h",
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
    beside: Relative | None = None
    """What is meant instead where a period was spoken of before: "the previous week", "the second half", "the 6th"."""
    named: DateRange | None = None
    """The whole of the one period, a month or season by its name alone that has not ended yet."""
    places: tuple[int, ...] = ()
    """Which of the periods each mark in ``words`` stands for, -1 for a reference and for all time."""


_AFTER_ALL_OVER: Final = frozenset({"after", "at", "before", "between", "during", "from", "in", "on", "since", "until"})
"""Behind "over", these begin the time, and "over" belongs to what was before: "itching all over in May"."""


_BEFORE_OVER: Final = tuple(
    [word] for word in ("keeled", "keel", "keeling", "fell", "fall", "falling", "doubled", "all")
)
"""Of these, "over" is a part: "I fell over last week", "aching all over last week"."""


def find_times(words: Sequence[str], now: datetime) -> Times:
    """Return the periods in ``words``; ``now`` is the person's local time."""
    grammar = _Grammar(words, now)
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
        may_begin = not is_all_over and any(tells_time[i : i + _AHEAD_MAX])
        reference = read_relative(words, i) if may_begin else None
        if reference is not None:
            tied = grammar.period(reference[0]) if reference[1].steps else None
            if tied is not None:  # "the week before Christmas"
                periods.append(_clipped(reference[1].resolve(tied.period, now.date()), now.date()))
            else:
                relative = relative or reference[1]
            i = tied.after if tied is not None else reference[0]
            rest.append(_NO_PERIOD if tied is None else len(periods) - 1)
            continue
        found = grammar.period(i) if may_begin else None
        before = grammar.block_before(i) if found is not None and periods else None
        if before is not None:  # "the last 7 days compared to the previous 7 days"
            found = Found(before[0], before[1].resolve(periods[-1], now.date()))
        elif found is None and words[i] in {"last", "this"} and periods and _may_leave_out(rest, words[i]):
            found = _unit_left_out(words, i, periods[-1], now.date())
        if found is not None:
            seen = _beside(words[i : found.after])
            beside = beside or seen
            if periods:
                found = Found(found.after, _set_off(found.period, periods[-1], words[: found.after], seen, now.date()))
            named = found.period if _is_running(found.period, words[i : found.after], now.date()) else None
            place = _Place(words[max(0, i - _NEAR) : i], words[i : found.after], rest[-2:])
            periods = _with(periods, found.period, place, now.date())
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


def _is_running(period: DateRange, said: Sequence[str], today: date) -> bool:
    """Tell what is said by a name alone and goes on: "(only) summer", in July."""
    is_named = any(word in MONTHS or word in SEASONS or word in QUARTERS for word in said)
    is_near = not {"this", "last", "past"}.isdisjoint(said) or any(year_number(word) for word in said)
    return is_named and not is_near and period.start is not None and period.end is not None and period.end > today


def _set_off(
    period: DateRange, before: DateRange, words: Sequence[str], beside: Relative | None, today: date
) -> DateRange:
    """Return what ``period``, whose words are the last of ``words``, means behind ``before``."""
    if (
        beside is not None and beside.half and beside.fits(before, today)
    ):  # "the first half of April or the second half"
        return beside.resolve(before, today)
    noun = words[-1]
    is_named_twice = ("this", noun) in pairwise(words) and words[-2] == "last"
    if is_named_twice and noun in _RETURNING and _clipped(period, today) == before:  # "this summer and last summer"
        return Relative(Unit.YEAR, -1, is_shift=True).resolve(period, today)
    return period


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a period stands: the words close before it, its own, and the last two of what was made of those before."""

    near: Sequence[str]
    said: Sequence[str]
    last: Sequence[str | int]

    def is_near_time(self) -> bool:
        """Tell that a time, or "that is" of one, has just been said, of which the next may say more."""
        before = self.last[-2:-1] if self.last[-1:] == [","] else self.last[-1:]
        return self.last[-1:] == ["is"] or any(isinstance(word, int) for word in before)


def _all_time_at(words: Sequence[str], i: int) -> int:
    may_be = words[i] in _BEGIN_ALL_TIME and words[i : i + 2] != ["ever", "so"]
    return phrase_at(words, i, ALL_TIME_PHRASES) if may_be else 0


def _with(periods: list[DateRange], period: DateRange, place: _Place, today: date) -> list[DateRange]:
    """Return ``periods`` and ``period``, or it in place of the last if it only says more of that."""
    period, said = _clipped(period, today), place.said
    closer = _closer(period, periods[-1], place.near, said, today) if periods and place.is_near_time() else None
    if closer is not None and said[0] in {"from", "between"}:
        return [*periods[:-1], closer]
    if periods and place.last[-1] not in _JOINING and _are_days_alone(said):
        closer = _days_within(period, periods[-1])
        if closer is not None:
            return [*periods[:-1], closer]
    return periods if periods[-1:] == [period] else [*periods, period]  # "in autumn (September to November)"


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
    is_of_a_month = whole.end - whole.start <= _MONTH_DAYS * DAY
    is_named = any(year_number(word) is not None or (is_of_a_month and word in MONTHS) for word in said)
    meant = period if is_named else dates.within(period, whole, today)
    return meant if meant != period else None


def _is_a_day(period: DateRange) -> bool:
    return period.start is not None and period == dates.days(period.start)


def _is_up_to_a_week(period: DateRange) -> bool:
    return period.start is not None and period.end is not None and period.end - period.start <= 7 * DAY


def _day_alone(words: Sequence[str]) -> int:
    """Return the day of a month that ``words`` are and no more, or 0: "the 15th"."""
    said = [word for word in words if word not in ARTICLES]
    return (day_number(said[0]) or 0) if len(said) == 1 and not said[0].isdigit() else 0


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


def _next_day(start: date, day: int) -> date:
    """Return the first date from ``start`` on that is the ``day`` of its month."""
    return next(each for each in (start + k * DAY for k in range(_MONTHS_WITHOUT)) if each.day == day)


def _beside(words: Sequence[str]) -> Relative | None:
    """Return what "previous week", "second half", "6th" mean beside the period spoken of before."""
    said = [
        word for word in words if word not in PREPOSITIONS and word not in ARTICLES and word not in {"only", "just"}
    ]
    if said in (["first", "half"], ["second", "half"]):
        return Relative(half=1 if said[0] == "first" else 2)
    if len(said) == 1 and day_number(said[0]) is not None:
        return Relative(day=day_number(said[0]) or 0)
    unit = UNITS.get(said[-1], "hour") if said and said[0] in {"previous", "preceding", "prior"} else "hour"
    count = 1 if len(said) == 2 else whole_number(said[1]) if len(said) == 3 else None  # noqa: PLR2004
    return None if unit == "hour" or not count or count > _STEPS_MAX else Relative(Unit(unit), -count)


def _may_leave_out(rest: Sequence[str | int], word: str) -> bool:
    """Tell where a bare "last" or "this" may leave out its unit: "than last", "not last week, this"."""
    if rest[-1] in _JOINING:
        return word == "last"
    return not _CORRECTING.isdisjoint(rest) and (rest[-1] in _BEFORE_MEANT or rest[-1] in _CORRECTING)


def _unit_left_out(words: Sequence[str], i: int, period: DateRange, today: date) -> Found | None:
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


def _clipped(period: DateRange, today: date) -> DateRange:
    """Return the part of ``period`` that is not in the future; one that is wholly there stays, and is never empty."""
    tomorrow = today + DAY
    if period.start is not None and period.start >= tomorrow:
        return DateRange(start=period.start, end=max(period.end or period.start, period.start + DAY))
    if period.end is None or period.end > tomorrow:
        return DateRange(start=period.start, end=tomorrow)
    return period


class _Grammar(CountedPeriods):
    """One period, or a range made of two ends."""

    def __init__(self, words: Sequence[str], now: datetime) -> None:
        super().__init__(words, now)
        self._read: dict[int, Found | None] = {}
        self._rules: tuple[Callable[[int], Found | None], ...] = (
            self._beside_event, self._between_ago,
            self._to_date, self._nth_day, self._part_of_month, self._weekends, self._season_back, self._just_gone,
            self._amount_to_now, self._amount_beside,
            self._near_day, self._this_time, self._week_of, self._numbered_week,
            self._week_last, self._ago, self._before_last, self._rolling, self._unit,
            self._so_far, self._weekend_of, self._weekend, self._weekdays_ago, self._weekday,
            self._third_of_month, self._listed_days, self._days_of_month, self._day_month, self._month_day,
            self._month, self._numeric, self._day_of_month, self._year, self._season, self._quarter, self._holiday,
            self._lately,
        )  # fmt: skip

    # ranges made of two ends

    def period(self, i: int) -> Found | None:
        start = i + 1 if self._at(i) in {"anytime", "sometime", "only", "just"} else i
        return (
            self._between(start) or self._until_now_in(start) or self._one_sided(start) or self._simple_or_span(start)
        )

    def block_before(self, i: int) -> tuple[int, Relative] | None:
        """Read "the previous 7 days", which lie before those spoken of: the position behind, and how far before."""
        while self._at(i) in PREPOSITIONS or self._at(i) in ARTICLES:
            i += 1
        amount = self._amount(i + 1) if self._at(i) in {"previous", "preceding", "prior"} else None
        if amount is None or amount[1] < 2 or amount[2] == "hour" or amount[1] > _STEPS_MAX:  # noqa: PLR2004
            return None
        return amount[0], Relative(Unit(amount[2]), -amount[1])

    def _between(self, i: int) -> Found | None:
        opening = self._at(i)
        if opening not in {"between", "from"}:
            return None
        ago = self._between_ago(i + 1)
        if ago is not None:
            return ago
        first = self._now_found(i + 1) or self._simple(i + 1)
        if opening == "between" and first is not None and first.period == dates.days(self._today):
            back = self._simple(first.after + 1) if self._at(first.after) == "and" else None
            if back is not None and back.period.start is not None and back.period.start < self._today:
                return Found(back.after, DateRange(start=back.period.start, end=self._today + DAY))
        links = {"and", "-"} if opening == "between" else {"to", "until", "till", "til", "through", "-", "thru", "and"}
        return self._span(i + 1, links)

    def _simple_or_span(self, i: int) -> Found | None:
        return self._span(i, {"to", "-", "until", "till", "through", "thru"}) or self._simple(i)

    def _span(self, i: int, links: set[str]) -> Found | None:
        """Read "A to B", both included; A is the latest before B unless it says its year."""
        first = self._simple(i)
        if first is None:
            return None
        link = first.after + (self._at(first.after) == "up" and "to" in links)  # "from 1 May up to 31 May"
        if self._at(link) not in links:
            return None
        behind = link + 1 + 2 * ((self._at(link + 1), self._at(link + 2)) == ("and", "including"))
        second = self._now_found(behind) or self._simple(behind + (self._at(behind) in _ROUGHLY))
        if second is None:
            return None
        start, end = first.period.start, second.period.end
        day = _day_alone(self._words[behind : second.after])
        if day and start is not None and _is_up_to_a_week(first.period):  # "from the week of 9 March to the 15th"
            end = _next_day(start, day) + DAY
            return Found(second.after, DateRange(start=start, end=end))
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
        if self._at(i) == "date" and self._at(i - 1) == "to":
            return Found(i + 1, dates.days(self._today))
        if self._at(i) == "the" and self._at(i + 1) == "present":
            return Found(i + 2, dates.days(self._today))
        return None

    def _until_now_in(self, i: int) -> Found | None:
        """Read "up till now in this year"."""
        behind = i + phrase_at(self._words, i, _UNTIL_NOW)
        return self._simple(behind) if behind > i and self._at(behind) in _IN else None

    def _one_sided(self, i: int) -> Found | None:
        if self._at(i) not in _FIRST_OF_LEADS or (self._at(i) == "up" and self._at(i - 1) in _BEFORE_UP):
            return None
        led = next((lead for lead in _LEADS if tuple(self._words[i : i + len(lead[0])]) == lead[0]), None)
        if led is None:
            return None
        word, behind = led[1], i + len(led[0])
        found = self._now_found(behind) if word == "until" else None
        behind += self._at(behind) in _ROUGHLY and self._at(behind - 1) != "from"
        edge = self._edge(behind)
        found = found or edge or self._simple(behind) or (self._event(behind) if word == "since" else None)
        found = found or (self._for_an_amount(behind) if word in {"since", "from"} else None)
        found = found or (self._part_of_today(behind) if word == "since" else None)
        if found is None and word == "before" and (found := self._an_amount_ago(behind)) is not None:
            word = "ago"
        if found is None and word in {"before", "after", "until"} and self._at(behind) in {"my", "the", "our"}:
            event = self._event(behind)  # "before my holiday on 3 August"; not "after my jab in March", a month
            found = event if event is not None and _is_a_day(event.period) else None
        if found is None or word == "ago":
            return found
        start, end, tomorrow = found.period.start, found.period.end, self._today + DAY
        after = found.after + (self._at(found.after) in {"began", "begun", "started"})
        if word == "from" and self._at(after) in _BEHIND_AN_AMOUNT and self._for_an_amount(behind) == found:
            word = "since"
        if word == "from":
            is_open = self._at(after) in {"on", "onwards", "onward"}
            if edge is not None and not is_open:  # "from the start of last week"
                return Found(after, DateRange(start=start, end=tomorrow))
            lasting = self._for_so_long(start, after) if _is_a_day(found.period) else None
            return Found(after + 1, DateRange(start=start, end=tomorrow)) if is_open else lasting
        periods = {
            "since": DateRange(start=start, end=tomorrow),
            "before": DateRange(end=start),
            "after": DateRange(start=end, end=max(tomorrow, end or tomorrow)),
        }
        return Found(after, periods.get(word, DateRange(end=end)))

    def _for_so_long(self, start: date | None, i: int) -> Found | None:
        """Read "(from 3 May) for ten days"."""
        amount = self._amount(i + 1) if self._at(i) == "for" else None
        if start is None or amount is None or amount[2] == "hour" or amount[1] > _STEPS_MAX:
            return None
        return Found(amount[0], DateRange(start=start, end=dates.add(start, amount[1], Unit(amount[2]))))

    def _part_of_today(self, i: int) -> Found | None:
        """Read "(since) noon", "(since) 6 am"."""
        hour = self._at(i).split(".")[0]
        if hour.isdigit() and self._at(i + 1) in {"am", "pm", "oclock"} and int(hour) <= _HOURS:
            k = i + 2 + (self._at(i + 2) in {"this", "today"}) + (self._at(i + 2) == "in" and self._at(i + 3) == "the")
            k += self._at(k) in DAY_PARTS or (self._at(k) == "the" and self._at(k + 1) in DAY_PARTS)
            is_over = int(hour) % _HOURS + _HOURS * (self._at(i + 1) == "pm") <= self._now.hour
            if self._at(k) in _ENDS:
                return Found(k, dates.days(self._today if is_over else self._today - DAY))
        return Found(i + 1, dates.days(self._today)) if self._at(i) in DAY_PARTS and self._at(i + 1) in _ENDS else None

    def _for_an_amount(self, i: int) -> Found | None:
        """Read "(since) two weeks", "(from) two weeks I have", as it is said where English is learnt."""
        amount = self._amount(i)
        is_since = self._at(i - 1) == "since" and self._at(amount[0] if amount else i) in _ENDS
        if amount is None or amount[2] == "hour" or amount[1] > _STEPS_MAX:
            return None
        if not is_since and self._at(amount[0]) not in _BEHIND_AN_AMOUNT:
            return None
        return Found(amount[0], dates.rolling(self._today, amount[1], Unit(amount[2])))

    def _an_amount_ago(self, i: int) -> Found | None:
        """Read "(before) two weeks", said for two weeks ago."""
        amount = self._amount(i)
        if amount is None or amount[2] == "hour" or amount[1] > _STEPS_MAX:
            return None
        if self._at(amount[0]) not in _ENDS | _BEHIND_AN_AMOUNT:
            return None
        return Found(amount[0], dates.calendar_unit(self._today, Unit(amount[2]), -amount[1]))

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
            if self._at(k - 1) in _MEALS or self._at(k) in _OPENS_ANOTHER:  # "before the meal on Monday"
                return None
            is_dated = self._at(k) in {"on", "in", "at", "last", "yesterday"} or self._at(k - 1) == ","
            is_dated = is_dated or self._day_month(k) is not None  # "my birthday (3 March)"
            found = self._simple(k) if is_dated else None
            if found is not None:
                return found
        return None

    def _beside_event(self, i: int) -> Found | None:
        """Read "(the) day after my birthday, 3 May", "(the) week before the operation on 3 May"."""
        unit, sign = UNITS.get(self._at(i), "hour"), {"before": -1, "after": 1}.get(self._at(i + 1))
        if sign is None or unit == "hour" or self._at(i + 2) not in {"my", "the", "our", "i", "we"}:
            return None
        event = self._event(i + 2)
        if event is None or not _is_a_day(event.period):
            return None
        return Found(event.after, Relative(Unit(unit), sign).resolve(event.period, self._today))

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
        if self._at(i) in {"month", "year"} and self._at(i + 1) == "of" and self._at(i + 2) not in {"the", "my"}:
            i += 2  # "the month of October"
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
        if dated is None or dated.period.start is None or not _is_a_day(dated.period):
            return None
        is_same = (dated.period.start.month, dated.period.start.day) == (start.month, start.day)
        return dated if is_same else None

    def _with_trailer(self, found: Found) -> Found:
        """Swallow what adds no date: parts of the day, "so far", "as a whole", "year to date"."""
        found = self._said_again(found) or found
        i = found.after
        if found.period.end == self._today + DAY:  # "this week up to now"
            i += phrase_at(self._words, i, _UNTIL_NOW)
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
        if self._at(i) in DAY_PARTS and found.period.end and found.period.start == found.period.end - DAY:
            i += 1 + (self._at(i + 1) == "time")
        return Found(i, found.period)
