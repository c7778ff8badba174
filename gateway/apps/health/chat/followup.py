"""From a message and the question before it to one frame: each turn fills, replaces or clears slots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from gateway.apps.health.chat.context import Conversation, ReturnedRow
from gateway.apps.health.chat.dates import DAY, Unit, calendar_unit, days, is_a_day, within
from gateway.apps.health.chat.frame import ALL_TIME, DateRange, Intent, QueryFrame
from gateway.apps.health.chat.parts_of_that import part_of
from gateway.apps.health.chat.reading import Turn
from gateway.apps.health.chat.relative_times import Relative
from gateway.apps.health.chat.time_expressions import Times

_PLACES: Final = ("first", "second", "third", "fourth", "fifth")
_ONE_RECORD: Final = frozenset({Intent.LATEST, Intent.FIRST, Intent.MAX_SEVERITY, Intent.DURATION_SINCE})


def frame_of(turn: Turn, conversation: Conversation, today: date) -> QueryFrame:
    """Return the whole question that ``turn`` asks after ``conversation``."""
    if turn.intent is not None and not turn.intent.asks_for_data:
        return QueryFrame(intent=turn.intent)
    before = conversation.frame
    if before is None or _starts_afresh(turn):
        return _settled(_fresh(turn, today))
    frame = _continued(turn, before, conversation.rows, today)
    return _settled(_with_earlier_side(frame, conversation.earlier))


def _starts_afresh(turn: Turn) -> bool:
    is_seen_from_before = turn.times.relative is not None and not turn.times.periods
    if turn.carries or turn.intent is None or is_seen_from_before:
        return False
    return bool(turn.symptoms) or turn.intent is Intent.MOST_FREQUENT


def _fresh(turn: Turn, today: date) -> QueryFrame:
    periods = turn.times.periods
    if turn.times.relative is not None and periods:  # "last weekend or the weekend before"
        meant = turn.times.relative.resolve(periods[-1], today)
        part = turn.times.relative.part  # "in 2024 … the second half of that year"
        periods = (*periods[:-1], part_of(turn.times.relative, meant, today)) if part else (*periods, meant)
    elif turn.times.relative is not None and turn.times.relative.year_back and turn.times.relative.unit:
        periods = (turn.times.relative.resolve(calendar_unit(today, turn.times.relative.unit), today),)
    elif turn.times.relative is not None and turn.times.relative.named:  # "the previous May"
        periods = (turn.times.relative.resolve(days(today), today),)
    period, second = _periods(periods, is_comparison=turn.intent is Intent.COMPARE)
    if turn.intent is Intent.COMPARE and second is None and len(turn.symptoms) < 2 and period != ALL_TIME:  # noqa: PLR2004
        period, second = _with_other_side(period, today)
    return QueryFrame(
        intent=turn.intent or Intent.LIST,
        symptoms=turn.symptoms,
        excluded=() if turn.symptoms else turn.excluded,
        period=period,
        second=second,
        min_severity=turn.min_severity,
    )


def _continued(turn: Turn, before: QueryFrame, rows: Sequence[ReturnedRow], today: date) -> QueryFrame:
    turn = replace(turn, times=_in_year_of(turn.times, before, today)) if turn.times.taken_back else turn
    intent = turn.intent or before.intent
    if turn.counts_units and before.intent in {Intent.LATEST, Intent.DURATION_SINCE}:
        intent = Intent.DURATION_SINCE
    symptoms = _symptoms_meant(turn, before, rows)
    period, second = before.period, before.second
    periods = turn.times.periods
    if turn.times.relative is not None:
        origin = _origin(turn.times.relative, before, rows)
        relative = _in_year_said(turn.times.relative, periods)
        meant = relative.resolve(origin, today)
        meant = part_of(turn.times.relative, meant, today) if turn.times.relative.part else meant
        is_whole = turn.times.relative.unit not in {None, Unit.DAY} and not turn.times.relative.steps
        is_of_it = is_whole and len(periods) == 1 and relative.year is None
        periods = (within(periods[0], meant, today) if is_of_it else meant,)  # "May that year", "Friday that week"
    elif turn.times.beside is not None and turn.times.beside.fits(before.period, today):
        periods = (turn.times.beside.resolve(before.period, today),)
    elif len(periods) == 1 and periods[0].start is None and (turn.narrows or periods[0].end == today + DAY):
        start, end = before.period.start, periods[0].end  # "only until 20 March", "up to today"
        is_behind = start is not None and end is not None and start < end
        periods = (DateRange(start=start, end=end),) if is_behind else periods
    elif turn.narrows and len(periods) == 1:
        periods = (narrowed(turn.times, before.period, today),)
    elif turn.narrows and all(map(is_a_day, periods)):  # "only the Monday and Tuesday"
        moved = tuple(within(each, before.period, today) for each in periods)
        is_of_it = all(within(each, before.period, date.max) == each for each in moved)
        periods = moved if is_of_it else periods  # not "yesterday and today"
    if turn.times.is_all_time and not periods:
        period, second = ALL_TIME, None
    elif (
        intent is Intent.COMPARE
        and len(periods) == 1
        and not _compares_symptoms(before, symptoms)
        and (turn.intent is Intent.COMPARE or before.second)
    ):
        is_kept = turn.intent is not Intent.COMPARE and before.second not in turn.times.taken_back
        period, second = _ordered((before.second if is_kept else None) or before.period, periods[0])
    elif periods:
        period, second = _periods(periods, is_comparison=intent is Intent.COMPARE)
    is_held = turn.min_severity is None and not turn.any_severity
    return QueryFrame(
        intent=intent,
        symptoms=symptoms,
        excluded=() if symptoms else tuple(dict.fromkeys((*before.excluded, *turn.excluded))),
        period=period,
        second=second,
        min_severity=before.min_severity if is_held else turn.min_severity,
    )


def _symptoms_meant(turn: Turn, before: QueryFrame, rows: Sequence[ReturnedRow]) -> tuple[str, ...]:
    """Return the symptoms that ``turn`` asks for: its own, some or more than those before, or one that came back."""
    symptoms = turn.symptoms or tuple(name for name in before.symptoms if name not in turn.excluded)
    if (
        (turn.intent or before.intent) is Intent.DURATION_SINCE
        and before.symptoms
        and set(turn.excluded).isdisjoint(before.symptoms)
    ):
        symptoms = turn.symptoms or turn.excluded or symptoms  # how long without a fever, "and without vomiting?"
    if _is_set_beside(turn, before) or (turn.adds and before.symptoms):  # "compare that with neck pain"
        symptoms = tuple(dict.fromkeys((*before.symptoms, *turn.symptoms)))
    elif _is_one_of(turn, before) and turn.place is not None:
        symptoms = (before.symptoms[turn.place],)
    if turn.names_all_symptoms:
        symptoms = ()
    elif (
        not symptoms
        and rows
        and ((turn.refers_back and before.intent in {Intent.MOST_FREQUENT, *_ONE_RECORD}) or _asks_of_top(turn, before))
    ):
        symptoms = (rows[0].symptom,)
    return symptoms


def _in_year_said(relative: Relative, periods: Sequence[DateRange]) -> Relative:
    """Return "(in 2025,) same month", which is that of the year; any other as it is."""
    start = periods[0].start if len(periods) == 1 else None
    is_same = relative.unit in {Unit.DAY, Unit.WEEK, Unit.MONTH} and relative == Relative(relative.unit)
    if start is None or not is_same or periods[0] != calendar_unit(start, Unit.YEAR):
        return relative
    return replace(relative, year=start.year)


def _in_year_of(times: Times, before: QueryFrame, today: date) -> Times:
    """Return what takes the place of one of the periods ``before`` next to that: "not November, October", of 2024."""
    back, period = times.taken_back[0], times.periods[0]
    sides = [side for side in (before.period, before.second) if side is not None]
    if back in sides or len(times.periods) > 1 or period.start is None:
        return times
    side = next((side for side in sides if _is_of_another_year(side, back)), None)
    if side is None or side.start is None:
        return times
    first, year = side.start, side.start.year
    moved = [Relative(year=each).resolve(period, today) for each in (year - 1, year, year + 1)]
    nearest = min(moved, key=lambda each: abs(((each.start or first) - first).days))
    return replace(times, periods=(nearest,), taken_back=(side,))


def _is_of_another_year(one: DateRange, other: DateRange) -> bool:
    if one.start is None or other.start is None:
        return False
    return (one.start.month, one.start.day) == (other.start.month, other.start.day)


def narrowed(times: Times, whole: DateRange, today: date) -> DateRange:
    """Return the one of ``times`` as it lies in ``whole``; of a month that is running, which is named alone, too."""
    if times.named is not None and (meant := within(times.named, whole, date.max)) != times.named:
        return meant
    return within(times.periods[0], whole, today)


def _asks_of_top(turn: Turn, before: QueryFrame) -> bool:
    """Tell a question about the most frequent symptom that came back: "how often in total?"."""
    is_other = turn.intent in {*_ONE_RECORD, Intent.COUNT, Intent.AVERAGE_SEVERITY, Intent.TREND}
    return before.intent is Intent.MOST_FREQUENT and is_other and not turn.names_records


def _is_one_of(turn: Turn, before: QueryFrame) -> bool:
    """Tell one of the symptoms before, and not of the records: "the second one, how many times"."""
    is_of_records = turn.intent in {Intent.FIRST, Intent.LATEST, Intent.COMPARE}
    is_named = bool(turn.symptoms or turn.excluded or turn.times.relative)
    return turn.place is not None and 1 < len(before.symptoms) > turn.place and not (is_of_records or is_named)


def _is_set_beside(turn: Turn, before: QueryFrame) -> bool:
    """Tell a symptom that is to be compared with the one before it."""
    return (
        turn.intent is Intent.COMPARE
        and (turn.refers_back or turn.carries)
        and len(turn.symptoms) == len(before.symptoms) == 1
        and turn.symptoms != before.symptoms
        and not turn.times.periods
    )


def _with_earlier_side(frame: QueryFrame, earlier: QueryFrame | None) -> QueryFrame:
    """Return a comparison that names one side with what was asked before it: "in 2025?", "and in 2024?", "compare"."""
    if not frame.lacks_a_side or earlier is None or earlier.second is not None:
        return frame
    if earlier.symptoms == frame.symptoms and ALL_TIME not in {earlier.period, frame.period}:
        period, second = _ordered(frame.period, earlier.period)
        return frame.model_copy(update={"period": period, "second": second})
    if earlier.period == frame.period and len(earlier.symptoms) == len(frame.symptoms) == 1:
        return frame.model_copy(update={"symptoms": (*earlier.symptoms, *frame.symptoms)})
    return frame


def _compares_symptoms(before: QueryFrame, symptoms: Sequence[str]) -> bool:
    """Tell a comparison of two symptoms that goes on, for another period."""
    return before.intent is Intent.COMPARE and before.second is None and len(before.symptoms) == len(symptoms) == 2  # noqa: PLR2004


def _origin(relative: Relative, before: QueryFrame, rows: Sequence[ReturnedRow]) -> DateRange:
    """Return what a relative time is seen from: the record that came back, else the period asked for."""
    dated = [(row.day, row.severity) for row in rows if row.day is not None]
    if relative.row and dated:
        return days(_day(relative.row, dated))
    is_day = relative.is_since or relative.is_until or relative.unit is Unit.DAY
    if before.intent in _ONE_RECORD and dated and (is_day or before.period == ALL_TIME):
        day = dated[0][0]
        if relative.is_since:
            return DateRange(start=day, end=day)
        if relative.unit is None or relative.unit is Unit.DAY or relative.steps:
            return days(day)
        return calendar_unit(day, relative.unit)
    is_one_day = len({day for day, _ in dated}) == 1
    if is_one_day and relative.unit is Unit.DAY and not relative.is_shift and not is_a_day(before.period):
        return days(dated[0][0])  # "did I have a rash last week?", and what else "that day"
    return before.period


def _day(which: str, dated: Sequence[tuple[date, int | None]]) -> date:
    """Return the day of the record that ``which`` means; they are counted as they were shown."""
    if which in {"last", "latest", "most recent"}:
        return max(day for day, _ in dated)
    if which == "earliest":
        return min(day for day, _ in dated)
    if which in _PLACES:
        return dated[min(_PLACES.index(which), len(dated) - 1)][0]
    return max(dated, key=lambda row: -1 if row[1] is None else row[1])[0]


def _settled(frame: QueryFrame) -> QueryFrame:
    """Return the frame without what its intent cannot use."""
    changes: dict[str, object] = {}
    if frame.intent is Intent.MOST_FREQUENT and frame.symptoms:
        changes["symptoms"] = ()
    if frame.intent is not Intent.COMPARE and frame.second is not None:
        changes["second"] = None
    return frame.model_copy(update=changes) if changes else frame


def _periods(periods: Sequence[DateRange], *, is_comparison: bool) -> tuple[DateRange, DateRange | None]:
    """Return the period and, for a comparison, the earlier one; else all that was said as one period."""
    if not periods:
        return ALL_TIME, None
    if len(periods) == 1:
        return periods[0], None
    if is_comparison:
        return _ordered(periods[0], periods[1])
    until = next((period for period in periods if period.start is None), None)
    starts = [period.start for period in periods]
    if until is not None and until.end is not None:  # "up to 5 April … this year"
        around = [start for start in starts if start is not None and start < until.end]
        if around:
            return DateRange(start=min(around), end=until.end), None
    ends = [period.end for period in periods]
    known_ends = [end for end in ends if end is not None]
    return DateRange(
        start=None if None in starts else min(start for start in starts if start is not None),
        end=max(known_ends) if len(known_ends) == len(ends) else None,
    ), None


def _ordered(one: DateRange, other: DateRange) -> tuple[DateRange, DateRange]:
    """Return the later and the earlier of two periods."""
    is_later = (one.start or date.min) > (other.start or date.min)
    return (one, other) if is_later else (other, one)


def _with_other_side(period: DateRange, today: date) -> tuple[DateRange, DateRange | None]:
    """Return the later and the earlier period of a comparison that names one: last month, and this one so far."""
    start, end, tomorrow = period.start, period.end, today + DAY
    if start is None or end is None:
        return period, None
    for unit in Unit:
        so_far = DateRange(start=calendar_unit(today, unit).start, end=tomorrow)
        if period == so_far:
            return period, calendar_unit(today, unit, -1)
        if period == calendar_unit(start, unit):
            return so_far, period
    if end >= tomorrow:  # the last 30 days, and the 30 before
        return period, DateRange(start=start - (end - start), end=start)
    return DateRange(start=max(end, tomorrow - (end - start)), end=tomorrow), period
