"""IPv4 and IPv6, which are found, published and blocked apart from each other."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address

Address = IPv4Address | IPv6Address


class Family(StrEnum):
    IPV4 = "ipv4"
    IPV6 = "ipv6"

    @property
    def label(self) -> str:
        return "IPv4" if self is Family.IPV4 else "IPv6"

    @property
    def record_type(self) -> str:
        """The type of the DNS record that holds such an address."""
        return "A" if self is Family.IPV4 else "AAAA"


def family_of(address: Address) -> Family:
    return Family.IPV4 if address.version == 4 else Family.IPV6  # noqa: PLR2004 - IPv4
