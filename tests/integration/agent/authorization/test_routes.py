"""Every route of the gateway, in front of the real agent, asked by everybody who might try.

A route is guarded unless it is listed here with a reason: nothing has to be done for a new one to be walked.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from urllib.parse import quote, urlencode

import pytest

from bridge.contracts import OPERATIONS
from bridge.contracts.operation import Effect, Role
from gateway.settings import GatewaySettings
from gateway.web.described import Description, description_of
from tests.gateway_door import Door
from tests.integration.agent.authorization.front import Answered, Front
from tests.integration.agent.authorization.stage import BAD_TOKENS, MARK
from tests.integration.agent.machine import PASSWORD

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(30)]  # the first waits for the agent

OPEN: Final = {
    "/accept-invitation": "is the form that a mailed link leads to, and takes the link's token",
    "/api/v1/auth/accept-invitation": "brings a link's token, which was mailed to who was invited",
    "/api/v1/auth/confirm-address": "brings a link's token, which was mailed to the address",
    "/api/v1/auth/login": "is how one comes by a session",
    "/api/v1/auth/logout": "says no more than that the session is over",
    "/api/v1/auth/refresh": "brings a refresh token, which is what proves the session",
    "/api/v1/auth/register": "is how one comes by an account, where that is switched on",
    "/api/v1/auth/reset-password/confirm": "brings a link's token, which was mailed to the account",
    "/api/v1/auth/reset-password/request": "tells nobody whether there is an account",
    "/api/v1/openapi.json": "describes the API, the same for everybody",
    "/api/v1/chat": "tells who may be in danger to call for help, signed in or not; records it asks for as the caller",
    "/auth/accept-invitation": "as under /api/v1",
    "/auth/confirm-address": "as under /api/v1",
    "/auth/login": "as under /api/v1",
    "/auth/logout": "as under /api/v1",
    "/auth/oidc": "leads to the sign-in service",
    "/auth/oidc/callback": "brings a code of the sign-in service, which is how one comes by a session",
    "/auth/refresh": "as under /api/v1",
    "/auth/register": "as under /api/v1",
    "/auth/reset-password/confirm": "as under /api/v1",
    "/auth/reset-password/request": "as under /api/v1",
    "/chat": "as /api/v1/chat",
    "/confirm-address": "is the form that a mailed link leads to, and takes the link's token",
    "/csp-reports": "browsers send reports without credentials",
    "/docs": "shows /api/v1/openapi.json",
    "/health": "tells a watchdog that this process answers, and no more",
    "/health/keep": "is for this machine alone, by its address",
    "/health/keep/taken": "is for this machine alone, by its address",
    "/health/ready": "names the parts and whether they are up",
    "/manifest.webmanifest": "holds the site's name and icons",
    "/metrics": "is for web.metrics_networks alone, by address",
    "/reset-password": "is the form that a mailed link leads to, and takes the link's token",
    "/reset-password/link": "tells nobody whether there is an account",
    "/openapi.json": "as under /api/v1",
    "/sign-in": "is the form to sign in with",
    "/sign-up": "is the form to sign up with, and tells nobody whether there is an account",
    "/static/{name}": "is the look of the pages, the same for everybody",
    "/version": "names the release",
}
"""Routes for everybody, and why."""

FRAMES: Final = {
    "/": "is the frame of the chat: its answers are asked for one by one",
}
"""Pages shown on the gateway's own word, to a token with a good signature, although it may have been revoked."""

