"""``/account``: profile and preferences, in a form each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import available_timezones

from aiohttp import web

from bridge.contracts.operation import Nothing, Operation
from bridge.contracts.users import (
    CHANGE_PREFERENCES,
    CHANGE_PROFILE,
    GET_PREFERENCES,
    GET_PROFILE,
    ChangePreferences,
    ChangeProfile,
    Notice,
    Preferences,
    Profile,
)
from bridge.errors import AppError
from gateway.accounts.pages.forms import Form, chosen, kept, refused, show
from gateway.accounts.pages.frame import notice
from gateway.web.calls import Bridge, R, call
from gateway.web.context import CONTEXT
from gateway.web.inputs import read_fields, validate
from gateway.web.pages import see_other
from gateway.web.rate_limits import shows_form_again

_ON: Final = "on"
_NOTICES: Final = tuple(f"notice_{each}" for each in Notice)
_PROFILE: Final = ("name", "username", "version")
_PREFERENCES: Final = ("language", "time_zone", "units", "email", "deadline_threshold", *_NOTICES, "version")


class OwnPages:
    def __init__(self, *, bridge: Bridge) -> None:
        self._bridge = bridge
        self._zones = sorted(available_timezones())

    async def show(self, request: web.Request) -> web.Response:
        """``GET /account``."""
        request[CONTEXT].require_user()
        return await self._page(request)

    @shows_form_again
    async def change_profile(self, request: web.Request) -> web.Response:
        """``POST /account/profile``."""
        request[CONTEXT].require_user()
        fields = await read_fields(request)
        try:
            params = validate(ChangeProfile, {"name": fields.get("name", ""), **chosen(fields, "username", "version")})
            await call(self._bridge, request[CONTEXT], CHANGE_PROFILE, params)
        except AppError as error:
            return await self._page(request, profile=refused(request[CONTEXT], error, kept(fields, *_PROFILE)))
        return see_other("/account?notice=profile-saved")

    @shows_form_again
    async def change_preferences(self, request: web.Request) -> web.Response:
        """``POST /account/preferences``."""
        request[CONTEXT].require_user()
        fields = await read_fields(request)
        try:
            params = validate(ChangePreferences, _as_preferences(fields))
            await call(self._bridge, request[CONTEXT], CHANGE_PREFERENCES, params)
        except AppError as error:
            return await self._page(request, preferences=refused(request[CONTEXT], error, kept(fields, *_PREFERENCES)))
        return see_other("/account?notice=preferences-saved")

    async def _page(
        self, request: web.Request, *, profile: Form | None = None, preferences: Form | None = None
    ) -> web.Response:
        """Return both forms: what was typed in the one that failed, and what there is now in the other.

        After a failure the other form is left out where it cannot be read, so that what was typed is not lost with it.
        """
        failed = profile or preferences
        try:
            now = await self._read(request, GET_PROFILE)
            wants = await self._read(request, GET_PREFERENCES)
        except AppError:
            if failed is None:
                raise
            values: dict[str, object] = {"profile": profile, "preferences": preferences, "email": ""}
        else:
            values = {
                "profile": _as_form(profile, _profile_values(now)),
                "preferences": _as_form(preferences, _preference_values(wants)),
                "email": now.email,
            }
        values |= {"here": "account", "said": notice(request), "zones": self._zones}
        return show("accounts/own.html", request, failed or Form(), values)

    async def _read(self, request: web.Request, operation: Operation[Nothing, R]) -> R:
        reply = await call(self._bridge, request[CONTEXT], operation, Nothing())
        return operation.result.model_validate_json(reply.body)


def add_routes(app: web.Application, pages: OwnPages) -> None:
    app.router.add_get("/account", pages.show)
    app.router.add_post("/account/profile", pages.change_profile)
    app.router.add_post("/account/preferences", pages.change_preferences)


def _as_form(failed: Form | None, current: Mapping[str, str]) -> Form:
    """Return the form to show; after a change that came too late, of the edition that there is now."""
    if failed is None:
        return Form(current)
    if "version" in failed.wrong:
        return Form({**failed.values, "version": current["version"]}, failed.error)
    return failed


def _profile_values(profile: Profile) -> dict[str, str]:
    return {"name": profile.name, "username": profile.username or "", "version": str(profile.version)}


def _preference_values(preferences: Preferences) -> dict[str, str]:
    notifications = preferences.notifications
    return {
        "language": preferences.language,
        "time_zone": preferences.time_zone,
        "units": preferences.units,
        "email": _ON if notifications.email else "",
        "deadline_threshold": notifications.deadline_threshold,
        **{f"notice_{each}": _ON for each in notifications.types},
        "version": str(preferences.version),
    }


def _as_preferences(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the form as the operation wants it. A box that is not ticked is not sent."""
    notifications: dict[str, object] = {
        "email": fields.get("email") == _ON,
        "types": tuple(each for each in Notice if fields.get(f"notice_{each}") == _ON),
        **chosen(fields, "deadline_threshold"),
    }
    return {**chosen(fields, "language", "time_zone", "units", "version"), "notifications": notifications}
