from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from gateway.ddns.addresses.choice import Reading
from gateway.ddns.addresses.router import read_router
from gateway.ddns.mapping.state import RouterAddress

ADDRESS = IPv4Address("9.9.9.9")


def learnt(address: IPv4Address | None) -> RouterAddress:
    router = RouterAddress()
    router.learnt(address, "pcp")
    return router


def lost() -> RouterAddress:
    router = learnt(ADDRESS)
    router.lost("it did not answer")
    return router


@pytest.mark.parametrize(
    ("router", "reading"),
    [
        (None, Reading(None, "it is not asked")),
        (learnt(ADDRESS), Reading(ADDRESS)),
        (learnt(None), Reading(None, "the router has no outer address now")),
        (lost(), Reading(None, "it did not answer")),
        (RouterAddress(), Reading(None, "the router has not been asked yet")),
    ],
    ids=["none", "address", "no-address", "lost", "not-asked"],
)
def test_reading_is_what_the_router_said_last(router: RouterAddress | None, reading: Reading) -> None:
    assert read_router(router) == reading
