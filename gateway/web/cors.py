"""Cross-origin scripts: refused unless their origin is listed, and then with a Bearer token only, never a cookie.

https://fetch.spec.whatwg.org/#http-cors-protocol. No ``Access-Control-Allow-Credentials`` is ever sent. With origins
listed, every response says ``Vary: Origin``, whoever asks: a shared cache must not give one origin another's answer.
"""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from gateway.web.context import RequestContext
from gateway.web.pipeline import Middleware

_METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE"
_REQUEST_HEADERS: Final = "authorization, content-type, idempotency-key, if-match, traceparent"
_RESPONSE_HEADERS: Final = (
    "age, cache-status, etag, link, ratelimit, ratelimit-policy, retry-after, www-authenticate, x-request-id"
)
_PREFLIGHT_MAX_AGE_S: Final = 600


class Cors(Middleware):
    """Answers preflights, and lets scripts of ``origins`` read responses, errors included."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._origins = frozenset(origins)

    def enter(self, request: web.Request, context: RequestContext) -> web.StreamResponse | None:
        if not self._origins:
            return None
        headers = context.response_headers
        headers[hdrs.VARY] = "Origin"
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None or origin not in self._origins:
            return None
        headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        if request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers:
            headers[hdrs.VARY] = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
            headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = _METHODS
            headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = _REQUEST_HEADERS
            headers[hdrs.ACCESS_CONTROL_MAX_AGE] = str(_PREFLIGHT_MAX_AGE_S)
            return web.Response(status=204)
        headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _RESPONSE_HEADERS
        return None
