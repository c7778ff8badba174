"""Pure functions from the model to verdicts: what wants a look, how each section is, and the one line above it all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.status.model import (
    Alert,
    Certificate,
    Evidence,
    Gateway,
    HostReport,
    Line,
    Model,
    Name,
    Rung,
    Source,
    State,
    Unit,
)
from gateway.status.words import FAMILIES, HOSTS, count, days_left, rung

AVAILABILITY_GOAL: Final = 0.995

_DISK_BAD, _DISK_LOW = 0.05, 0.15
_HOT_BAD_C, _HOT_C = 80.0, 70.0
"""A Pi slows itself down from 80 °C. https://www.raspberrypi.com/documentation/computers/raspberry-pi.html#frequency-management-and-thermal-control"""
_ENDS_BAD_DAYS, _ENDS_SOON_DAYS = 7, 14
"""What renews itself has done so long before."""
_CA_ENDS_BAD_DAYS, _CA_ENDS_SOON_DAYS = 14, 60
"""What the owner renews by hand."""
_DAY_S: Final = 86_400.0
_BACKUP_BAD_S, _BACKUP_LATE_S = 7 * _DAY_S, 2 * _DAY_S
"""It is made every night."""
_DRILL_LATE_S: Final = 15 * _DAY_S
"""It is done every Sunday."""
_REPORT_OLD_S: Final = 300.0
_ERRORS_SHARE: Final = 0.05
_ERRORS_MIN: Final = 5


