"""What is drawn beside an answer: how a figure moves over a period, or the sides of a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

from bridge.contracts.health import Bucket, SymptomStats
from gateway.apps.health.chat.answer import View, side_names
from gateway.apps.health.chat.asking import Findings
from gateway.apps.health.chat.dates import DAY, Unit, add
from gateway.apps.health.chat.frame import DateRange, Intent, QueryFrame
from gateway.apps.health.chat.reply import Chart, Point, Series
from gateway.apps.health.chat.trend import severity_trend
from gateway.apps.health.chat.wording import period_words, sentence, symptom_words

POINTS_MAX: Final = 400
_POINTS_MIN: Final = 3
"""Of fewer there is nothing to see that the words do not say."""
_UNITS: Final[Mapping[Bucket, Unit]] = MappingProxyType(
    {Bucket.DAY: Unit.DAY, Bucket.WEEK: Unit.WEEK, Bucket.MONTH: Unit.MONTH}
)


def chart_of(frame: QueryFrame, found: Findings, view: View) -> Chart | None:
    """Return the picture of what was found, or None where a picture would say nothing."""
    if found.sides:
        return _comparison(frame, found, view)
    if found.stats is None or found.bucket not in _UNITS:
        return None
    unit = _UNITS[found.bucket]
    points = tuple(_points(found.stats, unit, frame.period, view.today))
    is_severity = frame.intent is Intent.TREND and found.stats.average_severity is not None
    drawn = [point for point in points if (point.average_severity is not None if is_severity else point.count)]
    if len(drawn) < _POINTS_MIN or len(points) > POINTS_MAX:
        return None
    what = f"{'average severity' if is_severity else 'entries'} by {unit.value}"
    title = sentence(f"{symptom_words(frame)} {period_words(frame.period, view.today)}: {what}")
    series = (Series(symptom_words(frame), points),)
    trend = severity_trend(found.stats.series) if is_severity else None
    line = (trend.severity_on(points[0].start), trend.severity_on(points[-1].start)) if trend else None
    return Chart(title, "severity" if is_severity else "count", unit, series, line)


def _comparison(frame: QueryFrame, found: Findings, view: View) -> Chart | None:
    if not any(side.count for side in found.sides):
        return None
    named = zip(side_names(frame, view), found.sides, strict=True)
    start = frame.period.start or view.today
    series = tuple(
        Series(sentence(name), (Point(start, stats.count, stats.average_severity),)) for name, stats in named
    )
    about = symptom_words(frame) if frame.second is not None else period_words(frame.period, view.today)
    return Chart(sentence(f"{about}: entries"), "count", None, series)


def _points(stats: SymptomStats, unit: Unit, period: DateRange, today: date) -> Iterator[Point]:
    """Yield a point for every unit from the first record to the period's end, those without records included."""
    known = {bucket.start: bucket for bucket in stats.series}
    if not known:
        return
    start, last = min(known), max(*known, min((period.end or today + DAY), today + DAY) - DAY)
    while start <= last:
        bucket = known.get(start)
        yield Point(start, bucket.count if bucket else 0, bucket.average_severity if bucket else None)
        start = add(start, 1, unit)
