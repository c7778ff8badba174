"""Spans of the requests that are traced, and of the calls that they make of the agent."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from bridge.client.call import CallContext, Credentials, Reply
from bridge.contracts.operation import Operation
from bridge.process.clock import Clock
from bridge.spans.recording import FAILURES, Kind, Spans, sampled
from gateway.web.access_log import route_of
from gateway.web.calls import Bridge, P, R
from gateway.web.context import RequestContext
from gateway.web.pipeline import Middleware

_OTHER_METHOD: Final = "_OTHER"
"""https://opentelemetry.io/docs/specs/semconv/http/http-spans/: a method that is none of the known ones."""


class RequestSpans(Middleware):
    """Keeps a span of each request: its route, and never its path."""

    def __init__(self, spans: Spans, clock: Clock) -> None:
        self._spans = spans
        self._monotonic = clock.monotonic

    def leave(self, request: web.Request, context: RequestContext, response: web.StreamResponse) -> None:
        own = sampled(context.traceparent)
        if own is None:
            return
        method, route = request.method if request.method in hdrs.METH_ALL else _OTHER_METHOD, route_of(request)
        self._spans.add(
            own, context.parent_span, f"{method} {route}", Kind.SERVER,
            duration_s=self._monotonic() - context.started_at, is_failed=context.outcome in FAILURES,
            attributes={
                "http.request.method": method, "http.route": route, "http.response.status_code": response.status,
                "outcome": context.outcome.value,
            },
        )  # fmt: skip


class TracedBridge:
    """A bridge that keeps a span of each call, remembered answers too."""

    def __init__(self, bridge: Bridge, spans: Spans) -> None:
        self._bridge = bridge
        self._spans = spans

    async def call(
        self,
        operation: Operation[P, R],
        params: P,
        *,
        credentials: Credentials,
        context: CallContext,
        idempotency_key: str = "",
    ) -> Reply:
        """As :meth:`Bridge.call`; what the agent does for it is within its span."""
        parent = sampled(context.traceparent)
        if parent is None:
            return await self._bridge.call(
                operation, params, credentials=credentials, context=context, idempotency_key=idempotency_key
            )
        with self._spans.span(parent, operation.name, Kind.CLIENT) as own:
            traced = context._replace(traceparent=own.header)
            return await self._bridge.call(
                operation, params, credentials=credentials, context=traced, idempotency_key=idempotency_key
            )
