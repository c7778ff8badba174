from __future__ import annotations

from datetime import date, timedelta

import pytest

from bridge.contracts.health import StatsBucket
from gateway.apps.health.chat.trend import severity_trend


def weekly(*averages: float | None, count: int = 2) -> list[StatsBucket]:
    return [
        StatsBucket(
            start=date(2026, 1, 5) + timedelta(weeks=i), count=count, average_severity=average, max_severity=None
        )
        for i, average in enumerate(averages)
    ]


def test_slope_is_the_line_s_own_when_the_points_lie_on_one() -> None:
    trend = severity_trend(weekly(2, 3, None, 5))
    assert trend is not None
    assert trend.slope == pytest.approx(30.44 / 7)
    assert not trend.is_steady


def test_trend_is_steady_when_severity_stays() -> None:
    trend = severity_trend(weekly(4, 4, 4, 4))
    assert trend is not None
    assert trend.is_steady


@pytest.mark.parametrize("series", [[], weekly(1, 9), weekly(1, 5, 9, count=1), weekly(None, None, None)])
def test_no_trend_is_told_when_it_would_rest_on_too_little(series: list[StatsBucket]) -> None:
    assert severity_trend(series) is None
