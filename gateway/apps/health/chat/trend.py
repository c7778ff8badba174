"""How a symptom's severity moves: a least-squares line through the buckets of a period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from bridge.contracts.health import StatsBucket

_POINTS_MIN: Final = 3
"""Two points always make a line, and say nothing."""
_RECORDS_MIN: Final = 5
_STEADY: Final = 0.1
_DAYS_A_MONTH: Final = 30.44


@dataclass(frozen=True, slots=True)
class Trend:
    """``slope`` is in points of severity a month, over ``points`` buckets, whose centre of gravity is given."""

    slope: float
    points: int
    mean_month: float
    mean_severity: float

    @property
    def is_steady(self) -> bool:
        return abs(self.slope) < _STEADY

    def severity_on(self, day: date) -> float:
        """Return where the line is on ``day``."""
        return self.mean_severity + self.slope * (day.toordinal() / _DAYS_A_MONTH - self.mean_month)


def severity_trend(series: Sequence[StatsBucket]) -> Trend | None:
    """Return the slope of the average severity, each bucket weighing as much as it has records; None for too few."""
    points = [
        (bucket.start.toordinal() / _DAYS_A_MONTH, bucket.average_severity, bucket.count)
        for bucket in series
        if bucket.average_severity is not None
    ]
    weight = sum(count for _, _, count in points)
    if len(points) < _POINTS_MIN or weight < _RECORDS_MIN:
        return None
    mean_x = sum(x * count for x, _, count in points) / weight
    mean_y = sum(y * count for _, y, count in points) / weight
    spread = sum(count * (x - mean_x) ** 2 for x, _, count in points)
    slope = sum(count * (x - mean_x) * (y - mean_y) for x, y, count in points) / spread
    return Trend(slope, len(points), mean_x, mean_y)
