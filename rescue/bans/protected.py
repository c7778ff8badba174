"""Who must never be banned, whoever asks: this host, its routers, and the networks that the ruleset names.

The gateway may ask for bans; a gateway in wrong hands must not lock the owner out, or the two hosts from each other.
"""

from __future__ import annotations

import ipaddress
import json
import subprocess
from collections.abc import Iterator
from typing import Any, Final

from rescue.bans.clock import Now
from rescue.bans.nft import EdgeSets, FirewallMissing
from rescue.bans.requests import ErrorCode, Network, Refused, spelled

IP: Final = "/usr/bin/ip"
_TIMEOUT_S: Final = 10
_KEPT_S: Final = 10
"""How long an answer of the kernel is used: a flood of requests must not become three processes each."""


class Protected:
    """The networks that are never banned, asked of the kernel anew every 10 s."""

    def __init__(self, sets: EdgeSets) -> None:
        self._sets = sets
        self._networks: list[tuple[Network, str]] = []
        self._asked_uptime_s: float | None = None

    def refuse(self, network: Network, now: Now) -> None:
        """Raise :class:`Refused` where ``network`` has an address in common with what is protected.

        Where the kernel cannot be asked, everything is.
        """
        if self._asked_uptime_s is None or not 0 <= now.uptime_s - self._asked_uptime_s < _KEPT_S:
            self._networks = list(self._ask())
            self._asked_uptime_s = now.uptime_s
        for other, whose in self._networks:
            if other.version == network.version and other.overlaps(network):
                raise Refused(ErrorCode.PROTECTED, f"{spelled(network)} is {whose}")

    def _ask(self) -> Iterator[tuple[Network, str]]:
        for link in _ip("address", "show"):
            for address in link.get("addr_info", []):
                yield ipaddress.ip_network(address["local"]), "an address of this host, or in its network"
        for family in ("-4", "-6"):
            for route in _ip(family, "route", "show", "default"):
                for hop in [route, *route.get("nexthops", [])]:
                    gateway = hop.get("gateway") or hop.get("via", {}).get("host")
                    if gateway:
                        yield ipaddress.ip_network(gateway), "the router's address"
        try:
            for network in self._sets.never_banned():
                yield network, "in a network that is never banned"
        except FirewallMissing:
            return  # no table, no bans: when it comes, its rules put these networks first


def _ip(*arguments: str) -> list[dict[str, Any]]:
    try:
        result = subprocess.run([IP, "-json", *arguments], capture_output=True, timeout=_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise Refused(ErrorCode.FAILED, "who must not be banned cannot be found out: ip failed") from error
    links: list[dict[str, Any]] = json.loads(result.stdout or b"[]")
    return links
