"""The hours in which only what is critical may be told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

_HOURS: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From ``start`` to ``end``, minutes of the day on the wall's clock in ``zone``; none where both are the same."""

    zone: ZoneInfo
    start: int = 0
    end: int = 0

    @classmethod
    def of(cls, text: str, zone: ZoneInfo) -> QuietHours:
        """Return the hours that ``22:00-07:00`` means, or none for an empty text. Raises :class:`ValueError`."""
        if not text:
            return cls(zone)
        if not (match := _HOURS.fullmatch(text)):
            msg = "quiet hours look like 22:00-07:00"
            raise ValueError(msg)
        hour, minute, end_hour, end_minute = map(int, match.groups())
        return cls(zone, hour * 60 + minute, end_hour * 60 + end_minute)

    def include(self, unix_s: float) -> bool:
        local = datetime.fromtimestamp(unix_s, self.zone)
        minute = local.hour * 60 + local.minute
        if self.start <= self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end
