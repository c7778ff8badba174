"""Reading the two snapshot files, which their writers replace whole every few seconds."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from gateway.alerts.limits import Limits
from gateway.status.fields import Fields
from gateway.status.model import (
    Address,
    Alert,
    Availability,
    Backup,
    Ban,
    Bans,
    CacheFigures,
    Certificate,
    Diagnosis,
    Gateway,
    HostReport,
    Line,
    Mapping,
    Model,
    Monitored,
    Name,
    Outage,
    Published,
    Rung,
    Source,
    Unit,
)  # fmt: skip

MONITOR_FILE: Final = Path("/run/drawbridge/monitor/status.json")
DDNS_FILE: Final = Path("/run/drawbridge/ddns/status.json")
STALE_S: Final = 60.0
"""Four times what the writers promise."""

BYTES_MAX: Final = 2 * 2**20
_IPV4: Final = "ipv4"
_IPV6: Final = "ipv6"
_MANY: Final = 500
_SOME: Final = 100

T = TypeVar("T")


class Files(NamedTuple):
    """Where the writers leave their snapshots."""

    monitor: Path = MONITOR_FILE
    ddns: Path = DDNS_FILE


def read(files: Files, now: float) -> Model:
    """Return what both files say. Neither has to be there, be new, or make sense."""
    return Model(
        now,
        _snapshot(files.monitor, now, _monitored, Monitored),
        _snapshot(files.ddns, now, _published, Published),
    )


def _snapshot(path: Path, now: float, parse: Callable[[Source, Fields], T], nothing: Callable[[Source], T]) -> T:
    try:
        value = json.loads(_content(path))
    except FileNotFoundError:
        return nothing(Source("missing"))
    except OSError as error:
        return nothing(Source("damaged", reason=error.strerror or "it cannot be read"))
    except (ValueError, RecursionError):
        return nothing(Source("damaged", reason="it is not JSON"))
    fields = Fields(value)
    at = fields.moment("at")
    if at is None:
        return nothing(Source("damaged", reason="it does not say when it was written"))
    return parse(Source("stale" if abs(now - at) > STALE_S else "here", at, fields.moment("started")), fields)


def _content(path: Path) -> bytes:
    """Return a file's content. Raises OSError, also where it is no file or has more than ``BYTES_MAX``."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not hold up who serves others
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "it is no file")
        content = file.read(BYTES_MAX + 1)
    if len(content) > BYTES_MAX:
        raise OSError(0, "it is too large")
    return content


def _monitored(source: Source, fields: Fields) -> Monitored:
    part = fields.part("availability")
    availability = None if part is None else _availability(part)
    return Monitored(
        source,
        limits=_limits(fields.part("limits") or Fields(None)),
        line=_line(fields),
        outages=tuple(_outages(fields)),
        availability=availability,
        gateways=tuple(map(_gateway, fields.parts("gateways", 8))),
        door=fields.maybe("door", _host),
        keep=fields.maybe("keep", _host),
        certificates=tuple(
            Certificate(each.text("name"), each.text("host"), ends)
            for each in fields.parts("certificates", _SOME)
            if (ends := each.moment("ends")) is not None
        ),
        backup=fields.maybe("backup", _backup),
        bans=fields.maybe("bans", _bans),
        alerts=tuple(map(_alert, fields.parts("alerts", _SOME))),
    )


def _limits(fields: Fields) -> Limits:
    """Return the limits; those of an older monitor, which does not say, are the usual ones."""
    said = {each.name: fields.number(each.name) for each in fields_of(Limits)}
    return Limits(**{name: value for name, value in said.items() if value is not None})


def _line(fields: Fields) -> Line:
    return Line(
        fields.choice("state", ("up", "down", "unknown"), "unknown"),
        fields.text("rung"),
        fields.maybe("diagnosis", _diagnosis),
        tuple(
            Rung(
                each.text("name"),
                each.choice("state", ("up", "down", "unknown", "off"), "unknown"),
                each.moment("since"),
                each.number("took_ms"),
                each.count("flaps"),
                each.text("summary"),
                each.texts("evidence"),
            )
            for each in fields.parts("rungs", 20)
        ),
    )


