"""A name server that settings name: ``192.0.2.1``, ``192.0.2.1:5353``, ``[2001:db8::1]:53`` or ``ns1.example.org``."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Self

PORT: Final = 53
_PORT_MAX: Final = 65_535


@dataclass(frozen=True, slots=True)
class Nameserver:
    host: str
    port: int = PORT

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return what ``text`` names. Raises ValueError."""
        try:
            return cls(str(ip_address(text)))
        except ValueError:
            pass
        host, _, port = text.rpartition(":") if ":" in text else (text, "", str(PORT))
        host = host.removeprefix("[").removesuffix("]")
        plausible = host and all(c.isascii() and (c.isalnum() or c in ".-_:") for c in host)
        if not plausible or not (port.isascii() and port.isdigit() and 0 < int(port) <= _PORT_MAX):
            msg = "must be a name server: an address or a name, and a port after a colon where it is not 53"
            raise ValueError(msg)
        return cls(host, int(port))

    async def resolve(self) -> str:
        """Return its address. Raises OSError; the caller sets the deadline."""
        try:
            return str(ip_address(self.host))
        except ValueError:
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
            return str(found[0][4][0])


def has_route(address: str) -> bool:
    """Say whether the kernel knows a way to ``address``: a house may have IPv4 or IPv6 alone. Sends nothing."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        return asking.connect_ex((address, PORT)) == 0
