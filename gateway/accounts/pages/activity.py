"""``/account/activity``: what the account did, and what was done to it, in words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from bridge.contracts.users import ACTIVITY, Activity, ListActivity
from gateway.accounts.pages.forms import Form, show
from gateway.web.calls import Bridge, call
from gateway.web.context import CONTEXT
from gateway.web.inputs import query_values, validate
from gateway.web.own_time import own_time

DEEDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "accounts.accept_invitation": "Accepted the invitation",
        "accounts.change_email": "Asked for another e-mail address",
        "accounts.change_password": "Changed the password",
        "accounts.confirm_address": "Confirmed the e-mail address",
        "accounts.create_user": "Made the account",
        "accounts.delete": "Deleted the account",
        "accounts.finish_oidc": "Signed in through the sign-in service",
        "accounts.invite": "Invited somebody",
        "users.invitations.resend": "Mailed an invitation again",
        "users.invitations.withdraw": "Withdrew an invitation",
        "accounts.refresh": "Renewed the session",
        "accounts.register": "Signed up",
        "accounts.request_reset": "Asked for a link to a new password",
        "accounts.reset_password": "Chose a new password by a mailed link",
        "accounts.sign_in": "Signed in",
        "accounts.sign_out": "Signed out",
        "grants.add": "Linked the account to health records",
        "grants.remove": "Took the link to health records away",
        "health.symptoms.list": "Looked at health records",
        "health.symptoms.names": "Looked at which symptoms there are",
        "health.symptoms.stats": "Looked at counts and averages of health records",
        "users.add": "Made the account, on the keep",
        "users.change": "Changed the account",
        "users.delete": "Deleted the account",
        "users.disable": "Disabled the account, on the keep",
        "users.enable": "Enabled the account again, on the keep",
        "users.export": "Downloaded everything that there is of the account",
        "users.feedback.give": "Wrote to the owner",
        "users.password": "Set a new password, on the keep",
        "users.preferences.change": "Changed the preferences",
        "users.profile.change": "Changed the profile",
        "users.role": "Gave the account another role, on the keep",
        "users.sessions.end": "Ended a session",
        "users.sessions.end_others": "Ended every other session",
        "users.sign-out": "Signed the account out everywhere, on the keep",
        "users.sign_out": "Signed the account out everywhere",
        "users.unlink": "Took the link to the sign-in service away, on the keep",
        "users.unlock": "Forgot the tries to sign in",
    }
)
"""What each operation does, for whom it was done to; what is not here is shown by its name."""


class ActivityPage:
    def __init__(self, *, bridge: Bridge) -> None:
        self._bridge = bridge

    async def show(self, request: web.Request) -> web.Response:
        """``GET /account/activity?cursor=``, the newest first."""
        context = request[CONTEXT]
        context.require_user()
        params = validate(ListActivity, query_values(request, frozenset({"cursor"})))
        own = await own_time(self._bridge, context)
        reply = await call(self._bridge, context, ACTIVITY, params)
        page = Activity.model_validate_json(reply.body)
        values = {
            "here": "activity",
            "said": "",
            "deeds": page.items,
            "words": DEEDS,
            "when": own.words,
            "zone": own.name,
            "older": "" if page.next is None else "/account/activity?" + urlencode({"cursor": page.next}),
        }
        return show("accounts/activity.html", request, Form(), values)


def add_routes(app: web.Application, page: ActivityPage) -> None:
    app.router.add_get("/account/activity", page.show)
