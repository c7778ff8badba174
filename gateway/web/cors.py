"""Cross-origin scripts: refused unless their origin is listed, and then with a Bearer token only, never a cookie.

https://fetch.spec.whatwg.org/#http-cors-protocol. No ``Access-Control-Allow-Credentials`` is ever sent. With origins
listed, every response says ``Vary: Origin``, whoever asks: a shared cache must not give one origin another's answer.
"""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from gateway.web.context import CONTEXT

_METHODS: Final = "GET, HEAD, POST"
_REQUEST_HEADERS: Final = "authorization, content-type, idempotency-key, traceparent"
_RESPONSE_HEADERS: Final = (
    "age, cache-status, link, ratelimit, ratelimit-policy, retry-after, www-authenticate, x-request-id"
)
_PREFLIGHT_MAX_AGE_S: Final = 600


def allow_origins(origins: tuple[str, ...]) -> Middleware:
    """Answer preflights, and let scripts of ``origins`` read responses, errors included."""
    allowed = frozenset(origins)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not allowed:
            return await handler(request)
        headers = request[CONTEXT].response_headers
        headers[hdrs.VARY] = "Origin"
        origin = request.headers.get(hdrs.ORIGIN)
        if origin not in allowed:
            return await handler(request)
        headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        if request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers:
            headers[hdrs.VARY] = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
            headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = _METHODS
            headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = _REQUEST_HEADERS
            headers[hdrs.ACCESS_CONTROL_MAX_AGE] = str(_PREFLIGHT_MAX_AGE_S)
            return web.Response(status=204)
        headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _RESPONSE_HEADERS
        return await handler(request)

    return middleware
