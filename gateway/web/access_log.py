"""One log line and one observation a request. No path, no query, no body: they may hold health text."""

from __future__ import annotations

import logging
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bridge.process.clock import Clock
from bridge.process.logs import log
from gateway.web.context import CONTEXT
from gateway.web.metrics import request_duration

_log: Final = logging.getLogger(__name__)

_CLIENT_CLOSED: Final = 499
"""nginx's name for it: the client went away before its answer."""


def route_of(request: web.Request) -> str:
    """Return the route's pattern, ``none`` where no route fits: few values, whatever is asked for."""
    resource = request.match_info.route.resource
    return "none" if resource is None else resource.canonical


def log_requests(*, clock: Clock) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        context = request[CONTEXT]
        status = _CLIENT_CLOSED
        try:
            response = await handler(request)
            status = response.status
        finally:
            duration_s = clock.monotonic() - context.started_at
            route = route_of(request)
            outcome = context.outcome.value
            request_duration(route, status, outcome).observe(duration_s)
            log(
                _log,
                "request_finished",
                request_id=context.request_id,
                method=request.method,
                route=route,
                status=status,
                outcome=outcome,
                error_code=context.error_code,
                operation=context.operation,
                user_id=context.principal.user_id if context.principal else None,
                address=context.address,
                duration_ms=round(duration_s * 1000, 3),
            )
        return response

    return middleware
