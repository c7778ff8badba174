"""Dates and times as people write them in a query."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, tzinfo
from types import MappingProxyType
from typing import Final

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_YEARS: Final = range(1900, 2201)
_IN_YEARS: Final = "^(19|20|21)[0-9]{2}-|^2200-"

MOMENT: Final = MappingProxyType(
    {
        "description": f"A date, or a time with an offset, in the years {_YEARS.start} to {_YEARS.stop - 1}.",
        "anyOf": tuple({"type": "string", "format": form, "pattern": _IN_YEARS} for form in ("date", "date-time")),
    }
)
"""What :func:`moment` takes, as JSON schema."""


def moment(text: str, zone: tzinfo, *, is_end: bool) -> datetime:
    """Return the moment that a date or time stands for; a date that ends a range, for its own end.

    Raises ValueError that says how to write it.
    """
    is_date = _DATE.fullmatch(text) is not None
    try:
        found = datetime.combine(date.fromisoformat(text), time(), zone) if is_date else datetime.fromisoformat(text)
    except ValueError:
        msg = "must be a date (2026-05-31) or a time with an offset (2026-05-31T12:00:00%2B02:00)"
        raise ValueError(msg) from None
    if found.tzinfo is None:
        msg = "must have an offset (+ written as %2B), such as 2026-05-31T12:00:00Z"
        raise ValueError(msg)
    if found.year not in _YEARS:
        msg = f"must lie between the years {_YEARS.start} and {_YEARS.stop - 1}"
        raise ValueError(msg)
    return found + timedelta(days=1) if is_date and is_end else found
