"""Signing in, staying signed in, signing out: for programs (JSON, tokens in the body) and for browsers (cookies)."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Final
from urllib.parse import quote

from aiohttp import hdrs, web
from pydantic import ConfigDict, Field, SecretStr, StringConstraints, TypeAdapter, ValidationError

from bridge.client.call import Credentials
from bridge.contracts.accounts import REFRESH, SIGN_IN, SIGN_OUT, Refresh, SignIn, Tokens
from bridge.contracts.operation import Model, Nothing
from bridge.errors import AppError, Busy, Code, Denied, Unavailable
from gateway.accounts.cookies import clear_session, set_session
from gateway.accounts.sign_in_page import SignInPage
from gateway.accounts.tokens import TokenVerifier, session_in
from gateway.web.calls import Bridge, call
from gateway.web.context import ANONYMOUS, CONTEXT, RequestContext
from gateway.web.described import Description, described
from gateway.web.inputs import FORM, JSON, own_path, parse_query, read_form, read_json
from gateway.web.pages import see_other
from gateway.web.problems import wants_page
from gateway.web.rate_limits import Counted, counted, shows_form_again
from gateway.web.session import REFRESH_COOKIE, SESSION_COOKIE, access_token, cookie

_TOKENS: Final = TypeAdapter(Tokens)
Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=3, max_length=254, pattern=r"^[^@\s\x00\x85]+@[^@\s\x00\x85]+$"
    ),
]
Password = Annotated[SecretStr, Field(min_length=1, max_length=1024)]


class Login(Model):
    """The body of ``POST /auth/login``."""

    model_config = ConfigDict(str_strip_whitespace=False)  # a password may begin or end with a space

    email: Email
    password: Password


class LoginForm(Login):
    """The same from the sign-in page, which also says where to go next. What is no e-mail address is a wrong one."""

    email: Annotated[str, StringConstraints(strip_whitespace=True, max_length=254)]
    next: Annotated[str, StringConstraints(max_length=2048)] = "/"


class RefreshTokens(Model):
    """The body of ``POST /auth/refresh``, and perhaps of ``POST /auth/logout``, where there is no cookie."""

    refresh_token: Annotated[SecretStr, Field(min_length=1, max_length=2048)]


class SigningIn:
    """The handlers of the sign-in page and of ``/auth/…``."""

    def __init__(self, *, bridge: Bridge, verifier: TokenVerifier, page: SignInPage) -> None:
        self._bridge = bridge
        self._verifier = verifier
        self._page = page

    async def show_page(self, request: web.Request) -> web.Response:
        """``GET /sign-in?next=``: the form."""
        query = parse_query(request.rel_url.raw_query_string)
        return self._page.show(
            request, next_path=own_path(query.get("next", ["/"])[-1]), notice=query.get("notice", [""])[-1]
        )

    @described(
        Description(
            "Sign in",
            SIGN_IN,
            body=Login,
            refuses=(401,),
            example={"email": "ann@example.org", "password": "Correct horse 1"},
        )
    )
    @counted(Counted.SIGN_IN)
    @shows_form_again
    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        """``POST /auth/login``: JSON answers the tokens; the page's form sets cookies and goes on to ``next``."""
        context = request[CONTEXT]
        if request.content_type != FORM:
            body = await read_json(request, Login)
            return _tokens_response(await self._sign_in(context, body))
        form = await read_form(request, LoginForm)
        try:
            tokens = await self._sign_in(context, form)
        except (Denied, Busy) as error:
            context.fail_with(error)
            return self._page.show(request, next_path=own_path(form.next), email=form.email, error=error)
        response = see_other(own_path(form.next))
        set_session(response, tokens)
        return response

    async def renew_and_return(self, request: web.Request) -> web.StreamResponse:
        """``GET /auth/refresh?next=``: renew a browser's session on its way, or send it to the sign-in page.

        A write by GET: another site could only make a browser renew its own session, which it may do anyway.
        """
        next_path = own_path(parse_query(request.rel_url.raw_query_string).get("next", ["/"])[-1])
        try:
            tokens = await self._refresh_browser(request)
            self._verifier.accept(tokens.access_token)  # else the next page would send it here again, for ever
        except Denied as error:
            request[CONTEXT].fail_with(error)
            response: web.StreamResponse = see_other(f"/sign-in?next={quote(next_path, safe='/')}")
            clear_session(response)
            return response
        response = see_other(next_path)
        set_session(response, tokens)
        return response

    @described(
        Description(
            "Renew your tokens",
            REFRESH,
            details="Each refresh token is good once: keep the new one.",
            body=RefreshTokens,
            also={204: "The same for a browser: its cookies are set."},
            refuses=(401,),
            example={"refresh_token": "of-your-last-answer"},
        )
    )
    async def refresh(self, request: web.Request) -> web.StreamResponse:
        """``POST /auth/refresh``: with a token in a JSON body answers new ones; with the cookie sets new cookies."""
        if request.content_type == JSON:
            body = await read_json(request, RefreshTokens)
            tokens = await self._refresh(request[CONTEXT], body.refresh_token.get_secret_value())
            return _tokens_response(tokens)
        tokens = await self._refresh_browser(request)
        response = web.Response(status=204)
        set_session(response, tokens)
        return response

    @described(
        Description(
            "Sign out",
            SIGN_OUT,
            details='Where the access token has ended, a body `{"refresh_token": …}` does.',
            status=204,
        )
    )
    async def sign_out(self, request: web.Request) -> web.StreamResponse:
        """``POST /auth/logout``: end the session; a browser forgets it whether or not the agent can be told."""
        context = request[CONTEXT]
        is_browser = wants_page(request)
        notice = "signed-out"
        try:
            await self._end_session(request)
        except (Denied, Unavailable) as error:
            if not is_browser:
                raise
            context.fail_with(error)
            notice = "signed-out" if isinstance(error, Denied) else "signed-out-here"
        self._verifier.forget(access_token(request))
        response = see_other(f"/sign-in?notice={notice}") if is_browser else web.Response(status=204)
        clear_session(response)
        return response

    async def _end_session(self, request: web.Request) -> None:
        """End the session by its access token, or where that is no longer good by its refresh token, if it is there."""
        context = request[CONTEXT]
        try:
            context.require_user()
            await call(self._bridge, context, SIGN_OUT, Nothing())
        except Denied:
            if request.content_type == JSON and request.body_exists:
                body = await read_json(request, RefreshTokens)
                tokens = await self._refresh(context, body.refresh_token.get_secret_value())
            elif hdrs.AUTHORIZATION in request.headers or not _refresh_cookie(request):
                raise  # the cookie never stands beside Authorization, which is no proof of our page
            else:
                tokens = await self._refresh_browser(request)
            self._verifier.forget(tokens.access_token)
            await call(self._bridge, context, SIGN_OUT, Nothing(), credentials=Credentials(tokens.access_token))

    async def _sign_in(self, context: RequestContext, login: Login) -> Tokens:
        try:
            params = SignIn(email=login.email, password=login.password, address=context.address)
        except ValidationError:  # the form's is no e-mail address
            raise Denied(Code.BAD_CREDENTIALS) from None
        reply = await call(self._bridge, context, SIGN_IN, params, credentials=ANONYMOUS)
        return self._remember(_TOKENS.validate_json(reply.body))

    async def _refresh_browser(self, request: web.Request) -> Tokens:
        """Renew the session of the browser's cookies. Raises Denied where they are of two.

        A site under our parent domain can set ``__Secure-refresh``, and would sign its visitor in as somebody else; it
        cannot set ``__Host-session``, which lives as long.
        """
        tokens = await self._refresh(request[CONTEXT], _refresh_cookie(request))
        if session_in(tokens.access_token) != session_in(cookie(request.headers.get(hdrs.COOKIE, ""), SESSION_COOKIE)):
            raise Denied(Code.SESSION_ENDED)
        return tokens

    async def _refresh(self, context: RequestContext, token: str) -> Tokens:
        if not token:
            raise Denied(Code.SESSION_ENDED)
        params = Refresh(refresh_token=SecretStr(token))
        reply = await call(self._bridge, context, REFRESH, params, credentials=ANONYMOUS)
        return self._remember(_TOKENS.validate_json(reply.body))

    def _remember(self, tokens: Tokens) -> Tokens:
        """Verify the token while the agent can be heard, so that it is good if an outage begins now."""
        with suppress(AppError):
            self._verifier.accept(tokens.access_token)
        return tokens


def add_routes(app: web.Application, handlers: SigningIn) -> None:
    """Add the pages and endpoints, the API's under ``/api/v1/auth`` and as the documents name them under ``/auth``."""
    app.router.add_get("/sign-in", handlers.show_page)
    app.router.add_get("/auth/refresh", handlers.renew_and_return)
    for prefix in ("/auth", "/api/v1/auth"):
        app.router.add_post(f"{prefix}/login", handlers.sign_in)
        app.router.add_post(f"{prefix}/refresh", handlers.refresh)
        app.router.add_post(f"{prefix}/logout", handlers.sign_out)


def _refresh_cookie(request: web.Request) -> str:
    return cookie(request.headers.get(hdrs.COOKIE, ""), REFRESH_COOKIE)


def _tokens_response(tokens: Tokens) -> web.Response:
    return web.Response(body=tokens.model_dump_json().encode(), content_type=JSON)
