"""Who is signed in: a session cookie from a browser, or a Bearer token from anything else.

A request that says ``Authorization`` is judged by that alone, so that the cookie never lends it its power.
Nothing is refused here: a page for everybody shows itself to somebody whose session has ended, too.
"""

from __future__ import annotations

from typing import Final, Protocol
from urllib.parse import quote, unquote

from aiohttp import hdrs, web

from bridge.client.call import Credentials
from bridge.errors import AppError, Code, Denied
from gateway.web.context import Principal, RequestContext
from gateway.web.pipeline import Middleware

SESSION_COOKIE: Final = "__Host-session"
REFRESH_COOKIE: Final = "__Secure-refresh"
NAME_COOKIE: Final = "__Host-name"
_NAME_MAX: Final = 80
_BEARER: Final = "Bearer "


class Verifier(Protocol):
    """Something that can tell whose an access token is (``gateway.accounts.tokens``)."""

    def verify(self, token: str) -> Principal:
        """Return who the token was made for. Raises Denied, or Unavailable when that cannot be told for now."""


def cookie(header: str, name: str) -> str:
    """Return the value of the first cookie called ``name`` in a ``Cookie`` header (RFC 6265, 4.2.1), or ""."""
    for pair in header.split(";"):
        key, _, value = pair.strip().partition("=")
        if key == name:
            return value
    return ""


def access_token(request: web.Request) -> str:
    """Return the token that the request brings, or ""."""
    authorization = request.headers.get(hdrs.AUTHORIZATION)
    if authorization is not None:
        is_bearer = authorization[: len(_BEARER)].lower() == _BEARER.lower()
        return authorization[len(_BEARER) :].strip() if is_bearer else ""
    header = request.headers.get(hdrs.COOKIE)
    return cookie(header, SESSION_COOKIE) if header else ""


def name_for_cookie(name: str) -> str:
    """Return a person's name as a cookie can carry it."""
    return quote(name[:_NAME_MAX], safe="")


def shown_name(request: web.Request) -> str:
    """Return the name that the browser was told at sign-in, or "": to be shown to its owner, and believed by nobody."""
    header = request.headers.get(hdrs.COOKIE)
    return unquote(cookie(header, NAME_COOKIE))[:_NAME_MAX] if header else ""


class Session(Middleware):
    """Writes into the request's context who is signed in, or why nobody is."""

    def __init__(self, verifier: Verifier) -> None:
        self._verify = verifier.verify

    def enter(self, request: web.Request, context: RequestContext) -> None:
        if token := access_token(request):
            try:
                context.principal = self._verify(token)
            except AppError as error:
                context.refusal = error
            else:
                context.credentials = Credentials(token, context.principal.scope)
        elif hdrs.AUTHORIZATION in request.headers:
            context.refusal = Denied(Code.UNAUTHENTICATED, "Authorization must be: Bearer <access token>")
