"""Everybody's accounts, for administrators, as JSON: ``/users``, also under ``/api/v1``.

Who is an administrator, the agent says.
"""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from aiohttp import hdrs, web
from pydantic import ConfigDict, Field, SecretStr

from bridge.contracts.accounts import NEW_PASSWORD
from bridge.contracts.administration import (
    CHANGE_USER,
    CREATE_USER,
    DELETE_USER,
    GET_USER,
    LIST_USERS,
    SIGN_OUT_USER,
    UNLOCK_USER,
    ChangeUser,
    CreateUser,
    EmailAddress,
    ListUsers,
    UserId,
)
from bridge.contracts.operation import Model, Operation, R, Role
from bridge.contracts.users import PersonName, Username, Version, ZoneName
from bridge.errors import Code, Conflict
from gateway.accounts.editions import edition_response, is_stale, stale_response, wanted_edition
from gateway.accounts.own_account import PREFIXES, UUID_PATTERN
from gateway.web.calls import Bridge, call
from gateway.web.context import CONTEXT
from gateway.web.described import Description, Link, Query, described
from gateway.web.inputs import query_values, read_json, validate
from gateway.web.pages import see_other
from gateway.web.problems import wants_page
from gateway.web.replies import json_response

_PARAMETERS: Final = frozenset({"role", "is_active", "text", "limit", "cursor"})


_OF_ONE: Final = tuple(
    Link(operation.name, {"id": "/id"})
    for operation in (GET_USER, CHANGE_USER, UNLOCK_USER, SIGN_OUT_USER, DELETE_USER)
)


class NewUser(Model):
    """The body of ``POST /users``."""

    model_config = ConfigDict(str_strip_whitespace=False)  # a password may begin or end with a space

    email: EmailAddress
    name: PersonName
    username: Username | None = None
    role: Role = Role.VIEWER
    time_zone: ZoneName = "UTC"
    password: Annotated[SecretStr, Field(min_length=1, max_length=1024), NEW_PASSWORD]


class UserChange(Model):
    """The body of ``PUT /users/{id}``; what is left out stays."""

    name: PersonName | None = None
    username: Username | None = None
    role: Role | None = None
    is_active: bool | None = None
    time_zone: ZoneName | None = None
    version: Version | None = None


class AdministrationApi:
    def __init__(self, *, bridge: Bridge) -> None:
        self._bridge = bridge

    @described(
        Description(
            "All accounts, by address",
            LIST_USERS,
            query=Query(ListUsers),
            links=(Link(GET_USER.name, {"id": "/items/0/id"}),),
            example_query={"role": "viewer", "limit": 20},
        )
    )
    async def list(self, request: web.Request) -> web.Response:
        """``GET /users?role=&is_active=&text=&limit=&cursor=``: a page of accounts by address; people get the page."""
        context = request[CONTEXT]
        if wants_page(request):
            return see_other("/accounts")
        context.require_user()
        reply = await call(self._bridge, context, LIST_USERS, _list_parameters(request))
        return json_response(request, reply)

    @described(Description("One account", GET_USER, has_edition=True))
    async def show(self, request: web.Request) -> web.Response:
        """``GET /users/{id}``."""
        context = request[CONTEXT]
        context.require_user()
        return edition_response(await call(self._bridge, context, GET_USER, _user_id(request)))

    @described(
        Description(
            "Make an account",
            CREATE_USER,
            body=NewUser,
            status=201,
            refuses=(409,),
            has_edition=True,
            location=True,
            links=_OF_ONE,
            example={"email": "made@example.org", "name": "Made", "role": "viewer", "password": "Another horse 2"},
        )
    )
    async def create(self, request: web.Request) -> web.Response:
        """``POST /users``: 201 with the account and where it is."""
        context = request[CONTEXT]
        context.require_user()
        body = await read_json(request, NewUser)
        reply = await call(self._bridge, context, CREATE_USER, CreateUser(**dict(body)))
        response = edition_response(reply, status=201)
        made = CREATE_USER.result.model_validate_json(reply.body)
        response.headers[hdrs.LOCATION] = f"{request.rel_url.raw_path}/{made.id}"
        return response

    @described(
        Description(
            "Change an account",
            CHANGE_USER,
            details="What is left out stays. Disabling it ends its sessions.",
            body=UserChange,
            takes_edition=True,
            example={"name": "Robert", "role": "technician"},
        )
    )
    async def change(self, request: web.Request) -> web.Response:
        """``PUT /users/{id}``: change what the body has; the whole account is the answer."""
        context = request[CONTEXT]
        context.require_user()
        user_id = _user_id(request)
        body = await read_json(request, UserChange)
        values = {**dict(body), "id": user_id.id, "version": wanted_edition(request, body.version)}
        try:
            return edition_response(await call(self._bridge, context, CHANGE_USER, ChangeUser(**values)))
        except Conflict as error:
            if not is_stale(request, error):
                raise
            context.fail_with(Conflict(Code.PRECONDITION_FAILED))
            return stale_response(await call(self._bridge, context, GET_USER, user_id))

    @described(
        Description(
            "Unlock an account", UNLOCK_USER, details="Forgets the sign-ins that were counted for it.", status=204
        )
    )
    async def unlock(self, request: web.Request) -> web.Response:
        """``POST /users/{id}/unlock``: forget the sign-ins that were counted for it."""
        return await self._do(request, UNLOCK_USER, status=204)

    @described(Description("Sign an account out everywhere", SIGN_OUT_USER))
    async def sign_out(self, request: web.Request) -> web.Response:
        """``DELETE /users/{id}/sessions``: sign it out everywhere; the answer says how many sessions there were."""
        return await self._do(request, SIGN_OUT_USER)

    @described(Description("Delete an account", DELETE_USER, status=204, refuses=(409,)))
    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE /users/{id}``."""
        return await self._do(request, DELETE_USER, status=204)

    async def _do(self, request: web.Request, operation: Operation[UserId, R], *, status: int = 200) -> web.Response:
        context = request[CONTEXT]
        context.require_user()
        reply = await call(self._bridge, context, operation, _user_id(request))
        return json_response(request, reply) if status == 200 else web.Response(status=status)  # noqa: PLR2004 - OK


def add_routes(app: web.Application, api: AdministrationApi) -> None:
    for prefix in PREFIXES:
        user = f"{prefix}/{{id:{UUID_PATTERN}}}"
        app.router.add_get(prefix, api.list)
        app.router.add_post(prefix, api.create)
        app.router.add_get(user, api.show)
        app.router.add_put(user, api.change)
        app.router.add_delete(user, api.delete)
        app.router.add_post(f"{user}/unlock", api.unlock)
        app.router.add_delete(f"{user}/sessions", api.sign_out)


def _user_id(request: web.Request) -> UserId:
    return UserId(id=UUID(request.match_info["id"]))


def _list_parameters(request: web.Request) -> ListUsers:
    """Return what the query asks for. Raises Invalid, which names each wrong parameter."""
    return validate(ListUsers, query_values(request, _PARAMETERS))
