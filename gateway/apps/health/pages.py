"""The health chat: a page that works as a plain form, and the endpoint that its script uses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from aiohttp import web
from pydantic import Field, StringConstraints
from pydantic_core import to_json

from bridge.client.call import Reply
from bridge.contracts.operation import Model, Operation
from bridge.errors import AppError, Code, Outcome
from gateway.apps.health.chat.chat import Chat
from gateway.apps.health.chat.reply import Chart, ChatReply
from gateway.apps.health.chat.understand import MESSAGE_MAX, Message
from gateway.apps.health.drawing import draw, rows
from gateway.apps.health.parameters import time_zone
from gateway.web.assets import Assets
from gateway.web.calls import Bridge, P, R, call
from gateway.web.context import CONTEXT, RequestContext
from gateway.web.described import Description, described
from gateway.web.inputs import JSON, read_form, read_json
from gateway.web.pages import render
from gateway.web.problems import SIGN_IN_AGAIN
from gateway.web.rate_limits import Counted, counted
from gateway.web.session import shown_name

_ICONS: Final = (
    ("icon.svg", "image/svg+xml", "any", "any"),
    ("icon-192.png", "image/png", "192x192", "any"),
    ("icon-512.png", "image/png", "512x512", "any"),
    ("icon-maskable-512.png", "image/png", "512x512", "maskable"),
)

_EXAMPLES: Final[Sequence[str]] = (
    "How often did I have a headache this month?",
    "Show my symptoms of last week",
    "When did I last have a migraine?",
    "How bad was my back pain on average this year?",
)

Conversation = Annotated[
    str,
    StringConstraints(max_length=16_384),
    Field(description="The `conversation` of the answer before; none other is good."),
]
ZoneName = Annotated[
    str, StringConstraints(min_length=1, max_length=64), Field(json_schema_extra={"format": "iana-time-zone"})
]


class Question(Model):
    """The body of ``POST /api/v1/chat``. ``time_zone`` is the browser's (IANA), in which "today" is meant."""

    message: Message
    conversation: Conversation | None = None
    time_zone: ZoneName | None = None


class ChatAnswer(Model):
    """The body of its answer (:class:`~gateway.apps.health.chat.reply.ChatReply`)."""

    answer: str
    conversation: str
    frame: dict[str, Any] | None
    result: dict[str, Any] | None
    chart: Chart | None
    suggestions: tuple[str, ...]
    asks_back: bool
    as_of: datetime | None
    request_id: str


class QuestionForm(Model):
    """The same from the page without its script."""

    message: Message
    conversation: Conversation = ""
    time_zone: ZoneName | Literal[""] = ""


