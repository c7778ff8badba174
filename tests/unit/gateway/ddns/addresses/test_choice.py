from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ddns.addresses.choice import LocalAddress, Reading, choose_ipv4, choose_ipv6
from gateway.ddns.addresses.scope import Scope, scope_of

PUBLIC = "9.9.9.9"
OTHER = "8.8.8.8"
PRIVATE = "192.168.1.4"
CGNAT = "100.64.3.2"


def here(*addresses: str) -> list[LocalAddress]:
    return [LocalAddress(ip_address(address)) for address in addresses]


def says(address: str | None, reason: str = "") -> Reading:
    return Reading(None if address is None else ip_address(address), reason)


@pytest.mark.parametrize(
    ("address", "scope"),
    [
        ("9.9.9.9", Scope.PUBLIC),
        ("100.63.255.255", Scope.PUBLIC),
        ("100.64.0.0", Scope.CGNAT),
        ("100.127.255.255", Scope.CGNAT),
        ("100.128.0.0", Scope.PUBLIC),
        ("10.0.0.1", Scope.PRIVATE),
        ("172.31.255.255", Scope.PRIVATE),
        ("172.32.0.0", Scope.PUBLIC),
        ("192.168.0.1", Scope.PRIVATE),
        ("169.254.1.1", Scope.PRIVATE),
        ("127.0.0.1", Scope.PRIVATE),
        ("0.0.0.0", Scope.PRIVATE),  # noqa: S104 - a look at the address
        ("192.0.2.1", Scope.PRIVATE),
        ("198.51.100.1", Scope.PRIVATE),
        ("203.0.113.1", Scope.PRIVATE),
        ("192.0.0.2", Scope.PRIVATE),
        ("192.88.99.1", Scope.PRIVATE),
        ("198.18.0.1", Scope.PRIVATE),
        ("224.0.0.1", Scope.PRIVATE),
        ("240.0.0.1", Scope.PRIVATE),
        ("255.255.255.255", Scope.PRIVATE),
        ("2a00::1", Scope.PUBLIC),
        ("2606:4700::1", Scope.PUBLIC),
        ("fe80::1", Scope.PRIVATE),
        ("fd00::1", Scope.PRIVATE),
        ("2001:db8::1", Scope.PRIVATE),
        ("3fff::1", Scope.PRIVATE),
        ("2002::1", Scope.PRIVATE),
        ("2001::1", Scope.PRIVATE),
        ("64:ff9b::1", Scope.PRIVATE),
        ("::1", Scope.PRIVATE),
        ("::", Scope.PRIVATE),
        ("ff02::1", Scope.PRIVATE),
        ("4000::1", Scope.PRIVATE),
        ("::ffff:9.9.9.9", Scope.PRIVATE),
    ],
)
def test_scope_is_what_iana_says_when_an_address_is_special(address: str, scope: Scope) -> None:
    found, words = scope_of(ip_address(address))

    assert found is scope
    assert bool(words) is (scope is not Scope.PUBLIC)


def test_ipv4_is_the_interfaces_when_that_is_public() -> None:
    found = choose_ipv4(here(PRIVATE, PUBLIC), None, None, interface="eth0")

    assert (str(found.value), found.source, found.state) == (PUBLIC, "interface", Scope.PUBLIC)


