"""Servers that tell callers their address: two must agree."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from bridge.process.clock import SystemClock
from gateway.ddns.addresses.choice import Reading
from gateway.ddns.addresses.echo import Echo
from gateway.ddns.https import HttpsClient
from tests.clocks import HurriedClock
from tests.ddns_servers import ProviderServer, Said

HERE = IPv4Address("9.9.9.9")
THERE = IPv4Address("8.8.8.8")


def echo(client: HttpsClient, server: ProviderServer, *said: Said) -> Echo:
    answers = {f"/{number}": answer for number, answer in enumerate(said)}
    server.will(lambda asked: answers[asked.path])
    return Echo(client, [f"{server.url}{path}" for path in answers], clock=SystemClock())


@pytest.mark.parametrize(
    ("said", "reading"),
    [
        (["9.9.9.9", "9.9.9.9", "9.9.9.9"], Reading(HERE)),
        (["9.9.9.9\n", "8.8.8.8", "9.9.9.9"], Reading(HERE)),
        (["9.9.9.9", "", "9.9.9.9"], Reading(HERE)),
        (["9.9.9.9", "8.8.8.8", "7.7.7.7"], Reading(None, "3 of 3 answered, and no two agree")),
        (["9.9.9.9", "a page", "a page"], Reading(None, "1 of 3 answered, and no two agree")),
        (["2a00::1", "2a00::1", "2a00::1"], Reading(None, "none of them answered")),
        (["9" * 100, "9" * 100, ""], Reading(None, "none of them answered")),
    ],
    ids=["all", "one-lies", "one-is-silent", "all-differ", "one-alone", "another-family", "too-long"],
)
async def test_address_is_what_two_agree_on(
    client: HttpsClient, server: ProviderServer, said: list[str], reading: Reading
) -> None:
    assert await echo(client, server, *map(Said, said)).read() == reading


async def test_answer_is_not_taken_when_it_is_an_error(client: HttpsClient, server: ProviderServer) -> None:
    asked = echo(client, server, Said("9.9.9.9", 500), Said("9.9.9.9", 302), Said("9.9.9.9"))

    assert await asked.read() == Reading(None, "1 of 3 answered, and no two agree")


async def test_servers_are_left_alone_when_they_were_asked_a_moment_ago(
    client: HttpsClient, server: ProviderServer
) -> None:
    asked = echo(client, server, Said("9.9.9.9"), Said("9.9.9.9"))

    assert await asked.read() == await asked.read() == Reading(HERE)
    assert len(server.asked) == 2


async def test_servers_are_asked_afresh_when_the_router_announces_another_address(
    client: HttpsClient, server: ProviderServer
) -> None:
    asked = Echo(client, [f"{server.url}/0", f"{server.url}/1"], clock=HurriedClock())
    server.will(Said("9.9.9.9"))
    assert await asked.read(HERE) == Reading(HERE)
    server.will(Said("8.8.8.8"))

    assert await asked.read(HERE) == Reading(HERE)
    assert await asked.read(THERE) == await asked.read(THERE) == Reading(THERE)
    assert len(server.asked) == 4


async def test_there_is_no_address_when_no_server_is_there(client: HttpsClient) -> None:
    asked = Echo(client, ["https://localhost:1/a", "https://localhost:1/b"], clock=SystemClock())

    assert await asked.read() == Reading(None, "none of them answered")
