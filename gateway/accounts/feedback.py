"""Writing to the owner: ``POST /feedback``, also ``/api/v1/feedback``."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field

from bridge.contracts.feedback import GIVE_FEEDBACK, GiveFeedback, Message, Topic
from bridge.contracts.operation import Model
from gateway.accounts.own_account import json_response
from gateway.web.calls import Bridge, call
from gateway.web.context import CONTEXT
from gateway.web.described import Description, described
from gateway.web.inputs import read_json


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
        return json_response(await call(self._bridge, context, GIVE_FEEDBACK, params), status=201)


def add_routes(app: web.Application, api: FeedbackApi) -> None:
    for prefix in ("", "/api/v1"):
        app.router.add_post(f"{prefix}/feedback", api.give)
