"""The ladder: what each rung's looks add up to, and which is the first that is broken. Pure; it is told the time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.connectivity.findings import KEEP, LINE, Finding, Rung, State, down
from gateway.connectivity.hysteresis import Votes

BRANCHES: Final = (LINE, KEEP)


class Step:
    """One rung: its votes, and what its latest look found; None: not looked at since what carries it came back."""

    def __init__(self, *, now: float) -> None:
        self.votes: Final = Votes(now=now)
        self.finding: Finding | None = None
        self.bad: Finding = down("", "Nothing yet")
        """The latest ``down`` finding, which the diagnosis quotes even while a good look came in between."""
        self.took_ms = 0.0

    @property
    def state(self) -> State:
        if self.votes.state == "down":
            return "down"
        if self.finding is None or self.finding.state in {"unknown", "off"}:
            return self.finding.state if self.finding else "unknown"
        return self.votes.state


class Ladder:
    """Takes findings, and says what they come to. ``now`` is monotonic."""

    def __init__(self, *, now: float) -> None:
        self.steps: Final = {rung: Step(now=now) for branch in BRANCHES for rung in branch}

    def take(self, rung: Rung, finding: Finding, *, now: float, took_ms: float = 0.0) -> bool:
        """Count one look, and return whether the rung's state changed."""
        step = self.steps[rung]
        before = step.state
        step.finding, step.took_ms = finding, took_ms
        if finding.state == "down":
            step.bad = finding
            step.votes.cast(is_up=False, now=now, definitive=finding.definitive)
        elif finding.state == "up":
            step.votes.cast(is_up=True, now=now)
        elif finding.state == "off":
            step.votes.forget(now=now)
        if step.votes.state == "down":
            branch = self.branch_of(rung)
            for above in branch[branch.index(rung) + 1 :]:
                self.steps[above].votes.forget(now=now)
                self.steps[above].finding = None
        return step.state != before

    @staticmethod
    def branch_of(rung: Rung) -> Sequence[Rung]:
        return next(branch for branch in BRANCHES if rung in branch)

    def broken(self, branch: Sequence[Rung]) -> Rung | None:
        """Return the first rung of ``branch`` that is down, as confirmed."""
        return next((rung for rung in branch if self.steps[rung].votes.state == "down"), None)

    def is_suspect(self, rung: Rung) -> bool:
        """Say whether ``rung`` is down, failed its latest look, or has not been looked at."""
        step = self.steps[rung]
        return step.finding is None or step.finding.state == "down" or step.votes.state == "down"

    def is_well(self, branch: Sequence[Rung]) -> bool:
        """Say whether every rung was looked at, and none is down or failed its latest look."""
        return not any(self.is_suspect(rung) for rung in branch)
