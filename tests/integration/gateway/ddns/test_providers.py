"""Each provider over HTTPS, against a server that answers as its documentation says."""

from __future__ import annotations

import base64
import json
from ipaddress import IPv4Address, IPv6Address

import pytest

from bridge.process.version import VERSION
from gateway.ddns.answers import Kind
from gateway.ddns.families import Address, Family
from gateway.ddns.https import HttpsClient
from gateway.ddns.providers.cloudflare import Cloudflare
from gateway.ddns.providers.desec import Desec
from gateway.ddns.providers.duckdns import DuckDns
from gateway.ddns.providers.dyndns2 import DynDns2
from gateway.ddns.providers.provider import Provider
from tests.ddns_servers import (
    CLOUDFLARE_ERRORS,
    DESEC,
    DUCKDNS,
    DYNDNS2,
    Documented,
    FakeCloudflare,
    ProviderServer,
    Said,
    failed,
)

V4 = IPv4Address("192.88.98.1")
V6 = IPv6Address("2001:4860::1")
ONLY_V4: dict[Family, Address] = {Family.IPV4: V4}
ONLY_V6: dict[Family, Address] = {Family.IPV6: V6}
BOTH: dict[Family, Address] = {Family.IPV4: V4, Family.IPV6: V6}
SECRET = "s3cret-t0ken"
ZONE = "023e105f4ecef8ad9ca31a8372d0c353"


def dyndns2(client: HttpsClient, server: ProviderServer) -> DynDns2:
    return DynDns2(client, server=server.url, username="owner", password=SECRET)


