"""What a check says of its rung."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

State = Literal["up", "down", "unknown", "off"]


class Rung(StrEnum):
    """The rungs, from the cable up. The last two need no Internet: a branch of their own."""

    LINK = "link"
    ADDRESS = "address"
    ROUTER = "router"
    DNS = "dns"
    HTTPS = "https"
    NAME = "name"
    PORT = "port"
    BRIDGE = "bridge"
    DATABASE = "database"


LINE: Final = (Rung.LINK, Rung.ADDRESS, Rung.ROUTER, Rung.DNS, Rung.HTTPS, Rung.NAME, Rung.PORT)
KEEP: Final = (Rung.BRIDGE, Rung.DATABASE)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found. ``unknown``: it could not tell; ``off``: there is nothing to look at.

    ``code`` names what is broken, in :data:`gateway.connectivity.diagnosis.ADVICE`. A ``definitive`` finding is a fact
    that the kernel states, and needs no second look.
    """

    state: State
    summary: str
    evidence: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    definitive: bool = False


def up(summary: str, evidence: Mapping[str, str] | None = None) -> Finding:
    return Finding("up", summary, evidence or {})


def down(code: str, summary: str, evidence: Mapping[str, str] | None = None, *, definitive: bool = False) -> Finding:
    return Finding("down", summary, evidence or {}, code, definitive)


def unknown(summary: str, evidence: Mapping[str, str] | None = None) -> Finding:
    return Finding("unknown", summary, evidence or {})


def off(summary: str) -> Finding:
    return Finding("off", summary)
