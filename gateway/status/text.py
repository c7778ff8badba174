"""The owner's view in a terminal: 80 columns, words first; colour, where asked for, only repeats what a word says."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, tzinfo
from typing import Final

from gateway.status.judging import (
    AVAILABILITY_GOAL,
    Section,
    alert_state,
    alerts_first,
    backup_states,
    certificate_state,
    findings,
    gateway_state,
    headline,
    name_state,
    rung_state,
    states,
    unit_state,
)
from gateway.status.model import HostReport, Model, Source, State
from gateway.status.words import (
    CERTIFICATES,
    FAMILIES,
    HOSTS,
    count,
    days_left,
    duration,
    moment,
    rung,
    share,
    size,
)

WIDTH: Final = 80
_OUTAGES_SHOWN: Final = 8
_ALERTS_SHOWN: Final = 8
_BANS_SHOWN: Final = 5

_TAGS: Final = {
    State.GOOD: "[good]",
    State.WARNING: "[look]",
    State.BAD: "[BAD]",
    State.UNKNOWN: "[?]",
    State.OFF: "[off]",
}
_COLOURS: Final = {State.GOOD: "32", State.WARNING: "33", State.BAD: "31;1", State.UNKNOWN: "35", State.OFF: "2"}
_TAG_WIDTH: Final = max(map(len, _TAGS.values()))
_PAIRS: Final = frozenset({"evidence", "breakers", "delivered", "refused"})


class Screen:
    """Writes lines of at most :data:`WIDTH` columns."""

    def __init__(self, *, zone: tzinfo | None, now: float, has_colour: bool) -> None:
        self._zone = zone
        self._now = now
        self._has_colour = has_colour
        self.lines: list[str] = []

    def title(self, text: str, state: State) -> None:
        self.lines += ["", self._coloured(state, f"{_TAGS[state]:<{_TAG_WIDTH}} {text.upper()}")]

    def row(self, state: State | None, *cells: tuple[str, int], rest: str = "") -> None:
        """Write a state, cells of so many columns, and ``rest``, which goes on below itself where it is long."""
        tag = "" if state is None else _TAGS[state]
        head = f"  {tag:<{_TAG_WIDTH}} " + "".join(f"{_cut(text, width):<{width}} " for text, width in cells)
        indent = " " * min(len(head), WIDTH // 2)
        first = WIDTH - len(head)
        lines = textwrap.wrap(rest, WIDTH - len(indent), initial_indent=" " * (WIDTH - len(indent) - first))
        told = [head + lines[0].lstrip(), *(indent + line for line in lines[1:])] if lines else [head]
        if state is not None:
            told[0] = told[0].replace(tag, self._coloured(state, tag), 1)
        self.lines += [line.rstrip() for line in told]

    def note(self, text: str) -> None:
        self.lines += textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="  ")

    def headline(self, state: State, text: str) -> None:
        for line in textwrap.wrap(f"{_TAGS[state]} {text}", WIDTH):
            self.lines.append(self._coloured(state, line))

    def at(self, unix_s: float | None) -> str:
        return "" if unix_s is None else moment(unix_s, self._zone, now=self._now)

    def _coloured(self, state: State, text: str) -> str:
        return f"\x1b[{_COLOURS[state]}m{text}\x1b[0m" if self._has_colour else text


def render(model: Model, *, zone: tzinfo | None, has_colour: bool) -> str:
    """Return the whole view as text. ``zone`` is whose clock is meant; None: this machine's."""
    screen = Screen(zone=zone, now=model.now, has_colour=has_colour)
    found = findings(model)
    told = states(model, found)
    line = headline(model, found)
    screen.headline(line.state, line.text)
    zone_name = datetime.fromtimestamp(model.now, zone).astimezone(zone).tzname()
    screen.note(f"{screen.at(model.now)} {zone_name}")
    for name, source in (("monitor", model.monitor.source), ("DDNS updater", model.ddns.source)):
        if source.state != "here":
            screen.note(describe(name, source, screen.at(source.at)))
    if len(found) > 1:
        for each in found:
            screen.row(each.state, rest=each.text)
    for part in (_line, _alerts, _history, _hosts, _gateways, _keeping):
        if model.monitor.source.at is not None:
            part(screen, model, told)
    if model.ddns.source.at is not None:
        _internet(screen, model, told)
    return "\n".join(screen.lines) + "\n"