@pytest.mark.parametrize(
    ("local", "router", "echo", "value", "source", "state", "words"),
    [
        (PRIVATE, says(PUBLIC), says(PUBLIC), PUBLIC, "router", "public", ""),
        (PRIVATE, says(PUBLIC), says(None), PUBLIC, "router", "public", ""),
        (PRIVATE, says(PUBLIC), None, PUBLIC, "router", "public", ""),
        (PRIVATE, says(None), says(PUBLIC), PUBLIC, "echo", "public", ""),
        (PRIVATE, None, says(PUBLIC), PUBLIC, "echo", "public", ""),
        (None, says(None), says(PUBLIC), PUBLIC, "echo", "public", ""),
        (PRIVATE, says(CGNAT), says(PUBLIC), None, "router", "cgnat", "behind CGNAT: 100.64.3.2"),
        (PRIVATE, says(CGNAT), says(None), None, "router", "cgnat", "use IPv6"),
        (PRIVATE, says("192.168.178.2"), says(PUBLIC), None, "router", "private", "would not lead here"),
        (PRIVATE, says("10.0.0.2"), None, None, "router", "private", "another router before it"),
        (PRIVATE, says(PUBLIC), says(OTHER), None, "router", "unknown", "servers on the Internet see 8.8.8.8"),
        (CGNAT, says(None), says(PUBLIC), None, "interface", "cgnat", "behind CGNAT: 100.64.3.2"),
        (CGNAT, None, says(PUBLIC), None, "interface", "cgnat", "ask for a public address"),
        (PRIVATE, None, says(CGNAT), None, "echo", "cgnat", "CGNAT"),
        (PRIVATE, None, says("10.1.1.1"), None, "echo", "private", "a private address"),
        (PRIVATE, None, None, None, "none", "private", "eth0 has 192.168.1.4: a private address"),
        (
            None,
            says(None, "it is not asked"),
            says(None, "silence"),
            None,
            "none",
            "unknown",
            "router: it is not asked",
        ),
        (None, None, says(None, "none answered"), None, "none", "unknown", "servers on the Internet: none answered"),
        (PRIVATE, says(None), says(None), None, "none", "unknown", "192.168.1.4"),
    ],
)
def test_ipv4_follows_from_what_the_sources_say(  # the cases are the specification
    local: str | None,
    router: Reading | None,
    echo: Reading | None,
    value: str | None,
    source: str,
    state: str,
    words: str,
) -> None:
    found = choose_ipv4(here(local) if local else [], router, echo, interface="eth0")

    assert (None if found.value is None else str(found.value), found.source, found.state.value) == (
        value,
        source,
        state,
    )
    assert words in found.reason
    assert bool(found.reason) is (value is None)


def test_ipv6_is_the_lasting_one_when_there_are_others() -> None:
    found = choose_ipv6(
        [
            LocalAddress(IPv6Address("fe80::1")),
            LocalAddress(IPv6Address("fd00::1")),
            LocalAddress(IPv6Address("2a00::1"), temporary=True),
            LocalAddress(IPv6Address("2a00::2"), deprecated=True),
            LocalAddress(IPv6Address("2a00::3"), unusable=True),
            LocalAddress(IPv6Address("2a00::4"), generated=True),
            LocalAddress(IPv6Address("2a00::5")),
        ],
        interface="eth0",
    )

    assert (str(found.value), found.source, found.state) == ("2a00::5", "interface", Scope.PUBLIC)


@pytest.mark.parametrize(
    ("local", "state", "words"),
    [
        (LocalAddress(IPv6Address("2a00::1"), temporary=True), Scope.UNKNOWN, "temporary IPv6 addresses only"),
        (LocalAddress(IPv6Address("fd00::1")), Scope.PRIVATE, "eth0 has fd00::1: a private"),
        (LocalAddress(IPv6Address("fe80::1")), Scope.UNKNOWN, "eth0 has no global IPv6 address"),
        (LocalAddress(IPv6Address("2a00::1"), unusable=True), Scope.UNKNOWN, "eth0 has no global IPv6 address"),
        (LocalAddress(IPv4Address("9.9.9.9")), Scope.UNKNOWN, "eth0 has no global IPv6 address"),
    ],
    ids=["temporary", "unique-local", "link-local", "tentative", "none"],
)
def test_there_is_no_ipv6_when_no_address_lasts(local: LocalAddress, state: Scope, words: str) -> None:
    found = choose_ipv6([local], interface="eth0")

    assert (found.value, found.state) == (None, state)
    assert words in found.reason


addresses = st.ip_addresses(v=4)
readings = st.none() | st.builds(Reading, st.none() | addresses)


@given(
    local=st.lists(st.builds(LocalAddress, addresses), max_size=3),
    router=readings,
    echo=readings,
)
def test_nothing_but_a_public_address_is_ever_published(
    local: list[LocalAddress], router: Reading | None, echo: Reading | None
) -> None:
    found = choose_ipv4(local, router, echo, interface="eth0")

    assert found.value is None or scope_of(found.value)[0] is Scope.PUBLIC
    assert (found.value is None) is (found.state is not Scope.PUBLIC)
    assert found.value is None or not found.wanted.refused


@given(st.lists(st.builds(LocalAddress, st.ip_addresses(v=6), st.booleans(), st.booleans(), st.booleans()), max_size=4))
def test_no_ipv6_is_published_that_will_be_given_up(local: list[LocalAddress]) -> None:
    found = choose_ipv6(local, interface="eth0")

    if found.value is not None:
        (chosen, *_) = [entry for entry in local if entry.address == found.value and not entry.unusable]
        assert scope_of(chosen.address)[0] is Scope.PUBLIC
        assert any(
            entry.address == found.value and not (entry.temporary or entry.deprecated or entry.unusable)
            for entry in local
        )
