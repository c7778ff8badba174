"""The page to sign up on. Whether anybody may, the keep says; ``is_open`` only whether the site offers it."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from bridge.contracts.joining import REGISTER, Register
from bridge.errors import AppError
from gateway.accounts.pages.forms import Form, check_again, chosen, kept, refused, show
from gateway.web.calls import Bridge, call
from gateway.web.context import ANONYMOUS, CONTEXT
from gateway.web.inputs import parse_query, read_fields, validate
from gateway.web.pages import see_other
from gateway.web.rate_limits import Counted, counted, shows_form_again

_TEMPLATE: Final = "accounts/sign_up.html"


class SignUpPage:
    def __init__(self, *, bridge: Bridge, is_open: bool) -> None:
        self._bridge = bridge
        self._is_open = is_open

    async def show_form(self, request: web.Request) -> web.Response:
        """``GET /sign-up``: the form; where the site does not offer it, what to do instead."""
        notice = parse_query(request.rel_url.raw_query_string).get("notice", [""])[-1]
        return self._show(request, Form(), is_sent=notice == "sent")

    @counted(Counted.SIGN_IN)
    @shows_form_again
    async def sign_up(self, request: web.Request) -> web.Response:
        """``POST /sign-up``: have a link mailed; what is said then is the same for every address."""
        context = request[CONTEXT]
        fields = await read_fields(request)
        try:
            check_again(fields, "password")
            given = {
                "email": fields.get("email", "").strip(),
                "password": fields.get("password", ""),
                "address": context.address,
                **chosen(fields, "name", "username"),
            }
            await call(self._bridge, context, REGISTER, validate(Register, given), credentials=ANONYMOUS)
        except AppError as error:
            return self._show(request, refused(context, error, kept(fields, "email", "name", "username")))
        return see_other("/sign-up?notice=sent")

    def _show(self, request: web.Request, form: Form, *, is_sent: bool = False) -> web.Response:
        return show(_TEMPLATE, request, form, {"is_open": self._is_open, "is_sent": is_sent})


def add_routes(app: web.Application, page: SignUpPage) -> None:
    app.router.add_get("/sign-up", page.show_form)
    app.router.add_post("/sign-up", page.sign_up)
