"""Whether something the agent needs is there, since when, and if not why: one log line down, one up."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

from bridge.process.clock import Clock
from bridge.process.logs import log

_log = logging.getLogger(__name__)

State = Literal["up", "down", "disabled"]


@dataclass(frozen=True, slots=True)
class Condition:
    """``since`` is Unix seconds; ``reason`` is empty when it is up."""

    state: State
    since: float
    reason: str


class Availability:
    """The condition of one dependency. It is down, ``"starting"``, until it was reached once."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self._clock = clock
        self._condition = Condition("down", clock.time(), "starting")

    @property
    def condition(self) -> Condition:
        return self._condition

    @property
    def is_up(self) -> bool:
        return self._condition.state == "up"

    def mark_up(self) -> None:
        if self._condition.state != "up":
            self._become("up", "")

    def mark_down(self, reason: str) -> None:
        """``reason`` is for the owner: a class of failure, never a DSN or data. The first one of an outage is kept."""
        if self._condition.state == "up" or self._condition.reason == "starting":
            self._become("down", reason)

    def mark_disabled(self, reason: str) -> None:
        """Say that it is switched off until something is corrected; ``reason`` says what."""
        if (self._condition.state, self._condition.reason) != ("disabled", reason):
            self._become("disabled", reason)

    def _become(self, state: State, reason: str) -> None:
        self._condition = Condition(state, self._clock.time(), reason)
        level = logging.INFO if state == "up" else logging.WARNING
        log(_log, "dependency_changed", level=level, dependency=self.name, state=state, reason=reason or None)
