"""The firewall's sets, through nft's JSON: what is banned in the kernel, and what never may be.

The table is made by the firewall's ruleset, never here: a table without rules would look like one that works.
JSON on standard input, so that no value becomes part of a command. Schema: libnftables-json(5).
"""

from __future__ import annotations

import ipaddress
import json
import subprocess
from collections.abc import Iterable, Mapping
from typing import Final

from rescue.bans.requests import Network

NFT: Final = "/usr/sbin/nft"
FAMILY: Final = "inet"
TABLE: Final = "edge"

_TIMEOUT_S: Final = 10
_CHUNK: Final = 500
"""How many elements a transaction has: one has to fit into a netlink socket's buffer."""

_BAN_SETS: Final = {4: "ban4", 6: "ban6"}
_NEVER_SETS: Final = {4: "never_ban4", 6: "never_ban6"}


class FirewallMissing(Exception):
    """The kernel has not the table that the ruleset makes, or nft does not work; the message is nft's."""


class EdgeSets:
    """The sets of ``table inet edge`` in the network namespace of this process. Each call is one nft, some 10 ms."""

    def bans(self) -> dict[Network, int]:
        """Return how many seconds each ban in the kernel goes on. Raises :class:`FirewallMissing`."""
        bans: dict[Network, int] = {}
        for version, name in _BAN_SETS.items():
            for element in self._elements(name):
                if isinstance(element, dict) and isinstance(inner := element.get("elem"), dict):
                    bans[_element_network(inner["val"], version)] = int(inner.get("expires", 0))
        return bans

    def never_banned(self) -> list[Network]:
        """Return the networks that the ruleset exempts. Raises :class:`FirewallMissing`."""
        return [
            network
            for name in _NEVER_SETS.values()
            for element in self._elements(name)
            for network in _networks(element)
        ]

    def change(self, *, add: Mapping[Network, float], remove: Iterable[Network] = ()) -> None:
        """Set the time left of the bans in ``add``, seconds, and lift those in ``remove``.

        Raises :class:`FirewallMissing`, with some of it done where there are more than 500. Idempotent: whether a ban
        is in the kernel does not matter. Each element is added before it is deleted, since deleting what is not there
        fails, and deleted before it is added, since kernels before 6.12 leave the time of one that is there as it was.
        """
        gone = [*add, *remove]
        for start in range(0, len(gone), _CHUNK):
            chunk = gone[start : start + _CHUNK]
            commands = [
                *_commands("add", dict.fromkeys(chunk)),
                *_commands("delete", dict.fromkeys(chunk)),
                *_commands("add", {network: max(1, round(add[network])) for network in chunk if network in add}),
            ]
            self._run("-f", "-", document={"nftables": commands})

    def _elements(self, set_name: str) -> list[object]:
        answer = json.loads(self._run("list", "set", FAMILY, TABLE, set_name))
        for entry in answer["nftables"]:
            if "set" in entry:
                elements: list[object] = entry["set"].get("elem", [])
                return elements
        return []

    def _run(self, *arguments: str, document: object = None) -> str:
        try:
            result = subprocess.run(
                [NFT, "-j", *arguments],
                input="" if document is None else json.dumps(document),
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise FirewallMissing(str(error)) from error
        if result.returncode != 0:
            raise FirewallMissing(result.stderr.strip().partition("\n")[0])
        return result.stdout


def _commands(verb: str, networks: Mapping[Network, int | None]) -> list[object]:
    """Return one command a set. A /64 is written as its first address: the rules look that up."""
    commands: list[object] = []
    for version, name in _BAN_SETS.items():
        elements = [
            str(network.network_address)
            if seconds is None
            else {"elem": {"val": str(network.network_address), "timeout": seconds}}
            for network, seconds in networks.items()
            if network.version == version
        ]
        if elements:
            element = {"family": FAMILY, "table": TABLE, "name": name, "elem": elements}
            commands.append({verb: {"element": element}})
    return commands


def _element_network(value: object, version: int) -> Network:
    return ipaddress.ip_network((str(value), 32 if version == 4 else 64), strict=False)  # noqa: PLR2004 - IPv4


def _networks(element: object) -> list[Network]:
    """Return the networks of an element of an interval set: an address, a prefix or a range."""
    match element:
        case str():
            return [ipaddress.ip_network(element)]
        case {"elem": {"val": value}}:
            return _networks(value)
        case {"prefix": {"addr": address, "len": length}}:
            return [ipaddress.ip_network((address, length))]
        case {"range": [first, last]}:
            return list(ipaddress.summarize_address_range(ipaddress.ip_address(first), ipaddress.ip_address(last)))
    msg = f"nft lists an element that is neither address, prefix nor range: {element!r}"
    raise FirewallMissing(msg)
