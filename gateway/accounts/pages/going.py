"""``/account/data``: taking one's data along, and deleting the account."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from bridge.contracts.leaving import DELETE_ACCOUNT, DeleteAccount
from bridge.contracts.operation import Nothing
from bridge.contracts.users import GET_PROFILE
from bridge.errors import AppError
from gateway.accounts.cookies import clear_session
from gateway.accounts.pages.forms import Form, kept, refused, show
from gateway.accounts.tokens import TokenVerifier
from gateway.web.calls import Bridge, call
from gateway.web.context import CONTEXT
from gateway.web.inputs import invalid, read_fields, validate
from gateway.web.pages import see_other
from gateway.web.rate_limits import Counted, counted, shows_form_again
from gateway.web.session import access_token

CONFIRMATION: Final = "delete"
"""What has to be typed, so that nobody deletes their account by one press too many."""


class GoingPages:
    def __init__(self, *, bridge: Bridge, verifier: TokenVerifier) -> None:
        self._bridge = bridge
        self._verifier = verifier

    async def show(self, request: web.Request) -> web.Response:
        """``GET /account/data``."""
        context = request[CONTEXT]
        context.require_user()
        await call(self._bridge, context, GET_PROFILE, Nothing())  # for the agent's word that the session stands
        return _page(request, Form())

    @counted(Counted.SIGN_IN)
    @shows_form_again
    async def delete(self, request: web.Request) -> web.Response:
        """``POST /account/delete``: there is no way back."""
        context = request[CONTEXT]
        context.require_user()
        fields = await read_fields(request)
        try:
            if fields.get("confirm", "").strip().lower() != CONFIRMATION:
                raise invalid(name="confirm", message=f"must be the word {CONFIRMATION}")
            given = {"password": fields.get("password", ""), "address": context.address}
            await call(self._bridge, context, DELETE_ACCOUNT, validate(DeleteAccount, given))
        except AppError as error:
            return _page(request, refused(context, error, kept(fields, "confirm")))
        self._verifier.forget(access_token(request))
        response = see_other("/sign-in?notice=account-deleted")
        clear_session(response)
        return response


def add_routes(app: web.Application, pages: GoingPages) -> None:
    app.router.add_get("/account/data", pages.show)
    app.router.add_post("/account/delete", pages.delete)


def _page(request: web.Request, form: Form) -> web.Response:
    return show("accounts/going.html", request, form, {"here": "data", "said": "", "confirmation": CONFIRMATION})
