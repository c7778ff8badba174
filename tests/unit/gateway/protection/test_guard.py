"""Suspicious clients over HTTP: who is banned for what, and who never is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from ipaddress import ip_network

import pytest

from bridge.errors import Code, Denied
from bridge.process.bans import Repeat
from gateway.protection.firewall import Request
from gateway.protection.guard import HAND_OVER_S
from gateway.settings import GatewaySettings, Limits, Protection, Web
from tests.clocks import HurriedClock
from tests.gateway_door import Door, open_door

ELSEWHERE = "203.0.113.7"
LOGIN = {"email": "ann@example.org", "password": "wrong"}


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """Give a door behind a proxy on this machine, as nginx is one; the limits are out of the way."""
    many = 100_000
    settings = GatewaySettings(
        web=Web(trusted_hops=(ip_network("127.0.0.0/8"),)),
        limits=Limits(address_per_minute=many, address_total_per_minute=many, sign_in_per_minute=many),
    )
    async with open_door(settings, HurriedClock()) as opened:  # which stands still: nothing drains away
        yield opened


async def ask(
    door: Door, path: str, *, address: str = ELSEWHERE, headers: Mapping[str, str] | None = None, times: int = 1
) -> int:
    """Ask ``times`` times; return the last status."""
    status = 0
    for _ in range(times):
        sent = {"X-Forwarded-For": address, **(headers or {})}
        async with door.client.get(path, headers=sent, allow_redirects=False) as response:
            status = response.status
    return status


async def is_banned(door: Door, address: str = ELSEWHERE) -> bool:
    async with door.client.get("/health", headers={"X-Forwarded-For": address}) as response:
        return response.status == 403 and (await response.json())["code"] == "banned"


@pytest.mark.story("health/US-BE-31.1", "health/US-BE-31.3")
async def test_client_is_banned_and_told_how_long_when_it_scans(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    assert await ask(door, "/.env", times=4) == 404
    assert not await is_banned(door)
    await ask(door, "/wp-login.php")

    async with door.client.get("/", headers={"X-Forwarded-For": ELSEWHERE, "Accept": "text/html"}) as response:
        assert response.status == 403
        assert 590 < int(response.headers["Retry-After"]) <= 600
        assert "looked like an attack" in await response.text()
    assert not await is_banned(door, "203.0.113.8")
    [banned] = [record.__dict__["drawbridge_fields"] for record in caplog.records if record.message == "client_banned"]
    assert {key: banned[key] for key in ("address", "reason", "rules", "duration_s", "nth")} == {
        "address": ELSEWHERE, "reason": "probing", "rules": "scanner-path 5", "duration_s": 600, "nth": 1,
    }  # fmt: skip


async def test_nothing_of_what_was_asked_is_logged_when_a_client_is_banned(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    await ask(door, "/api/v1/health/symptoms?text=Zwieselfink'%20or%201=1", times=5)
    assert await is_banned(door)
    assert "Zwieselfink" not in caplog.text + "".join(door.log_lines)


async def test_client_is_banned_when_it_goes_through_a_word_list(door: Door) -> None:
    for number in range(19):
        await ask(door, f"/word{number}")
    assert not await is_banned(door)
    await ask(door, "/word")
    assert await is_banned(door)


@pytest.mark.story("health/US-BE-31.2")
async def test_client_is_banned_when_it_guesses_passwords(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    headers = {"X-Forwarded-For": ELSEWHERE}
    for _ in range(10):
        async with door.client.post("/auth/login", json=LOGIN, headers=headers) as response:
            assert response.status == 401
    assert await is_banned(door)
    assert "sign_in_failures" in str(caplog.records[-1].__dict__)


async def test_whole_network_is_banned_when_an_ipv6_client_scans(door: Door) -> None:
    for number in range(5):
        await ask(door, "/.env", address=f"2001:db8:1:2::{number:x}")
    assert await is_banned(door, "2001:db8:1:2:ffff::1")
    assert not await is_banned(door, "2001:db8:1:3::1")


async def test_clients_own_network_is_never_banned_when_it_is_listed(door: Door) -> None:
    for address in ("192.168.1.20", "fd00::7", "127.0.0.1"):
        await ask(door, "/.env", address=address, times=8)
        assert not await is_banned(door, address)


async def test_nobody_is_banned_when_the_address_is_not_known(door: Door) -> None:
    await ask(door, "/.env", address="unknown", times=8)
    assert await ask(door, "/health", address="unknown") == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.test"},
        {"Referer": "https://evil.test/page"},
        {"Referer": "nonsense"},
    ],
    ids=["cross-site", "same-site", "Origin", "Referer", "strange Referer"],
)
async def test_visitor_is_not_banned_when_another_sites_page_made_it_ask(
    door: Door, headers: Mapping[str, str]
) -> None:
    await ask(door, "/.env?q=<script>", headers=headers, times=20)
    assert not await is_banned(door)


async def test_visitor_is_not_banned_when_another_sites_page_put_a_name_and_a_password_into_the_address(
    door: Door,
) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Authorization": "Basic eDp5"}
    await ask(door, "/.env?q=<script>", headers=headers, times=20)
    assert not await is_banned(door)


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "same-origin"}, {"Referer": "own"}])
async def test_visitor_is_banned_when_its_own_page_made_it_ask(door: Door, headers: Mapping[str, str]) -> None:
    own = {
        key: f"http://{door.client.host}:{door.client.port}/" if value == "own" else value
        for key, value in headers.items()
    }
    await ask(door, "/.env", headers=own, times=5)
    assert await is_banned(door)


async def test_guesser_is_banned_when_it_says_that_another_sites_page_made_it_ask(door: Door) -> None:
    headers = {"X-Forwarded-For": ELSEWHERE, "Sec-Fetch-Site": "cross-site", "Authorization": "Bearer x"}
    for _ in range(10):
        async with door.client.post("/auth/login", json=LOGIN, headers=headers) as response:
            assert response.status == 401
    assert await is_banned(door)


@pytest.mark.story("health/US-BE-31")
async def test_address_is_not_banned_when_somebody_is_signed_in_there(door: Door) -> None:
    assert await ask(door, "/api/v1/health/symptoms", headers=door.bearer()) == 200
    await ask(door, "/.env", times=20)
    assert not await is_banned(door)


async def test_signed_in_requests_never_count(door: Door) -> None:
    await ask(door, "/.env?q=<script>", headers=door.bearer(), times=20)
    assert not await is_banned(door)


async def test_session_is_served_when_its_address_was_banned_before(door: Door) -> None:
    await ask(door, "/.env", times=5)
    assert await is_banned(door)
    assert await ask(door, "/api/v1/health/symptoms", headers=door.bearer()) == 200


async def test_revoked_token_keeps_no_address_from_a_ban(door: Door) -> None:
    door.bridge.answers["health.symptoms.list"] = Denied(Code.SESSION_ENDED)
    assert await ask(door, "/api/v1/health/symptoms", headers=door.bearer()) == 401
    await ask(door, "/.env", times=5)
    assert await is_banned(door)


@pytest.mark.parametrize("path", ["/health", "/version", "/sign-in", "/static/none"])
async def test_token_keeps_no_address_from_a_ban_when_the_agent_was_not_asked_about_it(door: Door, path: str) -> None:
    await ask(door, path, headers=door.bearer())
    await ask(door, "/.env", times=5)
    assert await is_banned(door)


async def test_banned_client_does_not_make_its_ban_longer_when_it_asks_on(door: Door) -> None:
    await ask(door, "/.env", times=50)
    assert [left for left in door.guard.bans.current(door.clock.monotonic()).values() if left > 600] == []


async def test_ban_is_lifted_when_the_owner_says_so(door: Door) -> None:
    await ask(door, "/.env", times=5)
    assert door.guard.lift(ELSEWHERE)
    assert not await is_banned(door)
    assert not door.guard.lift(ELSEWHERE)


@pytest.mark.parametrize("banned", [ELSEWHERE, "2001:db8:7:7::/64"])
async def test_ban_is_longer_when_the_helper_says_that_there_was_one(door: Door, banned: str) -> None:
    door.guard.firewall._on_repeat(Repeat(banned, 2, -60), door.clock.monotonic() - 60)
    for address in (ELSEWHERE, "2001:db8:7:7::9"):
        for _ in range(5):
            await door.client.get("/.env", headers={"X-Forwarded-For": address})
    lasting = {client: round(left) for client, left in door.guard.bans.current(door.clock.monotonic()).items()}
    assert lasting == {ELSEWHERE: 600, "2001:db8:7:7::/64": 600} | {banned: 6 * 6 * 600}


async def test_process_leaves_the_ban_to_the_firewall_when_it_has_it(door: Door) -> None:
    await ask(door, "/.env", times=5)
    now = door.clock.monotonic()
    door.guard.firewall._on_taken(Request(ELSEWHERE, ELSEWHERE, 600, "probing", at=now))
    assert 0 < door.guard.bans.remaining_s(ELSEWHERE, now) <= HAND_OVER_S


async def test_client_is_spared_for_a_while_when_the_firewall_must_not_ban_it(door: Door) -> None:
    await ask(door, "/.env", times=5)
    door.guard.firewall._on_protected(Request(ELSEWHERE, ELSEWHERE, 600, "probing", at=door.clock.monotonic()))
    assert not await is_banned(door)
    await ask(door, "/.env", times=10)
    assert not await is_banned(door)


async def test_spared_clients_are_forgotten_when_there_are_too_many() -> None:
    settings = GatewaySettings(web=Web(trusted_hops=(ip_network("127.0.0.0/8"),)), protection=Protection(clients_max=1))
    async with open_door(settings, HurriedClock()) as door:
        for address in ("203.0.113.1", "203.0.113.2"):
            await ask(door, "/api/v1/health/symptoms", address=address, headers=door.bearer())
        await ask(door, "/.env", address="203.0.113.1", times=5)
        assert await is_banned(door, "203.0.113.1")
        await ask(door, "/.env", address="203.0.113.2", times=5)
        assert not await is_banned(door, "203.0.113.2")


async def test_nobody_is_banned_when_it_is_switched_off() -> None:
    settings = GatewaySettings(web=Web(trusted_hops=(ip_network("127.0.0.0/8"),)), protection=Protection(is_on=False))
    async with open_door(settings) as door:
        await ask(door, "/.env", times=20)
        assert not await is_banned(door)
