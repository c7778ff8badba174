"""The settings of ``python -m gateway relay``: the keep's only way to servers outside."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from bridge.process.settings import Section
from gateway.settings.types import Count, Seconds

_TARGET: Final = re.compile(r"(?:[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*|\[[0-9a-f:.]+\]):(?P<port>[1-9]\d{0,4})")
_PORT_MAX: Final = 65535


def _target(text: str) -> str:
    target = text.lower()
    match = _TARGET.fullmatch(target)
    if match is None or int(match["port"]) > _PORT_MAX:
        msg = "must be a server and its port, such as mail.example.org:587"
        raise ValueError(msg)
    return target


Target = Annotated[str, AfterValidator(_target)]


class Relay(Section):
    """Leading the keep to the servers that it may speak to. `docs/mail.md` says what for."""

    host: IPv4Address | IPv6Address = Field(IPv4Address("127.0.0.1"), description="The address to listen on.")
    port: int = Field(3128, ge=0, le=65535, description="The port to listen on; 0 chooses a free one.")
    clients: tuple[IPv4Address | IPv6Address, ...] = Field(
        (), max_length=4, description="The addresses that are led anywhere at all: the keep's."
    )
    allow: tuple[Target, ...] = Field(
        (), max_length=20, description="Where they are led: servers with their ports, such as mail.example.org:587."
    )
    connections_max: Count = Field(16, description="Connections at once; more are refused.")
    head_s: Seconds = Field(5.0, description="Seconds that a request to be led somewhere may take to come.")
    connect_s: Seconds = Field(10.0, description="Seconds that connecting to a server may take.")
    idle_s: Seconds = Field(120.0, description="Seconds without a byte, either way, after which a connection is cut.")
    life_s: Seconds = Field(3600.0, description="Seconds after which a connection is cut, whatever passes.")
