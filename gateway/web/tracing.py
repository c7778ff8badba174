"""Every request gets an id, the one that every hop's log line carries: the trace id of W3C Trace Context."""

from __future__ import annotations

from collections.abc import Callable
from random import getrandbits, random

from aiohttp import web

from bridge.process.clock import Clock
from bridge.trace import TraceContext, parse
from gateway.web.context import RequestContext


def new_request_id() -> str:
    """Return a random id, 32 hexadecimal digits. Ids need to differ, not to be secret."""
    return f"{getrandbits(128) | 1 << 64:032x}"  # never without a one in its first half, which also serves as span id


def begin_request(
    *, clock: Clock, deadline_s: float, ratio: float | None = None
) -> Callable[[web.Request], RequestContext]:
    """Return what begins a request's context: its id (from ``traceparent``, which nginx sets) and deadline.

    ``ratio`` is the share of requests that are traced, whatever the client says of it; None where none is.
    """
    monotonic = clock.monotonic

    def begin(request: web.Request) -> RequestContext:
        now = monotonic()
        sent = request.headers.get("traceparent")
        incoming = parse(sent) if sent is not None else None
        if incoming is None:
            request_id = new_request_id()
            traceparent = f"00-{request_id}-{request_id[:16]}-00"
        else:
            request_id = incoming.trace_id
            traceparent = incoming.child(new_request_id()[:16]).header
        if ratio is None:
            return RequestContext(request_id, traceparent, started_at=now, deadline=now + deadline_s)
        is_traced = random() < ratio  # noqa: S311 - a share, no secret
        own = TraceContext(request_id, traceparent[36:52], is_traced)
        context = RequestContext(request_id, own.header, started_at=now, deadline=now + deadline_s)
        if incoming is not None and incoming.is_sampled:
            context.parent_span = incoming.span_id
        return context

    return begin
