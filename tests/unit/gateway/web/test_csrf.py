from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import ClientSession, UnixConnector, web

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


FOREIGN = (
    "null", "", "https://", "{host}", "//{host}", "ftp://{host}", "chrome-extension://{host}", "https://{host}.evil.example",
    "https://evil.example/{host}", "https://evil.example#{host}", "https://{host}@evil.example", "https://evil.{host}",
    "https://{name}", "https://{name}:1", "https://{name}.:{port}", "https://{host} https://evil.example",
    "https://evil.example, https://{host}", "HTTPS://{host}/",
)  # fmt: skip


@pytest.mark.parametrize("origin", FOREIGN)
async def test_write_is_refused_when_an_origin_only_looks_like_ours(door: Door, origin: str) -> None:
    name, port = door.client.host, door.client.port
    said = origin.format(host=f"{name}:{port}", name=name, port=port)

    response = await door.client.post(LOGOUT, headers={"Origin": said} | door.cookie())

    assert (response.status, door.bridge.asked) == (403, [])


async def test_browsers_own_word_counts_when_the_origin_says_another(door: Door) -> None:
    own = f"http://{door.client.host}:{door.client.port}"

    for site in ("cross-site", "same-site", "Same-Origin", "same-origin, cross-site", ""):
        response = await door.client.post(LOGOUT, headers={"Sec-Fetch-Site": site, "Origin": own} | door.cookie())
        assert response.status == 403, site


async def test_page_without_tls_is_anothers_when_this_site_has_it(tmp_path: Path) -> None:
    """Who sits on the line can show it under our name, before the browser knows to insist on TLS."""
    async with open_door() as door:
        runner = web.AppRunner(door.app)
        await runner.setup()
        await web.UnixSite(runner, str(tmp_path / "door.sock")).start()  # as nginx reaches it, with TLS before it
        async with ClientSession(connector=UnixConnector(str(tmp_path / "door.sock"))) as nginx:
            for scheme, status in (("http", 403), ("https", 204)):
                headers = {"Origin": f"{scheme}://home.example", "Host": "home.example", **door.cookie()}
                async with nginx.post("http://home.example/auth/logout", headers=headers) as response:
                    assert response.status == status
        await runner.cleanup()


OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")


@pytest.mark.parametrize("name", OVERRIDES)
async def test_method_is_the_requests_own_when_a_header_or_field_says_another(door: Door, name: str) -> None:
    """A link of another site brings the cookie (Lax), and can be nothing but a GET."""
    headers = {name: "POST", "Sec-Fetch-Site": "cross-site", **door.cookie()}

    for path in (f"{LOGOUT}?_method=POST", "/account/delete?_method=POST", "/chat?_method=POST"):
        response = await door.client.get(path, headers=headers)
        assert response.status == 405
    assert not door.bridge.asked


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain", "text/plain; application/json", "multipart/form-data; boundary=x", "text/json", "",
        "application/json+x", "application/jsonp", "application/x-www-form-urlencoded", "application/problem+json",
    ],
)  # fmt: skip
async def test_json_is_not_taken_when_it_comes_as_a_form_may(door: Door, content_type: str) -> None:
    """Were the browser's word missing, a form of another site could still not send what a program sends."""
    body = b'{"name": "Mallory", "email": "x@example.org", "password": "x"}'
    for method, path in (("PUT", "/api/v1/users/profile"), ("POST", "/api/v1/auth/login"), ("POST", "/api/v1/chat")):
        headers = {"Content-Type": content_type, **door.cookie()}
        async with door.client.request(method, path, data=body, headers=headers) as response:
            assert response.status in {400, 415}, (method, path)
    assert not door.bridge.asked


async def test_write_is_taken_when_it_brings_a_token(door: Door) -> None:
    response = await door.client.post(LOGOUT, headers={"Sec-Fetch-Site": "cross-site", **door.bearer()})

    assert response.status == 204


async def test_cookie_lends_no_power_when_another_authorization_is_sent(door: Door) -> None:
    headers = {"Authorization": "Basic eDp5", **door.cookie()}

    response = await door.client.post(LOGOUT, headers=headers)

    assert response.status == 401
    assert not door.bridge.asked


@pytest.mark.parametrize("said", ["Basic eDp5", "basic eDp5", "Bearer", "Digest x", "Bearerx", ""])
@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
async def test_write_is_refused_when_another_site_puts_a_name_and_a_password_into_the_address(
    door: Door, headers: dict[str, str], said: str
) -> None:
    """``<form action="https://x:y@…/auth/login">``: some browsers make that an Authorization, which no script needs."""
    for path in (LOGIN, "/sign-up", LOGOUT):
        async with door.client.post(path, data=BODY, headers={**headers, "Authorization": said}) as response:
            assert response.status == 403, path
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
