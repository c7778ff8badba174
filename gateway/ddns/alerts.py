"""What an administrator hears of: each cause raised once, and cleared when it is over, over restarts too."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, cast

from bridge.process.clock import Clock
from bridge.process.logs import log
from gateway.alerts import report as alerts
from gateway.alerts.report import Inbox
from gateway.ddns.addresses.choice import Found
from gateway.ddns.decisions import State, is_late
from gateway.ddns.families import Family
from gateway.ddns.updater import NameState

_log: Final = logging.getLogger(__name__)

FAILURES_MIN: Final = 3
MISSING_S: Final = 900.0
"""Routers restart, and sources disagree for a while: so long a published name may be without an address, untold."""


@dataclass(frozen=True, slots=True)
class Alert:
    cause: str
    severity: str
    """critical, warning or info."""
    summary: str
    detail: str = ""


class Report(Protocol):
    def __call__(self, *, cause: str, state: str, severity: str, summary: str, detail: str) -> bool:
        """Report that ``cause`` is raised or cleared. Returns whether somebody will hear of it; never raises."""


def report_to_log(*, cause: str, state: str, severity: str, summary: str, detail: str) -> bool:
    """Be the reporter where there is no other: the journal."""
    level = logging.INFO if state == "cleared" else logging.WARNING
    log(_log, f"alert_{state}", level=level, cause=cause, severity=severity, summary=summary, detail=detail)
    return True


def report_to(inbox: Inbox, clock: Clock) -> Report:
    """Return a reporter that leaves reports for the monitor; what the inbox does not take is tried again."""

    def report(*, cause: str, state: str, severity: str, summary: str, detail: str) -> bool:
        left = alerts.Report(
            cause=cause, state=cast("alerts.State", state), severity=cast("alerts.Severity", severity), summary=summary,
            detail=detail, at=clock.time(),
        )  # fmt: skip
        return inbox.report(left)

    return report


def alerts_of(
    states: Iterable[NameState],
    found: Mapping[Family, Found],
    *,
    missing: Collection[Family],
    unsaved: bool,
    now: float,
) -> list[Alert]:
    """Return what is wrong now, one alert a cause. ``missing``: families without an address for long."""
    states = list(states)
    wrong: dict[str, Alert] = {}
    for alert in (*_of_names(states, now), *_of_addresses(states, found, missing)):
        wrong.setdefault(alert.cause, alert)
    if unsaved:
        alert = Alert("ddns.state", "critical", "DDNS cannot save its state, and sends nothing until it can")
        wrong[alert.cause] = alert
    return list(wrong.values())


def _of_names(states: Iterable[NameState], now: float) -> Iterator[Alert]:
    for state in states:
        name, progress, label = state.record.name, state.progress, state.family.label
        elsewhere = state.wanted.address is not None and progress.published != str(state.wanted.address)
        if progress.block is not None:
            summary = f"{name} is not updated any more ({label}): {progress.block.reason}"
            detail = f"Mend the record in [[ddns.records]], or say: python -m gateway ddns update {name}"
            severity = "critical" if elsewhere else "warning"
            yield Alert(f"ddns.{progress.block.kind.value}:{name}", severity, summary, detail)
        elif elsewhere and progress.failures >= FAILURES_MIN and state.decision.state is State.WAITING:
            summary = f"{name} cannot be updated ({label}): {progress.reason}"
            detail = f"Tried {progress.failures} times; it goes on by itself."
            yield Alert(f"ddns.unpublished:{name}", "warning", summary, detail)
        elif not elsewhere and is_late(progress, now):
            summary = f"the update of {name} did not take ({label}): {progress.doubt}"
            yield Alert(f"ddns.unverified:{name}", "warning", summary, "The provider accepted it.")


def address_cause(family: Family) -> str:
    return f"ddns.address:{family.value}"


def _of_addresses(
    states: Iterable[NameState], found: Mapping[Family, Found], missing: Collection[Family]
) -> Iterator[Alert]:
    for state in states:
        family, published = state.family, state.progress.published
        is_stale = state.decision.state is State.WAITING and state.wanted.address is None and published is not None
        if state.decision.state is State.REFUSED or (is_stale and family in missing):
            summary = f"no {family.label} address to publish: {found[family].reason}"
            detail = f"{state.record.name} still leads to {published}, which may not be ours now." if published else ""
            yield Alert(address_cause(family), "warning", summary, detail)


def tell(alerts: Iterable[Alert], raised: set[str], report: Report) -> None:
    """Report what is new and what is over, and keep ``raised`` to what was said."""
    now = {alert.cause: alert for alert in alerts}
    for cause, alert in now.items():
        if cause not in raised and report(
            cause=cause, state="raised", severity=alert.severity, summary=alert.summary, detail=alert.detail
        ):
            raised.add(cause)
    for cause in sorted(raised - now.keys()):
        if report(cause=cause, state="cleared", severity="info", summary=f"{cause} is over", detail=""):
            raised.discard(cause)
