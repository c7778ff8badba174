"""What the three protocols have in common: what is asked of a router, and what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final, Literal, Protocol

MethodName = Literal["pcp", "nat-pmp", "upnp"]

NO_PUBLIC_ADDRESS: Final = "no public address of its own (CGNAT, or another router before it)"
"""Why miniupnpd, which most routers run, refuses every mapping: it calls that NO_RESOURCES, a network failure, 501 or
728, by protocol and version, and tells the address it has to nobody."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """The router that this host sends everything to, and the interface that leads there."""

    address: IPv4Address
    interface: int
    """The interface's index."""
    own_address: IPv4Address
    """This host's address towards the router."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A port that the router maps to this host, from now on."""

    lifetime_s: int | None
    """None: until somebody deletes it."""
    external_address: IPv4Address | None
    """What the router said of its outer address, where the protocol says it here."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a router says when asked how things stand."""

    kept: bool
    """Whether the mappings made before are still there, as far as the protocol tells."""
    external_address: IPv4Address | None


class Failed(Exception):
    """A router did not do what it was asked; the message is a sentence for the owner."""


class Unanswered(Failed):
    """No answer, or none that can be used: the router does not speak this protocol, is gone or restarts."""


class Refused(Failed):
    """The router answered that it will not. ``retry_s``: it asks not to be asked again for so long."""

    def __init__(self, sentence: str, *, retry_s: float = 0.0) -> None:
        super().__init__(sentence)
        self.retry_s = retry_s


class Method(Protocol):
    """One protocol, spoken to one router. Ports are TCP, and the same on the inside and the outside.

    Every call ends within a bounded time; all raise :class:`Unanswered` and :class:`Refused`.
    """

    @property
    def name(self) -> MethodName: ...

    async def probe(self) -> None:
        """Return when the router speaks this protocol. Changes nothing at the router."""

    async def map(self, port: int, lifetime_s: int) -> Lease:
        """Map ``port``, or renew it. Raises Refused where another port or host would be mapped than was asked."""

    async def unmap(self, port: int) -> None:
        """Delete the mapping of ``port``."""

    async def look(self, ports: Sequence[int]) -> Look:
        """Ask for the outer address, and whether the mappings of ``ports``, made by :meth:`map`, are still there."""
