"""When a client is sent away, and for how long."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from pydantic import Field, model_validator

from bridge.process.bans import DURATION_MAX_S, DURATION_MIN_S, SOCKET
from bridge.process.settings import Section
from gateway.settings.types import Count, Network, Seconds


class Protection(Section):
    """Suspicious clients: points count against them, and drain away; docs/protection.md lists what counts."""

    is_on: bool = Field(default=True, description="Whether points are counted and clients banned at all.")
    threshold: Count = Field(100, description="Points at which a client is banned.")
    drain_per_minute: Seconds = Field(30.0, description="Points that drain away in a minute.")
    ban_s: int = Field(600, ge=DURATION_MIN_S, le=DURATION_MAX_S, description="Seconds of a client's first ban.")
    ban_factor: float = Field(6.0, ge=1, description="How many times longer each further ban is.")
    ban_max_s: int = Field(7 * 86_400, ge=DURATION_MIN_S, le=DURATION_MAX_S, description="Seconds of the longest ban.")
    repeat_s: Seconds = Field(7 * 86_400.0, description="Seconds after a ban within which the next one is longer.")
    live_session_s: Seconds = Field(
        43_200.0, description="Seconds after a signed-in request within which its address is not banned."
    )
    never_ban: tuple[Network, ...] = Field(
        (
            IPv4Network("127.0.0.0/8"), IPv4Network("10.0.0.0/8"), IPv4Network("172.16.0.0/12"),
            IPv4Network("192.168.0.0/16"), IPv4Network("169.254.0.0/16"), IPv6Network("::1/128"),
            IPv6Network("fc00::/7"), IPv6Network("fe80::/10"),
        ),
        description="Networks whose clients are never banned. The firewall has a list of its own besides.",
    )  # fmt: skip
    helper_socket: Path = Field(
        SOCKET, description="Where the ban helper is asked; without one, this process refuses banned clients itself."
    )
    clients_max: Count = Field(
        10_000, description="Clients remembered, some 700 bytes each; those quiet longest are forgotten first."
    )

    @model_validator(mode="after")
    def _longest_is_no_shorter(self) -> Protection:
        if self.ban_max_s < self.ban_s:
            msg = "protection.ban_max_s is below protection.ban_s"
            raise ValueError(msg)
        return self
