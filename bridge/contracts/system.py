"""What the machines say to each other about themselves."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from bridge.contracts.operation import Effect, Lane, Machine, Model, Nothing, Operation
from bridge.process.host_report import HostReport

_GATEWAY: Final = Machine(frozenset({"gateway", "monitor"}))


class Dependency(Model):
    """One thing the agent needs: ``state`` and since when (aware UTC), with a reason when it is not up."""

    name: str
    state: Literal["up", "down", "disabled"]
    since: AwareDatetime
    reason: str = ""


class Status(Model):
    version: str
    boot: str
    started_at: AwareDatetime
    dependencies: tuple[Dependency, ...]


class Metrics(Model):
    """The agent's metrics in the Prometheus text format, version 0.0.4."""

    text: str


class BackupState(Model):
    """The last backup that was made and the last drill, Unix times; ``detail`` is what went wrong, if anything did.

    ``last_ok`` is false when a backup failed since, or was not copied to the second place.
    """

    last: float | None
    last_ok: bool
    drill: float | None
    drill_ok: bool
    detail: str = ""


class CertificateEnd(Model):
    """When a certificate ends, Unix time."""

    name: Literal["agent", "intermediate", "root"]
    ends: float


REPORT_ID: Final = r"^[0-9]{1,20}-[0-9]{1,10}-[0-9a-f]{8}$"
"""The name of a waiting report without its suffix: Unix time in ns, the writer's process, something random."""

ReportId = Annotated[str, StringConstraints(pattern=REPORT_ID)]


class WaitingReport(Model):
    """A report of trouble that was left at the keep, in the words of :mod:`gateway.alerts.report`."""

    id: ReportId
    cause: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*(:.+)?$", max_length=300)]
    state: Literal["raised", "cleared", "event"]
    severity: Literal["critical", "warning", "info"]
    summary: str
    detail: str = ""
    host: Literal["door", "keep"] = "keep"
    at: Annotated[float, Field(ge=0, lt=1e11)]
    because_of: str | None = None


class MailState(Model):
    """How mail to people is. ``oldest`` is when the longest waiting one was put in, Unix time; None where none waits.

    ``parked`` are those that were given up, for the owner to see.
    """

    waiting: int
    oldest: float | None
    parked: int


class KeepReport(Model):
    """How the keep is. ``backup`` is None where there are no backups, ``bans`` where their count cannot be read.

    ``mail`` is None where none is sent, or the store is away.

    ``events`` are the oldest of what waits, ``waiting`` is how many that are in all.
    """

    host: HostReport
    backup: BackupState | None
    certificates: tuple[CertificateEnd, ...]
    bans: int | None
    events: tuple[WaitingReport, ...]
    waiting: int
    mail: MailState | None = None


class TakenReports(Model):
    """The reports that the door has on its own disk."""

    ids: Annotated[tuple[ReportId, ...], Field(max_length=100)]


class FeedStart(Model):
    """``process`` is the calling gateway process's random id, the one its nonces begin with."""

    process: Annotated[str, StringConstraints(min_length=8, max_length=32, pattern="^[A-Za-z0-9_-]+$")]


class PublicKey(Model):
    """A key that access tokens are signed with: ``x`` is the Ed25519 public key, base64url (RFC 8037)."""

    kid: str
    x: str


class FeedEvent(Model):
    """One line of the feed. Which fields are set depends on ``kind``.

    ``hello`` first, with every current public key; ``heartbeat`` twice a second; ``users_changed`` ends what is
    known about those users' tokens and answers (``users``), or only of some sessions (``sessions``);
    ``tags_invalidated`` ends cached answers (``tags``); ``keys_changed`` replaces the public keys (``keys``).
    """

    kind: Literal["hello", "heartbeat", "users_changed", "tags_invalidated", "keys_changed"]
    users: Annotated[tuple[str, ...], Field(max_length=1000)] = ()
    sessions: Annotated[tuple[str, ...], Field(max_length=1000)] = ()
    tags: tuple[str, ...] = ()
    keys: tuple[PublicKey, ...] = ()


class RenewalRequest(Model):
    """``request`` is a signing request in PEM (PKCS #10, RFC 2986). Its public key is used, and nothing else of it."""

    request: Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class RenewedChain(Model):
    """``chain`` is the new leaf and the certificates between it and the root, in PEM and in this order."""

    chain: str


STATUS: Final = Operation(
    name="system.status", params=Nothing, result=Status, principal=_GATEWAY, deadline_ms=1_000, lane=Lane.MACHINE
)
METRICS: Final = Operation(
    name="system.metrics", params=Nothing, result=Metrics, principal=_GATEWAY, deadline_ms=1_000, lane=Lane.MACHINE
)
FEED: Final = Operation(
    name="system.feed", params=FeedStart, result=FeedEvent, principal=Machine(frozenset({"gateway"})),
    lane=Lane.MACHINE, streams=True,
)  # fmt: skip
RENEW: Final = Operation(
    name="system.renew", params=RenewalRequest, result=RenewedChain, principal=_GATEWAY, effect=Effect.WRITE,
    deadline_ms=5_000, lane=Lane.MACHINE,
)  # fmt: skip
"""Gives the calling unit a new certificate, with the name and usage of the one that it showed. What is stored is the
list of what was issued: a repeated request gets another certificate for the same key, and either is good."""
REPORT: Final = Operation(
    name="system.report", params=Nothing, result=KeepReport, principal=_GATEWAY, deadline_ms=5_000, lane=Lane.MACHINE
)
REPORT_ACK: Final = Operation(
    name="system.report_ack", params=TakenReports, result=Nothing, principal=_GATEWAY, effect=Effect.WRITE,
    deadline_ms=2_000, lane=Lane.MACHINE,
)  # fmt: skip
"""Removes reports that :data:`REPORT` gave. Until then it gives them again: none is lost with an answer. Removing what
is not there does nothing, so it may be repeated."""

OPERATIONS: Final = (STATUS, METRICS, FEED, RENEW, REPORT, REPORT_ACK)
