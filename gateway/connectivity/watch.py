"""Follows the ladder over time: outages go into the journal, reports to whoever alerts, all into the snapshot.

One outage is one thing, however many rungs it shows on: a line that comes back passes through "no address" and "no
resolver" for moments. So the first cause stands, until another one has lasted.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from bridge.process.clock import Clock, ClockSteps
from gateway.connectivity.diagnosis import Diagnosis, diagnose
from gateway.connectivity.findings import KEEP, LINE, Finding, Rung, unknown
from gateway.connectivity.journal import DAYS, Entry, Journal
from gateway.connectivity.ladder import BRANCHES, Ladder
from gateway.connectivity.reports import Emit, LineReport, Reports

CHANGE_S: Final = 10.0
"""How long another cause has to last before an outage is called after it."""

_OUTAGES_SHOWN: Final = 500
_AVAILABILITY_EVERY_S: Final = 60.0

_log: Final = logging.getLogger(__name__)


class _Outage:
    """The outage of one branch, while there is one."""

    def __init__(self, entry: Entry | None) -> None:
        self.entry = entry
        self.is_inherited = entry is not None
        """It was under way when the monitor before this one ended, and nothing has been confirmed since."""
        self.cause: Diagnosis | None = None
        self.candidate: tuple[str, float] = ("", 0.0)


class Watch:
    """What is known, kept from finding to finding."""

    def __init__(self, *, clock: Clock, journal: Journal, emit: Emit) -> None:
        self._clock = clock
        self._journal = journal
        self._emit = emit
        self.started = clock.time()
        self._steps = ClockSteps(clock)
        self.ladder: Final = Ladder(now=clock.monotonic())
        self._diagnoses: dict[Sequence[Rung], Diagnosis | None] = dict.fromkeys(BRANCHES)
        lasting = journal.lasting("outage")
        self._outages = {
            branch: _Outage(next((each for each in lasting if each.name in branch), None)) for branch in BRANCHES
        }
        told = [(each.name.partition(".")[2], each.began, each.ended) for each in journal.told()]
        of_keep = {"gateways_down", "keep_away", "agent_down", "bridge_refused", "database_down", "keep_flapping"}
        self._reports = {
            LINE: Reports("line_flapping", self._tell, [each for each in told if each[0] not in of_keep]),
            KEEP: Reports("keep_flapping", self._tell, [each for each in told if each[0] in of_keep]),
        }
        self._shown: tuple[float, dict[str, Any]] = (-1e9, {})

    def take(self, rung: Rung, finding: Finding, *, took_ms: float = 0.0) -> bool:
        """Count one look, and return whether its rung's state changed.

        That the keep does not answer says nothing while this machine's own cable or address is gone.
        """
        own = (self.ladder.steps[each].finding for each in (Rung.LINK, Rung.ADDRESS))
        if finding.code == "keep_away" and any(each is not None and each.state == "down" for each in own):
            finding = unknown("This machine's own cable or address is gone, and the keep behind it", finding.evidence)
        return self.ladder.take(rung, finding, now=self._clock.monotonic(), took_ms=took_ms)

    def settle(self) -> None:
        """Draw the conclusions of what was taken: to be called after each look, and now and then."""
        self._follow_clock()
        now, at = self._clock.monotonic(), self._clock.time()
        for branch in BRANCHES:
            rung, diagnosis = self.ladder.broken(branch), None
            if rung is not None:
                step = self.ladder.steps[rung]
                diagnosis = diagnose(rung, step.bad, since=at - (now - step.votes.since))
            self._diagnoses[branch] = diagnosis
            is_well = self.ladder.is_well(branch)
            cause = self._follow(self._outages[branch], diagnosis, is_well=is_well, now=now, at=at)
            self._reports[branch].follow(cause, is_well=is_well, at=at)
        self._journal.alive(at)

    def stop(self) -> None:
        self._journal.alive(self._clock.time(), is_stopping=True)

    @property
    def diagnosis(self) -> Diagnosis | None:
        """The first broken rung's, of the line before the keep's; else what comes and goes."""
        found = [each for each in self._diagnoses.values() if each]
        found += [flapping for each in self._reports.values() if (flapping := each.flapping)]
        return found[0] if found else None

    def snapshot(self) -> dict[str, Any]:
        """Return what status.json holds of the line, without ``at``."""
        diagnosis = self.diagnosis
        broken = [rung for branch in BRANCHES if (rung := self.ladder.broken(branch))]
        is_known = all(self.ladder.is_well(branch) for branch in BRANCHES)
        return {
            "started": self.started,
            "state": "down" if broken else "up" if is_known or self._was_up() else "unknown",
            "rung": broken[0].value if broken else None,
            "diagnosis": None
            if diagnosis is None
            else {"code": diagnosis.code, "summary": diagnosis.summary, "evidence": dict(diagnosis.evidence)},
            "rungs": self._rungs(),
            **self._history(),
        }

    def _was_up(self) -> bool:
        """Say whether a look failed that has not been confirmed: up, until it is."""
        steps = self.ladder.steps.values()
        return all(step.finding is not None and step.votes.state != "down" for step in steps)

    def _rungs(self) -> list[dict[str, Any]]:
        now, at = self._clock.monotonic(), self._clock.time()
        return [
            {
                "name": rung.value,
                "state": step.state,
                "since": round(at - (now - step.votes.since), 3),
                "took_ms": round(step.took_ms, 1),
                "flaps": step.votes.flaps(now=now),
                "summary": step.finding.summary if step.finding else "Not looked at while what carries it is broken",
                "evidence": dict(step.finding.evidence) if step.finding else {},
            }
            for rung, step in self.ladder.steps.items()
        ]

    def _history(self) -> dict[str, Any]:
        """Return outages and availability: of a minute ago at most, as putting them together takes a while."""
        now, at = self._clock.monotonic(), self._clock.time()
        if now - self._shown[0] >= _AVAILABILITY_EVERY_S:
            outages = self._journal.outages(at)[:_OUTAGES_SHOWN]
            availability = self._journal.availability(at)
            history = {
                "outages": [
                    {
                        "began": each.began, "ended": each.ended, "rung": each.name, "code": each.code,
                        "summary": each.summary, "flaps": each.flaps,
                    }
                    for each in outages
                ],
                "availability": {
                    "days": DAYS, "known_s": round(availability.known_s, 1), "down_s": round(availability.down_s, 1),
                    "share": availability.share,
                },
            }  # fmt: skip
            self._shown = (now, history)
        return self._shown[1]

    def _follow(
        self, outage: _Outage, diagnosis: Diagnosis | None, *, is_well: bool, now: float, at: float
    ) -> Diagnosis | None:
        """Return what the outage is called after; None where there is none."""
        if diagnosis is None:
            if is_well:
                self._end(outage, at)
            return outage.cause
        if outage.cause is None or outage.cause.code == diagnosis.code:
            since = outage.cause.since if outage.cause else diagnosis.since
            is_new = outage.cause is None
            outage.cause, outage.candidate = replace(diagnosis, since=since), ("", 0.0)
            if is_new:
                self._begin(outage, outage.cause)
        elif outage.candidate[0] != diagnosis.code:
            outage.candidate = (diagnosis.code, now)
        elif now - outage.candidate[1] >= CHANGE_S:
            outage.cause = diagnosis
            self._name(outage, diagnosis)
        return outage.cause

    def _begin(self, outage: _Outage, cause: Diagnosis) -> None:
        if outage.is_inherited:
            outage.is_inherited = False
            self._name(outage, cause)
            return
        flaps = self.ladder.steps[cause.rung].votes.flaps(now=self._clock.monotonic())
        outage.entry = Entry("outage", cause.rung, cause.since, None, cause.code, cause.summary, flaps)
        self._put(outage.entry)
        _log.warning("outage_began", extra={"drawbridge_fields": {"error_code": cause.code, "summary": cause.summary}})

    def _name(self, outage: _Outage, cause: Diagnosis) -> None:
        if outage.entry is not None and outage.entry.code != cause.code:
            outage.entry = replace(outage.entry, code=cause.code, summary=cause.summary)
            self._put(outage.entry)

    def _end(self, outage: _Outage, at: float) -> None:
        entry = outage.entry
        if entry is not None:
            if outage.is_inherited:  # when it ended, nobody saw: it is known until the last sign of life
                at = max(entry.began, self._journal.last_seen or entry.began)
            self._put(replace(entry, ended=at))
            fields = {"error_code": entry.code, "duration_ms": round((at - entry.began) * 1000)}
            _log.warning("outage_ended", extra={"drawbridge_fields": fields})
        outage.entry = outage.cause = None
        outage.is_inherited, outage.candidate = False, ("", 0.0)

    def _put(self, entry: Entry) -> None:
        self._journal.put(entry)
        self._shown = (-1e9, {})

    def _tell(self, report: LineReport) -> None:
        if report.state == "raised":
            self._journal.put(Entry("told", report.cause, report.at))
        else:
            for each in self._journal.lasting("told"):
                if each.name == report.cause:
                    self._journal.put(replace(each, ended=report.at))
        self._emit(report)

    def _follow_clock(self) -> None:
        """Move what began by a wrong clock that has been put right."""
        by_s = self._steps.by_s()
        if not by_s:
            return
        _log.warning("clock_was_set", extra={"drawbridge_fields": {"by_s": round(by_s, 3)}})
        self._journal.clock_set(by_s)
        lasting = self._journal.lasting("outage")
        for branch, outage in self._outages.items():
            outage.entry = next((each for each in lasting if each.name in branch), None)
            if outage.cause is not None:
                outage.cause = replace(outage.cause, since=outage.cause.since + by_s)
        for reports in self._reports.values():
            reports.clock_set(by_s, self.started)
        self.started += by_s
