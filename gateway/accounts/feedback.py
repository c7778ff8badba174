"""Writing to the owner, and what was written: ``/feedback``, also ``/api/v1/feedback``."""

from __future__ import annotations

from typing import Annotated, Final

from aiohttp import web
from pydantic import Field

from bridge.contracts.feedback import GIVE_FEEDBACK, LIST_FEEDBACK, GiveFeedback, ListFeedback, Message, Topic
from bridge.contracts.operation import Model
from gateway.web.calls import Bridge, call
from gateway.web.context import CONTEXT
from gateway.web.described import Description, Query, described
from gateway.web.inputs import query_values, read_json, validate
from gateway.web.replies import json_response

_PARAMETERS: Final = frozenset({"limit", "cursor"})


class Feedback(Model):
    """The body of ``POST /feedback``."""

    topic: Annotated[Topic, Field(repr=False)] = "the website"
    message: Annotated[Message, Field(repr=False)]


class FeedbackApi:
    def __init__(self, *, bridge: Bridge) -> None:
        self._bridge = bridge

    @described(
        Description(
            "Write to the owner",
            GIVE_FEEDBACK,
            body=Feedback,
            status=201,
            example={"topic": "the website", "message": "The chart of last month is hard to read."},
        )
    )
    async def give(self, request: web.Request) -> web.Response:
        """``POST /feedback``: 201 with the id it is kept under."""
        context = request[CONTEXT]
        context.require_user()
        body = await read_json(request, Feedback)
        params = GiveFeedback(topic=body.topic, message=body.message, address=context.address)
        return json_response(request, await call(self._bridge, context, GIVE_FEEDBACK, params), status=201)

    @described(
        Description(
            "What people wrote to the owner, the newest first",
            LIST_FEEDBACK,
            query=Query(ListFeedback),
            example_query={"limit": 20},
        )
    )
    async def list(self, request: web.Request) -> web.Response:
        """``GET /feedback?limit=&cursor=``."""
        context = request[CONTEXT]
        context.require_user()
        reply = await call(
            self._bridge, context, LIST_FEEDBACK, validate(ListFeedback, query_values(request, _PARAMETERS))
        )
        return json_response(request, reply)


def add_routes(app: web.Application, api: FeedbackApi) -> None:
    for prefix in ("", "/api/v1"):
        app.router.add_get(f"{prefix}/feedback", api.list)
        app.router.add_post(f"{prefix}/feedback", api.give)
