"""What the pages of somebody who is signed in have in common: notices, and what a form asks for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from aiohttp import web

from gateway.web.inputs import parse_query

NOTICES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "profile-saved": "Your profile is saved.",
        "preferences-saved": "Your preferences are saved.",
        "password-changed": "Your password is changed, and you are signed out everywhere else.",
        "mail-sent": "A link is on its way to the new address. It is yours once you have followed it.",
        "address-confirmed": "The e-mail address is confirmed: it is what to sign in with from now on.",
        "session-ended": "That session has ended.",
        "others-ended": "Every other session has ended.",
        "written": "Thank you. The owner of this Drawbridge has what you wrote.",
        "invited": "The invitation is on its way.",
        "mailed-again": "The invitation is on its way again, with a new link: the earlier one is no longer good.",
        "mailed-often": "That invitation was mailed several times within the hour. Wait a while, then mail it again.",
        "has-account": "That address has an account by now.",
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
