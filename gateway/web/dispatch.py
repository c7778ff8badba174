"""From a request to its handler. aiohttp's router finds the handler of a fixed path once; then it is remembered.

Resolving, and putting the middlewares around the handler, take aiohttp as long for the thousandth request as for the
first: 5 µs, an eighth of a cached answer.
"""

from __future__ import annotations

from functools import partial, reduce

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware


class Dispatch:
    """Answers a request as ``app`` does, in place of the application's own handler."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._known: dict[tuple[str, str], tuple[web.UrlMappingMatchInfo, Handler]] = {}

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        key = (request.method, request.rel_url.raw_path)
        known = self._known.get(key)
        if known is None or hdrs.EXPECT in request.headers:
            response = await self._app._handle(request)  # noqa: SLF001 - what aiohttp's own server calls
            self._remember(key, request.match_info)
            return response
        request._match_info, handler = known  # noqa: SLF001 - where the application's own handler puts it
        return await handler(request)

    def _remember(self, key: tuple[str, str], match: web.UrlMappingMatchInfo) -> None:
        """Remember a route without variables by its one spelling: as many as there are routes, whatever is asked."""
        resource = match.route.resource
        if isinstance(resource, web.PlainResource) and resource.canonical == key[1]:
            self._known[key] = match, reduce(_put_around, reversed(self._app.middlewares), match.handler)


def _put_around(handler: Handler, middleware: Middleware) -> Handler:
    return partial(middleware, handler=handler)