class Section(StrEnum):
    """The parts of the view, in their order."""

    LINE = "line"
    ALERTS = "alerts"
    GATEWAYS = "gateways"
    NAMES = "names"
    PORTS = "ports"
    HISTORY = "history"
    HOSTS = "hosts"
    CERTIFICATES = "certificates"
    BACKUP = "backup"
    BANS = "bans"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that wants a look, in one sentence."""

    section: Section
    state: State
    text: str


@dataclass(frozen=True, slots=True)
class Headline:
    state: State
    text: str


_OF_THE_KEEP: Final = frozenset({"bridge", "database"})
_FROM_OUTSIDE: Final = frozenset({"name", "port"})
_GRAVITY: Final = (State.BAD, State.WARNING, State.UNKNOWN, State.GOOD, State.OFF)
_ALERT_SECTIONS: Final = {
    "line": Section.LINE,
    "ddns": Section.NAMES,
    "certificate": Section.CERTIFICATES,
    "backup": Section.BACKUP,
    "breaker": Section.GATEWAYS,
    "gateway": Section.GATEWAYS,
    "clock": Section.HOSTS,
    "disk": Section.HOSTS,
    "keep": Section.HOSTS,
    "power": Section.HOSTS,
    "temperature": Section.HOSTS,
    "units": Section.HOSTS,
}
"""By the area that a cause begins with. What its own section tells already is not told twice."""


def findings(model: Model) -> tuple[Finding, ...]:
    """Return what wants a look, the worst first, otherwise in the order of the sections."""
    own = [*_line(model.monitor.line), *_hosts(model), *_gateways(model.monitor.gateways)]
    own += [*_names(model), *_ports(model), *_certificates(model), *_backup(model)]
    told = {each.section for each in own}
    own += list(_alerts(model.monitor.alerts, told))
    order = tuple(Section)
    return tuple(sorted(own, key=lambda each: (_GRAVITY.index(each.state), order.index(each.section))))


def headline(model: Model, found: Iterable[Finding]) -> Headline:
    """Return the one line that says it all. It holds no duration: it changes when something happens."""
    if (silence := _silence(model.monitor.source)) is not None:
        return Headline(State.UNKNOWN, silence)
    found = tuple(each for each in found if each.state is not State.UNKNOWN)
    if found:
        others = f", and {len(found) - 1} more" if len(found) > 1 else ""
        prefix = "" if found[0].state is State.BAD else "All works. Worth a look: "
        return Headline(found[0].state, f"{prefix}{found[0].text}{others}")
    if model.monitor.line.state == "unknown":
        return Headline(State.UNKNOWN, "The line has not been looked at yet")
    return Headline(State.GOOD, "All is well")


def states(model: Model, found: Iterable[Finding]) -> dict[Section, State]:
    """Return how each section is: as the gravest of what was found in it; otherwise good, if it could be told."""
    monitor, ddns = model.monitor, model.ddns
    is_current = monitor.source.state == "here"
    known = {
        Section.LINE: monitor.line.state != "unknown",
        Section.ALERTS: True,
        Section.HISTORY: monitor.availability is not None,
        Section.HOSTS: monitor.door is not None and monitor.keep is not None,
        Section.GATEWAYS: bool(monitor.gateways),
        Section.CERTIFICATES: bool(monitor.certificates),
        Section.BACKUP: monitor.backup is not None,
        Section.BANS: monitor.bans is not None,
    }
    told = {section: State.GOOD if is_current and is_known else State.UNKNOWN for section, is_known in known.items()}
    is_heard = ddns.source.state == "here"
    told[Section.NAMES] = _whether(is_heard, is_used=any(each.state != "off" for each in ddns.names))
    told[Section.PORTS] = _whether(is_heard, is_used=any(each.state != "off" for each in ddns.mappings))
    if monitor.availability is not None and monitor.availability.share < AVAILABILITY_GOAL:
        told[Section.HISTORY] = State.WARNING  # of the past: nothing to do about it now
    if any(alert.state == "raised" and alert.severity != "info" for alert in monitor.alerts):
        told[Section.ALERTS] = State.WARNING
    if any(alert.state == "raised" and alert.severity == "critical" for alert in monitor.alerts):
        told[Section.ALERTS] = State.BAD
    for each in found:
        told[each.section] = worst((told[each.section], each.state))
    return told


def worst(given: Iterable[State]) -> State:
    return min(given, key=_GRAVITY.index, default=State.UNKNOWN)


def rung_state(one: Rung) -> State:
    return {"up": State.GOOD, "down": State.BAD, "off": State.OFF}.get(one.state, State.UNKNOWN)


def unit_state(unit: Unit) -> State:
    """Return how a unit is. One that is inactive and ended well rests: a timer starts it."""
    if unit.active == "failed" or unit.result not in {"", "success"}:
        return State.BAD
    if unit.active in {"active", "reloading"}:
        return State.GOOD
    return State.WARNING if unit.active in {"activating", "deactivating"} else State.OFF


def name_state(name: Name) -> State:
    return {
        "current": State.GOOD,
        "updating": State.GOOD,
        "waiting": State.WARNING,
        "refused": State.BAD,
        "blocked": State.BAD,
    }.get(name.state, State.OFF)


def certificate_state(certificate: Certificate, now: float) -> State:
    days = days_left(certificate.ends, now)
    is_ca = certificate.name in {"intermediate", "root"}
    bad, soon = (_CA_ENDS_BAD_DAYS, _CA_ENDS_SOON_DAYS) if is_ca else (_ENDS_BAD_DAYS, _ENDS_SOON_DAYS)
    return State.BAD if days < bad else State.WARNING if days < soon else State.GOOD


def breaker_state(word: str) -> State:
    return {"closed": State.GOOD, "half_open": State.WARNING, "open": State.BAD}.get(word, State.UNKNOWN)


def gateway_state(gateway: Gateway) -> State:
    own = {"up": State.GOOD, "down": State.BAD}.get(gateway.state, State.UNKNOWN)
    return worst([own, breakers_state(gateway.breakers)])


def breakers_state(breakers: Evidence) -> State:
    """Return the worst of them, good where there is none."""
    return worst([State.GOOD, *(breaker_state(word) for _, word in breakers)])


def alert_state(alert: Alert) -> State:
    if alert.state == "cleared":
        return State.GOOD
    return {"critical": State.BAD, "warning": State.WARNING}.get(alert.severity, State.OFF)


def _silence(source: Source) -> str | None:
    match source.state:
        case "missing":
            return "The monitor does not run"
        case "stale":
            return "The monitor has fallen silent"
        case "damaged":
            return "What the monitor wrote cannot be read"
        case _:
            return None


def _whether(is_heard: bool, *, is_used: bool) -> State:  # noqa: FBT001 - what the state is about
    if not is_heard:
        return State.UNKNOWN
    return State.GOOD if is_used else State.OFF


def _line(line: Line) -> Iterator[Finding]:
    if line.state != "down":
        return
    what = line.diagnosis.summary if line.diagnosis is not None else f"{rung(line.rung)} does not work"
    if line.rung in _OF_THE_KEEP:
        said = "The keep is out of reach" if line.rung == "bridge" else "The database does not answer"
    elif line.rung in _FROM_OUTSIDE:
        said = "Nobody outside reaches us"
    else:
        said = "The line is down"
    yield Finding(Section.LINE, State.BAD, f"{said}: {what.rstrip('.')}")


def _hosts(model: Model) -> Iterator[Finding]:
    for name, report in (("door", model.monitor.door), ("keep", model.monitor.keep)):
        if report is None:
            if model.monitor.source.state == "here":
                yield Finding(Section.HOSTS, State.UNKNOWN, f"{HOSTS[name]} says nothing of itself")
            continue
        for state, text in host_findings(report, model.now):
            yield Finding(Section.HOSTS, state, f"{HOSTS[name]}: {text}")


def host_findings(report: HostReport, now: float) -> Iterator[tuple[State, str]]:
    """Yield what wants a look at one host."""
    for unit in report.units:
        if unit_state(unit) is State.BAD:
            yield State.BAD, f"{unit.name} failed"
    if report.disk_free_share is not None and report.disk_free_share < _DISK_LOW:
        yield (
            State.BAD if report.disk_free_share < _DISK_BAD else State.WARNING,
            f"{report.disk_free_share:.0%} of the disk is free",
        )
    if report.temperature_c is not None and report.temperature_c >= _HOT_C:
        yield State.BAD if report.temperature_c >= _HOT_BAD_C else State.WARNING, f"{report.temperature_c:.0f} °C hot"
    if report.under_voltage:
        yield State.WARNING, "the power supply is too weak"
    if report.clock_synchronized is False:
        yield State.WARNING, "its clock is not synchronized"
    if report.at is not None and now - report.at > _REPORT_OLD_S:
        yield State.WARNING, "it has said nothing of itself for more than 5 minutes"


def _gateways(gateways: tuple[Gateway, ...]) -> Iterator[Finding]:
    down = [each.name for each in gateways if each.state == "down"]
    if down:
        state = State.BAD if len(down) == len(gateways) else State.WARNING
        yield Finding(Section.GATEWAYS, state, f"{' and '.join(down)} {'is' if len(down) == 1 else 'are'} down")
    for each in gateways:
        for lane, word in each.breakers:
            if word == "open":
                yield Finding(Section.GATEWAYS, State.BAD, f"{each.name} leaves the keep alone for now ({lane})")
        if each.errors_5xx >= _ERRORS_MIN and each.errors_5xx > each.requests * _ERRORS_SHARE:
            yield Finding(
                Section.GATEWAYS,
                State.WARNING,
                f"{each.name} answered {count(each.errors_5xx, 'request')} with an error",
            )


def _names(model: Model) -> Iterator[Finding]:
    source = model.ddns.source
    if source.state != "here":
        said = {"missing": "does not run", "stale": "has fallen silent"}.get(source.state, "wrote what cannot be read")
        yield Finding(Section.NAMES, State.UNKNOWN, f"The DDNS updater {said}")
        return
    for name in model.ddns.names:
        if (state := name_state(name)) in {State.BAD, State.WARNING}:
            reason = f": {name.reason.rstrip('.')}" if name.reason else ""
            yield Finding(Section.NAMES, state, f"{name.name} is {name.state}{reason}")
    if any(name.state != "off" for name in model.ddns.names):
        for address in model.ddns.addresses:
            if address.state in {"cgnat", "private"}:
                reason = address.reason.rstrip(".") or f"the address is {address.state}"
                yield Finding(Section.NAMES, State.WARNING, f"No {FAMILIES[address.family]} from outside: {reason}")


def _ports(model: Model) -> Iterator[Finding]:
    for mapping in model.ddns.mappings:
        if mapping.state == "failed":
            reason = f": {mapping.reason.rstrip('.')}" if mapping.reason else ""
            yield Finding(Section.PORTS, State.WARNING, f"Port {mapping.external} is not forwarded{reason}")


def _certificates(model: Model) -> Iterator[Finding]:
    for certificate in model.monitor.certificates:
        state = certificate_state(certificate, model.now)
        if state is State.GOOD:
            continue
        days = days_left(certificate.ends, model.now)
        said = "has ended" if certificate.ends <= model.now else f"ends in {count(days, 'day')}"
        yield Finding(Section.CERTIFICATES, state, f"The {certificate.name} certificate {said}")


def _backup(model: Model) -> Iterator[Finding]:
    backup = model.monitor.backup
    if backup is None:
        return
    if backup.last is None:
        yield Finding(Section.BACKUP, State.WARNING, "There is no backup yet")
    elif not backup.last_ok:
        yield Finding(Section.BACKUP, State.BAD, "The last backup failed")
    elif model.now - backup.last > _BACKUP_LATE_S:
        state = State.BAD if model.now - backup.last > _BACKUP_BAD_S else State.WARNING
        yield Finding(
            Section.BACKUP, state, f"The last backup is {count(int((model.now - backup.last) // _DAY_S), 'day')} old"
        )
    if backup.drill is None:
        yield Finding(Section.BACKUP, State.WARNING, "No restore has been tried yet")
    elif not backup.drill_ok:
        yield Finding(Section.BACKUP, State.BAD, "The last restore drill failed")
    elif model.now - backup.drill > _DRILL_LATE_S:
        yield Finding(Section.BACKUP, State.WARNING, "The last restore drill is long ago")


def _alerts(alerts: tuple[Alert, ...], told: set[Section]) -> Iterator[Finding]:
    for alert in alerts:
        state = alert_state(alert)
        section = _ALERT_SECTIONS.get(alert.cause.partition(".")[0])
        if alert.state == "raised" and state is not State.OFF and section not in told:
            yield Finding(Section.ALERTS, state, alert.summary.rstrip("."))
