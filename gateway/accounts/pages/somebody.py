"""``/accounts/{id}``: one account, for administrators. What locks its owner out wants a tick or a word more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from aiohttp import web

from bridge.contracts.administration import (
    CHANGE_USER,
    DELETE_USER,
    GET_USER,
    SIGN_OUT_USER,
    UNLOCK_USER,
    ChangeUser,
    UserEntry,
    UserId,
)
from bridge.contracts.operation import Operation, P, R, Role
from bridge.errors import AppError
from gateway.accounts.own_account import UUID_PATTERN
from gateway.accounts.pages.everybody import ROLES
from gateway.accounts.pages.forms import Form, chosen, kept, refused, show
from gateway.accounts.pages.frame import notice
from gateway.web.calls import Bridge, call
from gateway.web.context import CONTEXT
from gateway.web.inputs import invalid, read_fields, validate
from gateway.web.own_time import own_time
from gateway.web.pages import see_other

_PATH: Final = f"/accounts/{{id:{UUID_PATTERN}}}"
_CHANGED: Final = ("name", "username", "role", "version")


class SomebodyPages:
    def __init__(self, *, bridge: Bridge) -> None:
        self._bridge = bridge

    async def show(self, request: web.Request) -> web.Response:
        """``GET /accounts/{id}``."""
        request[CONTEXT].require_user()
        return await self._page(request)

    async def change(self, request: web.Request) -> web.Response:
        """``POST /accounts/{id}/change``: name, username, role."""
        fields = await self._fields(request)
        try:
            given = {
                "id": _id(request),
                "name": fields.get("name", ""),
                **chosen(fields, "username", "role", "version"),
            }
            params = validate(ChangeUser, given)
            if _is_self(request) and params.role not in {None, Role.ADMIN}:
                _require_tick(fields)
            await call(self._bridge, request[CONTEXT], CHANGE_USER, params)
        except AppError as error:
            return await self._again(request, "change", error, kept(fields, *_CHANGED))
        return _back(request, "saved")

    async def disable(self, request: web.Request) -> web.Response:
        """``POST /accounts/{id}/disable``: it is signed out everywhere, and cannot sign in."""
        change = ChangeUser(id=_id(request), is_active=False)
        return await self._do(request, "disable", CHANGE_USER, change, said="disabled", is_confirmed=False)

    async def enable(self, request: web.Request) -> web.Response:
        """``POST /accounts/{id}/enable``."""
        change = ChangeUser(id=_id(request), is_active=True)
        return await self._do(request, "enable", CHANGE_USER, change, said="enabled")

    async def unlock(self, request: web.Request) -> web.Response:
        """``POST /accounts/{id}/unlock``: forget the sign-ins that were counted for it."""
        return await self._do(request, "unlock", UNLOCK_USER, UserId(id=_id(request)), said="unlocked")

    async def sign_out(self, request: web.Request) -> web.Response:
        """``POST /accounts/{id}/sign-out``: everywhere."""
        user = UserId(id=_id(request))
        return await self._do(request, "sign-out", SIGN_OUT_USER, user, said="signed-out", is_confirmed=False)

    async def delete(self, request: web.Request) -> web.Response:
        """``POST /accounts/{id}/delete``: with its address typed, for there is no way back."""
        context = request[CONTEXT]
        fields = await self._fields(request)
        user = await self._read(request)
        try:
            if fields.get("address", "").strip().lower() != user.email.lower():
                raise invalid(name="address", message="must be the address of the account")
            await call(self._bridge, context, DELETE_USER, UserId(id=_id(request)))
        except AppError as error:
            return await self._again(request, "delete", error, kept(fields, "address"))
        return see_other("/accounts?notice=deleted")

    async def _do(
        self,
        request: web.Request,
        action: str,
        operation: Operation[P, R],
        params: P,
        *,
        said: str,
        is_confirmed: bool = True,
    ) -> web.Response:
        fields = await self._fields(request)
        try:
            if not is_confirmed:
                _require_tick(fields)
            await call(self._bridge, request[CONTEXT], operation, params)
        except AppError as error:
            return await self._again(request, action, error, {})
        return _back(request, said)

    async def _fields(self, request: web.Request) -> dict[str, str]:
        request[CONTEXT].require_user()
        return await read_fields(request)

    async def _again(
        self, request: web.Request, action: str, error: AppError, values: Mapping[str, str]
    ) -> web.Response:
        return await self._page(request, action, refused(request[CONTEXT], error, values))

    async def _page(self, request: web.Request, action: str = "", form: Form | None = None) -> web.Response:
        """Return the page; ``form`` is the one of ``action`` that failed."""
        user = await self._read(request)
        now = {"name": user.name, "username": user.username or "", "role": user.role, "version": str(user.version)}
        change = Form(now)
        if form is not None and action == "change":
            version = user.version if "version" in form.wrong else form.value("version")
            change = Form({**now, **form.values, "version": str(version)}, form.error)
        own = await own_time(self._bridge, request[CONTEXT])
        values = {
            "here": "accounts",
            "said": notice(request),
            "user": user,
            "is_self": _is_self(request),
            "roles": ROLES,
            "failed": action,
            "change": change,
            "when": own.words,
            "zone": own.name,
        }
        return show("accounts/somebody.html", request, form or Form(), values)

    async def _read(self, request: web.Request) -> UserEntry:
        reply = await call(self._bridge, request[CONTEXT], GET_USER, UserId(id=_id(request)))
        return UserEntry.model_validate_json(reply.body)


def add_routes(app: web.Application, pages: SomebodyPages) -> None:
    app.router.add_get(_PATH, pages.show)
    for action, handler in (
        ("change", pages.change),
        ("disable", pages.disable),
        ("enable", pages.enable),
        ("unlock", pages.unlock),
        ("sign-out", pages.sign_out),
        ("delete", pages.delete),
    ):
        app.router.add_post(f"{_PATH}/{action}", handler)


def _id(request: web.Request) -> UUID:
    return UUID(request.match_info["id"])


def _is_self(request: web.Request) -> bool:
    return request[CONTEXT].require_user().user_id == str(_id(request))


def _require_tick(fields: Mapping[str, str]) -> None:
    """Raise Invalid unless the box beside the button is ticked."""
    if fields.get("confirm") != "on":
        raise invalid(name="confirm", message="needs the box to be ticked")


def _back(request: web.Request, said: str) -> web.Response:
    return see_other(f"/accounts/{_id(request)}?notice={said}")
