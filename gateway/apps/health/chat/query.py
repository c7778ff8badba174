"""From a frame to the parameters of a named operation of the bridge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final, TypedDict
from zoneinfo import ZoneInfo

from bridge.contracts.health import Bucket, ListSymptoms, Sort, StatsOfSymptoms, Total
from bridge.errors import Code, Invalid
from gateway.apps.health.chat.frame import DateRange

ROWS_SHOWN: Final = 50
_NAMES_MAX: Final = 20
_BY_DAY_UP_TO_DAYS: Final = 45
_BY_WEEK_UP_TO_DAYS: Final = 400


class _Filter(TypedDict):
    symptoms: tuple[str, ...]
    start: datetime | None
    end: datetime | None
    min_severity: int | None


@dataclass(frozen=True, slots=True)
class Scope:
    """Which records: any of ``names`` (none: all), local days of ``period`` in ``zone``, from ``min_severity`` up.

    Raises Invalid for more names than one operation takes: a part of them would give a wrong number.
    """

    names: Sequence[str]
    period: DateRange
    zone: ZoneInfo
    min_severity: int | None = None

    def __post_init__(self) -> None:
        if len(self.names) > _NAMES_MAX:
            raise Invalid(Code.INVALID_REQUEST, "That names too many different symptoms at once; ask about one of them")

    def list(self, sort: Sort = Sort.NEWEST, limit: int = ROWS_SHOWN) -> ListSymptoms:
        total = Total.EXACT if limit > 1 else Total.NONE
        return ListSymptoms(**self._filter(), sort=sort, limit=limit, total=total)

    def stats(self, bucket: Bucket = Bucket.NONE) -> StatsOfSymptoms:
        return StatsOfSymptoms(**self._filter(), bucket=bucket, time_zone=self.zone.key)

    def bucket(self, first: date, last: date) -> Bucket:
        """Return the step of a chart of this period; ``first`` and ``last`` bound what is open."""
        days = ((self.period.end or last) - (self.period.start or first)).days
        if days <= _BY_DAY_UP_TO_DAYS:
            return Bucket.DAY
        return Bucket.WEEK if days <= _BY_WEEK_UP_TO_DAYS else Bucket.MONTH

    def _filter(self) -> _Filter:
        return {
            "symptoms": tuple(self.names),
            "start": _midnight(self.period.start, self.zone),
            "end": _midnight(self.period.end, self.zone),
            "min_severity": self.min_severity,
        }


def _midnight(day: date | None, zone: ZoneInfo) -> datetime | None:
    """Return where the local day begins, also on a day that is 23 or 25 hours long."""
    return datetime.combine(day, time(), zone) if day else None
