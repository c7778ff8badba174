"""A frame said as a question, for buttons that offer one. Read again, it is the same frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

from gateway.apps.health.chat.dates import DAY, Unit, calendar_unit
from gateway.apps.health.chat.frame import DateRange, Intent, QueryFrame
from gateway.apps.health.chat.wording import any_symptom, day_words, listed, sentence

_FORMS: Final[Mapping[Intent, str]] = MappingProxyType(
    {
        Intent.LIST: "show my entries of {what}{when}",
        Intent.COUNT: "how often did I have {what}{when}?",
        Intent.LATEST: "when did I last have {what}{when}?",
        Intent.FIRST: "when did I first have {what}{when}?",
        Intent.DURATION_SINCE: "how long ago did I last have {what}{when}?",
        Intent.TREND: "what is the trend of {what}{when}?",
        Intent.AVERAGE_SEVERITY: "how bad was {what} on average{when}?",
        Intent.MAX_SEVERITY: "how bad was {what} at its worst{when}?",
        Intent.MOST_FREQUENT: "which symptom{severity} did I have most often{when}?",
    }
)


def question_words(frame: QueryFrame, today: date) -> str:
    """Return the question that ``frame`` asks. Raises KeyError for a frame that asks for no records."""
    if frame.intent is Intent.COMPARE:
        return sentence(_comparison(frame, today))
    when = _when(frame.period, today)
    form = _FORMS[frame.intent]
    return sentence(form.format(what=_what(frame), severity=_severity(frame), when=f" {when}" if when else ""))


def _comparison(frame: QueryFrame, today: date) -> str:
    if frame.second is None:
        when = _when(frame.period, today)
        return f"compare {listed(frame.symptoms)}{_severity(frame)}{f' {when}' if when else ''}"
    later, earlier = (_when(period, today) for period in (frame.period, frame.second))
    return f"compare {_what(frame)} {later} with {_bare(earlier)}"


def _what(frame: QueryFrame) -> str:
    return (listed(frame.symptoms) or any_symptom(frame)) + _severity(frame)


def _severity(frame: QueryFrame) -> str:
    return f" of severity {frame.min_severity} or more" if frame.min_severity is not None else ""


def _when(period: DateRange, today: date) -> str:
    start, end = period.start, period.end
    if start is None:
        return f"before {day_words(end)}" if end else ""
    last = (end or today + DAY) - DAY
    for name, words in _NEAR.items():
        if DateRange(start=start, end=last + DAY) == words(today):
            return name
    if start == last:
        return f"on {day_words(start)}"
    whole = DateRange(start=start, end=last + DAY)
    if whole == calendar_unit(start, Unit.MONTH):
        return f"in {start:%B %Y}"
    if whole == calendar_unit(start, Unit.YEAR):
        return f"in {start.year}"
    return f"since {day_words(start)}" if last == today else f"from {day_words(start)} to {day_words(last)}"


def _bare(when: str) -> str:
    return when.removeprefix("in ").removeprefix("on ")


def _until_today(unit: Unit) -> Callable[[date], DateRange]:
    return lambda today: DateRange(start=calendar_unit(today, unit).start, end=today + DAY)


def _last(unit: Unit) -> Callable[[date], DateRange]:
    return lambda today: calendar_unit(today, unit, -1)


_NEAR: Final[Mapping[str, Callable[[date], DateRange]]] = MappingProxyType(
    {
        "today": lambda today: calendar_unit(today, Unit.DAY),
        "yesterday": _last(Unit.DAY),
        "this week": _until_today(Unit.WEEK),
        "last week": _last(Unit.WEEK),
        "this month": _until_today(Unit.MONTH),
        "last month": _last(Unit.MONTH),
        "this year": _until_today(Unit.YEAR),
        "last year": _last(Unit.YEAR),
    }
)
"""What people call periods near today, the shortest first: on a Monday, "today" and "this week" are the same."""
