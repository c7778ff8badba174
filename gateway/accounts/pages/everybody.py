"""``/accounts``: everybody's accounts, for administrators. Who is one, the agent says."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from bridge.contracts.accounts import CONFIRM_ADMIN
from bridge.contracts.administration import CREATE_USER, LIST_USERS, CreateUser, ListUsers, UserPage
from bridge.contracts.joining import INVITE, Invite
from bridge.contracts.operation import Nothing, Role
from bridge.errors import AppError
from gateway.accounts.pages.forms import Form, check_again, chosen, kept, refused, show
from gateway.accounts.pages.frame import notice
from gateway.web.calls import Bridge, call
from gateway.web.context import CONTEXT
from gateway.web.inputs import query_values, read_fields, validate
from gateway.web.own_time import own_time
from gateway.web.pages import see_other
from gateway.web.rate_limits import shows_form_again

_FILTERS: Final = frozenset({"text", "role", "is_active", "cursor"})
_NEW: Final = ("email", "name", "username", "role")
ROLES: Final = tuple((each.value, each.value.capitalize()) for each in (Role.VIEWER, Role.TECHNICIAN, Role.ADMIN))


class EverybodyPages:
    def __init__(self, *, bridge: Bridge) -> None:
        self._bridge = bridge

    async def list(self, request: web.Request) -> web.Response:
        """``GET /accounts?text=&role=&is_active=&cursor=``: by address; what was left empty is not asked for."""
        context = request[CONTEXT]
        context.require_user()
        given = query_values(request, _FILTERS | {"notice"})
        filled = {name: str(value) for name, value in given.items() if value != "" and name in _FILTERS}
        reply = await call(self._bridge, context, LIST_USERS, validate(ListUsers, filled))
        page = UserPage.model_validate_json(reply.body)
        own = await own_time(self._bridge, context)
        values = {
            "here": "accounts",
            "said": notice(request),
            "users": page.items,
            "roles": ROLES,
            "is_filtered": bool(filled),
            "more": "" if page.next is None else "/accounts?" + urlencode({**filled, "cursor": page.next}),
            "when": own.words,
            "zone": own.name,
        }
        return show("accounts/everybody.html", request, Form(filled), values)

    async def show_new(self, request: web.Request) -> web.Response:
        """``GET /accounts/new``: a form to invite somebody, and one to make an account outright."""
        context = request[CONTEXT]
        context.require_user()
        await call(self._bridge, context, CONFIRM_ADMIN, Nothing())
        return _new(request)

    @shows_form_again
    async def invite(self, request: web.Request) -> web.Response:
        """``POST /accounts/invite``: mail a link with which somebody makes their account."""
        context = request[CONTEXT]
        context.require_user()
        fields = await read_fields(request)
        try:
            given = {name: fields.get(name, "").strip() for name in ("email", "name")}
            await call(self._bridge, context, INVITE, validate(Invite, {**given, **chosen(fields, "role")}))
        except AppError as error:
            return _new(request, invitation=refused(context, error, kept(fields, *_NEW)))
        return see_other("/accounts/invitations?notice=invited")

    @shows_form_again
    async def create(self, request: web.Request) -> web.Response:
        """``POST /accounts/create``: make an account with a password that the administrator hands over."""
        context = request[CONTEXT]
        context.require_user()
        fields = await read_fields(request)
        try:
            check_again(fields, "password")
            given = {name: fields.get(name, "").strip() for name in ("email", "name")}
            given["password"] = fields.get("password", "")
            params = validate(CreateUser, {**given, **chosen(fields, "username", "role")})
            reply = await call(self._bridge, context, CREATE_USER, params)
        except AppError as error:
            return _new(request, account=refused(context, error, kept(fields, *_NEW)))
        made = CREATE_USER.result.model_validate_json(reply.body)
        return see_other(f"/accounts/{made.id}?notice=created")


def add_routes(app: web.Application, pages: EverybodyPages) -> None:
    app.router.add_get("/accounts", pages.list)
    app.router.add_get("/accounts/new", pages.show_new)
    app.router.add_post("/accounts/invite", pages.invite)
    app.router.add_post("/accounts/create", pages.create)


def _new(request: web.Request, *, invitation: Form | None = None, account: Form | None = None) -> web.Response:
    values = {
        "here": "accounts", "said": "", "roles": ROLES, "is_account_open": account is not None,
        "invitation": invitation or Form(), "account": account or Form(),
    }  # fmt: skip
    return show("accounts/new.html", request, invitation or account or Form(), values)
