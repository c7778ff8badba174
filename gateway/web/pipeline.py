"""Running the middlewares: each looks at the request on its way in and at the response on its way out.

They wait for nothing, so they are plain calls inside one aiohttp middleware. Nine nested coroutines cost 10 µs a
request here, which is most of what a cached answer may cost in all.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable, Sequence
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp.typedefs import Middleware as AiohttpMiddleware

from gateway.web.context import CONTEXT, RequestContext

CLIENT_CLOSED: Final = 499
"""nginx's name for it: the client went away before its answer."""


class Middleware:
    """One concern of every request. What is not overridden is not called."""

    def enter(self, request: web.Request, context: RequestContext) -> web.StreamResponse | None:
        """Look at the request before its handler; a response ends its way here. Raises AppError to refuse it."""

    def leave(self, request: web.Request, context: RequestContext, response: web.StreamResponse) -> None:
        """Look at the response, whoever made it: also when this middleware's :meth:`enter` was never reached."""


def run_through(
    middlewares: Sequence[Middleware],
    *,
    begin: Callable[[web.Request], RequestContext],
    answer_error: Callable[[web.Request, RequestContext, Exception], web.StreamResponse],
) -> AiohttpMiddleware:
    """Return the aiohttp middleware that runs ``middlewares``: in their order on the way in, reversed on the way out.

    ``begin`` makes the request's context, ``answer_error`` turns what was raised into a response.
    """
    enters = tuple(each.enter for each in middlewares if type(each).enter is not Middleware.enter)
    leaves = tuple(each.leave for each in reversed(middlewares) if type(each).leave is not Middleware.leave)

    @web.middleware
    async def pipeline(request: web.Request, handler: Handler) -> web.StreamResponse:
        context = request[CONTEXT] = begin(request)
        try:
            for enter in enters:
                response = enter(request, context)
                if response is not None:
                    break
            else:
                response = await handler(request)
        except CancelledError:
            gone = web.Response(status=CLIENT_CLOSED)
            for leave in leaves:
                leave(request, context, gone)
            raise
        except Exception as error:  # noqa: BLE001 - the last one who can tell the client anything
            response = answer_error(request, context, error)
        for leave in leaves:
            leave(request, context, response)
        return response

    return pipeline
