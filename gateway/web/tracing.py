"""Every request gets an id, the one that every hop's log line carries: the trace id of W3C Trace Context."""

from __future__ import annotations

import random

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bridge.process.clock import Clock
from bridge.trace import parse
from gateway.web.context import CONTEXT, RequestContext


def trace_requests(*, clock: Clock, deadline_s: float) -> Middleware:
    """Begin the request's context: its id (taken over from ``traceparent``, as nginx sets it), and its deadline."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        # Ids need to differ, not to be secret: 128 bits from the Mersenne twister cost a fifth of a system call.
        incoming = parse(request.headers["traceparent"]) if "traceparent" in request.headers else None
        request_id = incoming.trace_id if incoming else f"{random.getrandbits(128) | 1:032x}"
        flags = "01" if incoming and incoming.is_sampled else "00"
        now = clock.monotonic()
        request[CONTEXT] = RequestContext(
            request_id=request_id,
            traceparent=f"00-{request_id}-{random.getrandbits(64) | 1:016x}-{flags}",
            started_at=now,
            deadline=now + deadline_s,
            response_headers={"X-Request-Id": request_id},
        )
        return await handler(request)

    return middleware
