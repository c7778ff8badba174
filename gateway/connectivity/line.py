"""What the checks of one pass share: the settings, what the kernel said, and what earlier passes learned."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bridge.process.clock import Clock
from gateway.connectivity.config import Config
from gateway.connectivity.dns import Kind, Rcode, ask
from gateway.connectivity.netlink import Link, Network, Route

_RESOLVERS_MAX: Final = 3  # as many as the C library asks
_RESOLV_CONF_MAX_BYTES: Final = 64 * 1024


@dataclass(slots=True)
class Line:
    """``network`` is replaced by every pass; the rest is remembered for the next ones."""

    config: Config
    clock: Clock
    network: Network = field(default_factory=Network)
    turn: int = 0
    """Which of the targets comes first; counts passes."""
    is_in_doubt: bool = False
    """Something failed just now: what can be asked at once need not wait for what may be asked first."""
    target_addresses: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By target, the addresses of the last honest answer: what is tried when DNS is dead."""
    answering_routers: set[str] = field(default_factory=set)
    """Routers that answered before as they always should, so that their silence says something."""
    zone_servers: dict[str, tuple[float, tuple[str, ...]]] = field(default_factory=dict)
    """By name, until when (monotonic) which servers of its zone are asked."""
    lies_looked_for_at: float = -1e9
    dependencies: Mapping[str, str] = field(default_factory=dict)
    """By name, the state of what the gateways depend on, as the last of them that answered says."""
    _link_name: str = ""
    _tls: ssl.SSLContext | None = None

    @property
    def tls(self) -> ssl.SSLContext:
        """What verifies targets and mirror. Raises OSError where the authorities cannot be read."""
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=str(self.config.ca_file) if self.config.ca_file else None)
        return self._tls

    @property
    def route(self) -> Route | None:
        """The default route that is used: IPv4 before IPv6, then the lowest metric; that of our interface alone."""
        link = self.link
        return next((each for each in self.network.default_routes if link and each.index == link.index), None)

    @property
    def link(self) -> Link | None:
        """Our interface: the one set, else the default route's, else the one before, else the first with a cable."""
        links = [each for each in self.network.links if not each.is_loopback]
        if self.config.interface:
            return next((each for each in links if each.name == self.config.interface), None)
        routed = [route.index for route in self.network.default_routes]
        chosen = next((each for index in routed for each in links if each.index == index), None)
        chosen = chosen or next((each for each in links if each.name == self._link_name), None)
        chosen = chosen or next(iter(sorted(links, key=lambda each: (not each.has_carrier, each.index))), None)
        self._link_name = chosen.name if chosen else ""
        return chosen

    @property
    def family(self) -> Kind:
        """Which addresses can be reached: A, or AAAA where there is no default route of IPv4."""
        route = self.route
        return Kind.AAAA if route and route.is_ipv6 else Kind.A

    def resolvers(self) -> tuple[str, ...]:
        """Return the DNS servers of this machine, at most three."""
        if self.config.resolvers:
            return self.config.resolvers
        return read_resolvers(self.config.resolv_conf)

    async def resolve(self, name: str, kind: Kind) -> tuple[str, ...]:
        """Return the addresses that the first resolver with an answer gives; none where nobody has any."""
        for server in self.resolvers():
            answer = await ask(server, name, kind, clock=self.clock)
            if answer.message is not None and answer.message.rcode == Rcode.OK:
                return answer.message.data(kind)
        return ()


def read_resolvers(path: Path) -> tuple[str, ...]:
    """Return the ``nameserver`` lines of a resolv.conf(5); none where it cannot be read."""
    try:
        with path.open("rb") as file:
            text = file.read(_RESOLV_CONF_MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return ()
    words = [line.split() for line in text.splitlines()]
    return tuple(each[1] for each in words if len(each) > 1 and each[0] == "nameserver")[:_RESOLVERS_MAX]
