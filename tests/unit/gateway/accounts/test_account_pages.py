"""The pages of one's own account, before an agent that is away or says something unusual."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.contracts import (
    accounts,
    administration,
    feedback,
    health,
    invitations,
    joining,
    leaving,
    oidc,
    users,
)
from bridge.contracts.operation import Effect, User
from bridge.errors import Code, Denied, NotFound, Unavailable
from gateway.accounts.pages.activity import DEEDS
from gateway.settings import GatewaySettings, Joining
from gateway.web.own_time import OwnTime
from tests.gateway_door import PASSWORD, SESSION, USER, Door, open_door

PROFILE: dict[str, Any] = {
    "id": USER, "email": "ann@example.org", "username": None, "name": "Ann", "role": "viewer", "time_zone": "Nowhere/X",
    "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "version": 3,
}  # fmt: skip
OWN_SESSION = {
    "id": SESSION, "is_current": True, "created_at": "2026-05-01T10:00:00Z", "last_used_at": "2026-05-01T10:00:00Z",
    "expires_at": "2026-06-01T10:00:00Z",
}  # fmt: skip
AWAY = Unavailable(Code.UNREACHABLE)


async def post(door: Door, path: str, fields: dict[str, str]) -> tuple[int, str, str]:
    async with door.client.post(path, data=fields, headers=door.with_page(), allow_redirects=False) as response:
        return response.status, response.headers.get("Location", ""), await response.text()


@pytest.mark.parametrize("page", ["/account", "/account/security"])
async def test_page_is_an_error_page_when_the_agent_is_away(door: Door, page: str) -> None:
    door.bridge.answers |= {"users.profile.get": AWAY}
    async with door.client.get(page, headers=door.with_page()) as response:
        assert (response.status, "The records are out of reach" in await response.text()) == (503, True)


@pytest.mark.parametrize(
    ("path", "operation", "fields", "is_kept"),
    [
        ("/account/profile", "users.profile.change", {"name": "Typed name", "version": "3"}, "Typed name"),
        ("/account/preferences", "users.preferences.change", {"time_zone": "Asia/Tokyo"}, "Asia/Tokyo"),
        ("/account/email", "accounts.change_email", {"new_email": "n@example.org", "password": PASSWORD}, "n@example"),
        (
            "/account/password", "accounts.change_password",
            {"current_password": PASSWORD, "new_password": PASSWORD, "again": PASSWORD}, "Change the password",
        ),
    ],
)  # fmt: skip
async def test_form_keeps_what_was_typed_when_the_agent_is_away(
    door: Door, path: str, operation: str, fields: dict[str, str], is_kept: str
) -> None:
    door.bridge.answers |= {operation: AWAY, "users.profile.get": AWAY}

    status, _, text = await post(door, path, fields)

    assert status == 503
    assert "Nothing was changed." in text
    assert is_kept in text
    assert PASSWORD not in text


async def test_form_leads_to_the_sign_in_page_when_the_session_has_ended(door: Door) -> None:
    door.bridge.answers |= {"users.profile.change": Denied(Code.SESSION_ENDED)}
    status, location, _ = await post(door, "/account/profile", {"name": "Ann"})
    assert (status, location) == (303, "/auth/refresh?next=/")


async def test_session_counts_as_ended_when_it_had_ended_by_itself(door: Door) -> None:
    door.bridge.answers |= {"users.sessions.end": NotFound(Code.NOT_FOUND)}
    status, location, _ = await post(door, "/account/sessions/end", {"id": SESSION})
    assert (status, location) == (303, "/account/security?notice=session-ended")
    assert (await post(door, "/account/sessions/end", {"id": "x"}))[0] == 400


async def test_times_are_in_utc_when_the_zone_is_not_known_here(door: Door) -> None:
    door.bridge.answers |= {"users.profile.get": PROFILE, "users.sessions.list": {"items": [OWN_SESSION]}}
    async with door.client.get("/account/security?notice=nonsense", headers=door.with_page()) as response:
        assert "1 May 2026, 10:00" in await response.text()
    unknown = OwnTime.of("../x")
    assert (unknown.name, unknown.words(datetime(2026, 5, 1, 12, tzinfo=UTC))) == ("UTC", "1 May 2026, 12:00")


async def test_activity_leads_to_older_deeds_when_there_are_any(door: Door) -> None:
    deed = {
        "timestamp": "2026-05-01T10:00:00Z",
        "action": "new.deed",
        "outcome": "refused",
        "by_you": False,
        "address": "::1",
    }
    door.bridge.answers |= {
        "users.profile.get": PROFILE, "users.activity.list": {"items": [deed], "limit": 50, "next": "a&b"}
    }  # fmt: skip
    async with door.client.get("/account/activity", headers=door.with_page()) as response:
        text = await response.text()
    assert "<strong>new.deed</strong>" in text
    assert "from ::1" in text
    assert 'href="/account/activity?cursor=a%26b"' in text


def test_every_deed_has_words_when_it_can_be_about_an_account() -> None:
    contracts = (accounts, administration, feedback, invitations, joining, leaving, oidc, users)
    writes = {each.name for contract in contracts for each in contract.OPERATIONS if each.effect is Effect.WRITE}
    looks = {each.name for each in health.OPERATIONS}
    assert (writes | looks | {leaving.EXPORT.name}) - DEEDS.keys() == set()
    assert isinstance(leaving.EXPORT.principal, User)


@pytest.mark.parametrize("is_open", [True, False])
async def test_sign_up_is_offered_when_the_settings_say_so(is_open: bool) -> None:
    async with open_door(GatewaySettings(joining=Joining(sign_up=is_open))) as door:
        async with door.client.get("/sign-in") as response:
            assert ('href="/sign-up"' in await response.text()) is is_open
        async with door.client.get("/sign-up") as response:
            assert ('action="/sign-up"' in await response.text()) is is_open


async def test_sign_up_keeps_what_was_typed_when_the_keep_does_not_let_anybody() -> None:
    async with open_door(GatewaySettings(joining=Joining(sign_up=True))) as door:
        door.bridge.answers["accounts.register"] = Denied(Code.FORBIDDEN, "Nobody can sign up here")
        typed = {"email": "ann@example.org", "name": "Ann", "password": PASSWORD, "again": PASSWORD}
        status, _, text = await post(door, "/sign-up", typed)
        assert (status, "Nobody can sign up here." in text) == (403, True)
        assert 'value="ann@example.org"' in text
        assert PASSWORD not in text
