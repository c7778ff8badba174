"""The cookies of a signed-in browser.

``__Host-session`` holds the access token; it outlives it, so that an expired one tells that there is a session to
renew. ``__Secure-refresh`` goes to ``/auth`` alone: to renew the session, and to end it by signing out, which an
expired access token cannot. ``__Host-name`` is the person's name, for print. All Lax: a link from a mail must find its
reader signed in. https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-4.1.3
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from bridge.contracts.accounts import Tokens
from gateway.web.session import NAME_COOKIE, REFRESH_COOKIE, SESSION_COOKIE, name_for_cookie

_REFRESH_PATH: Final = "/auth"


def set_session(response: web.StreamResponse, tokens: Tokens) -> None:
    """Let the browser keep the session for as long as it can be renewed."""
    lifetime_s = tokens.refresh_expires_in
    _set(response, SESSION_COOKIE, tokens.access_token, path="/", lifetime_s=lifetime_s)
    _set(response, NAME_COOKIE, name_for_cookie(tokens.user.name), path="/", lifetime_s=lifetime_s)
    _set(response, REFRESH_COOKIE, tokens.refresh_token, path=_REFRESH_PATH, lifetime_s=lifetime_s)


def clear_session(response: web.StreamResponse) -> None:
    """Let the browser forget the session."""
    _set(response, SESSION_COOKIE, "", path="/", lifetime_s=0)
    _set(response, NAME_COOKIE, "", path="/", lifetime_s=0)
    _set(response, REFRESH_COOKIE, "", path=_REFRESH_PATH, lifetime_s=0)


def _set(response: web.StreamResponse, name: str, value: str, *, path: str, lifetime_s: int) -> None:
    response.set_cookie(name, value, path=path, max_age=lifetime_s, secure=True, httponly=True, samesite="Lax")
