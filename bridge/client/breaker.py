"""The circuit breaker: stop asking an agent that cannot answer, and find out gently when it can again.

Pure: the caller passes ``now`` (seconds, monotonic). A permit stands for one call that was let through::

    with breaker.acquire(now) as permit:                  # raises BreakerOpen
        answer = await ...
        permit.record(Verdict.SUCCESS, later, is_slow=rule.is_slow(later - now, deadline_s))

A permit that ends without a verdict (cancellation, a bug) is neutral: a probe's slot is never lost.

States::

    CLOSED ── too many failed or slow ──▶ OPEN ── its time is over, somebody asks ──▶ HALF_OPEN
       ▲                                   ▲                                            │ │
       └────────── 2 probes succeeded ─────┼────────────────────────────────────────────┘ │
                                           └────────────── a probe failed, twice as long ─┘
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum
from types import TracebackType
from typing import Final, Self

from bridge.client.window import Window
from bridge.errors import Code, Unavailable


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Verdict(Enum):
    """What a call says about the agent.

    ``NEUTRAL`` is everything that says nothing: 4xx, cancellation, an overflow on our side. ``UNREACHABLE`` (no
    connection) fails like ``FAILURE`` (5xx, a deadline that passed), and is counted apart: the one is the network's
    fault, the other the agent's.
    """

    SUCCESS = "success"
    FAILURE = "failure"
    UNREACHABLE = "unreachable"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class BreakerRule:
    """When a breaker opens and closes. Shares are of the calls in the window, 0 to 1."""

    window_s: float = 30.0
    calls_min: int = 10
    failed_share: float = 0.5
    slow_share: float = 0.8
    slow_deadline_share: float = 0.5
    """A call that took more than this share of its operation's deadline is slow."""
    open_s: float = 2.0
    open_max_s: float = 60.0
    jitter: float = 0.2
    """Each open time is drawn within ± this share, and is never above ``open_max_s``."""
    probes_to_close: int = 2

    def is_slow(self, duration_s: float, deadline_s: float) -> bool:
        return duration_s > deadline_s * self.slow_deadline_share


@dataclass(frozen=True, slots=True)
class Counters:
    """Calls with a verdict in the window. ``failed`` leaves out ``unreachable``; a slow call may also have failed."""

    calls: int
    failed: int
    unreachable: int
    slow: int


@dataclass(frozen=True, slots=True)
class Change:
    """A change of state, with the counters that led to it. ``open_s``: for how long, where it opened, else 0."""

    before: State
    after: State
    counters: Counters
    open_s: float = 0.0


class BreakerOpen(Unavailable):
    """The breaker let nothing through; ``retry_after_s`` says when it may."""

    retry_after_s: float

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(Code.BREAKER_OPEN, retry_after_s=retry_after_s)


class _Kind(IntEnum):
    CALL = 0
    FAILED = 1
    UNREACHABLE = 2
    SLOW = 3


class Permit:
    """Leave for one call, until the first :meth:`record` or the end of the ``with`` block."""

    __slots__ = ("_breaker", "_era", "is_probe")

    def __init__(self, breaker: Breaker, era: int, *, is_probe: bool) -> None:
        self._breaker: Breaker | None = breaker
        self._era = era
        self.is_probe = is_probe

    def record(self, verdict: Verdict, now: float, *, is_slow: bool = False) -> None:
        """Say how the call went. Only the first verdict counts, and none from before the last change of state."""
        breaker, self._breaker = self._breaker, None
        if breaker is not None:
            breaker._settle(self._era, verdict, now, is_slow=is_slow)  # noqa: SLF001 - two halves of one thing

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        self.record(Verdict.NEUTRAL, 0.0)


class Breaker:
    """One lane's breaker. ``listeners`` hear of each change of state, at once and in order; they must not raise."""

    def __init__(
        self,
        rule: BreakerRule,
        *,
        rng: random.Random,
        listeners: Sequence[Callable[[Change], None]] = (),
    ) -> None:
        self.rule: Final = rule
        self._rng = rng
        self._listeners = listeners
        self._state = State.CLOSED
        self._era = 0
        self._window = Window(kinds=len(_Kind), span_s=rule.window_s)
        self._open_until = 0.0
        self._failed_rounds = 0
        self._is_probing = False
        self._probe_successes = 0

    @property
    def state(self) -> State:
        """The state as of the last call: OPEN turns HALF_OPEN only when somebody asks."""
        return self._state

    def counters(self, now: float) -> Counters:
        """Return what happened in the window that ends ``now``. It begins anew when the breaker closes."""
        self._window.expire(now)
        return Counters(*self._window.totals)

    def acquire(self, now: float) -> Permit:
        """Let one call through. Raises :class:`BreakerOpen`."""
        if self._state is State.CLOSED:
            return Permit(self, self._era, is_probe=False)
        if self._state is State.OPEN:
            if now < self._open_until:
                raise BreakerOpen(self._open_until - now)
            self._probe_successes = 0
            self._change(State.HALF_OPEN, now)
        if self._is_probing:
            raise BreakerOpen(self.rule.open_s)
        self._is_probing = True
        return Permit(self, self._era, is_probe=True)

    def probe_soon(self, now: float) -> None:
        """Let the next call through as a probe: something else showed that the agent is back."""
        self._open_until = min(self._open_until, now)

    def _settle(self, era: int, verdict: Verdict, now: float, *, is_slow: bool) -> None:
        if era != self._era:
            return
        if self._state is State.HALF_OPEN:
            self._is_probing = False
            self._judge_probe(verdict, now, is_slow=is_slow)
        elif verdict is not Verdict.NEUTRAL:
            self._count(verdict, now, is_slow=is_slow)
            self._judge_window(now)

    def _judge_probe(self, verdict: Verdict, now: float, *, is_slow: bool) -> None:
        """Close after enough quick successes, open again after a failure.

        A slow success does neither: one call at a time is what a slow agent can take, so probing goes on.
        """
        if verdict in {Verdict.FAILURE, Verdict.UNREACHABLE}:
            self._failed_rounds += 1
            self._open(now)
        elif verdict is Verdict.SUCCESS and not is_slow:
            self._probe_successes += 1
            if self._probe_successes >= self.rule.probes_to_close:
                self._failed_rounds = 0
                self._window = Window(kinds=len(_Kind), span_s=self.rule.window_s)
                self._change(State.CLOSED, now)

    def _count(self, verdict: Verdict, now: float, *, is_slow: bool) -> None:
        self._window.add(now, _Kind.CALL)
        if verdict is Verdict.FAILURE:
            self._window.add(now, _Kind.FAILED)
        elif verdict is Verdict.UNREACHABLE:
            self._window.add(now, _Kind.UNREACHABLE)
        if is_slow:
            self._window.add(now, _Kind.SLOW)

    def _judge_window(self, now: float) -> None:
        calls, failed, unreachable, slow = self._window.totals
        if calls >= self.rule.calls_min and (
            (failed + unreachable) / calls >= self.rule.failed_share or slow / calls >= self.rule.slow_share
        ):
            self._open(now)

    def _open(self, now: float) -> None:
        factor = 2.0 ** min(self._failed_rounds, 30) * self._rng.uniform(1 - self.rule.jitter, 1 + self.rule.jitter)
        open_s = min(self.rule.open_s * factor, self.rule.open_max_s)
        self._open_until = now + open_s
        self._change(State.OPEN, now, open_s)

    def _change(self, after: State, now: float, open_s: float = 0.0) -> None:
        change = Change(self._state, after, self.counters(now), open_s)
        self._state = after
        self._era += 1
        for listener in self._listeners:
            listener(change)
