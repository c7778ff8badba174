from __future__ import annotations

import pytest

from gateway.settings import GatewaySettings, Web
from tests.gateway_door import Door, open_door

LOGOUT = "/auth/logout"
LOGIN = "/auth/login"
BODY = {"email": "ann@example.org", "password": "x"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
async def test_write_is_refused_when_another_site_makes_it(door: Door, headers: dict[str, str]) -> None:
    signed_out = await door.client.post(LOGOUT, headers=headers | door.cookie())
    signed_in = await door.client.post(LOGIN, json=BODY, headers=headers)

    assert (signed_out.status, signed_in.status) == (403, 403)
    assert (await signed_in.json())["code"] == "cross_site"
    assert not door.bridge.asked


async def test_write_is_taken_when_our_own_page_makes_it(door: Door) -> None:
    own = f"http://{door.client.host}:{door.client.port}"

    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": own}, {}):
        response = await door.client.post(LOGOUT, headers=headers | door.cookie())
        assert response.status == 204


async def test_write_is_taken_when_it_brings_a_token(door: Door) -> None:
    response = await door.client.post(LOGOUT, headers={"Sec-Fetch-Site": "cross-site", **door.bearer()})

    assert response.status == 204


async def test_cookie_lends_no_power_when_another_authorization_is_sent(door: Door) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Authorization": "Basic eDp5", **door.cookie()}

    response = await door.client.post(LOGOUT, headers=headers)

    assert response.status == 401
    assert not door.bridge.asked


async def test_read_is_answered_when_another_site_links_here(door: Door) -> None:
    response = await door.client.get("/sign-in", headers={"Sec-Fetch-Site": "cross-site"})

    assert response.status == 200


async def test_listed_origin_may_sign_in_when_no_cookie_comes_along() -> None:
    origin = "https://app.example.org"
    async with open_door(GatewaySettings(web=Web(cors_origins=(origin,)))) as door:
        headers = {"Sec-Fetch-Site": "cross-site", "Origin": origin}

        without = await door.client.post(LOGIN, json=BODY, headers=headers)
        with_cookie = await door.client.post(LOGIN, json=BODY, headers=headers | door.cookie())

        assert (without.status, with_cookie.status) == (401, 403)
