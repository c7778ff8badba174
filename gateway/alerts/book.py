"""The book of alerts: takes reports, and decides what is told, and when. No I/O and no clock of its own.

- One case for a cause, however often it is reported; at most one alert of it in an hour, the rest counted.
- A root cause is told first, and what follows from it (:mod:`gateway.alerts.causes`) is folded into its alert. What is
  still wrong five minutes after the root has ended is told by itself; what came later and lasts an hour has the root
  told again.
- The end is told once, where the start was.
- In the quiet hours only what is critical is told; the rest becomes one message when they end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.alerts.case import QUIET_S, RANK, Case, within
from gateway.alerts.causes import follows
from gateway.alerts.message import Folded, Message, Part
from gateway.alerts.outbox import Outbox
from gateway.alerts.quiet import QuietHours
from gateway.alerts.report import Report, Severity

CASES_MAX: Final = 128
SUBJECTS_MAX: Final = 24
"""Causes that differ in their subject alone; more of them are only counted."""
SHOWN_MAX: Final = 50
FOLDED_MAX: Final = 20
AFTERMATH_S: Final = 300.0
"""So long after a root has ended, what followed from it may take to be well again."""
FLOOD: Final = "alerts.flood"
_VERSION: Final = 1


@dataclass(slots=True)
class Book:
    """``instance`` makes this start's message ids unlike all others. ``taken``: files that it knows already."""

    instance: str
    quiet_hours: QuietHours
    outbox: Outbox
    cases: dict[str, Case] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    serial: int = 0

    @classmethod
    def from_json(
        cls, values: Mapping[str, Any], instance: str, quiet_hours: QuietHours, channels: tuple[str, ...]
    ) -> Book:
        """Return the book that :meth:`as_json` gave. Raises what a damaged one makes raise."""
        if values["version"] != _VERSION:
            msg = "this book is of another version"
            raise ValueError(msg)
        cases = {one["cause"]: Case.from_json(one) for one in values["cases"]}
        outbox = Outbox.from_json(channels, values["outbox"])
        return cls(instance, quiet_hours, outbox, cases, set(values["taken"]))

    def as_json(self) -> dict[str, Any]:
        return {
            "version": _VERSION,
            "taken": sorted(self.taken),
            "cases": [case.as_json() for case in self.cases.values()],
            "outbox": self.outbox.as_json(),
        }

    def take(self, report: Report, now: float) -> None:
        """Enter one report."""
        case = self.cases.get(report.cause)
        if case is None:
            if report.state == "cleared":
                return
            if not self._has_room(report):
                self.flooded(1, report.cause.partition(":")[0], now)
                return
            case = self.cases[report.cause] = Case.of(report, now)
        case.take(report, now)

    def flooded(self, count: int, what: str, now: float) -> None:
        """Count reports that there was no room for."""
        summary = "More was reported than there is room for: the rest is only counted"
        report = Report(FLOOD, "event", "warning", summary, f"The last of them: {what}.", at=max(0.0, now))
        case = self.cases.setdefault(FLOOD, Case.of(report, now))
        case.take(report, now)
        case.events += count - 1
        case.recent.clear()

    def clock_set(self, by_s: float, began: float) -> None:
        """Move the times that a wrong clock gave since ``began``, when this run did."""
        for case in self.cases.values():
            case.clock_set(by_s, began)

    def _has_room(self, report: Report) -> bool:
        what = report.cause.partition(":")[0]
        if report.severity != "critical" and self._count(what) >= SUBJECTS_MAX and not self._forget(what):
            return False
        return len(self.cases) < CASES_MAX or self._forget("")

    def _count(self, what: str) -> int:
        return sum(cause.partition(":")[0] == what for cause in self.cases)

    def _forget(self, what: str) -> bool:
        over = [
            case for case in self.cases.values()
            if not case.is_raised and not case.owed and what in {"", case.cause.partition(":")[0]}
        ]  # fmt: skip
        if not over:
            return False
        del self.cases[min(over, key=lambda case: case.changed).cause]
        return True

    def compose(self, now: float) -> bool:
        """Make messages of what is due, into the outbox. True where anything in the book has changed."""
        is_quiet = self.quiet_hours.include(now)
        is_changed = not is_quiet and self._end_quiet_hours(now)
        if self.outbox.dropped:
            self.flooded(self.outbox.dropped, "a message that could not be sent for too long", now)
            self.outbox.dropped, is_changed = 0, True
        if not any(case.is_due(now) or case.is_only_folded for case in self.cases.values()):
            return is_changed
        roots = {cause: self._root(case, now) for cause, case in self.cases.items()}
        for cause, case in self.cases.items():
            self._weigh(case, roots[cause], now)
        parts = [
            self._part(case, [other for other in self.cases.values() if roots[other.cause] is case], now)
            for case in list(self.cases.values())
            if roots[case.cause] is None and case.is_due(now)
        ]
        parts.sort(key=lambda part: (-RANK[part.severity], part.raised))
        loud = [part for part in parts if not is_quiet or part.severity == "critical"]
        held = [part for part in parts if part not in loud]
        for some, is_held in ((loud, False), (held, True)):
            if some:
                self.outbox.add(Message(self._new_id(), now, tuple(some), is_held=is_held))
        if any(part.kind in {"passed", "recovery"} and part.cause.startswith("line.") for part in parts):
            self.outbox.hurry()  # not before: the end tells of the beginning too, if that has not been sent
        return is_changed or bool(parts)

    def _end_quiet_hours(self, now: float) -> bool:
        if not any(message.is_held for message in self.outbox.messages):
            return False
        self.serial += self.outbox.release(now, f"{self.instance}-{self.serial + 1}")
        return True

    def _new_id(self) -> str:
        self.serial += 1
        return f"{self.instance}-{self.serial}"

    def _weigh(self, case: Case, root: Case | None, now: float) -> None:
        """Have a case told that its root no longer explains, or a root again for what came of it since."""
        if root is None:
            if case.is_only_folded:
                case.told = "no"
                case.owe("start", now)
        elif case.is_raised and case.told == "no" and root.is_raised and root.told == "own":
            if root.alerted_severity is not None and RANK[case.severity] > RANK[root.alerted_severity]:
                root.severity = case.severity
                root.owe("start", now)
            elif not within(case.changed, now, QUIET_S):
                root.owe("start", now)

    def _root(self, case: Case, now: float) -> Case | None:
        """Return the case at the top of what ``case`` follows from, or None where it stands for itself."""
        chain = [case]
        while (above := self._above(chain[-1], now)) is not None:
            if above in chain:  # each because of the other: the first of them by name is told
                ring = chain[chain.index(above) :]
                top = min(ring, key=lambda one: one.cause)
                return None if top is case else top
            chain.append(above)
        return None if len(chain) == 1 else chain[-1]

    def _above(self, case: Case, now: float) -> Case | None:
        lasting = [
            other for other in self.cases.values()
            if other is not case and (other.is_raised or self._is_aftermath(other, case, now))
        ]  # fmt: skip
        for other in lasting:
            if other.cause == case.because_of:
                return other
        return next((other for other in lasting if follows(case.cause, other.cause)), None)

    @staticmethod
    def _is_aftermath(root: Case, case: Case, now: float) -> bool:
        is_to_be_told = bool(root.owed) and not case.is_raised  # then they are told together
        return root.state == "cleared" and (is_to_be_told or within(root.changed, now, AFTERMATH_S))

    def _part(self, case: Case, behind: Iterable[Case], now: float) -> Part:
        folded = list(self._fold(case, behind))
        kind = case.owed
        assert kind  # noqa: S101 - only what is owed is due
        severities: list[Severity] = [case.severity, *(one.severity for one in behind if one.is_raised)]
        part = Part(
            kind="passed" if kind == "start" and not case.is_raised else kind,
            cause=case.cause, severity=max(severities, key=RANK.__getitem__), summary=case.summary, detail=case.detail,
            host=case.host, raised=case.raised, cleared=case.cleared, end_summary=case.end_summary, ended=case.ended,
            ended_s=case.ended_s, events=case.events, recent=tuple(case.recent), folded=tuple(folded[:FOLDED_MAX]),
        )  # fmt: skip
        if kind != "recovery":
            case.alert(now)
        if case.alerted_severity is not None and RANK[part.severity] > RANK[case.alerted_severity]:
            case.alerted_severity = part.severity
        case.settle("own")
        return part

    @staticmethod
    def _fold(root: Case, behind: Iterable[Case]) -> Iterator[Folded]:
        for case in behind:
            if case.is_raised or case.owed or (case.cleared is not None and case.cleared >= root.raised):
                times = f" ({case.events} times)" if case.events > 1 else ""
                yield Folded(case.cause, case.summary + times, case.is_raised)
                case.settle("folded")

    def raised(self) -> frozenset[str]:
        """Return the causes that stand."""
        return frozenset(cause for cause, case in self.cases.items() if case.is_raised)

    def shown(self) -> list[dict[str, Any]]:
        """Return the newest cases, the newest first, as the status shows them."""
        cases = sorted(self.cases.values(), key=lambda case: case.raised, reverse=True)[:SHOWN_MAX]
        return [self._show(case) for case in cases]

    def _show(self, case: Case) -> dict[str, Any]:
        outcomes = self.outbox.outcomes_of(case.cause)
        return {
            "cause": case.cause,
            "severity": case.severity,
            "state": "raised" if case.is_raised else "cleared",
            "summary": case.summary,
            "raised": case.raised,
            "cleared": None if case.is_raised else case.cleared,
            "delivered": {
                channel: outcomes[channel].at if channel in outcomes else None for channel in self.outbox.channels
            },
            "refused": {channel: outcome.refused for channel, outcome in outcomes.items() if outcome.refused},
        }