_ID: Final = "33333333-3333-4333-8333-333333333333"
FORMS: Final[dict[str, dict[str, str]]] = {
    "/account/delete": {"confirm": "delete", "password": PASSWORD},
    "/account/email": {"new_email": "new@example.org", "password": PASSWORD},
    "/account/feedback": {"topic": "Other", "message": "It is good."},
    "/account/password": {"current_password": PASSWORD, "new_password": "Another 2", "again": "Another 2"},
    "/account/preferences": {"language": "en", "time_zone": "UTC", "units": "metric", "notice_deadline": "on"},
    "/account/profile": {"name": "Somebody Else"},
    "/account/sessions/end": {"id": "{session}"},
    "/account/sessions/end-others": {},
    "/accounts/create": {
        "email": "made@example.org", "name": "Made", "role": "viewer", "password": "Another 2", "again": "Another 2",
    },
    "/accounts/invitations/resend": {"id": _ID},
    "/accounts/invitations/withdraw": {"id": _ID},
    "/accounts/invite": {"email": "guest@example.org", "name": "Guest", "role": "viewer"},
    "/accounts/{id}/change": {"name": "Another", "role": "technician"},
    "/accounts/{id}/delete": {"address": "{email}"},
    "/accounts/{id}/disable": {"confirm": "on"},
    "/accounts/{id}/enable": {},
    "/accounts/{id}/sign-out": {"confirm": "on"},
    "/accounts/{id}/unlock": {},
    "/status/bans/lift": {"address": "203.0.113.66"},
}  # fmt: skip
"""What each form of a page sends where there is nothing wrong with it; ``{email}`` and ``{session}`` are Ann's."""

PAGES: Final = {
    "/users": "/accounts",
}
"""Routes that lead whoever's browser asks to the page that shows the same, which asks who it is."""

_REVOKED: Final = ("revoked", "disabled")
"""What only the agent can tell; the other bad tokens the gateway can by itself."""


def _described_routes() -> dict[tuple[str, str], Description | None]:
    """Return what every route says of itself, by its method and pattern: None for pages and their forms."""
    routes = Door(GatewaySettings()).app.router.routes()
    return {
        (route.method, route.resource.canonical): description_of(route.handler)
        for route in routes
        if route.resource is not None
    }


def _routes() -> list[tuple[str, str]]:
    return [*_described_routes()]


async def _send(
    front: Front, method: str, path: str, token: str, description: Description | None, *, is_browser: bool = False
) -> Answered:
    """Send what the route is for: its example, or what its page's form sends."""
    if description is not None:
        query = description.example_query or None
        return await front.ask(method, path, token, description.example, query=query, is_browser=is_browser)
    if method != "POST":
        return await front.ask(method, path, token, is_browser=is_browser)
    anns = {"{email}": front.stage.email, "{session}": front.stage.session}
    form = {name: await anns[value](front.stage.ann) if value in anns else value for name, value in FORMS[path].items()}
    return await front.ask(method, path, token, form=form, is_browser=is_browser)


def _guarded(but_for: Collection[str] = OPEN) -> list[tuple[str, str, Description | None]]:
    return [
        (method, path, description)
        for (method, path), description in _described_routes().items()
        if path not in but_for
    ]


async def test_open_routes_are_those_with_a_reason() -> None:
    patterns = {path for _, path in _routes()}
    assert OPEN.keys() | FRAMES.keys() <= patterns
    assert not OPEN.keys() & FRAMES.keys()


async def test_each_form_for_somebody_signed_in_is_listed_with_what_it_sends() -> None:
    assert {path for method, path, said in _guarded() if method == "POST" and said is None} == FORMS.keys()


@pytest.mark.story(
    "hub/AC-048", "water/FR-061", "todo/FR-013", "health/US-BE-33.4", "health/US-BE-38.2", "health/US-BE-41.2",
    "hub/IH-019.1", "hub/DOD.13", "todo/EC.6", "water/EC.7",
)  # fmt: skip
@pytest.mark.parametrize("bad", ["", *BAD_TOKENS])
async def test_guarded_route_gives_nothing_when_the_token_is_no_good(front: Front, bad: str) -> None:
    """A program is told 401, whatever it sent, and a browser is led to where a session comes from."""
    token = front.stage.tokens[bad] if bad else ""
    where = "/auth/refresh" if bad else "/sign-in"
    wrong = []
    with front.stage.watching() as reached:
        for method, path, description in _guarded():
            if path in FRAMES and bad in _REVOKED:
                continue
            answers = [await _send(front, method, path, token, description)]
            if bad not in _REVOKED:  # who asks is looked at before what is sent
                answers.append(await front.ask(method, path, token, form={"nothing": "of the kind"}))
                answers.append(await front.ask(method, path, token, {"nothing": ["of", "the", "kind"]}))
            shown = await _send(front, method, path, token, description, is_browser=True)
            back = front.path(path) if method == "GET" else "/"
            if description is not None and description.example_query and method == "GET":
                back += "?" + urlencode(description.example_query)
            led = (401, "") if path.startswith("/api/") else (303, f"{where}?next={quote(back, safe='/')}")
            if method in {"GET", "HEAD"} and path in PAGES:
                led = (303, PAGES[path])
            if {each.status for each in answers} != {401} or (shown.status, shown.location) != led:
                wrong.append((method, path, [each.status for each in answers], shown.status, shown.location))
    assert wrong == []
    assert reached == []


