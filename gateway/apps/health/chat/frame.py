"""What a person asks for, as data: one typed frame a question."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final

from bridge.contracts.health import Severity
from bridge.contracts.operation import Model


class Intent(StrEnum):
    LIST = "list"
    COUNT = "count"
    LATEST = "latest"
    FIRST = "first"
    DURATION_SINCE = "duration_since"
    TREND = "trend"
    AVERAGE_SEVERITY = "average_severity"
    MAX_SEVERITY = "max_severity"
    MOST_FREQUENT = "most_frequent"
    COMPARE = "compare"
    HELP = "help"
    GREETING = "greeting"
    EMERGENCY = "emergency"
    OUT_OF_SCOPE = "out_of_scope"

    @property
    def asks_for_data(self) -> bool:
        return self not in _SOCIAL


_SOCIAL: Final = frozenset({Intent.HELP, Intent.GREETING, Intent.EMERGENCY, Intent.OUT_OF_SCOPE})


class DateRange(Model):
    """Local dates, ``start`` ≤ day < ``end``. None means unbounded on that side."""

    start: date | None = None
    end: date | None = None

    @property
    def is_all_time(self) -> bool:
        return self.start is None and self.end is None


ALL_TIME: Final = DateRange()


class QueryFrame(Model):
    """One question. No ``symptoms``: all but those ``excluded``. ``second`` is the earlier period of a comparison."""

    intent: Intent
    symptoms: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    period: DateRange = ALL_TIME
    second: DateRange | None = None
    min_severity: Severity | None = None

    @property
    def lacks_a_side(self) -> bool:
        """Whether it compares one thing with nothing."""
        return self.intent is Intent.COMPARE and self.second is None and len(self.symptoms) < 2  # noqa: PLR2004

    def as_json(self) -> dict[str, object]:
        """Return the frame as the API shows it: flat, dates in ISO 8601, None where nothing was said."""
        second = self.second or ALL_TIME
        return {
            "intent": self.intent.value,
            "symptom": sorted(self.symptoms) or None,
            "excluded": sorted(self.excluded) or None,
            "start": _iso(self.period.start),
            "end": _iso(self.period.end),
            "min_severity": self.min_severity,
            "compare_start": _iso(second.start),
            "compare_end": _iso(second.end),
        }


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
