"""Types that several sections share."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field


def _zone(name: str) -> str:
    if name not in available_timezones():
        msg = "must be an IANA time zone such as Europe/London"
        raise ValueError(msg)
    return name


Network = IPv4Network | IPv6Network
Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, le=1)]
Zone = Annotated[str, AfterValidator(_zone)]
