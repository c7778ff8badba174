from __future__ import annotations

import re

import pytest
from aiohttp import FormData
from multidict import CIMultiDictProxy

from bridge.contracts.accounts import Refresh, SignIn
from bridge.contracts.system import FeedEvent
from bridge.errors import Code, Denied, Unavailable
from gateway.settings import GatewaySettings, Limits
from tests.gateway_door import PASSWORD, Door, Issuer, open_door

HTML = {"Accept": "text/html"}


def login(*, password: str = PASSWORD, next_path: str = "/") -> FormData:
    return FormData({"email": "ann@example.org", "password": password, "next": next_path})


def cookies(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    """Return what each Set-Cookie says, by the cookie's name."""
    return {line.partition("=")[0]: line for line in headers.getall("Set-Cookie", [])}


def browser(door: Door, **claims: object) -> dict[str, str]:
    """Return the cookies of a browser whose access token has ended."""
    return {"Cookie": f"__Host-session={door.token(lives_s=-3600.0, **claims)}; __Secure-refresh=refresh-1"}


# for programs


@pytest.mark.story("water/FR-001", "water/FR-003", "tasks/US-BE-1.4.1", "todo/US-2.2", "water/US-4.1")
@pytest.mark.parametrize("path", ["/auth/login", "/api/v1/auth/login"])
async def test_sign_in_answers_tokens_when_the_password_is_right(door: Door, path: str) -> None:
    response = await door.client.post(path, json={"email": "ann@example.org", "password": PASSWORD})

    body = await response.json()
    assert response.status == 200
    assert body["token_type"] == "Bearer"
    assert body["refresh_token"] == "refresh-2"
    assert body["user"]["email"] == "ann@example.org"
    assert "Set-Cookie" not in response.headers
    params = door.bridge.asked[0].params
    assert isinstance(params, SignIn)
    assert params.address == "127.0.0.1"
    assert door.bridge.asked[0].credentials.token == ""


@pytest.mark.story("water/FR-004", "tasks/US-BE-1.4.3", "todo/US-2.4")
async def test_sign_in_is_refused_when_the_password_is_wrong(door: Door) -> None:
    response = await door.client.post("/auth/login", json={"email": "ann@example.org", "password": "no"})

    assert response.status == 401
    assert (await response.json())["code"] == "bad_credentials"


@pytest.mark.parametrize("email", ["", "ann", "a b@c", "@", "x" * 255 + "@example.org", "a\x00@b.c"])
async def test_sign_in_is_refused_when_the_address_is_none(door: Door, email: str) -> None:
    response = await door.client.post("/auth/login", json={"email": email, "password": "secret-word"})

    text = await response.text()
    assert response.status == 400
    assert "secret-word" not in text
    assert not door.bridge.asked


async def test_password_reaches_the_agent_as_typed_when_it_begins_with_a_space(door: Door) -> None:
    await door.client.post("/auth/login", json={"email": "ann@example.org", "password": "  two  "})

    assert door.bridge.asked[0].params.password.get_secret_value() == "  two  "


async def test_sign_in_is_limited_by_address_when_tried_too_often() -> None:
    async with open_door(GatewaySettings(limits=Limits(sign_in_per_minute=2))) as door:
        answers = [await door.client.post("/auth/login", json={"email": "a@b.c", "password": "x"}) for _ in range(3)]

        assert [answer.status for answer in answers] == [401, 401, 429]
        assert int(answers[2].headers["Retry-After"]) > 0


async def test_address_stays_in_the_form_when_it_is_sent_too_often() -> None:
    async with open_door(GatewaySettings(limits=Limits(sign_in_per_minute=1))) as door:
        form = {"email": "a<b>@example.org", "password": "a password", "next": "/account"}
        await door.client.post("/auth/login", data=form, headers={"Accept": "text/html"})
        response = await door.client.post("/auth/login", data=form, headers={"Accept": "text/html"})
        text = await response.text()

        assert len(door.bridge.asked) == 1
        assert response.status == 429
        assert int(response.headers["Retry-After"]) > 0
        assert re.search(r"<strong>Too many requests\.</strong>\s+Try again in (a minute|\d+ seconds)\.", text)
        assert 'value="a&lt;b&gt;@example.org"' in text
        assert 'name="next" value="/account"' in text
        assert "a password" not in text


@pytest.mark.story("water/FR-005")
async def test_refresh_answers_new_tokens_when_the_body_has_one(door: Door) -> None:
    response = await door.client.post("/api/v1/auth/refresh", json={"refresh_token": "refresh-1"})

    assert (await response.json())["refresh_token"] == "refresh-2"
    params = door.bridge.asked[0].params
    assert isinstance(params, Refresh)
    assert params.refresh_token.get_secret_value() == "refresh-1"


@pytest.mark.story("water/FR-006")
async def test_sign_out_ends_the_session_when_asked(door: Door) -> None:
    response = await door.client.post("/auth/logout", headers=door.bearer())

    assert response.status == 204
    assert door.bridge.asked[0].operation == "accounts.sign_out"


@pytest.mark.parametrize("code", [Code.UNREACHABLE, Code.SESSION_ENDED])
async def test_sign_out_says_why_when_the_agent_did_not_end_the_session(door: Door, code: Code) -> None:
    door.bridge.answers["accounts.sign_out"] = (Unavailable if code is Code.UNREACHABLE else Denied)(code)

    response = await door.client.post("/auth/logout", headers=door.bearer())

    assert response.status == code.status


async def test_sign_out_is_refused_when_nobody_is_signed_in(door: Door) -> None:
    response = await door.client.post("/auth/logout")

    assert response.status == 401


# for browsers


async def test_page_keeps_where_to_go_when_it_is_on_this_site(door: Door) -> None:
    page = await (await door.client.get("/sign-in?next=/chat")).text()

    assert 'name="next" value="/chat"' in page


@pytest.mark.parametrize("next_path", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x"])
async def test_page_goes_to_the_start_when_told_to_go_elsewhere(door: Door, next_path: str) -> None:
    page = await (await door.client.get("/sign-in", params={"next": next_path})).text()
    signed_in = await door.client.post("/auth/login", data=login(next_path=next_path), allow_redirects=False)

    assert 'name="next" value="/"' in page
    assert signed_in.headers["Location"] == "/"


@pytest.mark.parametrize(
    ("notice", "text"), [("signed-out", "You are signed out."), ("signed-out-here", "signed out in this browser")]
)
async def test_page_says_what_happened_when_told(door: Door, notice: str, text: str) -> None:
    assert text in await (await door.client.get("/sign-in", params={"notice": notice})).text()


async def test_form_sets_cookies_and_goes_on_when_the_password_is_right(door: Door) -> None:
    response = await door.client.post("/auth/login", data=login(next_path="/chat"), allow_redirects=False)

    assert response.status == 303
    assert response.headers["Location"] == "/chat"
    session, refresh = cookies(response.headers)["__Host-session"], cookies(response.headers)["__Secure-refresh"]
    for cookie in (session, refresh):
        assert {"HttpOnly", "Secure", "SameSite=Lax", "Max-Age=604800"} <= set(cookie.split("; "))
    assert "Path=/" in session.split("; ")
    assert "Path=/auth" in refresh.split("; ")  # renewing and signing out
    assert "Domain" not in session
    assert cookies(response.headers)["__Host-name"].startswith("__Host-name=Ann; ")


async def test_form_shows_itself_again_when_the_password_is_wrong(door: Door) -> None:
    response = await door.client.post("/auth/login", data=login(password="wrong-word"), headers=HTML)

    page = await response.text()
    assert response.status == 401
    assert "E-mail or password is wrong." in page
    assert 'value="ann@example.org"' in page
    assert "wrong-word" not in page
    assert door.log[-1]["error_code"] == "bad_credentials"


@pytest.mark.parametrize("email", ["", "a", "a\x00@b.c"])
async def test_form_shows_itself_again_when_the_address_is_none(door: Door, email: str) -> None:
    response = await door.client.post("/auth/login", data=FormData({"email": email, "password": "x"}), headers=HTML)

    assert response.status == 401
    assert "E-mail or password is wrong." in await response.text()
    assert not door.bridge.asked


@pytest.mark.story("todo/EC.3")
async def test_renewal_sets_new_cookies_and_goes_back_when_the_refresh_token_is_good(door: Door) -> None:
    headers = {**browser(door), **HTML}

    response = await door.client.get("/auth/refresh?next=/chat", headers=headers, allow_redirects=False)

    assert response.headers["Location"] == "/chat"
    assert "refresh-2" in cookies(response.headers)["__Secure-refresh"]


@pytest.mark.parametrize("planted", ["another's", "nobody's", "nonsense"])
async def test_browser_is_not_signed_in_as_another_when_a_site_beside_ours_set_its_refresh_token(
    door: Door, planted: str
) -> None:
    """That cookie can be set under a parent domain; the session's cannot."""
    headers = {
        "another's": browser(door, sid="33333333-3333-4333-8333-333333333333"),
        "nobody's": {"Cookie": "__Secure-refresh=refresh-1"},
        "nonsense": {"Cookie": "__Host-session=e30.e30.; __Secure-refresh=refresh-1"},
    }[planted]

    page = await door.client.get("/auth/refresh?next=/chat", headers=headers | HTML, allow_redirects=False)
    script = await door.client.post("/auth/refresh", headers=headers)
    out = await door.client.post("/auth/logout", headers=headers)

    assert (page.status, page.headers["Location"]) == (303, "/sign-in?next=/chat")
    assert "Max-Age=0" in cookies(page.headers)["__Secure-refresh"]
    assert (script.status, cookies(script.headers), out.status) == (401, {}, 401)
    assert {each.operation for each in door.bridge.asked} == {"accounts.refresh"}


async def test_renewal_goes_to_sign_in_when_there_is_no_refresh_token(door: Door) -> None:
    response = await door.client.get("/auth/refresh?next=/chat", headers=HTML, allow_redirects=False)

    assert response.headers["Location"] == "/sign-in?next=/chat"
    assert "Max-Age=0" in cookies(response.headers)["__Host-session"]
    assert not door.bridge.asked
    assert (door.log[-1]["outcome"], door.log[-1]["error_code"]) == ("denied", "session_ended")


async def test_renewal_goes_to_sign_in_when_the_new_token_is_no_good(door: Door) -> None:
    stranger = Issuer().public_key  # the gateway knows other keys than the agent signs with
    door.verifier.on_feed_event(FeedEvent(kind="keys_changed", keys=(stranger,)))

    response = await door.client.get("/auth/refresh", headers={**browser(door), **HTML}, allow_redirects=False)

    assert response.headers["Location"].startswith("/sign-in")


async def test_script_gets_new_cookies_and_no_tokens_when_it_renews(door: Door) -> None:
    response = await door.client.post("/auth/refresh", headers=browser(door))

    assert response.status == 204
    assert await response.read() == b""
    assert "refresh-2" in cookies(response.headers)["__Secure-refresh"]


async def test_script_is_told_that_the_session_has_ended_when_it_has_no_refresh_token(door: Door) -> None:
    response = await door.client.post("/auth/refresh")

    assert response.status == 401
    assert (await response.json())["code"] == "session_ended"


async def test_script_is_refused_when_the_refresh_token_is_no_good(door: Door) -> None:
    door.bridge.answers["accounts.refresh"] = Denied(Code.SESSION_ENDED)

    response = await door.client.post("/auth/refresh", headers=browser(door))

    assert response.status == 401
    assert (await response.json())["code"] == "session_ended"


async def test_browser_forgets_the_session_when_it_signs_out(door: Door) -> None:
    response = await door.client.post("/auth/logout", headers=door.with_page(), allow_redirects=False)

    assert response.headers["Location"] == "/sign-in?notice=signed-out"
    assert {"Max-Age=0"} <= set(cookies(response.headers)["__Host-session"].split("; "))
    assert {"Max-Age=0"} <= set(cookies(response.headers)["__Secure-refresh"].split("; "))
    assert "Ann" not in cookies(response.headers)["__Host-name"]


async def test_browser_forgets_the_session_when_the_agent_is_out_of_reach(door: Door) -> None:
    door.bridge.answers["accounts.sign_out"] = Unavailable(Code.UNREACHABLE)

    response = await door.client.post("/auth/logout", headers=door.with_page(), allow_redirects=False)

    assert response.headers["Location"] == "/sign-in?notice=signed-out-here"
    assert door.log[-1]["error_code"] == Code.UNREACHABLE.wire
    assert "__Host-session" in cookies(response.headers)


async def test_browser_is_signed_out_when_its_session_had_ended_already(door: Door) -> None:
    response = await door.client.post("/auth/logout", headers=HTML, allow_redirects=False)

    assert response.headers["Location"] == "/sign-in?notice=signed-out"


@pytest.mark.parametrize("is_known_here", [True, False])
async def test_browser_ends_the_session_when_its_access_token_is_no_longer_good(
    door: Door, *, is_known_here: bool
) -> None:
    def end(_params: object) -> dict[str, object]:
        if door.bridge.asked[-1].credentials.token == old:
            raise Denied(Code.UNAUTHENTICATED)
        return {}

    old = door.token(lives_s=-3600.0 if is_known_here else 60.0)
    door.bridge.answers["accounts.sign_out"] = end
    headers = {"Cookie": f"__Host-session={old}; __Secure-refresh=refresh-1", **HTML}

    response = await door.client.post("/auth/logout", headers=headers, allow_redirects=False)

    assert response.headers["Location"] == "/sign-in?notice=signed-out"
    assert [each.operation for each in door.bridge.asked][-2:] == ["accounts.refresh", "accounts.sign_out"]
    assert door.bridge.asked[-1].credentials.token == door.token()
    assert "Max-Age=0" in cookies(response.headers)["__Secure-refresh"].split("; ")


async def test_browser_is_told_that_the_session_lives_on_when_it_can_not_be_renewed_to_end(door: Door) -> None:
    door.bridge.answers["accounts.refresh"] = Unavailable(Code.UNREACHABLE)
    headers = {**browser(door), **HTML}

    response = await door.client.post("/auth/logout", headers=headers, allow_redirects=False)

    assert response.headers["Location"] == "/sign-in?notice=signed-out-here"


async def test_program_ends_the_session_when_it_brings_its_refresh_token(door: Door) -> None:
    response = await door.client.post(
        "/api/v1/auth/logout", headers=door.bearer(lives_s=-3600.0), json={"refresh_token": "refresh-1"}
    )

    assert response.status == 204
    assert [each.operation for each in door.bridge.asked] == ["accounts.refresh", "accounts.sign_out"]


async def test_cookie_ends_no_session_when_the_request_says_authorization(door: Door) -> None:
    headers = {**door.bearer(lives_s=-3600.0), "Cookie": "__Secure-refresh=refresh-1"}

    response = await door.client.post("/auth/logout", headers=headers)

    assert response.status == 401
    assert not door.bridge.asked


async def test_session_is_known_at_once_when_an_outage_begins_after_signing_in(door: Door) -> None:
    response = await door.client.post("/auth/login", data=login(), allow_redirects=False)
    session = cookies(response.headers)["__Host-session"].partition(";")[0]
    door.feed.lost_at = door.clock.monotonic()

    page = await door.client.get("/", headers={"Cookie": session, **HTML}, allow_redirects=False)

    assert page.status == 200


async def test_sign_in_succeeds_when_the_gateway_has_no_keys_yet(door: Door) -> None:
    door.verifier.on_feed_event(FeedEvent(kind="keys_changed"))

    response = await door.client.post("/auth/login", json={"email": "a@b.c", "password": PASSWORD})

    assert response.status == 200
