"""Headers that every response carries, errors included.

Behind nginx the same headers come from its own configuration, which hides these, so that each occurs once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aiohttp import hdrs, web
from multidict import CIMultiDict, istr

from gateway.web.context import RequestContext
from gateway.web.pipeline import Middleware
from gateway.web.relayed import RelayedResponse

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

_SECURITY_LINES: Final = "".join(f"{name}: {value}\r\n" for name, value in SECURITY_HEADERS.items())
_RESOURCE_POLICY: Final = "Cross-Origin-Resource-Policy"  # the one that a listed origin gets another value of
_REQUEST_ID: Final = istr("X-Request-Id")


@dataclass(slots=True)
class Drain:
    """Whether this process is stopping: then each response asks its client to open its next connection elsewhere."""

    has_begun: bool = False


class ResponseHeaders(Middleware):
    """Puts the fixed headers, and what the other middlewares asked for, on the response."""

    def __init__(self, drain: Drain) -> None:
        self._drain = drain

    def leave(self, request: web.Request, context: RequestContext, response: web.StreamResponse) -> None:
        del request
        headers = response.headers
        if isinstance(response, RelayedResponse) and _RESOURCE_POLICY not in context.response_headers:
            response.fixed_headers = _SECURITY_LINES
        else:
            headers.update(SECURITY_HEADERS)
        headers[_REQUEST_ID] = context.request_id
        headers.update(context.response_headers)
        if hdrs.CACHE_CONTROL not in headers:
            headers[hdrs.CACHE_CONTROL] = "no-store"
        if self._drain.has_begun:
            response.force_close()
