"""A browser's way to the sign-in service and back, in front of an agent that decides what the test wants."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
from aiohttp import ClientResponse

from bridge.contracts.oidc import FinishOidc
from bridge.errors import AppError, Busy, Code, Denied, Invalid, Unavailable
from gateway.settings import GatewaySettings, Limits, Oidc
from tests.gateway_door import Door, Issuer, open_door

SERVICE = "https://login.example.org/authorize?state=the-state&nonce=n"
SETTINGS = GatewaySettings(oidc=Oidc(name="Clinic & Co"), limits=Limits(sign_in_per_minute=100))
BACK = "/auth/oidc/callback?state=the-state&code=the-code"
KEPT = {"Cookie": "__Host-oidc=the-sealed.%2Fchat"}


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with open_door(SETTINGS) as opened:
        opened.bridge.answers["accounts.begin_oidc"] = {"url": SERVICE, "sealed": "the-sealed", "expires_in": 600}
        opened.bridge.answers["accounts.finish_oidc"] = lambda _params: opened._tokens()
        yield opened


async def get(door: Door, path: str, headers: dict[str, str] | None = None) -> ClientResponse:
    return await door.client.get(path, headers={"Accept": "text/html", **(headers or {})}, allow_redirects=False)


def set_cookies(response: ClientResponse) -> dict[str, str]:
    return {line.partition("=")[0]: line for line in response.headers.getall("Set-Cookie", [])}


async def test_page_has_the_button_when_there_is_a_service(door: Door) -> None:
    page = await (await get(door, "/sign-in?next=/chat%3Fa%3D1")).text()
    assert 'href="/auth/oidc?next=/chat%3Fa%3D1"' in page
    assert "Sign in with Clinic &amp; Co" in page
    async with open_door(GatewaySettings()) as other:
        assert "/auth/oidc" not in await (await get(other, "/sign-in")).text()


async def test_browser_is_led_to_the_service_and_keeps_what_the_agent_sealed(door: Door) -> None:
    response = await get(door, "/auth/oidc?next=/chat%3Fa%3D1")
    assert (response.status, response.headers["Location"]) == (303, SERVICE)
    said = set_cookies(response)
    assert list(said) == ["__Host-oidc"]
    fields = said["__Host-oidc"].split("; ")
    assert fields[0] == "__Host-oidc=the-sealed.%2Fchat%3Fa%3D1"
    assert {*fields[1:]} == {"HttpOnly", "Max-Age=600", "Path=/", "SameSite=Lax", "Secure"}
    assert response.headers["Cache-Control"] == "no-store"
    assert door.bridge.asked[0].credentials.token == ""


@pytest.mark.parametrize(
    "next_path", ["", "https://evil.example.org", "//evil.example.org", "/" + "x" * 3000, "/" + "é"]
)
async def test_browser_comes_back_to_the_front_page_when_it_was_to_go_nowhere_here(door: Door, next_path: str) -> None:
    response = await get(door, f"/auth/oidc?next={quote(next_path, safe='')}")
    kept = set_cookies(response)["__Host-oidc"].split(";")[0]
    response = await get(door, BACK, {"Cookie": kept})
    assert (response.status, response.headers["Location"]) == (303, "/")


@pytest.mark.parametrize("tampered", ["https%3A%2F%2Fevil.example.org", "%2F%2Fevil.example.org", "%0d%0aSet-Cookie:x"])
async def test_browser_is_sent_nowhere_else_when_the_cookie_says_so(door: Door, tampered: str) -> None:
    response = await get(door, BACK, {"Cookie": f"__Host-oidc=the-sealed.{tampered}"})
    assert (response.status, response.headers["Location"]) == (303, "/")


async def test_person_is_signed_in_and_goes_on_when_the_agent_says_so(door: Door) -> None:
    response = await get(door, f"{BACK}&iss=https%3A%2F%2Flogin.example.org", KEPT)
    assert (response.status, response.headers["Location"]) == (303, "/chat")
    said = set_cookies(response)
    assert said.keys() == {"__Host-session", "__Host-name", "__Secure-refresh", "__Host-oidc"}
    assert "Max-Age=0" in said["__Host-oidc"]
    params = door.bridge.asked[-1].params
    assert isinstance(params, FinishOidc)
    assert [each.get_secret_value() for each in (params.sealed, params.state, params.code)] == [
        "the-sealed", "the-state", "the-code"
    ]  # fmt: skip
    assert (params.issuer, params.address) == ("https://login.example.org", "127.0.0.1")
    assert not any(word in line for line in door.log_lines for word in ("the-sealed", "the-state", "the-code"))


async def test_person_is_signed_in_when_the_agents_key_is_not_known_yet(door: Door) -> None:
    door.issuer = Issuer()
    response = await get(door, BACK, KEPT)
    assert (response.status, response.headers["Location"]) == (303, "/chat")


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (Invalid(Code.SIGN_IN_EXPIRED), "Try again, or sign in with your password."),
        (Denied(Code.PROVIDER_REFUSED), "Try again, or sign in with your password."),
        (Denied(Code.NO_ACCOUNT, "There is no account here"), "Ask the administrator of this Drawbridge"),
        (Unavailable(Code.PROVIDER_UNAVAILABLE), "Try again, or sign in with your password."),
        (Unavailable(Code.UNREACHABLE), "Try again, or sign in with your password."),
    ],
)
async def test_page_says_what_is_wrong_when_nobody_is_signed_in(door: Door, error: AppError, advice: str) -> None:
    door.bridge.answers["accounts.finish_oidc"] = error
    response = await get(door, BACK, KEPT)
    page = await response.text()
    assert response.status == error.code.status
    assert f"<strong>{error.public_message}.</strong>" in page
    assert advice in page
    assert 'name="next" value="/chat"' in page
    assert list(set_cookies(response)) == ["__Host-oidc"]
    assert door.log[-1]["error_code"] == error.code.wire


async def test_page_says_so_when_the_service_is_away_before_anybody_left(door: Door) -> None:
    door.bridge.answers["accounts.begin_oidc"] = Unavailable(Code.PROVIDER_UNAVAILABLE)
    response = await get(door, "/auth/oidc?next=/chat")
    assert response.status == 503
    page = await response.text()
    assert "The sign-in service is out of reach." in page
    assert 'name="next" value="/chat"' in page
    assert "Set-Cookie" not in response.headers


async def test_page_says_so_when_somebody_did_not_want_to(door: Door) -> None:
    response = await get(door, "/auth/oidc/callback?error=access_denied&error_description=%3Cscript%3E&state=x", KEPT)
    page = await response.text()
    assert (response.status, "You came back without having signed in." in page) == (200, True)
    assert "script&gt;" not in page
    assert "Max-Age=0" in set_cookies(response)["__Host-oidc"]
    assert not door.bridge.asked


@pytest.mark.parametrize(
    ("query", "headers", "code"),
    [
        ("error=login_required&state=x", KEPT, Code.PROVIDER_REFUSED),
        ("error=server_error&state=x", KEPT, Code.PROVIDER_UNAVAILABLE),
        ("state=the-state&code=the-code", {}, Code.SIGN_IN_EXPIRED),
        ("state=the-state&code=the-code", {"Cookie": "__Host-oidc=.%2F"}, Code.SIGN_IN_EXPIRED),
        ("code=the-code", KEPT, Code.SIGN_IN_EXPIRED),
        ("state=the-state", KEPT, Code.SIGN_IN_EXPIRED),
        (f"state=the-state&code={'x' * 5000}", KEPT, Code.INVALID_REQUEST),
    ],
)
async def test_agent_is_not_asked_when_there_is_nothing_to_ask(
    door: Door, query: str, headers: dict[str, str], code: Code
) -> None:
    response = await get(door, f"/auth/oidc/callback?{query}", headers)
    assert response.status == code.status
    assert door.log[-1]["error_code"] == code.wire
    assert not door.bridge.asked


async def test_code_is_not_used_up_when_a_program_only_looks_at_the_link(door: Door) -> None:
    response = await door.client.head(BACK, headers=KEPT)
    assert response.status == 405
    assert not door.bridge.asked


async def test_client_is_held_to_its_limit_when_it_comes_back_too_often() -> None:
    async with open_door(GatewaySettings(limits=Limits(sign_in_per_minute=2))) as door:
        answers = [await get(door, BACK) for _ in range(3)]
        assert [answer.status for answer in answers] == [400, 400, 429]


async def test_limit_of_the_account_is_told_when_the_agent_counts_too_many(door: Door) -> None:
    door.bridge.answers["accounts.finish_oidc"] = Busy(Code.RATE_LIMITED, retry_after_s=7)
    response = await get(door, BACK, KEPT)
    assert (response.status, response.headers["Retry-After"]) == (429, "7")
