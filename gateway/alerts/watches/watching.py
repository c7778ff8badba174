"""The watches, run: what they say is reported once it has lasted, and its end when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Protocol

from bridge.process.clock import Clock
from gateway.alerts.limits import Limits
from gateway.alerts.report import Report, Severity
from gateway.alerts.watches import (
    backup,
    bans,
    breaker,
    certificates,
    clock,
    ddns,
    disk,
    gateways,
    http_errors,
    keep,
    latency,
    mail,
    renewal,
    temperature,
    under_voltage,
    units,
)
from gateway.alerts.watches.condition import Condition, Watch
from gateway.alerts.watches.facts import Facts
from gateway.alerts.watches.figures import quantile_s
from gateway.alerts.watches.rescue import KeepsReports
from gateway.alerts.watches.settings import Settings
from gateway.alerts.watches.sources import Sources

WATCHES: Final[tuple[Watch, ...]] = (
    gateways.SILENT, http_errors.WATCH, latency.WATCH, breaker.WATCH, keep.WATCH, units.WATCH, certificates.WATCH,
    renewal.WATCH, backup.WATCH, mail.WATCH, bans.WATCH, disk.WATCH, clock.WATCH, temperature.WATCH,
    under_voltage.WATCH, ddns.WATCH,
)  # fmt: skip

EVERY_S: Final = 15.0
"""How often :meth:`Watches.run_once` wants to be called. What it reads, it reads less often."""

_RANK: Final[Mapping[Severity, int]] = {"info": 0, "warning": 1, "critical": 2}
_BANS_SHOWN_MAX: Final = 20


class Reads(Protocol):
    """The part of :class:`~gateway.alerts.watches.sources.Sources` that is needed here."""

    async def read(self) -> Facts: ...
    async def acknowledge(self, ids: Iterable[str]) -> bool: ...


@dataclass(slots=True)
class _Seen:
    """A cause as it is followed: when it was first seen in a row, how severe it was reported, since when it is gone."""

    since: float
    condition: Condition | None = None
    reported: Severity | None = None
    gone_since: float | None = None


class Watches:
    """``report`` leaves a report in the inbox, on disk, and says whether it did; it is called in a thread.

    ``raised`` are the causes that the book of alerts holds raised: what is over since before a restart is cleared.
    ``bans_told`` is when it was last told of new bans, Unix time; None: never, as far as it remembers.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        report: Callable[[Report], bool],
        clock: Clock,
        raised: Iterable[str] = (),
        bans_told: float | None = None,
        sources: Reads | None = None,
    ) -> None:
        self._settings = settings
        self._report = report
        self._clock = clock
        self._sources: Reads = sources or Sources(settings, clock)
        self._keeps_reports = KeepsReports(settings.taken, report)
        since = clock.time() if bans_told is None else max(bans_told, clock.time() - settings.bans_summary_s)
        self._new_bans = bans.NewBans(since, settings.bans_summary_s)
        self._heard_at: float | None = None
        now = clock.monotonic()
        ours = {cause for watch in WATCHES for cause in watch.causes}
        self._seen = {cause: _Seen(now, reported="info") for cause in raised if _what(cause) in ours}

    async def run_once(self) -> dict[str, Any]:
        """Look at what is due, report what changed, and return the watches' part of ``status.json``."""
        facts = await self._sources.read()
        now = self._clock.monotonic()
        reports = [report for watch in WATCHES for report in self._follow(watch, facts, now)]
        listed = () if facts.bans is None else facts.bans.bans
        new = self._new_bans.report(listed, facts.now)
        if new is not None and await asyncio.to_thread(self._report, new):
            self._new_bans.told(new.at)
        for cause, report in reports:
            if await asyncio.to_thread(self._report, report):
                self._reported(cause, report)
        if facts.keep is not None and facts.keep.events and facts.keep.heard_at != self._heard_at:
            self._heard_at = facts.keep.heard_at
            taken = await asyncio.to_thread(self._keeps_reports.take, facts.keep.events)
            if taken:
                await self._sources.acknowledge(taken)
        return snapshot(facts, self._settings)

    def _follow(self, watch: Watch, facts: Facts, now: float) -> list[tuple[str, Report]]:
        """Return what to report of one watch. Until it was, it is returned again."""
        wrong = {condition.cause: condition for condition in watch.look(facts, self._settings)}
        reports = []
        for cause, condition in wrong.items():
            seen = self._seen.setdefault(cause, _Seen(now))
            seen.condition, seen.gone_since = condition, None
            is_worse = seen.reported is None or _RANK[condition.severity] > _RANK[seen.reported]
            if is_worse and (seen.reported is not None or now - seen.since >= condition.after_s):
                reports.append((cause, _raised(condition, facts.now)))
        for cause, seen in list(self._seen.items()):
            if cause in wrong or _what(cause) not in watch.causes or not watch.knows(facts, cause):
                continue
            if seen.reported is None:
                del self._seen[cause]
                continue
            seen.gone_since = now if seen.gone_since is None else seen.gone_since
            if now - seen.gone_since >= (seen.condition.clear_after_s if seen.condition else 0.0):
                reports.append((cause, _cleared(cause, seen, facts.now)))
        return reports

    def _reported(self, cause: str, report: Report) -> None:
        if report.state == "cleared":
            del self._seen[cause]
        else:
            self._seen[cause].reported = report.severity


