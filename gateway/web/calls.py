"""Calling the agent on behalf of the request being served."""

from __future__ import annotations

from typing import Protocol, TypeVar

from pydantic import BaseModel

from bridge.client.call import CallContext, Credentials, Reply
from bridge.contracts.operation import Operation
from gateway.web.context import RequestContext

P = TypeVar("P", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)


class Bridge(Protocol):
    """The part of :class:`bridge.client.call.BridgeClient` that requests need."""

    async def call(
        self,
        operation: Operation[P, R],
        params: P,
        *,
        credentials: Credentials,
        context: CallContext,
        idempotency_key: str = "",
    ) -> Reply:
        """Return the agent's answer, perhaps a remembered one. Raises AppError."""


async def call(
    bridge: Bridge,
    context: RequestContext,
    operation: Operation[P, R],
    params: P,
    *,
    credentials: Credentials | None = None,
) -> Reply:
    """Call ``operation``, as the caller unless told otherwise; the log line will say which, and how it ended.

    Raises AppError; of a request that is over the limit, without asking the agent.
    """
    if context.over_limit is not None:
        raise context.over_limit
    context.operation = operation.name
    reply = await bridge.call(
        operation, params, credentials=credentials or context.credentials, context=context.call_context
    )
    context.outcome = reply.outcome
    context.is_vouched_for = context.is_vouched_for or credentials is None
    return reply
