"""Requests that change something are taken from our own pages only.

The browser itself says where a request comes from: ``Sec-Fetch-Site``, and ``Origin`` in older ones. A client that
sends neither is no browser, and carries no cookie that its user did not give it. A request with a Bearer token cannot
be forged by a page that does not know the token; one with any other ``Authorization`` can, by a name and a password in
the address (``https://x:y@…``), which some browsers send unasked. Signing in is checked too: nobody should be signed in
as another.
"""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from bridge.errors import Code, Denied
from gateway.web.context import RequestContext
from gateway.web.pipeline import Middleware

_SAFE_METHODS: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
_BEARER: Final = "bearer "
_OWN: Final = frozenset({"same-origin", "none"})


def is_cross_site(request: web.Request) -> bool:
    """Say whether a browser tells that the request was made by a page that is not ours."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in _OWN
    origin = request.headers.get(hdrs.ORIGIN)
    return origin is not None and not _is_our_own(origin, request)


def brings_token(request: web.Request) -> bool:
    """Say whether the request says ``Authorization: Bearer …``: no page of another site makes that unless we let it."""
    return request.headers.get(hdrs.AUTHORIZATION, "")[: len(_BEARER)].lower() == _BEARER


def _is_our_own(origin: str, request: web.Request) -> bool:
    """Say whether a page of ours has that origin.

    A page of http:// under our name is whoever's sits on the line to the browser, unless this is the port it came from:
    behind nginx, at a Unix socket, there is https alone.
    """
    scheme, _, authority = origin.partition("://")
    is_plain = bool(request.remote) and not request.secure
    return authority == request.headers.get(hdrs.HOST) and (scheme == "https" or (scheme == "http" and is_plain))


class Csrf(Middleware):
    """Refuses with ``cross_site`` (403). Scripts of the listed ``origins`` may write, but never with a cookie."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._origins = frozenset(origins)

    def enter(self, request: web.Request, context: RequestContext) -> None:
        del context
        if request.method in _SAFE_METHODS or brings_token(request) or not is_cross_site(request):
            return
        if request.headers.get(hdrs.ORIGIN) in self._origins and hdrs.COOKIE not in request.headers:
            return
        raise Denied(Code.CROSS_SITE)
