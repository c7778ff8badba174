"""What holds for each route, so that a new one cannot be forgotten: limits, headers, other sites' forms."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any

import pytest

from bridge.errors import Code, Unavailable
from gateway.settings import GatewaySettings, Limits, Protection, Web
from gateway.web.rate_limits import Counted
from gateway.web.response_headers import SECURITY_HEADERS
from tests.gateway_door import Door, open_door

_SAFE = {"GET", "HEAD", "OPTIONS"}
_ID = "33333333-3333-4333-8333-333333333333"


_AGAIN = {"password": "Another 2", "again": "Another 2"}
FORM_OF = {
    "/auth/login": {"email": "ann@example.org", "password": "x"},
    "/confirm-address": {"token": "t" * 43},
    "/reset-password": {"token": "t" * 43, "new_password": "Another 2", "again": "Another 2"},
    "/reset-password/link": {"email": "ann@example.org"},
    "/accept-invitation": {"token": "t" * 43, **_AGAIN},
    "/sign-up": {"email": "ann@example.org", **_AGAIN},
}


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """Give a door at which each address may ask once a minute."""
    settings = GatewaySettings(
        limits=Limits(account_per_minute=1, address_per_minute=1, address_total_per_minute=1, sign_in_per_minute=1),
        web=Web(trusted_hops=(ip_network("127.0.0.0/8"),)),
        protection=Protection(is_on=False),
    )
    async with open_door(settings) as opened:
        yield opened


def _patterns() -> set[str]:
    """Return every route as ``limits.routes`` names it."""
    found = Door(GatewaySettings()).app.router.routes()
    return {f"{each.method} {each.resource.canonical}" for each in found if each.resource and each.method != "HEAD"}


def routes(door: Door) -> list[tuple[str, str, Counted]]:
    """Return method, path and what it is counted as, of every route."""
    return [
        (
            route.method,
            re.sub(r"\{[^}]*\}", _ID, route.resource.canonical),
            getattr(route.handler, "counted_as", Counted.REQUEST),
        )
        for route in door.app.router.routes()
        if route.resource is not None
    ]


def admin(door: Door, number: int) -> dict[str, str]:
    """Return the cookie of an account of its own."""
    return door.cookie(role="admin", sub=f"33333333-3333-4333-8333-{number:012}")


@pytest.mark.story("hub/AC-047", "health/US-BE-06.2", "hub/IH-017.2", "hub/DOD.2")
async def test_every_route_is_refused_when_its_client_is_over_the_limit(door: Door) -> None:
    unlimited = []
    for number, (method, path, counted) in enumerate(routes(door)):
        headers = {"X-Forwarded-For": f"2001:db8:0:{number:x}::1"}
        await door.client.request(method, path, headers=headers, allow_redirects=False)
        async with door.client.request(method, path, headers=headers, allow_redirects=False) as response:
            status, wait_s = response.status, int(response.headers.get("Retry-After", 0))
        is_refused = status == 429 and wait_s >= 1
        if not is_refused and counted is not Counted.CHAT:  # who may be in danger is answered all the same
            unlimited.append((method, path, status, wait_s))
    assert unlimited == []


@pytest.mark.story("health/US-BE-06.4")
@pytest.mark.parametrize("sent", ["a page's form", "JSON", "nonsense in a form"])
async def test_every_route_is_held_to_a_limit_of_its_own_when_it_has_one(sent: str) -> None:
    """Whether a page or a program asks, somebody or nobody; what is wrong with a form is told within the limit only."""
    settings = GatewaySettings(
        limits=Limits(routes=dict.fromkeys(_patterns(), 1)),
        web=Web(trusted_hops=(ip_network("127.0.0.0/8"),)),
        protection=Protection(is_on=False),
    )
    wrong = []
    async with open_door(settings) as door:
        door.bridge.answers = defaultdict(lambda: Unavailable(Code.UNREACHABLE))
        for number, (method, path, _) in enumerate(routes(door)):
            headers = {"X-Forwarded-For": f"2001:db8:3:{number:x}::1", **admin(door, number)}
            headers |= {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"} if sent != "JSON" else {}
            body: dict[str, Any] = {}
            if method not in _SAFE:
                body = {"json": {"message": "Show my symptoms"}} if sent == "JSON" else {"data": {"nothing": "known"}}
                if sent == "a page's form":
                    body = {"data": FORM_OF.get(path, {"message": "Show my symptoms"})}
            if method == "HEAD":
                continue  # is counted as GET: test_rate_limits.py
            answers, wait_s = [], 0
            for _ in range(2):
                async with door.client.request(
                    method, path, headers=headers, allow_redirects=False, **body
                ) as response:
                    answers.append((response.status, response.headers.get("RateLimit", "")))
                    wait_s = int(response.headers.get("Retry-After", 0))
            (first, _), (second, left) = answers
            if first == 429 or second != 429 or wait_s < 1 or not left.startswith('"route";r=0;'):
                wrong.append((method, path, answers, wait_s))
    assert wrong == []


@pytest.mark.story("hub/AC-051", "health/US-BE-30.1")
async def test_every_route_answers_with_each_security_header_once(door: Door) -> None:
    for number, (method, path, _) in enumerate(routes(door)):
        headers = {"X-Forwarded-For": f"2001:db8:1:{number:x}::1", **admin(door, number)}
        async with door.client.request(method, path, headers=headers, allow_redirects=False) as response:
            for name, value in SECURITY_HEADERS.items():
                assert response.headers.getall(name) == [value], (method, path, name)


async def test_every_write_is_refused_when_another_sites_page_sends_it_with_the_cookie(door: Door) -> None:
    taken = []
    for number, (method, path, _) in enumerate(routes(door)):
        if method in _SAFE:
            continue
        sent = {"X-Forwarded-For": f"2001:db8:2:{number:x}::1", "Sec-Fetch-Site": "cross-site"}
        async with door.client.request(method, path, headers={**sent, **admin(door, number)}) as response:
            if response.status != 403 or (await response.json())["code"] != "cross_site":
                taken.append((method, path, response.status))
    assert taken == []
    assert door.bridge.asked == []
