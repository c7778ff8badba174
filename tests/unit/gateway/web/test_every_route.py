"""What holds for each route, so that a new one cannot be forgotten: limits, headers, other sites' forms."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest

from gateway.settings import GatewaySettings, Limits, Protection, Web
from gateway.web.rate_limits import Counted
from gateway.web.response_headers import SECURITY_HEADERS
from tests.gateway_door import Door, open_door

_SAFE = {"GET", "HEAD", "OPTIONS"}
_ID = "33333333-3333-4333-8333-333333333333"


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
            status = response.status
        if status != 429 and counted is not Counted.CHAT:  # who may be in danger is answered all the same
            unlimited.append((method, path, status))
    assert unlimited == []


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
