"""The pages that links in mails lead to: confirming an address, another password, an invitation.

Opening one does nothing, for programs that look at mails open links too: its form sends the token, and that uses it.
The token is in no log, for none has a query or a body, and in no ``Referer`` that leaves the site.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import web

from bridge.contracts.joining import (
    ACCEPT_INVITATION,
    CONFIRM_ADDRESS,
    REQUEST_RESET,
    RESET_PASSWORD,
    AcceptInvitation,
    RequestReset,
    ResetPassword,
    UseLink,
)
from bridge.contracts.operation import Nothing, Operation, P
from bridge.errors import AppError
from gateway.accounts.pages.forms import Form, check_again, chosen, kept, refused, show
from gateway.web.calls import Bridge, call
from gateway.web.context import ANONYMOUS, CONTEXT
from gateway.web.inputs import parse_query, read_fields, validate
from gateway.web.pages import see_other
from gateway.web.rate_limits import Counted, counted, shows_form_again

_CONFIRM: Final = "accounts/confirm_address.html"
_ASK: Final = "accounts/ask_reset.html"
_RESET: Final = "accounts/reset_password.html"
_ACCEPT: Final = "accounts/accept_invitation.html"


class LinkPages:
    def __init__(self, *, bridge: Bridge) -> None:
        self._bridge = bridge

    async def show_confirm(self, request: web.Request) -> web.Response:
        """``GET /confirm-address?token=``: a button that confirms it."""
        return _show(_CONFIRM, request, Form(), _asked(request, "token"))

    @counted(Counted.SIGN_IN)
    @shows_form_again
    async def confirm(self, request: web.Request) -> web.Response:
        """``POST /confirm-address``: what the link is for; then on to the sign-in page, or back to one's own."""

        def params(fields: dict[str, str]) -> UseLink:
            return validate(UseLink, {"token": fields.get("token", "")})

        here = "/sign-in" if request[CONTEXT].principal is None else "/account/security"
        return await self._use(
            request, CONFIRM_ADDRESS, params, template=_CONFIRM, to=f"{here}?notice=address-confirmed"
        )

    async def show_reset(self, request: web.Request) -> web.Response:
        """``GET /reset-password``: a form that asks for a link; with ``?token=``, for the new password."""
        token = _asked(request, "token")
        if token:
            return _show(_RESET, request, Form(), token)
        return show(_ASK, request, Form(), {"is_sent": _asked(request, "notice") == "sent"})

    @counted(Counted.SIGN_IN)
    @shows_form_again
    async def ask_for_reset(self, request: web.Request) -> web.Response:
        """``POST /reset-password/link``: have a link mailed; what is said then is the same for every address."""
        context = request[CONTEXT]
        fields = await read_fields(request)
        try:
            params = validate(RequestReset, {"email": fields.get("email", "").strip(), "address": context.address})
            await call(self._bridge, context, REQUEST_RESET, params, credentials=ANONYMOUS)
        except AppError as error:
            return show(_ASK, request, refused(context, error, kept(fields, "email")), {"is_sent": False})
        return see_other("/reset-password?notice=sent")

    @counted(Counted.SIGN_IN)
    @shows_form_again
    async def reset(self, request: web.Request) -> web.Response:
        """``POST /reset-password``: the new password; then on to the sign-in page."""

        def params(fields: dict[str, str]) -> ResetPassword:
            check_again(fields, "new_password")
            given = {"token": fields.get("token", ""), "new_password": fields.get("new_password", "")}
            return validate(ResetPassword, given)

        return await self._use(request, RESET_PASSWORD, params, template=_RESET, to="/sign-in?notice=password-reset")

    async def show_invitation(self, request: web.Request) -> web.Response:
        """``GET /accept-invitation?token=``: a form for the password, and perhaps a username."""
        return _show(_ACCEPT, request, Form(), _asked(request, "token"))

    @counted(Counted.SIGN_IN)
    @shows_form_again
    async def accept(self, request: web.Request) -> web.Response:
        """``POST /accept-invitation``: make the account; then on to the sign-in page."""

        def params(fields: dict[str, str]) -> AcceptInvitation:
            check_again(fields, "password")
            given = {"token": fields.get("token", ""), "password": fields.get("password", "")}
            return validate(AcceptInvitation, {**given, **chosen(fields, "username")})

        return await self._use(request, ACCEPT_INVITATION, params, template=_ACCEPT, to="/sign-in?notice=account-made")

    async def _use(
        self,
        request: web.Request,
        operation: Operation[P, Nothing],
        params: Callable[[dict[str, str]], P],
        *,
        template: str,
        to: str,
    ) -> web.Response:
        """Do what a link is for; where that is refused, show its page again, with the token that may still be good."""
        context = request[CONTEXT]
        fields = await read_fields(request)
        try:
            await call(self._bridge, context, operation, params(fields), credentials=ANONYMOUS)
        except AppError as error:
            form = refused(context, error, kept(fields, "username"))
            return _show(template, request, form, fields.get("token", ""))
        return see_other(to)


def add_routes(app: web.Application, pages: LinkPages) -> None:
    app.router.add_get("/confirm-address", pages.show_confirm)
    app.router.add_post("/confirm-address", pages.confirm)
    app.router.add_get("/reset-password", pages.show_reset)
    app.router.add_post("/reset-password", pages.reset)
    app.router.add_post("/reset-password/link", pages.ask_for_reset)
    app.router.add_get("/accept-invitation", pages.show_invitation)
    app.router.add_post("/accept-invitation", pages.accept)


def _show(template: str, request: web.Request, form: Form, token: str) -> web.Response:
    is_good = bool(token) and "token" not in form.wrong
    return show(template, request, form, {"token": token, "is_good": is_good})


def _asked(request: web.Request, name: str) -> str:
    return parse_query(request.rel_url.raw_query_string).get(name, [""])[-1]
