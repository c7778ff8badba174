"""One cause of trouble: how it is, and what of it nobody has been told yet. Pure: it is told the time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from gateway.alerts.report import Report, Severity, State

SETTLE_S: Final = 10.0
"""So long a report waits, so that one which explains it can come first."""
QUIET_S: Final = 3600.0
"""One alert for a cause in so long."""
RECENT_MAX: Final = 5

Owed = Literal["", "start", "recovery", "events"]
Told = Literal["no", "own", "folded"]
RANK: Final[Mapping[str, int]] = {"info": 0, "warning": 1, "critical": 2}


def within(then: float | None, now: float, seconds: float) -> bool:
    """Say whether ``then`` is less than ``seconds`` ago. A clock that was set back lets nothing wait for ever."""
    return then is not None and 0 <= now - then < seconds


@dataclass(slots=True)
class Case:
    """``raised`` and ``cleared`` are the reports' times; ``changed``, ``owed_since`` and ``alerted`` are when we knew.

    ``told``: whether the start of this outage was told, by itself or folded into its root's. ``ended`` counts whole
    outages since the last alert, which lasted ``ended_s`` in all.
    """

    cause: str
    severity: Severity
    state: State
    summary: str
    detail: str
    host: str
    because_of: str | None
    raised: float
    changed: float
    cleared: float | None = None
    end_summary: str = ""
    told: Told = "no"
    owed: Owed = ""
    owed_since: float | None = None
    alerted: float | None = None
    alerted_severity: Severity | None = None
    ended: int = 0
    ended_s: float = 0.0
    events: int = 0
    recent: list[tuple[float, str]] = field(default_factory=list)

    @classmethod
    def of(cls, report: Report, now: float) -> Case:
        """Return a case that has not taken ``report`` yet."""
        return cls(
            cause=report.cause, severity=report.severity, state="cleared", summary=report.summary,
            detail=report.detail, host=report.host, because_of=report.because_of, raised=report.at, changed=now,
        )  # fmt: skip

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Case:
        recent = [(float(at), str(text)) for at, text in values["recent"]]
        return cls(**{**values, "recent": recent})

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def is_raised(self) -> bool:
        return self.state == "raised"

    @property
    def is_only_folded(self) -> bool:
        """Say whether it was told as what follows from another cause, and lasts."""
        return self.is_raised and self.told == "folded"

    def take(self, report: Report, now: float) -> None:
        if report.state == "raised":
            self._raise(report, now)
        elif report.state == "cleared":
            self._clear(report, now)
        else:
            self._happen(report, now)

    def _raise(self, report: Report, now: float) -> None:
        was_raised = self.is_raised
        self._describe(report)
        if was_raised:
            if self.told == "own" and self.is_worse_than_told:
                self.owe("start", now)
            return
        self.state, self.changed = "raised", now
        if self.owed == "recovery":  # it only seemed over
            self.cleared, self.owed, self.owed_since = None, "", None
            return
        if self.owed == "start" and self.cleared is not None:
            self.ended += 1
            self.ended_s += max(0.0, self.cleared - self.raised)
        self.raised, self.cleared, self.end_summary, self.told = report.at, None, "", "no"
        self.owe("start", now)

    def _clear(self, report: Report, now: float) -> None:
        if not self.is_raised:
            return
        self.state, self.changed, self.cleared = "cleared", now, max(report.at, self.raised)
        self.end_summary = report.summary
        if self.told == "own":
            self.owed, self.owed_since = "recovery", now
        elif self.told == "folded":
            self.owed, self.owed_since = "", None

    def _happen(self, report: Report, now: float) -> None:
        if not self.is_raised and self.owed in {"", "events"}:
            self.state, self.raised, self.cleared = "event", report.at, report.at
            self._describe(report)
        self.changed = now
        self.events += 1
        self.recent = [*self.recent, (report.at, report.summary)][-RECENT_MAX:]
        if not self.owed:
            self.owe("events", now)

    def clock_set(self, by_s: float, began: float) -> None:
        """Move the times that a wrong clock gave since ``began``; what is older may be of a right one."""
        for name in ("raised", "cleared", "changed", "owed_since", "alerted"):
            at = getattr(self, name)
            if at is not None and at >= began:
                setattr(self, name, at + by_s)
        self.recent = [(at + by_s if at >= began else at, text) for at, text in self.recent]

    def _describe(self, report: Report) -> None:
        self.severity, self.host, self.because_of = report.severity, report.host, report.because_of
        self.summary, self.detail = report.summary, report.detail

    @property
    def is_worse_than_told(self) -> bool:
        return self.alerted_severity is None or RANK[self.severity] > RANK[self.alerted_severity]

    def owe(self, what: Owed, now: float) -> None:
        if self.owed_since is None or self.owed != what:
            self.owed_since = now
        self.owed = what

    def is_due(self, now: float) -> bool:
        """Say whether what is owed may be told by itself now: it has settled, and the hour has passed."""
        if not self.owed or within(self.owed_since, now, SETTLE_S):
            return False
        return self.owed == "recovery" or self.is_worse_than_told or not within(self.alerted, now, QUIET_S)

    def settle(self, told: Told) -> None:
        """Take down that what was owed has been told."""
        if self.is_raised:
            self.told = "own" if self.told == "own" else told
        self.owed, self.owed_since = "", None
        self.ended, self.ended_s, self.events, self.recent = 0, 0.0, 0, []

    def alert(self, now: float) -> None:
        """Take down that an alert of its own is made now."""
        self.alerted, self.alerted_severity = now, self.severity