@pytest.mark.story("hub/AC-049", "water/FR-062", "water/FR-063")
@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
async def test_guarded_route_is_open_to_the_roles_of_its_operations_alone(front: Front, role: Role) -> None:
    """Which operations a route comes to, an administrator's request tells; to the others it is 403, and asks nothing.

    Writes end at their handlers, so that every request finds the same.
    """
    wrong: list[tuple[object, ...]] = []
    refused = 0
    for method, path, description in _guarded(OPEN.keys() | FRAMES.keys()):
        token = await front.stage.new_session(Role.ADMIN)
        with front.stage.watching(Effect.WRITE) as needed:
            await _send(front, method, path, token, description)
        if not needed or (description and description.operation and description.operation.name not in needed):
            wrong.append((method, path, "came to", needed))
        may = all(role in OPERATIONS[name].principal.roles for name in needed)  # type: ignore[union-attr] # a user's
        for is_browser in (False, True) if description is None else (False,):
            token = await front.stage.new_session(role)  # no answer is a remembered one
            with front.stage.watching(Effect.WRITE) as reached:
                answered = await _send(front, method, path, token, description, is_browser=is_browser)
            is_right = (
                reached == needed and answered.status not in {401, 403} if may else
                reached == [] and answered.status == 403
            )  # fmt: skip
            if not is_right:
                wrong.append((method, path, answered.status, answered.location, reached, needed))
        refused += not may
    assert wrong == []
    assert refused >= len([path for path in FORMS if path.startswith("/accounts")])


@pytest.mark.story("todo/SC-007")
@pytest.mark.parametrize("role", list(Role))
async def test_guarded_route_shows_nothing_on_the_gateways_own_word(front: Front, role: Role) -> None:
    """What is answered well was asked of the agent in the same request, as who asks; and nothing of it is Ann's.

    Her ids are in paths and forms. Administrators may deal with her account: what they would write ends at the agent.
    """
    wrong, answered_well, before = [], 0, await front.stage.anns()
    for method, path, description in _guarded(OPEN.keys() | FRAMES.keys()):
        token = await front.stage.new_session(role)  # the one before may be over
        with front.stage.watching(*([Effect.WRITE] if role is Role.ADMIN else [])) as reached:
            answered = await _send(front, method, path, token, description)
        if (answered.status < 300 and not reached) or f"{MARK} ache".encode() in answered.body:
            wrong.append((method, path, answered.status))
        answered_well += answered.status == 200
    assert wrong == []
    assert answered_well
    assert await front.stage.anns() == before


async def test_open_route_shows_nothing_of_anybody_when_nobody_is_signed_in(front: Front) -> None:
    with front.stage.watching() as reached:
        answers = {(method, path): await front.ask(method, path, "") for method, path in _routes() if path in OPEN}
    assert [asked for asked, answered in answers.items() if MARK.encode() in answered.body] == []
    assert reached == []
    by_address = [path for path, why in OPEN.items() if why.endswith(("by its address", "by address"))]
    assert {answers[asked].status for asked in answers if asked[1] in by_address} == {403}


WRITING: Final = {
    "/auth/refresh": "renews a browser's session on its way: another site could only make it renew its own",
}
"""Routes that write when they are only read, and why. No check for other sites' forms stands before them."""


async def test_nothing_is_written_when_a_route_is_only_read(front: Front) -> None:
    wrong = []
    for method, path in _routes():
        if method == "GET" and path not in WRITING:
            token = await front.stage.new_session(Role.ADMIN)
            with front.stage.watching() as reached:
                await front.ask(method, path, token)
            wrong += [(path, name) for name in reached if OPERATIONS[name].effect is Effect.WRITE]
    assert wrong == []
