from __future__ import annotations

from ipaddress import ip_network

import pytest

from gateway.settings import GatewaySettings, Web
from gateway.web.client_address import UNKNOWN, client_address, is_within
from tests.gateway_door import open_door

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("remote", "forwarded", "expected"),
    [
        ("198.51.100.7", "", "198.51.100.7"),
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),  # a stranger's header says nothing
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "192.0.2.1, 203.0.113.9", "203.0.113.9"),  # what the client itself wrote is not believed
        ("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9, rubbish, 10.0.0.2", "10.0.0.2"),
        ("fd00::1", "2001:db8::9", "2001:db8::9"),
        ("", "203.0.113.9", "203.0.113.9"),  # a Unix socket: nginx
        ("", "", UNKNOWN),
        ("", "rubbish", UNKNOWN),
        ("", "203.0.113.9, rubbish", UNKNOWN),
        ("", 'fe80::1%"}', "fe80::1"),  # nothing of a zone gets into the log
        (None, "203.0.113.9, 10.0.0.5", "203.0.113.9"),
    ],
)
def test_client_address_is_what_trusted_hops_saw(remote: str | None, forwarded: str, expected: str) -> None:
    assert client_address(remote, forwarded, PROXIES) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("11.0.0.1", False), ("fd00::1", True), ("no address", False)],
)
def test_is_within_finds_an_address_in_a_network(address: str, *, expected: bool) -> None:
    assert is_within(address, PROXIES) is expected


def test_client_is_in_no_network_when_a_unix_socket_tells_nothing_of_it() -> None:
    everything = (ip_network("0.0.0.0/0"), ip_network("::/0"))

    assert not is_within(client_address("", "", everything), everything)


async def test_header_is_ignored_when_no_hop_is_trusted() -> None:
    async with open_door() as door:
        await door.client.get("/health", headers={"X-Forwarded-For": "203.0.113.9"})

        assert door.log[0]["address"] == "127.0.0.1"


async def test_header_is_believed_when_the_hop_is_trusted() -> None:
    settings = GatewaySettings(web=Web(trusted_hops=(ip_network("127.0.0.0/8"),)))
    async with open_door(settings) as door:
        await door.client.get("/health", headers={"X-Forwarded-For": "203.0.113.9"})

        assert door.log[0]["address"] == "203.0.113.9"
