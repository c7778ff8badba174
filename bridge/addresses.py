"""Which addresses count as one client, alike wherever attempts, requests and connections are counted."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

_REMEMBERED: Final = 8_192


@lru_cache(_REMEMBERED)
def client_of(address: str, ipv6_prefix: int) -> str:
    """Return whom ``address`` counts as: an IPv4 address itself, an IPv6 address its network (/64, as a rule).

    An IPv4 address in IPv6 clothes (``::ffff:192.0.2.1``) is the IPv4 address. What is no address at all (a Unix
    socket's peer) is one client together.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ip_network((int(parsed), ipv6_prefix), strict=False))
        parsed = parsed.ipv4_mapped
    return str(parsed)
