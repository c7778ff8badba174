"""``/auth/oidc``: a browser's way to the sign-in service and back. Where to, and what comes of it, the agent says.

``__Host-oidc`` is what the browser keeps meanwhile: what the agent sealed, and where to go afterwards. Only this site
can set it, so nobody can be signed in as another by a link that another's browser was to follow; it is Lax, for the way
back is a link from another site. A link leads to the service, not a form: the page's CSP lets forms go to this site.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import quote, unquote

from aiohttp import hdrs, web

from bridge.contracts.accounts import Tokens
from bridge.contracts.oidc import BEGIN_OIDC, FINISH_OIDC, BegunOidc, FinishOidc
from bridge.contracts.operation import Nothing
from bridge.errors import AppError, Code, Denied, Invalid, Unavailable
from gateway.accounts.cookies import set_session
from gateway.accounts.sign_in_page import SignInPage
from gateway.accounts.tokens import TokenVerifier
from gateway.web.calls import Bridge, call
from gateway.web.context import ANONYMOUS, CONTEXT, RequestContext
from gateway.web.inputs import own_path, parse_query, validate
from gateway.web.pages import see_other
from gateway.web.rate_limits import Counted, counted
from gateway.web.session import cookie

COOKIE: Final = "__Host-oidc"
_NEXT_MAX: Final = 2048
_LEFT: Final = "access_denied"
"""What a provider says of somebody who did not want to (RFC 6749, 4.1.2.1)."""
_AWAY: Final = frozenset({"temporarily_unavailable", "server_error"})


class ThroughProvider:
    def __init__(self, *, bridge: Bridge, verifier: TokenVerifier, page: SignInPage) -> None:
        self._bridge = bridge
        self._verifier = verifier
        self._page = page

    async def leave(self, request: web.Request) -> web.StreamResponse:
        """``GET /auth/oidc?next=``: lead to the sign-in service."""
        context = request[CONTEXT]
        next_path = own_path(_query(request).get("next", "/"))
        try:
            reply = await call(self._bridge, context, BEGIN_OIDC, Nothing(), credentials=ANONYMOUS)
        except Unavailable as error:
            return self._failed(request, next_path, error)
        begun = BegunOidc.model_validate_json(reply.body)
        response = see_other(begun.url)
        _keep(response, _kept_value(begun.sealed, next_path), lifetime_s=begun.expires_in)
        return response

    @counted(Counted.SIGN_IN)
    async def come_back(self, request: web.Request) -> web.StreamResponse:
        """``GET /auth/oidc/callback``: sign in whom the service names, and go on to ``next``.

        A write by GET: it takes the cookie that was set when the browser left, and the state that belongs to it.
        """
        context, query = request[CONTEXT], _query(request)
        sealed, next_path = _kept(request)
        if query.get("error") == _LEFT:
            response: web.StreamResponse = self._page.show(request, next_path=next_path, notice="provider-left")
        else:
            try:
                tokens = await self._finish(context, sealed, query)
            except (Denied, Invalid, Unavailable) as error:
                response = self._failed(request, next_path, error)
            else:
                response = see_other(next_path)
                set_session(response, tokens)
        _keep(response, "", lifetime_s=0)
        return response

    async def _finish(self, context: RequestContext, sealed: str, query: Mapping[str, str]) -> Tokens:
        if query.get("error") in _AWAY:
            raise Unavailable(Code.PROVIDER_UNAVAILABLE)
        if query.get("error"):
            raise Denied(Code.PROVIDER_REFUSED)
        given = {name: query.get(name, "") for name in ("state", "code")} | {"sealed": sealed}
        if not all(given.values()):
            raise Invalid(Code.SIGN_IN_EXPIRED)
        params = validate(FinishOidc, {**given, "issuer": query.get("iss"), "address": context.address})
        reply = await call(self._bridge, context, FINISH_OIDC, params, credentials=ANONYMOUS)
        tokens = Tokens.model_validate_json(reply.body)
        with suppress(AppError):  # verified while the agent can be heard, so that it is good if an outage begins now
            self._verifier.accept(tokens.access_token)
        return tokens

    def _failed(self, request: web.Request, next_path: str, error: AppError) -> web.Response:
        request[CONTEXT].fail_with(error)
        return self._page.show(request, next_path=next_path, error=error)


def add_routes(app: web.Application, handlers: ThroughProvider) -> None:
    # no HEAD: what looks at links to show what they are would use a code up
    app.router.add_get("/auth/oidc", handlers.leave, allow_head=False)
    app.router.add_get("/auth/oidc/callback", handlers.come_back, allow_head=False)


def _query(request: web.Request) -> dict[str, str]:
    """Return the query's parameters, the last of each name."""
    return {name: values[-1] for name, values in parse_query(request.rel_url.raw_query_string).items()}


def _kept_value(sealed: str, next_path: str) -> str:
    """Return the cookie's value: base64url has no dot, and percent-encoding nothing that a cookie may not have."""
    quoted = quote(next_path, safe="")
    return f"{sealed}.{quoted if len(quoted) <= _NEXT_MAX else ''}"


def _kept(request: web.Request) -> tuple[str, str]:
    """Return what was sealed, "" where the browser kept nothing, and where to go afterwards."""
    sealed, _, quoted = cookie(request.headers.get(hdrs.COOKIE, ""), COOKIE).partition(".")
    return sealed, own_path(unquote(quoted))


def _keep(response: web.StreamResponse, value: str, *, lifetime_s: int) -> None:
    response.set_cookie(COOKIE, value, path="/", max_age=lifetime_s, secure=True, httponly=True, samesite="Lax")
