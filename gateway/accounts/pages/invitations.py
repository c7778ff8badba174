"""``/accounts/invitations``: who was invited and has not come yet, for administrators."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from bridge.contracts.invitations import (
    LIST_INVITATIONS,
    RESEND_INVITATION,
    WITHDRAW_INVITATION,
    InvitationId,
    InvitationPage,
    ListInvitations,
)
from bridge.errors import Busy, Conflict, NotFound
from gateway.accounts.pages.forms import Form, kept, show
from gateway.accounts.pages.frame import notice
from gateway.web.calls import Bridge, call
from gateway.web.context import CONTEXT
from gateway.web.inputs import query_values, read_fields, validate
from gateway.web.own_time import own_time
from gateway.web.pages import see_other

_PATH: Final = "/accounts/invitations"
_WHY_NOT: Final = MappingProxyType({NotFound: "not-open", Conflict: "has-account", Busy: "mailed-often"})


class InvitationsPage:
    def __init__(self, *, bridge: Bridge) -> None:
        self._bridge = bridge

    async def list(self, request: web.Request) -> web.Response:
        """``GET /accounts/invitations?cursor=``: by address."""
        context = request[CONTEXT]
        context.require_user()
        given = query_values(request, frozenset({"cursor", "notice"}))
        params = validate(ListInvitations, {name: given[name] for name in given if name == "cursor"})
        reply = await call(self._bridge, context, LIST_INVITATIONS, params)
        page = InvitationPage.model_validate_json(reply.body)
        own = await own_time(self._bridge, context)
        values = {
            "here": "invitations",
            "said": notice(request),
            "invitations": page.items,
            "more": "" if page.next is None else f"{_PATH}?" + urlencode({"cursor": page.next}),
            "when": own.words,
            "zone": own.name,
        }
        return show("accounts/invitations.html", request, Form(), values)

    async def resend(self, request: web.Request) -> web.Response:
        """``POST /accounts/invitations/resend``: one of the list; why not is said above the list."""
        context = request[CONTEXT]
        context.require_user()
        params = validate(InvitationId, kept(await read_fields(request), "id"))
        try:
            await call(self._bridge, context, RESEND_INVITATION, params)
        except (NotFound, Conflict, Busy) as error:
            context.fail_with(error)
            return see_other(f"{_PATH}?notice={_WHY_NOT[type(error)]}")
        return see_other(f"{_PATH}?notice=mailed-again")

    async def withdraw(self, request: web.Request) -> web.Response:
        """``POST /accounts/invitations/withdraw``: one of the list; where it was accepted meanwhile, that is said."""
        context = request[CONTEXT]
        context.require_user()
        params = validate(InvitationId, kept(await read_fields(request), "id"))
        try:
            await call(self._bridge, context, WITHDRAW_INVITATION, params)
        except NotFound as error:
            context.fail_with(error)
            return see_other(f"{_PATH}?notice=not-open")
        return see_other(f"{_PATH}?notice=withdrawn")


def add_routes(app: web.Application, page: InvitationsPage) -> None:
    app.router.add_get(_PATH, page.list)
    app.router.add_post(f"{_PATH}/resend", page.resend)
    app.router.add_post(f"{_PATH}/withdraw", page.withdraw)
