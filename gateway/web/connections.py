"""How many connections an address may hold, where browsers connect to this process themselves.

Behind a proxy there is one address for everybody: trusted hops are not counted, nor is a Unix socket, which has none.
"""

from __future__ import annotations

from collections import Counter

from bridge.addresses import client_of
from gateway.settings import Web
from gateway.web.client_address import is_within


class Connections:
    """The live connections by client, as :func:`~bridge.addresses.client_of` tells clients apart."""

    def __init__(self, limits: Web) -> None:
        self._limits = limits
        self._clients: dict[object, str] = {}
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._counts.total()

    def add(self, connection: object, peer: object) -> bool:
        """Count a connection of ``peer``, its socket's address; say whether it may stay. Counted until discarded."""
        if not isinstance(peer, tuple) or is_within(peer[0], self._limits.trusted_hops):
            return True
        client = self._clients[connection] = client_of(peer[0], self._limits.client_ipv6_prefix)
        self._counts[client] += 1
        return self._counts[client] <= self._limits.connections_per_address

    def discard(self, connection: object) -> None:
        """Forget a connection that has ended, where it was counted."""
        if client := self._clients.pop(connection, None):
            self._counts[client] -= 1
            if not self._counts[client]:
                del self._counts[client]
