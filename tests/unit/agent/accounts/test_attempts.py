from __future__ import annotations

import pytest

from agent.accounts.attempts import _digest, _network


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("localhost", "unknown"),
    ],
)
def test_network_is_what_one_client_has_when_given_an_address(address: str, network: str) -> None:
    assert _network(address, 64) == network


def test_network_is_wider_when_the_prefix_is_shorter() -> None:
    assert _network("2001:db8:1:2::3", 48) == "2001:db8:1::/48"


def test_digest_hides_who_it_is_when_stored() -> None:
    assert "ann" not in _digest("account", "ann@example.org")
    assert _digest("account", "x") != _digest("address", "x")