def _diagnosis(fields: Fields) -> Diagnosis:
    return Diagnosis(fields.text("code"), fields.text("summary"), fields.texts("evidence"))


def _outages(fields: Fields) -> list[Outage]:
    """Return the outages, newest first, whatever their order was."""
    found = [
        Outage(
            began, each.moment("ended"), each.text("rung"), each.text("code"), each.text("summary"), each.count("flaps")
        )
        for each in fields.parts("outages", _MANY)
        if (began := each.moment("began")) is not None
    ]
    return sorted(found, key=lambda outage: outage.began, reverse=True)


def _availability(fields: Fields) -> Availability | None:
    share = fields.share("share")
    if share is None:
        return None
    known_s, down_s = (max(fields.number(name) or 0.0, 0.0) for name in ("known_s", "down_s"))
    return Availability(min(fields.count("days") or 30, 366), known_s, down_s, share)


def _gateway(fields: Fields) -> Gateway:
    return Gateway(
        fields.text("name"),
        fields.choice("state", ("up", "down"), "unknown"),
        fields.count("requests"),
        fields.count("errors_5xx"),
        fields.number("p95_ms"),
        fields.texts("breakers"),
        fields.maybe("cache", _cache),
    )


def _cache(fields: Fields) -> CacheFigures:
    return CacheFigures(fields.count("hits"), fields.count("misses"), fields.count("bytes"))


def _host(fields: Fields) -> HostReport:
    return HostReport(
        fields.moment("at"),
        fields.text("release"),
        fields.number("uptime_s"),
        fields.number("memory_unused_mib"),
        fields.share("disk_free_share"),
        fields.number("temperature_c"),
        fields.flag("under_voltage"),
        fields.flag("clock_synchronized"),
        tuple(
            Unit(
                each.text("name"),
                each.text("active"),
                each.text("sub"),
                each.moment("since"),
                each.count("restarts"),
                each.text("result"),
            )
            for each in fields.parts("units", _SOME)
        ),
    )


def _backup(fields: Fields) -> Backup:
    return Backup(
        fields.moment("last"),
        bool(fields.flag("last_ok")),
        fields.moment("drill"),
        bool(fields.flag("drill_ok")),
        fields.text("detail"),
    )


def _bans(fields: Fields) -> Bans:
    return Bans(
        fields.count("count"),
        tuple(
            Ban(each.text("address"), each.text("reason"), each.moment("began"), each.number("remaining_s"))
            for each in fields.parts("recent", _SOME)
        ),
    )


def _alert(fields: Fields) -> Alert:
    return Alert(
        fields.text("cause"),
        fields.choice("severity", ("critical", "warning", "info"), "warning"),
        fields.choice("state", ("raised", "cleared"), "raised"),
        fields.text("summary"),
        fields.moment("raised"),
        fields.moment("cleared"),
        fields.moments("delivered"),
        fields.texts("refused"),
    )


def _published(source: Source, fields: Fields) -> Published:
    addresses = fields.part("addresses") or Fields(None)
    return Published(
        source,
        addresses=tuple(
            Address(
                family,
                part.text("value"),
                part.text("source"),
                part.choice("state", ("public", "cgnat", "private"), "unknown"),
                part.text("reason"),
            )
            for family in (_IPV4, _IPV6)
            if (part := addresses.part(family)) is not None
        ),
        names=tuple(map(_name, fields.parts("names", _SOME))),
        mappings=tuple(
            Mapping(
                each.text("protocol"),
                each.count("internal"),
                each.count("external"),
                each.text("method"),
                each.choice("state", ("mapped", "failed", "off"), "off"),
                each.text("external_address"),
                each.moment("lease_ends"),
                each.text("reason"),
            )
            for each in fields.parts("mappings", _SOME)
        ),
    )


def _name(fields: Fields) -> Name:
    return Name(
        fields.text("name"),
        fields.choice("family", ("ipv4", "ipv6"), "ipv4"),
        fields.text("provider"),
        fields.text("wanted"),
        fields.text("published"),
        fields.choice("state", ("current", "updating", "waiting", "refused", "blocked", "off"), "waiting"),
        fields.text("reason"),
        fields.moment("changed"),
        fields.moment("verified"),
        fields.moment("next_try"),
    )
