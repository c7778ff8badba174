"""Pure functions from the model to verdicts: what wants a look, how each section is, and the one line above it all.

From where on a figure is trouble is the alerts' word (:class:`~gateway.alerts.limits.Limits`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.alerts.limits import DAY_S, Limits
from gateway.alerts.report import Severity
from gateway.status.model import (
    Alert,
    Backup,
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
from gateway.status.words import FAMILIES, HOSTS, count, days_left, duration, rung

AVAILABILITY_GOAL: Final = 0.995

_OF_SEVERITY: Final[Mapping[Severity, State]] = {
    "critical": State.BAD, "warning": State.WARNING, "info": State.OFF,
}  # fmt: skip
_UNKNOWN_YET: Final = "backup.none"
"""The alert that there should be a backup by now: the snapshot does not say since when there is none."""


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
    own = [*_line(model.monitor.line), *_hosts(model), *_gateways(model.monitor.gateways, model.monitor.limits)]
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


def certificate_state(certificate: Certificate, limits: Limits, now: float) -> State:
    return _state(limits.of_certificate(certificate.name, certificate.ends - now))


def backup_states(backup: Backup, limits: Limits, now: float) -> tuple[State, State]:
    """Return how the last backup is, and the last drill. None yet is worth a look."""
    made, drilled = backup.last, backup.drill
    of_backup = State.WARNING if made is None else _state(limits.of_backup(now - made))
    of_drill = State.WARNING if drilled is None else _state(limits.of_drill(now - drilled))
    return (
        State.BAD if made is not None and not backup.last_ok else of_backup,
        State.BAD if drilled is not None and not backup.drill_ok else of_drill,
    )


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
    return _OF_SEVERITY[alert.severity]


def alerts_first(alerts: tuple[Alert, ...], most: int) -> tuple[Alert, ...]:
    """Return every alert that lasts, then the newest that are over: ``most`` in all, unless more than that last."""
    lasting = [each for each in alerts if each.state == "raised"]
    over = [each for each in alerts if each.state != "raised"]
    return (*lasting, *over[: max(0, most - len(lasting))])


def _state(severity: Severity | None) -> State:
    return State.GOOD if severity is None else _OF_SEVERITY[severity]


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
        for state, text in host_findings(report, model.monitor.limits, model.now):
            yield Finding(Section.HOSTS, state, f"{HOSTS[name]}: {text}")


def host_findings(report: HostReport, limits: Limits, now: float) -> Iterator[tuple[State, str]]:
    """Yield what wants a look at one host."""
    for unit in report.units:
        if unit_state(unit) is State.BAD:
            yield State.BAD, f"{unit.name} failed"
    if report.disk_free_share is not None and (severity := limits.of_disk(report.disk_free_share)):
        yield _state(severity), f"{report.disk_free_share * 100:.0f} % of the disk is free"
    if report.temperature_c is not None and (severity := limits.of_temperature(report.temperature_c)):
        yield _state(severity), f"{report.temperature_c:.0f} °C hot"
    if report.under_voltage:
        yield State.WARNING, "the power supply is too weak"
    if report.clock_synchronized is False:
        yield State.WARNING, "its clock is not synchronized"
    if report.at is not None and now - report.at > limits.keep_silent_s:
        yield State.WARNING, f"it has said nothing of itself for more than {duration(limits.keep_silent_s)}"


def _gateways(gateways: tuple[Gateway, ...], limits: Limits) -> Iterator[Finding]:
    down = [each.name for each in gateways if each.state == "down"]
    if down:
        state = State.BAD if len(down) == len(gateways) else State.WARNING
        yield Finding(Section.GATEWAYS, state, f"{' and '.join(down)} {'is' if len(down) == 1 else 'are'} down")
    for each in gateways:
        for lane, word in each.breakers:
            if word == "open":
                yield Finding(Section.GATEWAYS, State.BAD, f"{each.name} leaves the keep alone for now ({lane})")
    errors, requests = sum(each.errors_5xx for each in gateways), sum(each.requests for each in gateways)
    if severity := limits.of_errors(errors, requests):
        yield Finding(Section.GATEWAYS, _state(severity), f"{count(errors, 'request')} of {requests} met an error")


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
    for address in model.ddns.addresses:
        if address.family in model.ddns.families_used and address.state in {"cgnat", "private"}:
            reason = address.reason.rstrip(".") or f"the address is {address.state}"
            yield Finding(Section.NAMES, State.WARNING, f"No {FAMILIES[address.family]} from outside: {reason}")


def _ports(model: Model) -> Iterator[Finding]:
    for mapping in model.ddns.mappings:
        if mapping.state == "failed":
            reason = f": {mapping.reason.rstrip('.')}" if mapping.reason else ""
            yield Finding(Section.PORTS, State.WARNING, f"Port {mapping.external} is not forwarded{reason}")


def _certificates(model: Model) -> Iterator[Finding]:
    for certificate in model.monitor.certificates:
        state = certificate_state(certificate, model.monitor.limits, model.now)
        if state is State.GOOD:
            continue
        days = days_left(certificate.ends, model.now)
        said = "has ended" if certificate.ends <= model.now else f"ends in {count(days, 'day')}"
        yield Finding(Section.CERTIFICATES, state, f"The {certificate.name} certificate {said}")


def _backup(model: Model) -> Iterator[Finding]:
    backup = model.monitor.backup
    if backup is None:
        return
    made, drilled = backup_states(backup, model.monitor.limits, model.now)
    if backup.last is None:
        is_due = any(each.cause == _UNKNOWN_YET and each.state == "raised" for each in model.monitor.alerts)
        yield Finding(Section.BACKUP, State.BAD if is_due else made, "There is no backup yet")
    elif made is not State.GOOD:
        said = _old("backup", model.now - backup.last) if backup.last_ok else "The last backup failed"
        yield Finding(Section.BACKUP, made, said)
    if backup.drill is None:
        yield Finding(Section.BACKUP, drilled, "No restore has been tried yet")
    elif drilled is not State.GOOD:
        said = _old("restore drill", model.now - backup.drill) if backup.drill_ok else "The last restore drill failed"
        yield Finding(Section.BACKUP, drilled, said)


def _old(what: str, age_s: float) -> str:
    return f"The last {what} is {count(int(age_s // DAY_S), 'day')} old"


def _alerts(alerts: tuple[Alert, ...], told: set[Section]) -> Iterator[Finding]:
    for alert in alerts:
        state = alert_state(alert)
        section = _ALERT_SECTIONS.get(alert.cause.partition(".")[0])
        if alert.state == "raised" and state is not State.OFF and section not in told:
            yield Finding(Section.ALERTS, state, alert.summary.rstrip("."))
