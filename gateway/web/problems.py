"""Errors as responses: a page where a person looks at it, ``application/problem+json`` (RFC 9457) everywhere else."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from aiohttp import hdrs, web

from bridge.errors import AppError, Code
from bridge.problem import PROBLEM_TYPE, problem_json
from gateway.web.context import RequestContext
from gateway.web.limits import retry_after, wait_in_words
from gateway.web.pages import render, see_other
from gateway.web.session import SESSION_COOKIE, cookie

_UNAUTHENTICATED: Final = 401
SIGN_IN_AGAIN: Final = frozenset({Code.UNAUTHENTICATED, Code.SESSION_ENDED})
"""Why a page gives way to the sign-in page."""


def wants_page(request: web.Request) -> bool:
    """Say whether a person's browser is showing the response, rather than a program reading it."""
    return "text/html" in request.headers.get(hdrs.ACCEPT, "") and not request.path.startswith("/api/")


def sign_in_path(request: web.Request) -> str:
    """Return where to send somebody whose session is no good: renew it if there was one, and come back here."""
    here = request.rel_url.raw_path_qs if request.method == hdrs.METH_GET else "/"
    had_session = bool(cookie(request.headers.get(hdrs.COOKIE, ""), SESSION_COOKIE))
    return f"{'/auth/refresh' if had_session else '/sign-in'}?next={quote(here, safe='/')}"


def error_response(request: web.Request, context: RequestContext, error: AppError) -> web.StreamResponse:
    """Return the response that tells the client of ``error``."""
    if wants_page(request):
        if error.code in SIGN_IN_AGAIN:
            return see_other(sign_in_path(request))
        values = {"error": error, "wait": wait_in_words(error.retry_after_s)}
        return render("error.html", request, values, error=error)
    headers = {}
    if error.retry_after_s is not None:
        headers[hdrs.RETRY_AFTER] = retry_after(error.retry_after_s)
    if error.code.status == _UNAUTHENTICATED:
        headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
    body = problem_json(error, request_id=context.request_id)
    return web.Response(body=body, status=error.code.status, content_type=PROBLEM_TYPE, headers=headers)
