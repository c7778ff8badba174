from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from gateway.ddns.mapping.method import Lease
from gateway.ddns.mapping.state import Kept, RouterAddress, off, unreachable

PUBLIC = IPv4Address("11.22.33.44")


def test_port_is_due_at_half_its_lease_and_failed_at_its_end() -> None:
    kept = Kept(443)
    assert kept.is_due(0.0)
    kept.granted(Lease(3600, PUBLIC), "pcp", 100.0)
    assert [kept.is_due(at) for at in (100.0, 1899.0, 1900.0, 3700.0)] == [False, False, True, True]
    assert [kept.is_mapped(at) for at in (100.0, 3699.0, 3700.0)] == [True, True, False]
    assert [kept.next_at(at) for at in (100.0, 1900.0, 3700.0)] == [1900.0, 3700.0, None]


def test_port_is_renewed_no_sooner_than_four_seconds_when_the_lease_is_short() -> None:
    kept = Kept(443)
    kept.granted(Lease(2, PUBLIC), "pcp", 0.0)
    assert kept.next_at(0.0) == 2.0
    assert kept.next_at(2.0) == 4.0


def test_port_is_never_due_when_its_mapping_has_no_end() -> None:
    kept = Kept(443)
    kept.granted(Lease(None, PUBLIC), "upnp", 0.0)
    assert not kept.is_due(1e9)
    assert kept.next_at(0.0) is None
    assert kept.status(RouterAddress(), monotonic=1e9, unix=2e9).lease_ends is None


def test_status_counts_the_lease_in_unix_time() -> None:
    kept, router = Kept(443), RouterAddress()
    kept.granted(Lease(3600, PUBLIC), "pcp", 100.0)
    router.learnt(PUBLIC, "pcp")
    status = kept.status(router, monotonic=1100.0, unix=1_780_000_000.0)
    assert status.as_json() == {
        "protocol": "tcp", "internal": 443, "external": 443, "method": "pcp", "state": "mapped",
        "external_address": "11.22.33.44", "lease_ends": 1_780_002_600.0, "reason": "",
    }  # fmt: skip


def test_status_says_why_when_the_lease_is_over_or_the_port_forgotten() -> None:
    kept = Kept(443)
    kept.granted(Lease(10, PUBLIC), "pcp", 0.0)
    over = kept.status(RouterAddress(), monotonic=11.0, unix=0.0)
    assert (over.state, over.method, over.reason) == ("failed", "none", "what the router granted has ended")
    kept.granted(Lease(10, PUBLIC), "pcp", 20.0)
    kept.forget("no router")
    assert kept.status(RouterAddress(), monotonic=21.0, unix=0.0).reason == "no router"


def test_status_is_off_when_the_settings_say_so() -> None:
    assert [(status.external, status.state, status.method) for status in off([443, 80])] == [
        (443, "off", "none"),
        (80, "off", "none"),
    ]


@pytest.mark.parametrize(
    ("address", "said"),
    [("100.64.0.1", "CGNAT"), ("100.127.255.254", "CGNAT"), ("192.168.0.2", "another router"), ("11.22.33.44", "")],
)
def test_outer_address_is_said_to_be_unreachable_when_it_is(address: str, said: str) -> None:
    reason = unreachable(IPv4Address(address))
    assert said in reason
    assert bool(reason) is bool(said)


def test_router_address_carries_method_and_reason_when_learnt_and_lost() -> None:
    router = RouterAddress()
    assert (router.external_ipv4(), router.method) == (None, "none")
    router.learnt(PUBLIC, "nat-pmp")
    assert (router.external_ipv4(), router.method, router.reason) == (PUBLIC, "nat-pmp", "")
    router.learnt(None, "nat-pmp")
    assert (router.external_ipv4(), router.reason) == (None, "the router has no outer address now")
    router.lost("the router does not answer")
    assert (router.external_ipv4(), router.method, router.reason) == (None, "none", "the router does not answer")
