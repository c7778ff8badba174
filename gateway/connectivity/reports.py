"""What is told of an outage, and how often. Pure; it is told the time.

- One ``raised`` when something is broken, one ``cleared`` when all is well again.
- During an outage that turns out to have another cause, the first is taken back and the other told.
- No cause is told twice within an hour. What is broken again sooner is told once as flapping, until it has been steady
  for half an hour; a single outage of half an hour is told under its own name in between.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from gateway.connectivity.diagnosis import ADVICE, Diagnosis, Severity, flapping

REPEAT_S: Final = 3600.0
STEADY_S: Final = 1800.0


@dataclass(frozen=True, slots=True)
class LineReport:
    """One report, in the fields of the alerts' inbox. ``at`` is Unix time: when it began, not when that was known."""

    cause: str
    state: Literal["raised", "cleared"]
    severity: Severity
    summary: str
    detail: str
    at: float
    host: Literal["door"] = "door"
    because_of: str | None = None


Emit = Callable[[LineReport], object]


class Reports:
    """Decides for one branch of the ladder, whose flapping is called ``flapping_code``."""

    def __init__(self, flapping_code: str, emit: Emit, told: Iterable[tuple[str, float, float | None]] = ()) -> None:
        """``told`` is what was told before a restart: code, raised, cleared or None."""
        self._flapping_code = flapping_code
        self._emit = emit
        self._last: dict[str, float] = {}
        self._raised: dict[str, float] = {}
        self._downs: deque[float] = deque(maxlen=1000)
        self._is_down = False
        self._steady_since = 0.0
        self._last_summary = ""
        for code, raised, cleared in told:
            self._last[code] = max(raised, self._last.get(code, raised))
            if cleared is None:
                self._raised[code] = raised
                self._steady_since = max(self._steady_since, raised)

    @property
    def flapping(self) -> Diagnosis | None:
        """The diagnosis of flapping while that is told and not taken back."""
        since = self._raised.get(self._flapping_code)
        return None if since is None else self._flapping(since)

    def follow(self, diagnosis: Diagnosis | None, *, is_well: bool, at: float) -> None:
        """Tell what has to be told now; ``diagnosis`` is None while nothing is confirmed as broken."""
        if diagnosis is not None:
            if not self._is_down:
                self._is_down = True
                self._downs.append(at)
            self._steady_since = at
            self._last_summary = diagnosis.summary
            self._tell(diagnosis, at)
        elif is_well:
            if self._is_down:
                self._steady_since = at
            self._is_down = False
            for code in [each for each in self._raised if each != self._flapping_code]:
                self._clear(code, at)
        since = self._raised.get(self._flapping_code)
        if since is not None and at - since >= REPEAT_S and at - self._steady_since >= STEADY_S:
            self._clear(self._flapping_code, at)

    def clock_set(self, by_s: float, began: float) -> None:
        """Move the times that a wrong clock gave since ``began``; what is older may be of a right one."""
        for times in (self._last, self._raised):
            times.update({code: at + by_s for code, at in times.items() if at >= began})
        self._downs = deque((at + by_s for at in self._downs), maxlen=self._downs.maxlen)
        self._steady_since += by_s * (self._steady_since >= began)

    def _tell(self, diagnosis: Diagnosis, at: float) -> None:
        code = diagnosis.code
        if code in self._raised:
            return
        for each in [each for each in self._raised if each != self._flapping_code]:
            self._clear(each, at)
        is_flapping = self._flapping_code in self._raised
        if self._may(code, at) and (not is_flapping or at - diagnosis.since >= STEADY_S):
            self._last[code] = at
            self._raise(code, diagnosis.summary, _details(diagnosis), diagnosis.since)
        elif not is_flapping and self._may(self._flapping_code, at):
            self._last[self._flapping_code] = at
            self._raise(self._flapping_code, self._flapping(at).summary, f"Last: {diagnosis.summary}", at)

    def _may(self, code: str, at: float) -> bool:
        last = self._last.get(code)
        return last is None or not 0 <= at - last < REPEAT_S  # a clock that was set back must not silence anything

    def _flapping(self, since: float) -> Diagnosis:
        times = sum(self._steady_since - each <= REPEAT_S for each in self._downs)
        return flapping(self._flapping_code, max(times, 2), self._last_summary, since=since)

    def _raise(self, code: str, summary: str, detail: str, began: float) -> None:
        self._raised[code] = began
        self._emit(LineReport(f"line.{code}", "raised", ADVICE[code][0], summary, detail, began))

    def _clear(self, code: str, at: float) -> None:
        length_s = max(0.0, at - self._raised.pop(code))
        summary = f"{_title(code)}: over after {_length(length_s)}"
        self._emit(LineReport(f"line.{code}", "cleared", "info", summary, f"It lasted {length_s:.0f} s.", at))


def _details(diagnosis: Diagnosis) -> str:
    return "\n".join(f"{name}: {value}" for name, value in diagnosis.evidence.items())


def _length(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _title(code: str) -> str:
    return code.replace("_", " ").capitalize().replace("Dns", "DNS")
