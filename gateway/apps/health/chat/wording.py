"""Dates, numbers and symptoms in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from gateway.apps.health.chat.dates import DAY, Unit, calendar_unit
from gateway.apps.health.chat.frame import DateRange, QueryFrame


def period_words(period: DateRange, today: date) -> str:
    """Return the period as it was understood: "in March 2026", "on Monday 6 April 2026", "since 1 June 2026"."""
    start, end = period.start, period.end
    if start is None:
        return f"before {day_words(end)}" if end else "in all your records"
    if end is None:
        return f"since {day_words(start)}"
    last = end - DAY
    if start == last:
        near = {today: "today, ", today - DAY: "yesterday, "}.get(start)
        return f"{near}{day_words(start)}" if near else f"on {start:%A} {day_words(start)}"
    for unit, name in ((Unit.YEAR, f"{start.year}"), (Unit.MONTH, f"{start:%B %Y}")):
        if period == calendar_unit(start, unit):
            return f"in {name}"
    return f"since {day_words(start)}" if last == today else _span_words(start, last)


def _span_words(first: date, last: date) -> str:
    """Return "from 3 to 5 May 2026", with the month and year of the first day where they differ."""
    month = "" if (first.year, first.month) == (last.year, last.month) else f" {first:%B}"
    year = "" if first.year == last.year else f" {first.year}"
    return f"from {first.day}{month}{year} to {day_words(last)}"


def day_words(day: date | None) -> str:
    return f"{day.day} {day:%B %Y}" if day else ""


def moment_words(moment: datetime, zone: ZoneInfo, today: date) -> str:
    """Return a record's time as its person saw it on the clock: "on Monday 6 April 2026 at 08:30"."""
    local = moment.astimezone(zone)
    return f"{period_words(DateRange(start=local.date(), end=local.date() + DAY), today)} at {local:%H:%M}"


def symptom_words(frame: QueryFrame) -> str:
    """Return the symptoms and the severity asked for: "headache of severity 7 or more"."""
    named = listed(frame.symptoms) or any_symptom(frame)
    return f"{named} of severity {frame.min_severity} or more" if frame.min_severity is not None else named


def any_symptom(frame: QueryFrame) -> str:
    """Return "any symptom", and which are left out."""
    return "any symptom" + (f" except {listed(frame.excluded)}" if frame.excluded else "")


def listed(items: Sequence[str]) -> str:
    """Return "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return "1 entry", "1,204 entries"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def entries(number: int) -> str:
    return counted(number, "entry", "entries")


def sentence(text: str) -> str:
    """Return ``text`` with its first letter as a capital, the others as they are."""
    return text[:1].upper() + text[1:]


def decimal(number: float) -> str:
    """Return the number with one decimal, none where it is whole: "6.5", "7". A half goes up, as people round."""
    rounded = Decimal(repr(number)).quantize(Decimal("0.1"), ROUND_HALF_UP)
    return str(rounded).removesuffix(".0")
