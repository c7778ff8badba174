from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import pytest

from gateway.settings import GatewaySettings, Limits, Web
from tests.gateway_door import Door, open_door

ORIGIN = "https://app.example.org"
LIST = "/api/v1/health/symptoms"
PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "GET",
    "Access-Control-Request-Headers": "authorization",
}


@pytest.fixture
async def open_to() -> AsyncIterator[Door]:
    settings = GatewaySettings(web=Web(cors_origins=(ORIGIN,)), limits=Limits(address_per_minute=3))
    async with open_door(settings) as door:
        yield door


@pytest.mark.story("health/US-BE-28.3", "hub/IH-018.4", "hub/DOD.16")
async def test_preflight_is_answered_when_the_origin_is_listed(open_to: Door) -> None:
    response = await open_to.client.options(LIST, headers=PREFLIGHT)

    assert response.status == 204
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "GET" in response.headers["Access-Control-Allow-Methods"]
    assert "authorization" in response.headers["Access-Control-Allow-Headers"]
    assert "Origin" in response.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.story("health/US-BE-28.2", "health/US-BE-41.1")
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example", "null", "https://app.example.org.evil.example", "https://evilapp.example.org",
        "https://sub.app.example.org", "http://app.example.org", "https://app.example.org:8443", "HTTPS://APP.EXAMPLE.ORG",
        "https://app.example.org.", "https://app.example.org/", "https://app.example.org, https://evil.example", "",
        "https://evil.example https://app.example.org", "https://app.example.org@evil.example", "*",
    ],
)  # fmt: skip
async def test_preflight_allows_nothing_when_the_origin_is_not_listed(open_to: Door, origin: str) -> None:
    response = await open_to.client.options(LIST, headers=PREFLIGHT | {"Origin": origin})

    assert response.status == 405
    assert "Access-Control-Allow-Origin" not in response.headers
    assert response.headers["Vary"] == "Origin"


async def test_preflight_allows_nothing_when_no_origin_is_listed(door: Door) -> None:
    response = await door.client.options(LIST, headers=PREFLIGHT)

    assert not [name for name in response.headers if name.lower().startswith("access-control")]


@pytest.mark.story("health/US-BE-28.1")
async def test_script_reads_the_answer_when_its_origin_is_listed(open_to: Door) -> None:
    response = await open_to.client.get(LIST, headers={"Origin": ORIGIN, **open_to.bearer()})

    assert response.status == 200
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "x-request-id" in response.headers["Access-Control-Expose-Headers"]
    assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


async def test_script_reads_why_when_it_is_refused(open_to: Door) -> None:
    answers = [await open_to.client.get(LIST, headers={"Origin": ORIGIN}) for _ in range(4)]

    assert [answer.status for answer in answers] == [401, 401, 401, 429]
    assert {answer.headers["Access-Control-Allow-Origin"] for answer in answers} == {ORIGIN}


async def test_answer_varies_by_origin_when_nobody_says_one(open_to: Door) -> None:
    response = await open_to.client.get("/health")

    assert response.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.story("health/US-BE-28.4")
async def test_no_answer_lets_a_script_use_the_cookie_whoever_asks_for_what(open_to: Door) -> None:
    origins = (ORIGIN, "https://evil.example", "null")
    paths = {route.resource.canonical for route in open_to.app.router.routes() if route.resource is not None}
    for path, origin in itertools.product(sorted(paths), origins):
        for headers in (open_to.cookie(), PREFLIGHT):
            method = "OPTIONS" if headers is PREFLIGHT else "GET"
            async with open_to.client.request(
                method, path, headers={**headers, "Origin": origin}, allow_redirects=False
            ) as response:
                assert "Access-Control-Allow-Credentials" not in response.headers
                assert response.headers.get("Access-Control-Allow-Origin") == (ORIGIN if origin == ORIGIN else None)
                assert "Origin" in response.headers["Vary"]
