"""Which addresses the Internet can reach.

The IANA registries of special addresses say which it cannot: https://www.iana.org/assignments/iana-ipv4-special-registry
and https://www.iana.org/assignments/iana-ipv6-special-registry.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from typing import Final

from gateway.ddns.families import Address


class Scope(StrEnum):
    PUBLIC = "public"
    CGNAT = "cgnat"
    PRIVATE = "private"
    UNKNOWN = "unknown"


SHARED: Final = IPv4Network("100.64.0.0/10")
"""RFC 6598: between a provider's carrier-grade NAT and its customers."""

_SPECIAL: Final[tuple[tuple[IPv4Network | IPv6Network, str], ...]] = (
    (IPv4Network("10.0.0.0/8"), "a private address"),
    (IPv4Network("172.16.0.0/12"), "a private address"),
    (IPv4Network("192.168.0.0/16"), "a private address"),
    (IPv4Network("169.254.0.0/16"), "a link-local address: nothing gave this box one"),
    (IPv4Network("127.0.0.0/8"), "this machine's own address"),
    (IPv4Network("192.0.2.0/24"), "an address for documentation"),
    (IPv4Network("198.51.100.0/24"), "an address for documentation"),
    (IPv4Network("203.0.113.0/24"), "an address for documentation"),
    (IPv4Network("192.0.0.0/24"), "an address for protocols, as behind DS-Lite"),
    (IPv4Network("192.88.99.0/24"), "an address of the former 6to4 relays"),
    (IPv4Network("198.18.0.0/15"), "an address for benchmarks"),
    (IPv6Network("fe80::/10"), "a link-local address"),
    (IPv6Network("fc00::/7"), "a private (unique local) address"),
    (IPv6Network("2001:db8::/32"), "an address for documentation"),
    (IPv6Network("3fff::/20"), "an address for documentation"),
    (IPv6Network("2002::/16"), "a 6to4 address"),
    (IPv6Network("2001::/32"), "a Teredo address"),
)
_UNICAST_IPV6: Final = IPv6Network("2000::/3")
"""What IANA has given out for unicast on the Internet; ``is_global`` also takes what nobody has."""


def scope_of(address: Address) -> tuple[Scope, str]:
    """Return where ``address`` is valid, and for all but public ones what it is, in words."""
    if address in SHARED:
        return Scope.CGNAT, "an address behind your provider's CGNAT"
    for network, words in _SPECIAL:
        if address in network:
            return Scope.PRIVATE, words
    unicast = not isinstance(address, IPv6Address) or address in _UNICAST_IPV6
    if not address.is_global or address.is_multicast or not unicast:
        return Scope.PRIVATE, "a reserved address"
    return Scope.PUBLIC, ""
