"""Everything that the owner's view shows, as one immutable value. Times are Unix seconds, ``None`` where not known."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from gateway.alerts.limits import Limits

Evidence = tuple[tuple[str, str], ...]


class State(StrEnum):
    """How something is. ``OFF``: it is not set up, or rests; that is nobody's trouble."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    UNKNOWN = "unknown"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Source:
    """A snapshot file. ``stale``: too old, or from the future. ``reason`` says what is wrong with it."""

    state: Literal["here", "missing", "stale", "damaged"]
    at: float | None = None
    started: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder that leads from the cable to the database."""

    name: str
    state: Literal["up", "down", "unknown", "off"]
    since: float | None
    took_ms: float | None
    flaps: int
    summary: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Diagnosis:
    code: str
    summary: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Line:
    """``rung`` is the name of the first broken one, or empty."""

    state: Literal["up", "down", "unknown"]
    rung: str
    diagnosis: Diagnosis | None
    rungs: tuple[Rung, ...]


@dataclass(frozen=True, slots=True)
class Outage:
    """``ended`` is None while it lasts."""

    began: float
    ended: float | None
    rung: str
    code: str
    summary: str
    flaps: int


@dataclass(frozen=True, slots=True)
class Availability:
    """``known_s``: how much of the ``days`` the monitor ran. ``share`` of that the line was up."""

    days: int
    known_s: float
    down_s: float
    share: float


@dataclass(frozen=True, slots=True)
class CacheFigures:
    hits: int
    misses: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Gateway:
    """One gateway process in the last five minutes; ``breakers`` are (lane, state)."""

    name: str
    state: Literal["up", "down", "unknown"]
    requests: int
    errors_5xx: int
    p95_ms: float | None
    breakers: Evidence
    cache: CacheFigures | None


@dataclass(frozen=True, slots=True)
class OwnFacts:
    """What the process that shows the page knows of itself at this moment.

    ``bans``: whom it keeps out itself, and for how many seconds yet.
    """

    breakers: Evidence
    cache_bytes: int
    cache_entries: int
    bans: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """One systemd unit, in systemd's words."""

    name: str
    active: str
    sub: str
    since: float | None
    restarts: int
    result: str


@dataclass(frozen=True, slots=True)
class HostReport:
    at: float | None
    release: str
    uptime_s: float | None
    memory_unused_mib: float | None
    disk_free_share: float | None
    temperature_c: float | None
    under_voltage: bool | None
    clock_synchronized: bool | None
    units: tuple[Unit, ...]


@dataclass(frozen=True, slots=True)
class Certificate:
    name: str
    host: str
    ends: float


@dataclass(frozen=True, slots=True)
class Backup:
    """``last``, ``drill``: when the last backup and the last restore drill ended, None where there was none."""

    last: float | None
    last_ok: bool
    drill: float | None
    drill_ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Ban:
    address: str
    reason: str
    began: float | None
    remaining_s: float | None


@dataclass(frozen=True, slots=True)
class Bans:
    count: int
    recent: tuple[Ban, ...]


@dataclass(frozen=True, slots=True)
class Alert:
    """``delivered`` are (way, when), ``refused`` (way, why it never will be)."""

    cause: str
    severity: Literal["critical", "warning", "info"]
    state: Literal["raised", "cleared"]
    summary: str
    raised: float | None
    cleared: float | None
    delivered: tuple[tuple[str, float | None], ...]
    refused: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Address:
    """The address that the Internet sees, by family; ``state`` says whether it may be published."""

    family: Literal["ipv4", "ipv6"]
    value: str
    source: str
    state: Literal["public", "cgnat", "private", "unknown"]
    reason: str


@dataclass(frozen=True, slots=True)
class Name:
    """One record that is kept up to date; ``wanted`` and ``published`` are addresses."""

    name: str
    family: Literal["ipv4", "ipv6"]
    provider: str
    wanted: str
    published: str
    state: Literal["current", "updating", "waiting", "refused", "blocked", "off"]
    reason: str
    changed: float | None
    verified: float | None
    next_try: float | None


@dataclass(frozen=True, slots=True)
class Mapping:
    """One port that the router was asked to forward."""

    protocol: str
    internal: int
    external: int
    method: str
    state: Literal["mapped", "failed", "off"]
    external_address: str
    lease_ends: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Monitored:
    """What the monitor's file says; all of it empty where there is none."""

    source: Source
    limits: Limits = field(default_factory=Limits)
    line: Line = Line("unknown", "", None, ())
    outages: tuple[Outage, ...] = ()
    availability: Availability | None = None
    gateways: tuple[Gateway, ...] = ()
    door: HostReport | None = None
    keep: HostReport | None = None
    certificates: tuple[Certificate, ...] = ()
    backup: Backup | None = None
    bans: Bans | None = None
    alerts: tuple[Alert, ...] = ()


@dataclass(frozen=True, slots=True)
class Published:
    """What the DDNS updater's file says."""

    source: Source
    addresses: tuple[Address, ...] = ()
    names: tuple[Name, ...] = ()
    mappings: tuple[Mapping, ...] = ()

    @property
    def families_used(self) -> frozenset[str]:
        """The families in which any name is kept: the address of another one is no trouble."""
        return frozenset(name.family for name in self.names if name.state != "off")


@dataclass(frozen=True, slots=True)
class Model:
    """Both, read at ``now``."""

    now: float
    monitor: Monitored
    ddns: Published
