"""What the pages of somebody who is signed in have in common: notices, times in their zone, what a form asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from aiohttp import web

from bridge.contracts.operation import Nothing
from bridge.contracts.users import GET_PROFILE, Profile
from gateway.web.calls import Bridge, call
from gateway.web.context import RequestContext
from gateway.web.inputs import parse_query

NOTICES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "profile-saved": "Your profile is saved.",
        "preferences-saved": "Your preferences are saved.",
        "password-changed": "Your password is changed, and you are signed out everywhere else.",
        "mail-sent": "A link is on its way to the new address. It is yours once you have followed it.",
        "session-ended": "That session has ended.",
        "others-ended": "Every other session has ended.",
        "written": "Thank you. The owner of this Drawbridge has what you wrote.",
        "invited": "The invitation is on its way.",
        "withdrawn": "The invitation is withdrawn: its link is no longer good.",
        "not-open": "That invitation is no longer open: it was accepted, withdrawn, or its time is over.",
        "created": "The account is there.",
        "saved": "The account is changed.",
        "disabled": "The account is disabled, and signed out everywhere.",
        "enabled": "The account is enabled again.",
        "unlocked": "The tries that were counted are forgotten: they can sign in at once.",
        "signed-out": "The account is signed out everywhere.",
        "deleted": "The account is deleted.",
    }
)


def notice(request: web.Request) -> str:
    """Return what the page that led here wants said, in words, or ""."""
    return NOTICES.get(asked(request, "notice"), "")


def asked(request: web.Request, name: str) -> str:
    """Return the query's last value of ``name``, or ""."""
    return parse_query(request.rel_url.raw_query_string).get(name, [""])[-1]


async def own_clock(bridge: Bridge, context: RequestContext) -> tuple[Callable[[datetime], str], str]:
    """Return what writes moments as whoever is signed in does, and the name of their time zone. Raises AppError."""
    reply = await call(bridge, context, GET_PROFILE, Nothing())
    zone = Profile.model_validate_json(reply.body).time_zone
    return clock_of(zone), zone


def clock_of(time_zone: str) -> Callable[[datetime], str]:
    """Return what writes moments as a person in ``time_zone`` does; in UTC where this machine does not know it."""
    try:
        zone: ZoneInfo | None = ZoneInfo(time_zone)
    except (KeyError, ValueError, OSError):
        zone = None

    def when(moment: datetime) -> str:
        local = moment.astimezone(zone or UTC)
        return f"{local.day} {local:%B %Y, %H:%M}"

    return when
