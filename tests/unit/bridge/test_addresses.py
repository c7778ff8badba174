from __future__ import annotations

from ipaddress import IPv6Address

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bridge.addresses import client_of


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:c000:201", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", "unknown"),
        ("unix:", "unknown"),
        ("localhost", "unknown"),
    ],
)
def test_client_is_the_address_or_its_network_when_requests_are_counted(address: str, client: str) -> None:
    assert client_of(address, 64) == client


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_client_stays_when_an_ipv6_client_takes_another_address_of_its_network(
    address: IPv6Address, interface: int
) -> None:
    network = int(address) >> 64
    assume(network != 0)  # where the IPv4 addresses are
    rotated = IPv6Address(network << 64 | interface)

    assert client_of(str(rotated), 64) == client_of(str(address), 64)


def test_client_is_a_wider_network_when_the_prefix_is_shorter() -> None:
    assert client_of("2001:db8:0:1::1", 48) == client_of("2001:db8:0:2::1", 48) == "2001:db8::/48"
    assert client_of("192.0.2.1", 48) == "192.0.2.1"