class ChatPages:
    """The handlers. "Today" without a time zone of the browser's own is in ``zone``."""

    def __init__(self, *, bridge: Bridge, chat: Chat, zone: ZoneInfo, assets: Assets) -> None:
        self._bridge = bridge
        self._chat = chat
        self._zone = zone
        self._manifest = _manifest(assets)

    async def show(self, request: web.Request) -> web.Response:
        """``GET /``: the page."""
        request[CONTEXT].require_user()
        return _page(request, self._zone)

    async def manifest(self, _request: web.Request) -> web.Response:
        """``GET /manifest.webmanifest``: what makes the page installable."""
        return web.Response(body=self._manifest, content_type="application/manifest+json")

    @described(
        Description(
            "Ask about your records",
            name="health.chat",
            details="In plain English. `conversation` is what the last answer held, for a question that follows it up. "
            "What sounds like an emergency is answered to anybody, signed in or not.",
            body=Question,
            result=ChatAnswer,
            refuses=(401, 503, 504),
            example={"message": "How often did I have a headache this month?", "time_zone": "Europe/London"},
        )
    )
    @counted(Counted.CHAT)
    async def answer(self, request: web.Request) -> web.Response:
        """``POST /api/v1/chat``: the answer as JSON."""
        context = request[CONTEXT]
        question = await read_json(request, Question)
        zone = time_zone(question.time_zone) if question.time_zone else self._zone
        reply = await self._ask(context, question.message, question.conversation, zone)
        body = ChatAnswer(
            answer=reply.answer,
            conversation=reply.conversation,
            frame=reply.frame,
            result=reply.result,
            chart=reply.chart,
            suggestions=tuple(reply.suggestions),
            asks_back=reply.asks_back,
            as_of=reply.as_of,
            request_id=context.request_id,
        )
        return web.Response(body=body.model_dump_json(), content_type=JSON)

    @counted(Counted.CHAT)
    async def answer_form(self, request: web.Request) -> web.Response:
        """``POST /chat``: the page again, with the answer; a failure leaves the question in its field."""
        form = await read_form(request, QuestionForm)
        context = request[CONTEXT]
        zone = time_zone(form.time_zone) if form.time_zone else self._zone
        try:
            reply = await self._ask(context, form.message, form.conversation or None, zone)
        except AppError as error:
            if error.code in SIGN_IN_AGAIN:
                raise
            context.fail_with(error)
            kept = "" if error.code is Code.INVALID_CONVERSATION else form.conversation
            return _page(request, zone, message=form.message, error=error, conversation=kept)
        return _page(request, zone, message=form.message, reply=reply, conversation=reply.conversation)

    async def _ask(self, context: RequestContext, message: str, conversation: str | None, zone: ZoneInfo) -> ChatReply:
        """Answer; an emergency over the limit, in an outage, and to anybody: help must not wait. Raises AppError."""
        heard = self._chat.hear(message, zone.key)
        emergency = self._chat.emergency(heard, conversation)
        if emergency is not None:
            return emergency
        principal = context.require_user()
        if context.over_limit is not None:
            raise context.over_limit
        stalest = Outcome.OK

        async def ask_agent(operation: Operation[P, R], params: P) -> Reply:
            nonlocal stalest
            reply = await call(self._bridge, context, operation, params)
            stalest = Outcome.STALE if Outcome.STALE in {stalest, reply.outcome} else reply.outcome
            return reply

        answer = await self._chat.reply(
            heard, conversation, user_id=principal.user_id, time_zone=zone.key, call=ask_agent
        )
        context.outcome = stalest
        return answer


def add_routes(app: web.Application, pages: ChatPages) -> None:
    app.router.add_get("/", pages.show)
    app.router.add_post("/chat", pages.answer_form)
    app.router.add_post("/api/v1/chat", pages.answer)
    app.router.add_get("/manifest.webmanifest", pages.manifest)


def _page(
    request: web.Request,
    zone: ZoneInfo,
    *,
    message: str = "",
    reply: ChatReply | None = None,
    error: AppError | None = None,
    conversation: str = "",
) -> web.Response:
    values = {
        "message": message,
        "reply": reply,
        "error": error,
        "conversation": conversation,
        "suggestions": _suggestions(reply),
        "message_max": MESSAGE_MAX,
        "time_zone": zone.key if message else "",
        "name": shown_name(request),
        "when": partial(_when, zone),
        "draw": draw,
        "chart_rows": rows,
    }
    return render("chat.html", request, values, error=error)


def _suggestions(reply: ChatReply | None) -> Sequence[str]:
    """Return the questions below the conversation; those to choose from stand in the answer that asks."""
    if reply is None or not reply.suggestions:
        return _EXAMPLES
    return () if reply.asks_back else reply.suggestions


def _when(zone: ZoneInfo, moment: datetime | str) -> str:
    """Return a moment as a person in ``zone`` writes it."""
    parsed = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    local = parsed.astimezone(zone)
    return f"{local.day} {local:%B %Y, %H:%M}"


def _manifest(assets: Assets) -> bytes:
    return to_json(
        {
            "name": "Drawbridge",
            "short_name": "Drawbridge",
            "description": "Your health records, at home and in your hands.",
            "start_url": "/",
            "scope": "/",
            "display": "standalone",
            "background_color": "#f4f6f3",
            "theme_color": "#1f6f66",
            "icons": [
                {"src": assets.path(name), "type": kind, "sizes": sizes, "purpose": purpose}
                for name, kind, sizes, purpose in _ICONS
            ],
        }
    )
