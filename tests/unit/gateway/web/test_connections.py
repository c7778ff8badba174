from __future__ import annotations

from ipaddress import ip_network

import pytest

from gateway.settings import Web
from gateway.web.connections import Connections

LIMITS = Web(connections_per_address=1, trusted_hops=(ip_network("10.0.0.0/8"),))


@pytest.mark.parametrize(
    ("first", "second", "may_stay"),
    [
        (("192.0.2.1", 1), ("192.0.2.1", 2), False),
        (("192.0.2.1", 1), ("192.0.2.2", 1), True),
        (("2001:db8::1", 1, 0, 0), ("2001:db8::2", 1, 0, 0), False),  # one customer has a /64
        (("10.0.0.1", 1), ("10.0.0.1", 2), True),  # a trusted hop
        ("", "", True),  # a Unix socket
    ],
)
def test_connection_may_stay_when_its_address_has_not_too_many(
    first: object, second: object, *, may_stay: bool
) -> None:
    connections = Connections(LIMITS)

    assert connections.add("first", first)
    assert connections.add("second", second) is may_stay


def test_connection_may_not_stay_when_its_wider_network_has_too_many() -> None:
    connections = Connections(LIMITS.model_copy(update={"client_ipv6_prefix": 48}))

    assert connections.add("first", ("2001:db8:0:1::1", 1, 0, 0))
    assert not connections.add("second", ("2001:db8:0:2::1", 1, 0, 0))


def test_connection_may_stay_when_all_before_have_ended() -> None:
    connections = Connections(LIMITS)
    connections.add("first", ("192.0.2.1", 1))
    connections.add("refused", ("192.0.2.1", 2))

    for ended in ("first", "refused", "never seen"):
        connections.discard(ended)

    assert len(connections) == 0
    assert connections.add("next", ("192.0.2.1", 3))
