"""The time of day as whoever is signed in reads it: in the time zone that they chose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Self
from zoneinfo import ZoneInfo

from bridge.contracts.operation import Nothing
from bridge.contracts.users import GET_PROFILE, Profile
from gateway.web.calls import Bridge, call
from gateway.web.context import RequestContext


@dataclass(frozen=True, slots=True)
class OwnTime:
    """A time zone, and what it is called."""

    zone: tzinfo
    name: str

    @classmethod
    def of(cls, time_zone: str) -> Self:
        """Return a person's, by its IANA name; UTC where this machine does not know it."""
        try:
            return cls(ZoneInfo(time_zone), time_zone)
        except (KeyError, ValueError, OSError):
            return cls(UTC, "UTC")

    def words(self, moment: datetime) -> str:
        """Return a moment to the minute: ``1 May 2026, 10:00``."""
        local = moment.astimezone(self.zone)
        return f"{local.day} {local:%B %Y, %H:%M}"

    def digits(self, moment: datetime) -> str:
        """Return a moment to the second: ``2026-05-01 10:00:07``."""
        return f"{moment.astimezone(self.zone):%Y-%m-%d %H:%M:%S}"


async def own_time(bridge: Bridge, context: RequestContext) -> OwnTime:
    """Return the time of whoever is signed in. Raises AppError."""
    reply = await call(bridge, context, GET_PROFILE, Nothing())
    return OwnTime.of(Profile.model_validate_json(reply.body).time_zone)
