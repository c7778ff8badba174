"""``/account/security``: another password, another address, and where the account is signed in."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from bridge.contracts.accounts import CHANGE_PASSWORD, ChangePassword, Tokens
from bridge.contracts.joining import CHANGE_EMAIL, ChangeEmail
from bridge.contracts.operation import Nothing, Operation
from bridge.contracts.users import END_OTHER_SESSIONS, END_SESSION, GET_PROFILE, LIST_SESSIONS, SessionId
from bridge.errors import AppError, NotFound
from gateway.accounts.cookies import set_session
from gateway.accounts.pages.forms import Form, check_again, kept, refused, show
from gateway.accounts.pages.frame import notice
from gateway.accounts.tokens import TokenVerifier
from gateway.web.calls import Bridge, R, call
from gateway.web.context import CONTEXT
from gateway.web.inputs import read_fields, validate
from gateway.web.own_time import OwnTime
from gateway.web.pages import see_other
from gateway.web.rate_limits import Counted, counted, shows_form_again
from gateway.web.session import access_token

_PATH: Final = "/account/security"


class SecurityPages:
    def __init__(self, *, bridge: Bridge, verifier: TokenVerifier) -> None:
        self._bridge = bridge
        self._verifier = verifier

    async def show(self, request: web.Request) -> web.Response:
        """``GET /account/security``."""
        request[CONTEXT].require_user()
        return await self._page(request)

    @counted(Counted.SIGN_IN)
    @shows_form_again
    async def change_password(self, request: web.Request) -> web.Response:
        """``POST /account/password``: every session ends, and this browser goes on in a new one."""
        context = request[CONTEXT]
        context.require_user()
        fields = await read_fields(request)
        try:
            check_again(fields, "new_password")
            given = {name: fields.get(name, "") for name in ("current_password", "new_password")}
            params = validate(ChangePassword, {**given, "address": context.address})
            reply = await call(self._bridge, context, CHANGE_PASSWORD, params)
        except AppError as error:
            return await self._page(request, password=refused(context, error, {}))
        self._verifier.forget(access_token(request))
        response = see_other(f"{_PATH}?notice=password-changed")
        set_session(response, Tokens.model_validate_json(reply.body))
        return response

    @counted(Counted.SIGN_IN)
    @shows_form_again
    async def change_email(self, request: web.Request) -> web.Response:
        """``POST /account/email``: have a link mailed to the other address, which makes it the account's."""
        context = request[CONTEXT]
        context.require_user()
        fields = await read_fields(request)
        try:
            given = {"new_email": fields.get("new_email", "").strip(), "password": fields.get("password", "")}
            params = validate(ChangeEmail, {**given, "address": context.address})
            await call(self._bridge, context, CHANGE_EMAIL, params)
        except AppError as error:
            return await self._page(request, address=refused(context, error, kept(fields, "new_email")))
        return see_other(f"{_PATH}?notice=mail-sent")

    async def end_session(self, request: web.Request) -> web.Response:
        """``POST /account/sessions/end``: one of the list; it is no error where it has ended by itself."""
        context = request[CONTEXT]
        context.require_user()
        params = validate(SessionId, kept(await read_fields(request), "id"))
        try:
            await call(self._bridge, context, END_SESSION, params)
        except NotFound as error:
            context.fail_with(error)
        return see_other(f"{_PATH}?notice=session-ended")

    async def end_others(self, request: web.Request) -> web.Response:
        """``POST /account/sessions/end-others``: every session but this one."""
        context = request[CONTEXT]
        context.require_user()
        await read_fields(request)
        await call(self._bridge, context, END_OTHER_SESSIONS, Nothing())
        return see_other(f"{_PATH}?notice=others-ended")

    async def _page(
        self, request: web.Request, *, password: Form | None = None, address: Form | None = None
    ) -> web.Response:
        """Return the page; after a failure without the sessions where they cannot be read."""
        failed = password or address
        values: dict[str, object] = {"sessions": None, "email": "", "when": OwnTime.of("UTC").words}
        try:
            profile = await self._read(request, GET_PROFILE)
            sessions = await self._read(request, LIST_SESSIONS)
        except AppError:
            if failed is None:
                raise
        else:
            values |= {"sessions": sessions.items, "email": profile.email, "when": OwnTime.of(profile.time_zone).words}
        values |= {"password": password or Form(), "address": address or Form()}
        values |= {"here": "security", "said": notice(request)}
        return show("accounts/security.html", request, failed or Form(), values)

    async def _read(self, request: web.Request, operation: Operation[Nothing, R]) -> R:
        reply = await call(self._bridge, request[CONTEXT], operation, Nothing())
        return operation.result.model_validate_json(reply.body)


def add_routes(app: web.Application, pages: SecurityPages) -> None:
    app.router.add_get(_PATH, pages.show)
    app.router.add_post("/account/password", pages.change_password)
    app.router.add_post("/account/email", pages.change_email)
    app.router.add_post("/account/sessions/end", pages.end_session)
    app.router.add_post("/account/sessions/end-others", pages.end_others)