def describe(name: str, source: Source, at: str) -> str:
    """Return what is wrong with a snapshot, in a sentence."""
    match source.state:
        case "missing":
            return f"The {name} does not run, or has written nothing yet."
        case "damaged":
            return f"What the {name} wrote cannot be read: {source.reason}."
        case "stale":
            return f"The {name} has been silent: what it says is as of {at}."
        case _:
            return f"As of {at}."


def as_json(value: object) -> object:
    """Return the model, or a part of it, as what JSON can hold."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: dict(getattr(value, field.name))
            if field.name in _PAIRS
            else as_json(getattr(value, field.name))
            for field in fields(value)
        }
    if isinstance(value, tuple):
        return [as_json(each) for each in value]
    if isinstance(value, Mapping):
        return {key: as_json(each) for key, each in value.items()}
    return value


def document(model: Model) -> object:
    """Return everything that the text shows, for a program."""
    found = findings(model)
    return as_json(
        {
            "headline": headline(model, found),
            "findings": found,
            "sections": states(model, found),
            "now": model.now,
            "monitor": model.monitor,
            "ddns": model.ddns,
        }
    )


def _line(screen: Screen, model: Model, told: dict[Section, State]) -> None:
    screen.title("The line", told[Section.LINE])
    line = model.monitor.line
    for each in line.rungs:
        took = "" if each.took_ms is None else f"{each.took_ms:.0f} ms"
        screen.row(rung_state(each), (rung(each.name), 15), (screen.at(each.since), 13), (took, 7), rest=each.summary)
    if line.diagnosis is not None:
        screen.note(f"Diagnosis: {line.diagnosis.summary}")
        for name, value in line.diagnosis.evidence:
            screen.note(f"  {name}: {value}")


def _alerts(screen: Screen, model: Model, told: dict[Section, State]) -> None:
    alerts = model.monitor.alerts
    screen.title("Alerts", told[Section.ALERTS])
    if not alerts:
        screen.note("none")
    shown = alerts_first(alerts, _ALERTS_SHOWN)
    for alert in shown:
        word = alert.severity if alert.state == "raised" else "cleared"
        screen.row(alert_state(alert), (word, 8), (screen.at(alert.cleared or alert.raised), 13), rest=alert.summary)
    _more(screen, len(alerts), len(shown))


def _history(screen: Screen, model: Model, told: dict[Section, State]) -> None:
    monitor = model.monitor
    screen.title("The last 30 days", told[Section.HISTORY])
    if (seen := monitor.availability) is not None:
        allowed_s = seen.days * 86_400 * (1 - AVAILABILITY_GOAL)
        screen.note(
            f"{share(seen.share)} available, the goal is {share(AVAILABILITY_GOAL)}: "
            f"{duration(seen.down_s)} of outage, {duration(allowed_s)} allowed in {seen.days} days"
        )
    for outage in monitor.outages[:_OUTAGES_SHOWN]:
        lasted = "lasts" if outage.ended is None else duration(outage.ended - outage.began)
        screen.row(None, (screen.at(outage.began), 13), (lasted, 11), rest=f"{rung(outage.rung)}: {outage.summary}")
    _more(screen, len(monitor.outages), _OUTAGES_SHOWN)


def _hosts(screen: Screen, model: Model, told: dict[Section, State]) -> None:
    screen.title("The hosts", told[Section.HOSTS])
    for name, report in (("door", model.monitor.door), ("keep", model.monitor.keep)):
        if report is None:
            screen.row(State.UNKNOWN, rest=f"{HOSTS[name]} says nothing of itself")
            continue
        screen.note(", ".join([HOSTS[name], *host_figures(report)]))
        for unit in report.units:
            restarts = f", restarted {count(unit.restarts, 'time')}" if unit.restarts else ""
            fault = f", {unit.result}" if unit.result not in {"", "success"} else ""
            screen.row(
                unit_state(unit),
                (unit.name, 32),
                (f"{unit.active} ({unit.sub})", 19),
                rest=f"{screen.at(unit.since)}{restarts}{fault}",
            )


def host_figures(report: HostReport) -> Iterator[str]:
    """Yield what a host says of itself, each with its unit."""
    if report.release:
        yield f"release {report.release}"
    if report.uptime_s is not None:
        yield f"up {duration(report.uptime_s)}"
    if report.memory_unused_mib is not None:
        yield f"{report.memory_unused_mib:.0f} MiB of memory unused"
    if report.disk_free_share is not None:
        yield f"{report.disk_free_share * 100:.0f} % of the disk free"
    if report.temperature_c is not None:
        yield f"{report.temperature_c:.0f} °C"
    if report.under_voltage is not None:
        yield "power too weak" if report.under_voltage else "power good"
    if report.clock_synchronized is not None:
        yield "clock synchronized" if report.clock_synchronized else "clock not synchronized"


def _gateways(screen: Screen, model: Model, told: dict[Section, State]) -> None:
    screen.title("Gateways, breakers, cache", told[Section.GATEWAYS])
    for each in model.monitor.gateways:
        state = gateway_state(each)
        p95 = "" if each.p95_ms is None else f", p95 {each.p95_ms:.0f} ms"
        cache = each.cache
        hits = "" if cache is None else f"; cache {cache.hits} hits, {cache.misses} misses, {size(cache.size_bytes)}"
        breakers = "; breakers " + ", ".join(f"{lane} {word}" for lane, word in each.breakers) if each.breakers else ""
        screen.row(
            state,
            (each.name, 10),
            rest=f"{each.state}, {each.requests} requests, {each.errors_5xx} errors{p95}{hits}{breakers}",
        )


def _internet(screen: Screen, model: Model, told: dict[Section, State]) -> None:
    ddns = model.ddns
    screen.title("Names on the Internet", told[Section.NAMES])
    for address in ddns.addresses:
        reason = f": {address.reason}" if address.reason else ""
        screen.row(None, (FAMILIES[address.family], 5), rest=f"{address.value or 'none'}, {address.state}{reason}")
    for name in ddns.names:
        details = [name.state, name.published and f"published {name.published}", name.reason]
        details += [f"verified {screen.at(name.verified)}"] if name.verified else []
        details += [f"next try {screen.at(name.next_try)}"] if name.next_try else []
        screen.row(name_state(name), (name.name, 26), (FAMILIES[name.family], 5), rest=", ".join(filter(None, details)))
    screen.title("Port mappings", told[Section.PORTS])
    for each in ddns.mappings:
        state = {"mapped": State.GOOD, "failed": State.WARNING}.get(each.state, State.OFF)
        lease = f"until {screen.at(each.lease_ends)}" if each.lease_ends else ""
        rest = ", ".join(filter(None, [each.state, each.method, lease, each.reason]))
        screen.row(state, (f"{each.protocol} {each.external} -> {each.internal}", 20), rest=rest)


def _keeping(screen: Screen, model: Model, told: dict[Section, State]) -> None:
    monitor = model.monitor
    screen.title("Certificates", told[Section.CERTIFICATES])
    for each in monitor.certificates:
        days = days_left(each.ends, model.now)
        said = count(days, "day") + " left" if days >= 0 else "ended"
        title = CERTIFICATES.get(each.name, each.name)
        screen.row(certificate_state(each, monitor.limits, model.now), (title, 26), (each.host, 5), rest=said)
    screen.title("Backup", told[Section.BACKUP])
    if (backup := monitor.backup) is not None:
        made, drilled = backup_states(backup, monitor.limits, model.now)
        for state, what, at, is_ok in (
            (made, "last", backup.last, backup.last_ok), (drilled, "drill", backup.drill, backup.drill_ok),
        ):  # fmt: skip
            screen.row(state, (what, 6), rest=f"{screen.at(at)} {'' if is_ok else 'failed'}" if at else "none yet")
        if backup.detail:
            screen.note(backup.detail)
    screen.title("Bans", told[Section.BANS])
    if monitor.bans is not None:
        screen.note(f"{count(monitor.bans.count, 'ban')}; lifted at the rescue console: bans remove ADDRESS")
        for ban in monitor.bans.recent[:_BANS_SHOWN]:
            left = "" if ban.remaining_s is None else f"{duration(ban.remaining_s)} left"
            screen.row(None, (ban.address, 26), (screen.at(ban.began), 13), (left, 12), rest=ban.reason)


def _more(screen: Screen, there: int, shown: int) -> None:
    if there > shown:
        screen.note(f"and {there - shown} more")


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
