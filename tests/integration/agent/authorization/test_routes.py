"""Every route of the gateway, in front of the real agent, asked by everybody who might try.

A route is guarded unless it is listed here with a reason: nothing has to be done for a new one to be walked.
"""

from __future__ import annotations

from typing import Final

import pytest

from bridge.contracts import OPERATIONS
from bridge.contracts.operation import Effect, Role
from gateway.settings import GatewaySettings
from tests.gateway_door import Door
from tests.integration.agent.authorization.front import Front
from tests.integration.agent.authorization.stage import BAD_TOKENS, MARK

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

_FORGED: Final = ("", "expired", "wrong key", "unknown key", "none")
"""What the gateway can tell by itself; the other bad tokens only the agent can."""


def _routes() -> list[tuple[str, str]]:
    """Return method and pattern of every route."""
    routes = Door(GatewaySettings()).app.router.routes()
    return [(route.method, route.resource.canonical) for route in routes if route.resource is not None]


async def test_open_routes_are_those_with_a_reason() -> None:
    patterns = {path for _, path in _routes()}
    assert OPEN.keys() | FRAMES.keys() <= patterns
    assert not OPEN.keys() & FRAMES.keys()


@pytest.mark.story(
    "hub/AC-048", "water/FR-061", "todo/FR-013", "health/US-BE-33.4", "health/US-BE-38.2", "health/US-BE-41.2",
    "hub/IH-019.1", "hub/DOD.13", "todo/EC.6", "water/EC.7",
)  # fmt: skip
@pytest.mark.parametrize("bad", ["", *BAD_TOKENS])
async def test_guarded_route_gives_nothing_when_the_token_is_no_good(front: Front, bad: str) -> None:
    token = front.stage.tokens[bad] if bad else ""
    wrong = []
    with front.stage.watching(stop=False) as reached:
        for method, path in _routes():
            if path in OPEN or (path in FRAMES and bad not in _FORGED):
                continue
            answered = await front.ask(method, path, token)
            is_sent_to_sign_in = answered.status == 303 and answered.location.startswith(("/sign-in", "/auth/refresh"))
            if method in {"POST", "PUT", "PATCH"} and bad not in _FORGED:
                is_refused = 400 <= answered.status < 500  # the body is looked at before the agent is asked
            else:
                is_refused = answered.status == 401 or is_sent_to_sign_in
            if not is_refused:
                wrong.append((method, path, answered.status))
    assert wrong == []
    assert reached == []


@pytest.mark.story("todo/SC-007")
@pytest.mark.parametrize("role", list(Role))
async def test_guarded_route_shows_nothing_on_the_gateways_own_word(front: Front, role: Role) -> None:
    """What is answered well was asked of the agent in the same request, as who asks; and nothing of it is Ann's."""
    wrong, answered_well = [], 0
    for method, path in _routes():
        if path in OPEN or path in FRAMES:
            continue
        token = await front.stage.new_session(role)  # the one before may be over
        with front.stage.watching(stop=False) as reached:
            answered = await front.ask(method, path, token)
        if (answered.status < 300 and not reached) or f"{MARK} ache".encode() in answered.body:
            wrong.append((method, path, answered.status))
        answered_well += answered.status == 200
    assert wrong == []
    assert answered_well


async def test_open_route_shows_nothing_of_anybody_when_nobody_is_signed_in(front: Front) -> None:
    with front.stage.watching(stop=False) as reached:
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
            with front.stage.watching(stop=False) as reached:
                await front.ask(method, path, token)
            wrong += [(path, name) for name in reached if OPERATIONS[name].effect is Effect.WRITE]
    assert wrong == []
