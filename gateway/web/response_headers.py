"""Headers that every response carries, errors included.

Behind nginx the same headers come from its own configuration, which hides these, so that each occurs once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from multidict import CIMultiDict

from gateway.web.context import CONTEXT


@dataclass(slots=True)
class Drain:
    """Whether this process is stopping: then each response asks its client to open its next connection elsewhere."""

    has_begun: bool = False


CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "report-uri /csp-reports"
)

SECURITY_HEADERS: Final = CIMultiDict(
    {
        "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        # no-referrer would make browsers send `Origin: null` with forms, and the check of origins needs it
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Server": "drawbridge",
    }
)


def add_response_headers(drain: Drain) -> Middleware:
    """Put the fixed headers, and what the other middlewares asked for, on the response."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        headers = response.headers
        headers.update(SECURITY_HEADERS)
        headers.update(request[CONTEXT].response_headers)
        if hdrs.CACHE_CONTROL not in headers:
            headers[hdrs.CACHE_CONTROL] = "no-store"
        if drain.has_begun:
            response.force_close()
        return response

    return middleware
