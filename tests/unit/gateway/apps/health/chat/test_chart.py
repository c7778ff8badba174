from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from bridge.contracts.health import Bucket, StatsBucket, SymptomStats
from gateway.apps.health.chat.answer import View
from gateway.apps.health.chat.asking import Findings
from gateway.apps.health.chat.chart import POINTS_MAX, chart_of
from gateway.apps.health.chat.frame import ALL_TIME, DateRange, Intent, QueryFrame
from gateway.apps.health.chat.symptoms import base_lexicon

TODAY = date(2026, 5, 28)
VIEW = View(ZoneInfo("Europe/Berlin"), TODAY, (), base_lexicon())
MAY = DateRange(start=date(2026, 5, 1), end=date(2026, 5, 29))


def stats(*series: tuple[str, int, float | None]) -> SymptomStats:
    said = [severity for _, _, severity in series if severity is not None]
    return SymptomStats(
        count=sum(count for _, count, _ in series), severity_count=len(said), first=None, last=None,
        average_severity=sum(said) / len(said) if said else None, max_severity=None, unconverted=0,
        series=tuple(
            StatsBucket(start=date.fromisoformat(start), count=count, average_severity=severity, max_severity=None)
            for start, count, severity in series
        ),
    )  # fmt: skip


def frame(intent: Intent, period: DateRange = MAY) -> QueryFrame:
    return QueryFrame(intent=intent, symptoms=("headache",), period=period)


def test_days_without_entries_have_points_too_when_counts_are_drawn() -> None:
    found = Findings(
        stats=stats(("2026-05-24", 1, 3), ("2026-05-26", 2, None), ("2026-05-27", 1, 5)), bucket=Bucket.DAY
    )

    chart = chart_of(frame(Intent.COUNT), found, VIEW)

    assert chart is not None
    assert chart.title == "Headache since 1 May 2026: entries by day"
    assert [(point.start.day, point.count) for point in chart.series[0].points] == [
        (24, 1), (25, 0), (26, 2), (27, 1), (28, 0),
    ]  # fmt: skip


def test_severity_is_drawn_with_its_trend_when_a_trend_was_asked_for() -> None:
    series = [(f"2026-0{month}-01", 2, float(month)) for month in range(1, 6)]
    found = Findings(stats=stats(*series), bucket=Bucket.MONTH)

    chart = chart_of(frame(Intent.TREND, ALL_TIME), found, VIEW)

    assert chart is not None
    assert chart.measure == "severity"
    assert chart.trend == pytest.approx((1.0, 5.0), abs=0.1)


def test_sides_are_drawn_when_periods_are_compared() -> None:
    april = DateRange(start=date(2026, 4, 1), end=date(2026, 5, 1))
    asked = QueryFrame(intent=Intent.COMPARE, symptoms=("headache",), period=MAY, second=april)

    chart = chart_of(asked, Findings(sides=(stats(("2026-05-01", 3, 2)), stats(("2026-04-01", 1, None)))), VIEW)

    assert chart is not None
    assert chart.unit is None
    assert [(side.name, side.points[0].count) for side in chart.series] == [
        ("Since 1 May 2026", 3),
        ("In April 2026", 1),
    ]


@pytest.mark.parametrize(
    "found",
    [
        Findings(),
        Findings(stats=stats(("2026-05-24", 1, 3), ("2026-05-26", 2, None)), bucket=Bucket.DAY),
        Findings(stats=stats(), bucket=Bucket.DAY),
        Findings(stats=stats(("2026-05-24", 1, 3), ("2026-05-26", 2, None), ("2026-05-27", 1, 5))),
        Findings(sides=(stats(), stats())),
    ],
    ids=["nothing", "two points", "no points", "no bucket", "empty sides"],
)
def test_nothing_is_drawn_when_there_is_nothing_to_see(found: Findings) -> None:
    assert chart_of(frame(Intent.COUNT), found, VIEW) is None


def test_nothing_is_drawn_when_there_would_be_too_many_points() -> None:
    found = Findings(stats=stats(*[(f"{year}-01-01", 1, 1.0) for year in (1990, 2000, 2026)]), bucket=Bucket.WEEK)
    assert (TODAY - date(1990, 1, 1)).days / 7 > POINTS_MAX

    assert chart_of(frame(Intent.TREND, ALL_TIME), found, VIEW) is None
