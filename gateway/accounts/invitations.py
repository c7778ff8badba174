"""The invitations that nobody has accepted yet, as JSON: ``/users/invitations``, also under ``/api/v1``.

Who is an administrator, the agent says.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from aiohttp import web

from bridge.contracts.invitations import (
    LIST_INVITATIONS,
    RESEND_INVITATION,
    WITHDRAW_INVITATION,
    InvitationId,
    ListInvitations,
)
from gateway.accounts.own_account import PREFIXES, UUID_PATTERN
from gateway.web.calls import Bridge, call
from gateway.web.context import CONTEXT
from gateway.web.described import Description, Query, described
from gateway.web.inputs import query_values, validate
from gateway.web.replies import json_response

_PARAMETERS: Final = frozenset({"limit", "cursor"})


class InvitationsApi:
    def __init__(self, *, bridge: Bridge) -> None:
        self._bridge = bridge

    @described(
        Description(
            "The open invitations, by address",
            LIST_INVITATIONS,
            details="Those whose link is still good.",
            query=Query(ListInvitations),
            example_query={"limit": 20},
        )
    )
    async def list(self, request: web.Request) -> web.Response:
        """``GET /users/invitations?limit=&cursor=``."""
        context = request[CONTEXT]
        context.require_user()
        params = validate(ListInvitations, query_values(request, _PARAMETERS))
        reply = await call(self._bridge, context, LIST_INVITATIONS, params)
        return json_response(request, reply)

    @described(
        Description(
            "Mail an invitation again",
            RESEND_INVITATION,
            details="With another link, whose time begins anew; the earlier one is no longer good. So many an hour for "
            "one address.",
            refuses=(409,),
        )
    )
    async def resend(self, request: web.Request) -> web.Response:
        """``POST /users/invitations/{id}/resend``."""
        context = request[CONTEXT]
        context.require_user()
        return json_response(request, await call(self._bridge, context, RESEND_INVITATION, _invitation_id(request)))

    @described(
        Description(
            "Withdraw an invitation",
            WITHDRAW_INVITATION,
            details="Its link is no longer good; a mail that has not left yet never does.",
            status=204,
        )
    )
    async def withdraw(self, request: web.Request) -> web.Response:
        """``DELETE /users/invitations/{id}``."""
        context = request[CONTEXT]
        context.require_user()
        await call(self._bridge, context, WITHDRAW_INVITATION, _invitation_id(request))
        return web.Response(status=204)


def add_routes(app: web.Application, api: InvitationsApi) -> None:
    for prefix in PREFIXES:
        app.router.add_get(f"{prefix}/invitations", api.list)
        app.router.add_delete(f"{prefix}/invitations/{{id:{UUID_PATTERN}}}", api.withdraw)
        app.router.add_post(f"{prefix}/invitations/{{id:{UUID_PATTERN}}}/resend", api.resend)


def _invitation_id(request: web.Request) -> InvitationId:
    return InvitationId(id=UUID(request.match_info["id"]))
