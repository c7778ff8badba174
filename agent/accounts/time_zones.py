"""Which time zones there are: those that this machine knows."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from bridge.errors import Code, FieldError, Invalid


def check_time_zone(name: str | None) -> None:
    """Raise Invalid unless there is such a time zone; None is none to check."""
    try:
        if name is not None:
            ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not there, not a name, a folder
        field = FieldError("time_zone", "must be the name of a time zone, such as Europe/Berlin")
        raise Invalid(Code.INVALID_REQUEST, fields=(field,)) from None
