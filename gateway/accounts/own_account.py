"""A person's own account, as JSON: ``/users/profile``, ``/users/sessions``, ``/users/password``.

All of it also under ``/api/v1``. None of these paths names an account: each is about whoever is signed in.
"""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from aiohttp import hdrs, web
from pydantic import ConfigDict, Field, SecretStr

from bridge.client.call import Reply
from bridge.contracts.accounts import CHANGE_PASSWORD, ChangePassword, Tokens
from bridge.contracts.operation import Model, Nothing, Operation, P, R
from bridge.contracts.users import (
    CHANGE_PROFILE,
    END_OTHER_SESSIONS,
    END_SESSION,
    GET_PROFILE,
    LIST_SESSIONS,
    ChangeProfile,
    SessionId,
)
from gateway.accounts.cookies import set_session
from gateway.accounts.tokens import TokenVerifier
from gateway.web.calls import Bridge, call
from gateway.web.context import CONTEXT
from gateway.web.inputs import JSON, read_json
from gateway.web.rate_limits import Counted, counted
from gateway.web.session import access_token

PREFIXES: Final = ("/users", "/api/v1/users")
UUID_PATTERN: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


class NewPassword(Model):
    """The body of ``POST /users/password``."""

    model_config = ConfigDict(str_strip_whitespace=False)  # a password may begin or end with a space

    current_password: Annotated[SecretStr, Field(min_length=1, max_length=1024)]
    new_password: Annotated[SecretStr, Field(min_length=1, max_length=1024)]


class OwnAccountApi:
    def __init__(self, *, bridge: Bridge, verifier: TokenVerifier) -> None:
        self._bridge = bridge
        self._verifier = verifier

    async def profile(self, request: web.Request) -> web.Response:
        """``GET /users/profile``."""
        return await self._ask(request, GET_PROFILE, Nothing())

    async def change_profile(self, request: web.Request) -> web.Response:
        """``PUT /users/profile``: change what the body has; the whole profile is the answer."""
        request[CONTEXT].require_user()
        return await self._ask(request, CHANGE_PROFILE, await read_json(request, ChangeProfile))

    async def sessions(self, request: web.Request) -> web.Response:
        """``GET /users/sessions``: where this account is signed in."""
        return await self._ask(request, LIST_SESSIONS, Nothing())

    async def end_session(self, request: web.Request) -> web.Response:
        """``DELETE /users/sessions/{id}``."""
        await self._ask(request, END_SESSION, SessionId(id=UUID(request.match_info["id"])))
        return web.Response(status=204)

    async def end_other_sessions(self, request: web.Request) -> web.Response:
        """``DELETE /users/sessions``: every one but this; the answer says how many there were."""
        return await self._ask(request, END_OTHER_SESSIONS, Nothing())

    @counted(Counted.SIGN_IN)
    async def change_password(self, request: web.Request) -> web.Response:
        """``POST /users/password``: every session ends, and whoever asked goes on with the tokens of a new one."""
        context = request[CONTEXT]
        context.require_user()
        body = await read_json(request, NewPassword)
        params = ChangePassword(
            current_password=body.current_password, new_password=body.new_password, address=context.address
        )
        reply = await call(self._bridge, context, CHANGE_PASSWORD, params)
        self._verifier.forget(access_token(request))
        if hdrs.AUTHORIZATION in request.headers:
            return json_response(reply)
        response = web.Response(status=204)
        set_session(response, Tokens.model_validate_json(reply.body))
        return response

    async def _ask(self, request: web.Request, operation: Operation[P, R], params: P) -> web.Response:
        context = request[CONTEXT]
        context.require_user()
        return json_response(await call(self._bridge, context, operation, params))


def json_response(reply: Reply, *, status: int = 200) -> web.Response:
    """Return the agent's bytes as they came."""
    return web.Response(body=reply.body, status=status, content_type=JSON)


def add_routes(app: web.Application, api: OwnAccountApi) -> None:
    for prefix in PREFIXES:
        app.router.add_get(f"{prefix}/profile", api.profile)
        app.router.add_put(f"{prefix}/profile", api.change_profile)
        app.router.add_get(f"{prefix}/sessions", api.sessions)
        app.router.add_delete(f"{prefix}/sessions", api.end_other_sessions)
        app.router.add_delete(f"{prefix}/sessions/{{id:{UUID_PATTERN}}}", api.end_session)
        app.router.add_post(f"{prefix}/password", api.change_password)
