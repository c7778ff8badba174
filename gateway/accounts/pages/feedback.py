"""``/account/feedback``: writing to the owner. ``/accounts/feedback``: what people wrote, for administrators."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from bridge.contracts.feedback import GIVE_FEEDBACK, LIST_FEEDBACK, FeedbackPage, GiveFeedback, ListFeedback
from bridge.contracts.operation import Nothing
from bridge.contracts.users import GET_PROFILE
from bridge.errors import AppError
from gateway.accounts.pages.forms import Form, chosen, kept, refused, show
from gateway.accounts.pages.frame import notice
from gateway.web.calls import Bridge, call
from gateway.web.context import CONTEXT
from gateway.web.inputs import query_values, read_fields, validate
from gateway.web.own_time import own_time
from gateway.web.pages import see_other
from gateway.web.rate_limits import shows_form_again

_OWN: Final = "/account/feedback"
_EVERYBODYS: Final = "/accounts/feedback"


class FeedbackPages:
    def __init__(self, *, bridge: Bridge) -> None:
        self._bridge = bridge

    async def show(self, request: web.Request) -> web.Response:
        """``GET /account/feedback``: the form."""
        context = request[CONTEXT]
        context.require_user()
        await call(self._bridge, context, GET_PROFILE, Nothing())  # for the agent's word that the session stands
        return _page(request, Form())

    @shows_form_again
    async def give(self, request: web.Request) -> web.Response:
        """``POST /account/feedback``: keep it for the owner, and mail it where there is mail."""
        context = request[CONTEXT]
        context.require_user()
        fields = await read_fields(request)
        try:
            message = fields.get("message", "").replace("\r\n", "\n")  # as it was counted while it was typed
            given = {"message": message, "address": context.address, **chosen(fields, "topic")}
            await call(self._bridge, context, GIVE_FEEDBACK, validate(GiveFeedback, given))
        except AppError as error:
            return _page(request, refused(context, error, kept(fields, "topic", "message")))
        return see_other(f"{_OWN}?notice=written")

    async def list(self, request: web.Request) -> web.Response:
        """``GET /accounts/feedback?cursor=``: the newest first."""
        context = request[CONTEXT]
        context.require_user()
        params = validate(ListFeedback, query_values(request, frozenset({"cursor"})))
        reply = await call(self._bridge, context, LIST_FEEDBACK, params)
        page = FeedbackPage.model_validate_json(reply.body)
        own = await own_time(self._bridge, context)
        values = {
            "here": "written",
            "said": "",
            "entries": page.items,
            "older": "" if page.next is None else f"{_EVERYBODYS}?" + urlencode({"cursor": page.next}),
            "when": own.words,
            "zone": own.name,
        }
        return show("accounts/written.html", request, Form(), values)


def add_routes(app: web.Application, pages: FeedbackPages) -> None:
    app.router.add_get(_OWN, pages.show)
    app.router.add_post(_OWN, pages.give)
    app.router.add_get(_EVERYBODYS, pages.list)


def _page(request: web.Request, form: Form) -> web.Response:
    return show("accounts/feedback.html", request, form, {"here": "feedback", "said": notice(request)})
