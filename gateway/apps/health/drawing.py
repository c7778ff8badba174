"""Where the marks of a chart lie, for the template that draws them as SVG. Lengths are in the drawing's own units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil
from typing import Final

from gateway.apps.health.chat.dates import DAY, Unit
from gateway.apps.health.chat.reply import Chart, Point

WIDTH: Final = 640
HEIGHT: Final = 220
_LEFT: Final = 34
_RIGHT: Final = 10
_TOP: Final = 10
_BOTTOM: Final = 26
_ROW: Final = 62
"""Room for a name above its bar, also on a phone, where letters are as large as they are elsewhere."""
_BAR: Final = 16
_LABELS_MAX: Final = 6
_SEVERITY_MAX: Final = 10
_NICE: Final = (1, 2, 4, 5, 10)


@dataclass(frozen=True, slots=True)
class Label:
    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True, slots=True)
class Dot:
    x: float
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """``line`` has the points of the trend's line, ``grid`` the heights of horizontal lines with their labels."""

    height: int
    bars: tuple[Bar, ...] = ()
    dots: tuple[Dot, ...] = ()
    line: str = ""
    grid: tuple[Label, ...] = ()
    labels: tuple[Label, ...] = ()
    width: int = WIDTH


def draw(chart: Chart) -> Drawing:
    """Return the drawing of ``chart``: bars for counts, dots and a trend for severities, a bar for each side."""
    return _sides(chart) if chart.unit is None else _course(chart, chart.unit)


def rows(chart: Chart) -> Iterator[tuple[str, int, float | None]]:
    """Yield what a chart shows as a table: of when or whom, how many entries, their average severity."""
    for series in chart.series:
        for point in series.points:
            name = series.name if chart.unit is None else moment(point.start, chart.unit)
            yield name, point.count, point.average_severity


def moment(start: date, unit: Unit) -> str:
    """Return what one unit is called: "5 May 2026", "week of 4 May 2026", "May 2026"."""
    if unit is Unit.MONTH:
        return f"{start:%B %Y}"
    day = f"{start.day} {start:%B %Y}"
    return f"week of {day}" if unit is Unit.WEEK else day


def _course(chart: Chart, unit: Unit) -> Drawing:
    points = chart.series[0].points
    step = (WIDTH - _LEFT - _RIGHT) / len(points)
    is_count = chart.measure == "count"
    top = _nice_top(max(point.count for point in points)) if is_count else _SEVERITY_MAX

    def x(number: int) -> float:
        return round(_LEFT + (number + 0.5) * step, 1)

    def y(value: float) -> float:
        return round(_TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - value / top), 1)

    grid = tuple(Label(_LEFT, y(value), f"{value:g}") for value in _ticks(top))
    labels = tuple(
        Label(x(number), HEIGHT - 7, text) for number, text in _names([point.start for point in points], unit)
    )
    if is_count:
        width = round(max(1.0, min(28.0, step * 0.7)), 1)
        bars = tuple(
            Bar(
                round(x(number) - width / 2, 1),
                y(point.count),
                width,
                round(y(0) - y(point.count), 1),
                _tip(point, unit),
            )
            for number, point in enumerate(points)
            if point.count
        )
        return Drawing(HEIGHT, bars=bars, grid=grid, labels=labels)
    dots = tuple(
        Dot(x(number), y(point.average_severity), _tip(point, unit))
        for number, point in enumerate(points)
        if point.average_severity is not None
    )
    ends = (x(0), x(len(points) - 1))
    line = [f"{at},{y(min(max(value, 0), top))}" for at, value in zip(ends, chart.trend or (), strict=False)]
    return Drawing(HEIGHT, dots=dots, line=" ".join(line), grid=grid, labels=labels)


def _sides(chart: Chart) -> Drawing:
    counts = [series.points[0].count for series in chart.series]
    longest = WIDTH - _LEFT - 90
    bars, labels = [], []
    for number, (series, count) in enumerate(zip(chart.series, counts, strict=True)):
        top = _TOP + number * _ROW
        width = round(longest * count / max(counts), 1)
        labels.append(Label(0, top + 16, series.name))
        bars.append(Bar(0, top + 26, width, _BAR, f"{series.name}: {count:,}"))
        labels.append(Label(width + 8, top + 40, f"{count:,}"))
    return Drawing(_TOP + len(counts) * _ROW, bars=tuple(bars), labels=tuple(labels))


def _tip(point: Point, unit: Unit) -> str:
    severity = "" if point.average_severity is None else f", average severity {point.average_severity:.1f}"
    return f"{moment(point.start, unit)}: {point.count:,}{severity}"


def _nice_top(most: int) -> int:
    """Return the least of 1, 2, 4, 5, 10, 20, 40, … that is not below ``most``."""
    scale = 1
    while True:
        for step in _NICE:
            if step * scale >= most:
                return step * scale
        scale *= 10


def _ticks(top: int) -> Sequence[float]:
    return (0, top) if top == 1 else (0, top / 2, top)


def _names(starts: Sequence[date], unit: Unit) -> Iterator[tuple[int, str]]:
    """Yield which points get a label below, at most six, and what it says."""
    every = ceil(len(starts) / _LABELS_MAX)
    spans_years = starts[0].year != starts[-1].year
    for number in range(0, len(starts), every):
        start = starts[number]
        if unit is Unit.MONTH:
            yield number, f"{start:%b %Y}" if spans_years else f"{start:%b}"
        else:
            yield number, f"{start.day} {start:%b}" + (f" {start:%y}" if spans_years and every * DAY.days > 1 else "")
