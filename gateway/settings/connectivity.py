"""The settings of ``python -m gateway monitor``: what it looks at, how often, and when something counts as down."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated

from pydantic import Field

from bridge.process.settings import Section
from gateway.settings.types import Seconds

HostName = Annotated[str, Field(max_length=253, pattern=r"^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+$")]
Interface = Annotated[str, Field(pattern=r"^[^\s/]{0,15}$")]


class Connectivity(Section):
    """Watching the line. ``docs/connectivity.md`` says what each rung of the ladder asks."""

    interface: Interface = Field(
        "",
        description="The interface toward the router. Empty: that of the default route, else the first with a cable.",
    )
    resolvers: tuple[IPv4Address | IPv6Address, ...] = Field(
        (), max_length=3, description="The DNS resolvers that are asked. Empty: those of `resolv_conf`."
    )
    resolv_conf: Path = Field(Path("/etc/resolv.conf"), description="Where the machine's own resolvers are listed.")
    targets: tuple[HostName, ...] = Field(
        ("acme-v02.api.letsencrypt.org", "deb.debian.org"),
        min_length=1,
        max_length=4,
        description="Hosts to which a TLS connection is made, in turn, and nothing sent; both are contacted anyway.",
    )
    ca_file: Path | None = Field(
        None, description="PEM file of the authorities believed for `targets` and `mirror`. None: the system's."
    )
    names: tuple[HostName, ...] = Field(
        (), max_length=4, description="Our public names. Empty: those that the DDNS updater keeps."
    )
    ddns_status: Path = Field(
        Path("/run/drawbridge/ddns/status.json"), description="Where the DDNS updater says our public address."
    )
    mirror: str | None = Field(
        None,
        pattern=r"^https://[^\s/?#@]+(/[^\s?#]*)?$",
        description="Address of a mirror (docs/mirror.md) that looks at our port from outside. None: nobody does.",
    )
    mirror_port: int = Field(443, ge=1, le=65535, description="Our port that the mirror is asked to look at.")
    gateway_sockets: tuple[Path, ...] = Field(
        (Path("/run/drawbridge/gateway-1.sock"), Path("/run/drawbridge/gateway-2.sock")),
        min_length=1,
        description="The sockets of our gateways, which are asked for their readiness.",
    )
    every_s: Seconds = Field(
        5.0, description="Seconds between looks at router, resolvers and gateways, all being well."
    )
    https_every_s: Seconds = Field(6.0, description="Seconds between TLS connections, all being well.")
    name_every_s: Seconds = Field(10.0, description="Seconds between questions for our names, all being well.")
    mirror_every_s: Seconds = Field(6.0, description="Seconds between questions to the mirror, all being well.")
    confirm_every_s: Seconds = Field(1.0, description="Seconds between looks while it is not yet clear what is broken.")
    broken_every_s: Seconds = Field(3.0, description="Seconds between looks during an outage.")
    status: Path = Field(
        Path("/run/drawbridge/monitor/status.json"), description="Where the monitor writes what it sees."
    )
    journal: Path = Field(
        Path("/var/lib/drawbridge/monitor/outages.jsonl"), description="The journal of outages, kept over restarts."
    )
