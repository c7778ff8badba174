from __future__ import annotations

from ipaddress import ip_network

import pytest
from pydantic import ValidationError

from bridge.process.settings import SettingsError
from gateway.settings import GatewaySettings, Limits, Web
from tests.gateway_door import Door, open_door

LIST = "/api/v1/health/symptoms"


@pytest.mark.story("hub/AC-047", "health/US-BE-06.2", "health/US-BE-06.3", "health/US-BE-41.4")
async def test_account_is_limited_when_it_asks_too_often() -> None:
    async with open_door(GatewaySettings(limits=Limits(account_per_minute=2))) as door:
        answers = [await door.client.get(LIST, headers=door.bearer()) for _ in range(3)]

        assert [answer.status for answer in answers] == [200, 200, 429]
        assert answers[0].headers["RateLimit-Policy"] == '"account";q=2;w=60, "address-total";q=600;w=60'
        assert answers[0].headers["RateLimit"].startswith('"account";r=1;t=')
        assert int(answers[2].headers["Retry-After"]) >= 1
        assert (await answers[2].json())["code"] == "rate_limited"
        assert door.log[-1]["outcome"] == "limited"
        assert len(door.bridge.asked) == 2


@pytest.mark.story("health/US-BE-06.1")
async def test_address_may_ask_sixty_times_a_minute_when_nothing_else_is_set(door: Door) -> None:
    answers = [(await door.client.get("/sign-in")).status for _ in range(61)]

    assert answers == [200] * 60 + [429]


async def test_accounts_are_counted_apart_when_they_share_an_address() -> None:
    async with open_door(GatewaySettings(limits=Limits(account_per_minute=1))) as door:
        other = "33333333-3333-4333-8333-333333333333"

        first = await door.client.get(LIST, headers=door.bearer())
        second = await door.client.get(LIST, headers=door.bearer(sub=other))

        assert (first.status, second.status) == (200, 200)


async def test_address_is_limited_when_nobody_is_signed_in() -> None:
    async with open_door(GatewaySettings(limits=Limits(address_per_minute=1))) as door:
        first = await door.client.get("/sign-in")
        second = await door.client.get("/sign-in")
        signed_in = await door.client.get(LIST, headers=door.bearer())

        assert (first.status, second.status, signed_in.status) == (200, 429, 200)


@pytest.mark.parametrize(("prefix", "second_status"), [(48, 429), (64, 200)])
async def test_ipv6_addresses_share_a_quota_when_they_share_the_prefix_of_a_client(
    prefix: int, second_status: int
) -> None:
    web = Web(trusted_hops=(ip_network("127.0.0.0/8"),), client_ipv6_prefix=prefix)
    async with open_door(GatewaySettings(limits=Limits(address_per_minute=1), web=web)) as door:
        statuses = [
            (await door.client.get("/sign-in", headers={"X-Forwarded-For": address})).status
            for address in ("2001:db8:1:1::1", "2001:db8:1:2::1")
        ]

        assert statuses == [200, second_status]


async def test_address_is_limited_as_a_whole_when_all_its_accounts_ask_too_often() -> None:
    async with open_door(GatewaySettings(limits=Limits(address_total_per_minute=2))) as door:
        answers = [await door.client.get(LIST, headers=door.bearer()) for _ in range(3)]

        assert [answer.status for answer in answers] == [200, 200, 429]


@pytest.mark.story("health/US-BE-06.5")
async def test_assets_take_from_the_large_quota_alone_when_a_page_loads_them() -> None:
    limits = Limits(address_per_minute=1, address_total_per_minute=3)
    async with open_door(GatewaySettings(limits=limits)) as door:
        answers = [await door.client.get("/health") for _ in range(4)]

        assert [answer.status for answer in answers] == [200, 200, 200, 429]
        assert answers[0].headers["RateLimit-Policy"] == '"address-total";q=3;w=60'


@pytest.mark.story("hub/AC-047", "health/US-BE-06.4")
async def test_route_is_limited_when_it_has_a_quota_of_its_own() -> None:
    limits = Limits(routes={"GET /api/v1/health/symptoms": 2, "/sign-in": 1})
    async with open_door(GatewaySettings(limits=limits)) as door:
        answers = [await door.client.get(LIST, headers=door.bearer()) for _ in range(3)]
        other = await door.client.get(LIST, headers=door.bearer(sub="33333333-3333-4333-8333-333333333333"))
        names = await door.client.get(f"{LIST}/names", headers=door.bearer())
        signing_in = [(await door.client.get("/sign-in")).status for _ in range(2)]

        assert [answer.status for answer in answers] == [200, 200, 429]
        assert answers[0].headers["RateLimit-Policy"].startswith('"route";q=2;w=60, "account";q=60;w=60')
        assert answers[0].headers["RateLimit"].startswith('"route";r=1;t=')
        assert int(answers[2].headers["Retry-After"]) >= 29
        assert (other.status, names.status, signing_in) == (200, 200, [200, 429])


async def test_head_takes_from_the_quota_of_get_when_a_route_has_one() -> None:
    async with open_door(GatewaySettings(limits=Limits(routes={"GET /version": 1}))) as door:
        assert [(await door.client.head("/version")).status for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("route", ["/nowhere", "DELETE /version", "/api/v1/health/symptoms/"])
async def test_start_is_refused_when_a_limit_names_no_route(route: str) -> None:
    with pytest.raises(SettingsError, match=r"limits\.routes: there is no route"):
        Door(GatewaySettings(limits=Limits(routes={route: 1})))


@pytest.mark.parametrize("route", ["version", "get /version", "GET version", "/a b"])
def test_limit_is_refused_when_it_is_not_written_as_a_route(route: str) -> None:
    with pytest.raises(ValidationError):
        Limits(routes={route: 1})
