"""What goes on around every operation's handler, whichever component it is of."""

from __future__ import annotations

from dataclasses import replace
from functools import wraps
from typing import Any

from agent.audit.heads import Heads
from agent.db.tracing import CallTrace, current_call
from agent.events import FeedHub
from bridge.contracts.operation import Effect, Operation
from bridge.server import Answer, CallerContext, Handler
from bridge.spans.recording import Kind, Spans, sampled


def telling(operation: Operation[Any, Any], handler: Handler, hub: FeedHub) -> Handler:
    """Let every gateway forget what a write made untrue: the one that asked for it is not the only one."""
    if not operation.invalidates:
        return handler

    @wraps(handler)
    async def told(context: CallerContext, params: object) -> Answer:
        try:
            return await handler(context, params)
        finally:  # failed or not: a commit whose confirmation was lost may have been one
            hub.tags_invalidated(tuple(sorted(operation.invalidates)))

    return told


def witnessed(operation: Operation[Any, Any], handler: Handler, heads: Heads) -> Handler:
    """Send the audit trail's head along with the answer to a write, for the other machine to keep."""
    if operation.effect is not Effect.WRITE:
        return handler

    @wraps(handler)
    async def with_head(context: CallerContext, params: object) -> Answer:
        answer = await handler(context, params)
        return replace(answer, audit_head=await heads.current(context.deadline))

    return with_head


def traced(operation: Operation[Any, Any], handler: Handler, spans: Spans | None) -> Handler:
    """Let the queries of a call say which call they belong to, and keep its span where that is wanted."""

    @wraps(handler)
    async def with_trace(context: CallerContext, params: object) -> Answer:
        parent = None if spans is None else sampled(context.traceparent)
        if spans is None or parent is None:
            current_call.set(CallTrace(context.request_id, context.traceparent))
            return await handler(context, params)
        with spans.span(parent, operation.name, Kind.SERVER) as own:
            current_call.set(CallTrace(context.request_id, own.header, spans))
            return await handler(context, params)

    return with_trace