def documented(answers: dict[str, Documented]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("answer", answers.values(), ids=answers.keys())


@documented(DYNDNS2)
async def test_dyndns2_answer_has_its_meaning_when_the_server_gives_it(
    client: HttpsClient, server: ProviderServer, answer: Documented
) -> None:
    server.will(answer.said)

    given = await dyndns2(client, server).update("box.example.org", ONLY_V4)

    assert given.kind is answer.kind
    assert len(server.asked) == 1


async def test_dyndns2_update_is_asked_for_as_the_protocol_says(client: HttpsClient, server: ProviderServer) -> None:
    server.will(DYNDNS2["good"].said)

    await dyndns2(client, server).update("box.example.org", ONLY_V4)

    (asked,) = server.asked
    assert (asked.method, asked.path) == ("GET", "/nic/update")
    assert dict(asked.query) == {"hostname": "box.example.org", "myip": "192.88.98.1"}
    assert asked.headers["Authorization"] == "Basic " + base64.b64encode(f"owner:{SECRET}".encode()).decode()
    assert asked.headers["User-Agent"] == f"Drawbridge Gateway/Linux-{VERSION} owner@example.org"


async def test_dyndns2_path_is_the_owners_when_the_server_has_one(client: HttpsClient, server: ProviderServer) -> None:
    server.will(DYNDNS2["good"].said)

    await DynDns2(client, server=f"{server.url}/v3/update", username="o", password="p").update("a.example", ONLY_V6)

    assert (server.asked[0].path, server.asked[0].query["myip"]) == ("/v3/update", "2001:4860::1")


@documented(DUCKDNS)
async def test_duckdns_answer_has_its_meaning_when_the_server_gives_it(
    client: HttpsClient, server: ProviderServer, answer: Documented
) -> None:
    server.will(answer.said)

    given = await DuckDns(client, token=SECRET, server=server.url).update("box.duckdns.org", ONLY_V4)

    assert given.kind is answer.kind


@pytest.mark.parametrize(
    ("addresses", "sent"),
    [
        (ONLY_V4, {"ip": "192.88.98.1"}),
        (ONLY_V6, {"ipv6": "2001:4860::1"}),
        (BOTH, {"ip": "192.88.98.1", "ipv6": "2001:4860::1"}),
    ],
    ids=["ipv4", "ipv6", "both"],
)
async def test_duckdns_update_names_the_families_that_changed(
    client: HttpsClient, server: ProviderServer, addresses: dict[Family, Address], sent: dict[str, str]
) -> None:
    server.will(DUCKDNS["updated"].said)

    await DuckDns(client, token=SECRET, server=server.url).update("box.duckdns.org", addresses)

    assert dict(server.asked[0].query) == {"domains": "box", "token": SECRET, "verbose": "true"} | sent


@documented(DESEC)
async def test_desec_answer_has_its_meaning_when_the_server_gives_it(
    client: HttpsClient, server: ProviderServer, answer: Documented
) -> None:
    server.will(answer.said)

    given = await Desec(client, token=SECRET, server=server.url).update("box.dedyn.io", ONLY_V4)

    assert given.kind is answer.kind


@pytest.mark.parametrize(
    ("addresses", "sent"),
    [
        (ONLY_V4, {"myipv4": "192.88.98.1", "myipv6": "preserve"}),
        (ONLY_V6, {"myipv4": "preserve", "myipv6": "2001:4860::1"}),
        (BOTH, {"myipv4": "192.88.98.1", "myipv6": "2001:4860::1"}),
    ],
    ids=["ipv4", "ipv6", "both"],
)
async def test_desec_update_preserves_the_family_that_did_not_change(
    client: HttpsClient, server: ProviderServer, addresses: dict[Family, Address], sent: dict[str, str]
) -> None:
    server.will(DESEC["good"].said)

    await Desec(client, token=SECRET, server=server.url).update("box.dedyn.io", addresses)

    assert dict(server.asked[0].query) == {"hostname": "box.dedyn.io"} | sent
    assert server.asked[0].headers["Authorization"] == f"Token {SECRET}"


async def test_wait_is_handed_on_when_the_server_asks_for_it(client: HttpsClient, server: ProviderServer) -> None:
    server.will(DESEC["throttled"].said)

    given = await Desec(client, token=SECRET, server=server.url).update("box.dedyn.io", ONLY_V4)

    assert given.retry_after_s == 55


def cloudflare(client: HttpsClient, server: ProviderServer, *, zone: str = "") -> Cloudflare:
    return Cloudflare(client, token=SECRET, server=server.url, zone=zone)


@documented(CLOUDFLARE_ERRORS)
async def test_cloudflare_error_has_its_meaning_when_the_server_gives_it(
    client: HttpsClient, server: ProviderServer, answer: Documented
) -> None:
    server.will(answer.said)

    given = await cloudflare(client, server).update("box.example.org", ONLY_V4)

    assert given.kind is answer.kind


async def test_cloudflare_record_is_made_when_there_is_none(client: HttpsClient, server: ProviderServer) -> None:
    fake = FakeCloudflare(SECRET, {"example.org": ZONE})
    server.will(fake)

    given = await cloudflare(client, server).update("a.box.example.org", ONLY_V6)

    assert given.kind is Kind.UPDATED
    (record,) = fake.records
    assert record | {"id": ""} == {
        "id": "", "type": "AAAA", "name": "a.box.example.org", "content": "2001:4860::1", "ttl": 60, "proxied": False
    }  # fmt: skip


async def test_cloudflare_record_keeps_the_rest_when_its_address_changes(
    client: HttpsClient, server: ProviderServer
) -> None:
    old: dict[str, object] = {"id": "1" * 32, "type": "A", "name": "box.example.org", "content": "192.88.98.9"}
    fake = FakeCloudflare(SECRET, {"example.org": ZONE}, [old | {"proxied": True, "comment": "mine"}])
    server.will(fake)

    given = await cloudflare(client, server, zone="example.org").update("box.example.org", ONLY_V4)

    assert given.kind is Kind.UPDATED
    assert fake.records == [old | {"content": "192.88.98.1", "proxied": True, "comment": "mine"}]
    assert json.loads(server.bodies[-1]) == {"content": "192.88.98.1"}


async def test_cloudflare_is_not_written_to_when_it_has_the_address(
    client: HttpsClient, server: ProviderServer
) -> None:
    record: dict[str, object] = {"id": "1" * 32, "type": "A", "name": "box.example.org", "content": "192.88.98.1"}
    server.will(FakeCloudflare(SECRET, {"example.org": ZONE}, [record]))

    given = await cloudflare(client, server).update("box.example.org", ONLY_V4)

    assert given.kind is Kind.UNCHANGED
    assert {asked.method for asked in server.asked} == {"GET"}


async def test_cloudflare_refuses_when_the_name_has_several_records(
    client: HttpsClient, server: ProviderServer
) -> None:
    record: dict[str, object] = {"type": "A", "name": "box.example.org", "content": "192.88.98.9"}
    fake = FakeCloudflare(SECRET, {"example.org": ZONE}, [record | {"id": "1" * 32}, record | {"id": "2" * 32}])
    server.will(fake)

    assert (await cloudflare(client, server).update("box.example.org", ONLY_V4)).kind is Kind.REFUSED
    assert {asked.method for asked in server.asked} == {"GET"}


async def test_cloudflare_name_is_not_ours_when_the_token_sees_no_zone_of_it(
    client: HttpsClient, server: ProviderServer
) -> None:
    server.will(FakeCloudflare(SECRET, {"example.net": ZONE}))

    assert (await cloudflare(client, server).update("box.example.org", ONLY_V4)).kind is Kind.NOT_YOURS
    assert [asked.query["name"] for asked in server.asked] == ["box.example.org", "example.org"]


async def test_cloudflare_token_is_refused_when_it_is_another(client: HttpsClient, server: ProviderServer) -> None:
    server.will(FakeCloudflare("another", {"example.org": ZONE}))

    assert (await cloudflare(client, server).update("box.example.org", ONLY_V4)).kind is Kind.BAD_CREDENTIALS


async def test_cloudflare_identifier_is_not_put_into_a_path_when_it_is_none(
    client: HttpsClient, server: ProviderServer
) -> None:
    server.will(FakeCloudflare(SECRET, {"example.org": "../../user"}))

    assert (await cloudflare(client, server).update("box.example.org", ONLY_V4)).kind is Kind.TROUBLE
    assert {asked.path for asked in server.asked} == {"/zones"}


def each(client: HttpsClient, url: str) -> dict[str, Provider]:
    return {
        "dyndns2": DynDns2(client, server=url, username="owner", password=SECRET),
        "duckdns": DuckDns(client, token=SECRET, server=url),
        "desec": Desec(client, token=SECRET, server=url),
        "cloudflare": Cloudflare(client, token=SECRET, server=url),
    }


each_provider = pytest.mark.parametrize("name", ["dyndns2", "duckdns", "desec", "cloudflare"])


@each_provider
@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirect_is_not_followed_when_credentials_would_go_along(
    client: HttpsClient, server: ProviderServer, name: str, status: int
) -> None:
    server.will(Said("", status, {"Location": f"{server.url}/elsewhere"}))

    given = await each(client, server.url)[name].update("box.duckdns.org", ONLY_V4)

    assert given.kind is Kind.TROUBLE
    assert len(server.asked) == 1


@each_provider
async def test_answer_is_given_up_when_it_does_not_end(client: HttpsClient, server: ProviderServer, name: str) -> None:
    server.will(Said("good " * 100_000))

    given = await each(client, server.url)[name].update("box.duckdns.org", ONLY_V4)

    assert given.kind is Kind.UNREACHABLE
    assert "262144 bytes" in given.reason


@each_provider
async def test_provider_is_unreachable_when_nobody_listens(client: HttpsClient, name: str) -> None:
    given = await each(client, "https://localhost:1")[name].update("box.duckdns.org", ONLY_V4)

    assert (given.kind, given.reason) == (Kind.UNREACHABLE, "the provider: it cannot be connected to")


@each_provider
async def test_nothing_secret_is_in_an_answer_when_anything_goes_wrong(
    client: HttpsClient, server: ProviderServer, name: str
) -> None:
    """The server says what it was told: its words are not the owner's to read."""
    server.will(lambda asked: Said(f"{asked.query_string} {dict(asked.headers)} {SECRET}", status=418))

    given = await each(client, server.url)[name].update("box.duckdns.org", ONLY_V4)

    assert SECRET not in given.reason
    assert given.kind is Kind.TROUBLE


async def test_cloudflare_message_is_not_repeated_when_it_is_an_error(
    client: HttpsClient, server: ProviderServer
) -> None:
    server.will(failed(9005))

    given = await cloudflare(client, server).update("box.example.org", ONLY_V4)

    assert given.reason == "the provider refuses the record (HTTP 400, error 9005)"
