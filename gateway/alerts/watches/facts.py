"""What the watches look at: what was read of the gateways, the two hosts and what runs on them. None: not known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.process.host_report import HostReport


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests of a while. ``slower`` counts those of ``timed`` up to each bound of the histogram, in seconds."""

    requests: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)
    """Answers of status 500 and more, by outcome."""
    timed: int = 0
    slower: Mapping[float, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GatewayFacts:
    """A gateway process. ``refusal`` says why it gave no figures; without one it did."""

    name: str
    refusal: str = ""
    traffic: Traffic = Traffic()
    breakers: Mapping[str, str] = field(default_factory=dict)
    cache: Mapping[str, int] = field(default_factory=dict)
    certificates: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BackupFacts:
    last: float | None
    last_ok: bool
    drill: float | None
    drill_ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class MailFacts:
    """``oldest``: when the mail that has waited for the longest was put in, Unix time."""

    waiting: int
    oldest: float | None
    parked: int


@dataclass(frozen=True, slots=True)
class KeepFacts:
    """What the keep said, and when the door heard it (Unix time)."""

    host: HostReport
    heard_at: float
    backup: BackupFacts | None
    certificates: Mapping[str, float]
    events: tuple[Mapping[str, Any], ...] = ()
    """The reports that wait there, as they came."""
    mail: MailFacts | None = None


@dataclass(frozen=True, slots=True)
class Ban:
    address: str
    reason: str
    began: float
    remaining_s: float


@dataclass(frozen=True, slots=True)
class BanFacts:
    """The ban helper of the door. ``refusal`` says why it does not answer."""

    refusal: str = ""
    in_force: bool = True
    bans: tuple[Ban, ...] = ()


@dataclass(frozen=True, slots=True)
class DdnsFacts:
    """When the updater last said how it is, Unix time; None: never since it started."""

    at: float | None


@dataclass(frozen=True, slots=True)
class Facts:
    """``web_ends`` are the ends of the certificates that nginx shows, or why one could not be had.

    ``restarted`` is how often systemd has restarted a unit lately, by host and name.
    """

    now: float
    gateways: tuple[GatewayFacts, ...] = ()
    door: HostReport | None = None
    keep: KeepFacts | None = None
    keep_refusal: str = ""
    web_ends: Mapping[str, float | str] = field(default_factory=dict)
    bans: BanFacts | None = None
    ddns: DdnsFacts | None = None
    restarted: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @property
    def hosts(self) -> tuple[HostReport, ...]:
        """The reports that there are."""
        keep = self.keep.host if self.keep else None
        return tuple(host for host in (self.door, keep) if host is not None)

    @property
    def traffic(self) -> Traffic | None:
        """What all gateways did together that tell; None where none does."""
        told = [gateway.traffic for gateway in self.gateways if not gateway.refusal]
        if not told:
            return None
        errors: dict[str, int] = {}
        slower: dict[float, int] = {}
        for each in told:
            for outcome, count in each.errors.items():
                errors[outcome] = errors.get(outcome, 0) + count
            for bound, count in each.slower.items():
                slower[bound] = slower.get(bound, 0) + count
        return Traffic(sum(each.requests for each in told), errors, sum(each.timed for each in told), slower)
