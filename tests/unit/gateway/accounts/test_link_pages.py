"""The pages that links in mails lead to, before an agent whose answers are chosen."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bridge.errors import AppError, Busy, Code, Conflict, Denied, FieldError, Invalid, Unavailable
from gateway.settings import GatewaySettings, Joining, Limits
from tests.gateway_door import PASSWORD, Door, open_door

TOKEN = "tokenoftheverylinkthatwasmailed-0123456789a"
HTML = {"Accept": "text/html"}
PAGES = {
    "/confirm-address": "accounts.confirm_address",
    "/reset-password": "accounts.reset_password",
    "/accept-invitation": "accounts.accept_invitation",
}
FIELDS = {"token": TOKEN, "password": PASSWORD, "new_password": PASSWORD, "again": PASSWORD, "username": "carl"}
GONE = Invalid(Code.INVALID_REQUEST, fields=(FieldError("token", "is no longer good: ask for another"),))
AWAY = Unavailable(Code.UNREACHABLE)


async def post(door: Door, path: str, fields: dict[str, str], **headers: str) -> tuple[int, str, str]:
    """Send a form; return status, ``Location`` and the page."""
    sent = {**HTML, **headers}
    async with door.client.post(path, data=fields, headers=sent, allow_redirects=False) as response:
        return response.status, response.headers.get("Location", ""), await response.text()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", PAGES)
async def test_link_is_not_used_when_its_page_is_only_opened(door: Door, path: str, method: str) -> None:
    async with door.client.request(method, f"{path}?token={TOKEN}", headers=HTML) as response:
        text = await response.text()

    assert response.status == 200
    assert door.bridge.asked == []
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert response.headers["Cache-Control"] == "no-store"
    if method == "GET":
        assert f'<input type="hidden" name="token" value="{TOKEN}">' in text


@pytest.mark.parametrize(
    ("path", "notice"), list(zip(PAGES, ("address-confirmed", "password-reset", "account-made"), strict=True))
)
async def test_link_is_used_and_its_holder_led_on_when_the_form_is_sent(door: Door, path: str, notice: str) -> None:
    door.bridge.answers[PAGES[path]] = {}

    status, location, _ = await post(door, path, FIELDS)

    assert (status, location) == (303, f"/sign-in?notice={notice}")
    [asked] = door.bridge.asked
    assert asked.operation == PAGES[path]
    assert asked.params.token.get_secret_value() == TOKEN
    assert asked.credentials.token == ""
    async with door.client.get(location) as response:
        assert '<p class="notice" role="status">' in await response.text()


async def test_link_leads_back_to_the_account_when_its_holder_is_signed_in(door: Door) -> None:
    door.bridge.answers["accounts.confirm_address"] = {}
    status, location, _ = await post(door, "/confirm-address", FIELDS, **door.with_page())
    assert (status, location) == (303, "/account/security?notice=address-confirmed")


@pytest.mark.parametrize("path", PAGES)
async def test_no_log_line_has_the_token_when_its_page_is_opened_and_sent(door: Door, path: str) -> None:
    door.bridge.answers[PAGES[path]] = GONE
    await door.client.get(
        f"{path}?token={TOKEN}", headers={**HTML, "Referer": f"https://localhost{path}?token={TOKEN}"}
    )
    await post(door, path, FIELDS)

    assert len(door.log_lines) == 2
    assert TOKEN not in "".join(door.log_lines)
    assert door.log[-1]["route"] == path
    assert door.log[-1]["error_code"] == "invalid_request"


@pytest.mark.parametrize("path", PAGES)
async def test_page_says_so_when_the_link_is_no_longer_good(door: Door, path: str) -> None:
    door.bridge.answers[PAGES[path]] = GONE
    status, _, text = await post(door, path, FIELDS)
    assert status == 400
    assert "no longer good" in text
    assert TOKEN not in text


@pytest.mark.parametrize("path", ["/confirm-address", "/accept-invitation"])
async def test_page_says_so_when_the_link_was_not_copied_whole(door: Door, path: str) -> None:
    for token in ("", "?token="):
        async with door.client.get(path + token, headers=HTML) as response:
            assert "no longer good" in await response.text()
    status, _, text = await post(door, path, {"password": PASSWORD, "again": PASSWORD})
    assert (status, "no longer good" in text) == (400, True)
    assert door.bridge.asked == []


WEAK = Invalid(Code.INVALID_REQUEST, fields=(FieldError("new_password", "is too common"),))
WEAK_INVITED = Invalid(Code.INVALID_REQUEST, fields=(FieldError("password", "is too common"),))
TAKEN = Conflict(Code.CONFLICT, fields=(FieldError("username", "is another account's"),))
SLOW = Busy(Code.RATE_LIMITED, "Too many sign-ins", retry_after_s=90.0)


@pytest.mark.parametrize(
    ("path", "error", "status", "said"),
    [
        ("/reset-password", WEAK, 400, 'id="field-new_password-wrong">This is too common.'),
        ("/accept-invitation", WEAK_INVITED, 400, 'id="field-password-wrong">This is too common.'),
        ("/accept-invitation", TAKEN, 409, 'id="field-username-wrong">This is another account&#39;s.'),
        ("/confirm-address", TAKEN, 409, "This is another account&#39;s."),
        ("/confirm-address", SLOW, 429, "Try again in 2 minutes."),
        ("/reset-password", AWAY, 503, "Nothing was changed."),
        ("/accept-invitation", Unavailable(Code.APP_DISABLED, "This appliance sends no mail"), 503, "sends no mail."),
        ("/confirm-address", Denied(Code.FORBIDDEN), 403, "Not allowed."),
    ],
)  # fmt: skip
async def test_form_can_be_sent_again_when_something_else_is_wrong(
    door: Door, path: str, error: AppError, status: int, said: str
) -> None:
    door.bridge.answers[PAGES[path]] = error

    found, _, text = await post(door, path, FIELDS)

    assert found == status
    assert said in text
    assert f'name="token" value="{TOKEN}"' in text
    assert PASSWORD not in text
    assert ('value="carl"' in text) == (path == "/accept-invitation")


@pytest.mark.parametrize(
    ("path", "fields", "wrong"),
    [
        ("/reset-password", FIELDS | {"again": "Wrong-horse-7"}, ["again"]),
        ("/reset-password", FIELDS | {"new_password": "", "again": ""}, ["new_password"]),
        ("/accept-invitation", FIELDS | {"again": ""}, ["again"]),
        ("/accept-invitation", FIELDS | {"username": "c@rl"}, ["username"]),
        ("/accept-invitation", FIELDS | {"username": "c"}, ["username"]),
        ("/reset-password/link", {"email": "ann"}, ["email"]),
        ("/reset-password/link", {}, ["email"]),
    ],
)  # fmt: skip
async def test_form_says_what_is_wrong_beside_it_when_a_field_is(
    door: Door, path: str, fields: dict[str, str], wrong: list[str]
) -> None:
    status, _, text = await post(door, path, fields)

    assert status == 400
    assert [name for name in (*FIELDS, "email") if f'id="field-{name}-wrong"' in text] == wrong
    assert "pattern" not in text
    assert "String" not in text
    assert PASSWORD not in text
    assert door.bridge.asked == []


async def test_request_to_reset_says_the_same_for_every_address_when_it_is_sent(door: Door) -> None:
    door.bridge.answers["accounts.request_reset"] = {}

    status, location, _ = await post(door, "/reset-password/link", {"email": " ann@example.org "})

    assert (status, location) == (303, "/reset-password?notice=sent")
    assert (door.bridge.asked[0].params.email, door.bridge.asked[0].params.address) == ("ann@example.org", "127.0.0.1")
    async with door.client.get(location) as response:
        assert "If the address has an account here" in await response.text()


async def test_address_stays_in_its_field_when_the_mail_cannot_be_asked_for(door: Door) -> None:
    for error, said in ((AWAY, "try again in a little while"), (SLOW, "Too many sign-ins.")):
        door.bridge.answers["accounts.request_reset"] = error
        status, _, text = await post(door, "/reset-password/link", {"email": "a<b>@example.org"})
        assert status == error.code.status
        assert said in text
        assert 'value="a&lt;b&gt;@example.org"' in text


FORMS = {
    "/sign-up": {"email": "kept@example.org", "name": "kept", "username": "kept"},
    "/reset-password/link": {"email": "kept@example.org"},
    "/reset-password": {"token": TOKEN},
    "/confirm-address": {"token": TOKEN},
    "/accept-invitation": {"token": TOKEN, "username": "kept"},
    "/account/email": {"new_email": "kept@example.org"},
    "/account/password": {},
    "/account/delete": {"confirm": "delete"},
    "/account/profile": {"name": "kept", "username": "kept"},
    "/account/preferences": {"language": "pt-BR", "time_zone": "Asia/Kolkata"},
    "/account/feedback": {"topic": "kept"},
    "/accounts/invite": {"email": "kept@example.org", "name": "kept"},
    "/accounts/create": {"email": "kept@example.org", "name": "kept", "username": "kept"},
}


@pytest.mark.parametrize("path", FORMS)
async def test_form_keeps_what_was_typed_when_it_is_sent_too_often(path: str) -> None:
    limits = Limits(sign_in_per_minute=1, account_per_minute=1)
    secret = {"current_password": PASSWORD, "password": PASSWORD, "new_password": PASSWORD, "again": PASSWORD}
    typed = {**FORMS[path], "message": "kept\ntoo"}
    async with open_door(GatewaySettings(joining=Joining(sign_up=True), limits=limits)) as door:
        await post(door, path, {**typed, **secret}, **door.cookie(role="admin"))
        asked = list(door.bridge.asked)
        status, _location, text = await post(door, path, {**typed, **secret}, **door.cookie(role="admin"))

    assert (status, door.bridge.asked) == (429, asked)
    assert re.search(r"Too many requests\.</strong> Try again in (a minute|\d+ seconds)\.", text)
    assert [value for value in FORMS[path].values() if f'value="{value}"' not in text] == []
    assert ("kept\ntoo</textarea>" in text) == (path == "/account/feedback")
    assert PASSWORD not in text


async def test_retry_after_says_when_it_is_too_much_for_a_form(door: Door) -> None:
    door.bridge.answers["accounts.confirm_address"] = SLOW
    async with door.client.post("/confirm-address", data=FIELDS) as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "90")


@pytest.mark.parametrize("path", [*PAGES, "/reset-password/link"])
async def test_form_is_refused_when_another_sites_page_sends_it(door: Door, path: str) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}):
        status, _, text = await post(door, path, FIELDS, **headers)
        assert (status, "another website" in text) == (403, True)
    assert door.bridge.asked == []


async def test_body_that_is_no_form_is_refused_when_it_is_sent_to_a_page(door: Door) -> None:
    said: dict[str, Any] = {"token": TOKEN}
    async with door.client.post("/confirm-address", json=said) as response:
        assert response.status == 415
