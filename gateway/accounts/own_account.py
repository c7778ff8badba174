"""A person's own account, as JSON: ``/users/profile``, ``preferences``, ``sessions``, ``password`` and ``activity``.

All of it also under ``/api/v1``. None of these paths names an account: each is about whoever is signed in.
"""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from aiohttp import hdrs, web
from pydantic import ConfigDict, Field, SecretStr

from bridge.client.call import Reply
from bridge.contracts.accounts import CHANGE_PASSWORD, NEW_PASSWORD, ChangePassword, Tokens
from bridge.contracts.operation import Model, Nothing, Operation, P, R
from bridge.contracts.users import (
    ACTIVITY,
    CHANGE_PREFERENCES,
    CHANGE_PROFILE,
    END_OTHER_SESSIONS,
    END_SESSION,
    GET_PREFERENCES,
    GET_PROFILE,
    LIST_SESSIONS,
    ChangePreferences,
    ChangeProfile,
    ListActivity,
    SessionId,
)
from bridge.errors import Code, Conflict
from gateway.accounts.cookies import set_session
from gateway.accounts.editions import edition_response, is_stale, stale_response, wanted_edition
from gateway.accounts.tokens import TokenVerifier
from gateway.web.calls import Bridge, call
from gateway.web.context import CONTEXT
from gateway.web.described import Description, Link, Query, described
from gateway.web.inputs import query_values, read_json, validate
from gateway.web.rate_limits import Counted, counted
from gateway.web.replies import json_response
from gateway.web.session import access_token

PREFIXES: Final = ("/users", "/api/v1/users")
_LIST_PARAMETERS: Final = frozenset({"limit", "cursor"})
UUID_PATTERN: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


class NewPassword(Model):
    """The body of ``POST /users/password``."""

    model_config = ConfigDict(str_strip_whitespace=False)  # a password may begin or end with a space

    current_password: Annotated[SecretStr, Field(min_length=1, max_length=1024, description="The account’s own.")]
    new_password: Annotated[SecretStr, Field(min_length=1, max_length=1024), NEW_PASSWORD]


class OwnAccountApi:
    def __init__(self, *, bridge: Bridge, verifier: TokenVerifier) -> None:
        self._bridge = bridge
        self._verifier = verifier

    @described(Description("Your profile", GET_PROFILE, has_edition=True))
    async def profile(self, request: web.Request) -> web.Response:
        """``GET /users/profile``."""
        return edition_response(await self._ask(request, GET_PROFILE, Nothing()))

    @described(
        Description(
            "Change your profile",
            CHANGE_PROFILE,
            details="What is left out stays.",
            body=ChangeProfile,
            takes_edition=True,
            example={"name": "Ann Example", "time_zone": "Europe/London"},
        )
    )
    async def change_profile(self, request: web.Request) -> web.Response:
        """``PUT /users/profile``: change what the body has; the whole profile is the answer."""
        request[CONTEXT].require_user()
        body = await read_json(request, ChangeProfile)
        return await self._change(request, CHANGE_PROFILE, body, body.version, GET_PROFILE)

    @described(Description("Your preferences", GET_PREFERENCES, has_edition=True))
    async def preferences(self, request: web.Request) -> web.Response:
        """``GET /users/preferences``."""
        return edition_response(await self._ask(request, GET_PREFERENCES, Nothing()))

    @described(
        Description(
            "Change your preferences",
            CHANGE_PREFERENCES,
            details="What is left out stays, within `notifications` too.",
            body=ChangePreferences,
            takes_edition=True,
            example={
                "language": "en",
                "units": "metric",
                "notifications": {"email": True, "deadline_threshold": "48h"},
            },
        )
    )
    async def change_preferences(self, request: web.Request) -> web.Response:
        """``PUT /users/preferences``: change what the body has; all preferences are the answer."""
        request[CONTEXT].require_user()
        body = await read_json(request, ChangePreferences)
        return await self._change(request, CHANGE_PREFERENCES, body, body.version, GET_PREFERENCES)

    @described(
        Description(
            "What your account did, and what was done to it",
            ACTIVITY,
            query=Query(ListActivity),
            example_query={"limit": 20},
        )
    )
    async def activity(self, request: web.Request) -> web.Response:
        """``GET /users/activity?limit=&cursor=``: what this account did, and what was done to it."""
        request[CONTEXT].require_user()
        params = validate(ListActivity, query_values(request, _LIST_PARAMETERS))
        reply = await self._ask(request, ACTIVITY, params)
        return json_response(request, reply)

    @described(
        Description("Where you are signed in", LIST_SESSIONS, links=(Link(END_SESSION.name, {"id": "/items/0/id"}),))
    )
    async def sessions(self, request: web.Request) -> web.Response:
        """``GET /users/sessions``: where this account is signed in."""
        return json_response(request, await self._ask(request, LIST_SESSIONS, Nothing()))

    @described(Description("End one of your sessions", END_SESSION, status=204))
    async def end_session(self, request: web.Request) -> web.Response:
        """``DELETE /users/sessions/{id}``."""
        await self._ask(request, END_SESSION, SessionId(id=UUID(request.match_info["id"])))
        return web.Response(status=204)

    @described(Description("End every session of yours but this", END_OTHER_SESSIONS))
    async def end_other_sessions(self, request: web.Request) -> web.Response:
        """``DELETE /users/sessions``: every one but this; the answer says how many there were."""
        return json_response(request, await self._ask(request, END_OTHER_SESSIONS, Nothing()))

    @described(
        Description(
            "Change your password",
            CHANGE_PASSWORD,
            details="Every session ends; the answer holds the tokens of a new one. A wrong current password is a 400.",
            body=NewPassword,
            also={204: "The same for a browser: its cookies are set."},
            example={"current_password": "Correct horse 1", "new_password": "Another horse 2"},
        )
    )
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
            return json_response(request, reply)
        response = web.Response(status=204)
        set_session(response, Tokens.model_validate_json(reply.body))
        return response

    async def _ask(self, request: web.Request, operation: Operation[P, R], params: P) -> Reply:
        context = request[CONTEXT]
        context.require_user()
        return await call(self._bridge, context, operation, params)

    async def _change(
        self,
        request: web.Request,
        operation: Operation[P, R],
        body: P,
        version: int | None,
        reading: Operation[Nothing, R],
    ) -> web.Response:
        """Change it if it still is the edition that was meant; otherwise say what it is now."""
        params = body.model_copy(update={"version": wanted_edition(request, version)})
        try:
            return edition_response(await self._ask(request, operation, params))
        except Conflict as error:
            if not is_stale(request, error):
                raise
            request[CONTEXT].fail_with(Conflict(Code.PRECONDITION_FAILED))
            return stale_response(await self._ask(request, reading, Nothing()))


def add_routes(app: web.Application, api: OwnAccountApi) -> None:
    for prefix in PREFIXES:
        app.router.add_get(f"{prefix}/profile", api.profile)
        app.router.add_put(f"{prefix}/profile", api.change_profile)
        app.router.add_get(f"{prefix}/preferences", api.preferences)
        app.router.add_put(f"{prefix}/preferences", api.change_preferences)
        app.router.add_get(f"{prefix}/activity", api.activity)
        app.router.add_get(f"{prefix}/sessions", api.sessions)
        app.router.add_delete(f"{prefix}/sessions", api.end_other_sessions)
        app.router.add_delete(f"{prefix}/sessions/{{id:{UUID_PATTERN}}}", api.end_session)
        app.router.add_post(f"{prefix}/password", api.change_password)