def _what(cause: str) -> str:
    return cause.partition(":")[0]


def _raised(condition: Condition, at: float) -> Report:
    return Report(
        cause=condition.cause,
        state="raised",
        severity=condition.severity,
        summary=condition.summary,
        detail=condition.detail,
        host=condition.host,
        at=at,
        because_of=condition.because_of,
    )


def _cleared(cause: str, seen: _Seen, at: float) -> Report:
    was = seen.condition
    return Report(
        cause=cause,
        state="cleared",
        severity=(seen.reported or "info"),
        summary=f"Over: {was.summary}" if was else "It is over",
        host=was.host if was else "door",
        at=at,
    )


def snapshot(facts: Facts, limits: Limits) -> dict[str, Any]:
    """Return the watches' part of ``status.json``, with the limits that it is to be judged by."""
    ends = [
        {"name": name, "host": host, "ends": end}
        for name, (host, end) in sorted(certificates.ends_by_name(facts).items())
    ]
    shown = [end for end in facts.web_ends.values() if not isinstance(end, str)]
    web = [{"name": "web", "host": "door", "ends": min(shown)}] if shown else []
    return {
        "limits": {field.name: getattr(limits, field.name) for field in fields(Limits)},
        "gateways": [
            {
                "name": gateway.name,
                "state": "down" if gateway.refusal else "up",
                "requests": gateway.traffic.requests,
                "errors_5xx": sum(gateway.traffic.errors.values()),
                "p95_ms": None if (p95_s := quantile_s(gateway.traffic, latency.SHARE)) is None else p95_s * 1000,
                "breakers": dict(gateway.breakers),
                "cache": {"hits": 0, "misses": 0, "bytes": 0} | dict(gateway.cache),
            }
            for gateway in facts.gateways
        ],
        "door": None if facts.door is None else asdict(facts.door),
        "keep": None if facts.keep is None else asdict(facts.keep.host),
        "certificates": [*web, *ends],
        "backup": None if facts.keep is None or facts.keep.backup is None else asdict(facts.keep.backup),
        "bans": None if facts.bans is None or facts.bans.refusal else _bans(facts.bans.bans),
    }


def _bans(listed: Iterable[Any]) -> dict[str, Any]:
    rows = sorted(listed, key=lambda ban: -ban.began)
    return {"count": len(rows), "recent": [asdict(ban) for ban in rows[:_BANS_SHOWN_MAX]]}
