"""The breaker against examples, against a model written another way, and against somebody else's breaker."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from interlock import Config, WindowType
from interlock import Outcome as TheirOutcome
from interlock._state_machine import StateMachine

from bridge.client.breaker import Breaker, BreakerOpen, BreakerRule, Change, Counters, Permit, State, Verdict
from bridge.errors import Code, Outcome

RULE = BreakerRule(jitter=0.0)


def breaker_of(rule: BreakerRule = RULE, changes: list[Change] | None = None) -> Breaker:
    return Breaker(rule, rng=random.Random(1), listeners=() if changes is None else (changes.append,))


def call(breaker: Breaker, verdict: Verdict, now: float, *, is_slow: bool = False) -> None:
    with breaker.acquire(now) as permit:
        permit.record(verdict, now, is_slow=is_slow)


def opened_at(now: float, rule: BreakerRule = RULE) -> Breaker:
    breaker = breaker_of(rule)
    for _ in range(rule.calls_min):
        call(breaker, Verdict.FAILURE, now)
    assert state_of(breaker) is State.OPEN
    return breaker


def is_refused(breaker: Breaker, now: float) -> bool:
    return not begins(breaker, now, [], 0)


def state_of(breaker: Breaker) -> State:
    """Return the state; a function's result, which mypy does not take for what it was a line before."""
    return breaker.state


def begins(breaker: Breaker, now: float, running: list[tuple[Permit, int]], era: int) -> bool:
    """Begin a call; keep its permit and return True where it was let through."""
    try:
        running.append((breaker.acquire(now), era))
    except BreakerOpen:
        return False
    return True


# ---------------------------------------------------------------------------------------------------- when it opens


@pytest.mark.parametrize("verdict", [Verdict.FAILURE, Verdict.UNREACHABLE])
def test_breaker_opens_when_half_of_at_least_ten_calls_failed(verdict: Verdict) -> None:
    breaker = breaker_of()
    for _ in range(5):
        call(breaker, Verdict.SUCCESS, 1.0)
        assert state_of(breaker) is State.CLOSED
    for _ in range(5):
        assert state_of(breaker) is State.CLOSED
        call(breaker, verdict, 1.0)

    assert state_of(breaker) is State.OPEN


def test_breaker_stays_closed_when_fewer_than_ten_calls_failed() -> None:
    breaker = breaker_of()
    for _ in range(9):
        call(breaker, Verdict.FAILURE, 1.0)

    assert state_of(breaker) is State.CLOSED


def test_breaker_stays_closed_when_less_than_half_failed() -> None:
    breaker = breaker_of()
    for _ in range(51):
        call(breaker, Verdict.SUCCESS, 1.0)
    for _ in range(50):
        call(breaker, Verdict.FAILURE, 1.0)

    assert state_of(breaker) is State.CLOSED


def test_breaker_opens_when_four_fifths_were_slow() -> None:
    breaker = breaker_of()
    for _ in range(2):
        call(breaker, Verdict.SUCCESS, 1.0)
    for _ in range(7):
        call(breaker, Verdict.SUCCESS, 1.0, is_slow=True)
    assert state_of(breaker) is State.CLOSED
    call(breaker, Verdict.SUCCESS, 1.0, is_slow=True)

    assert state_of(breaker) is State.OPEN


@pytest.mark.parametrize(("duration_s", "is_slow"), [(0.99, False), (1.0, False), (1.01, True)])
def test_call_is_slow_when_it_took_more_than_half_its_deadline(duration_s: float, is_slow: bool) -> None:
    assert RULE.is_slow(duration_s, 2.0) is is_slow


def test_breaker_forgets_failures_when_they_are_older_than_the_window() -> None:
    breaker = breaker_of()
    for _ in range(9):
        call(breaker, Verdict.FAILURE, 1.0)
    call(breaker, Verdict.FAILURE, 31.0)

    assert state_of(breaker) is State.CLOSED
    assert breaker.counters(31.0) == Counters(calls=1, failed=1, unreachable=0, slow=0)


def test_breaker_ignores_neutral_calls_when_it_judges() -> None:
    breaker = breaker_of()
    for _ in range(100):
        call(breaker, Verdict.NEUTRAL, 1.0)
    for _ in range(9):
        call(breaker, Verdict.FAILURE, 1.0)

    assert state_of(breaker) is State.CLOSED


def test_breaker_counts_connection_failures_apart_from_failures() -> None:
    breaker = breaker_of()
    call(breaker, Verdict.FAILURE, 1.0, is_slow=True)
    call(breaker, Verdict.UNREACHABLE, 1.0)
    call(breaker, Verdict.SUCCESS, 1.0)

    assert breaker.counters(1.0) == Counters(calls=3, failed=1, unreachable=1, slow=1)


def test_permit_takes_one_verdict_only() -> None:
    breaker = breaker_of()
    with breaker.acquire(1.0) as permit:
        permit.record(Verdict.SUCCESS, 1.0)
        permit.record(Verdict.FAILURE, 1.0)

    assert breaker.counters(1.0) == Counters(calls=1, failed=0, unreachable=0, slow=0)


# ---------------------------------------------------------------------------------------------- open and half open


def test_breaker_refuses_with_the_time_left_when_open() -> None:
    breaker = opened_at(100.0)

    with pytest.raises(BreakerOpen) as refusal:
        breaker.acquire(100.5)

    assert refusal.value.retry_after_s == pytest.approx(1.5)
    assert refusal.value.code is Code.BREAKER_OPEN
    assert refusal.value.code.outcome is Outcome.OPEN


def test_breaker_lets_exactly_one_of_fifty_through_when_half_open() -> None:
    breaker = opened_at(100.0)

    probe = breaker.acquire(102.0)

    assert probe.is_probe
    assert state_of(breaker) is State.HALF_OPEN
    assert all(is_refused(breaker, 102.0) for _ in range(49))


@pytest.mark.story("health/US-BE-47.2")
def test_breaker_closes_when_two_probes_succeed_and_counts_anew() -> None:
    breaker = opened_at(100.0)
    call(breaker, Verdict.SUCCESS, 102.0)
    assert state_of(breaker) is State.HALF_OPEN
    call(breaker, Verdict.SUCCESS, 102.0)

    assert state_of(breaker) is State.CLOSED
    assert breaker.counters(102.0) == Counters(calls=0, failed=0, unreachable=0, slow=0)
    assert not breaker.acquire(102.0).is_probe


@pytest.mark.story("health/US-BE-10.2", "health/US-BE-46.2")
@pytest.mark.parametrize("verdict", [Verdict.FAILURE, Verdict.UNREACHABLE])
def test_breaker_opens_again_for_twice_as_long_up_to_a_minute_when_a_probe_fails(verdict: Verdict) -> None:
    now = 100.0
    breaker = opened_at(now)
    for open_s in (2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0):
        assert is_refused(breaker, now + open_s - 0.01)
        now += open_s
        call(breaker, verdict, now)

    assert state_of(breaker) is State.OPEN


def test_breaker_stays_open_for_two_seconds_again_when_it_had_closed() -> None:
    breaker = opened_at(100.0)
    call(breaker, Verdict.FAILURE, 102.0)
    for _ in range(2):
        call(breaker, Verdict.SUCCESS, 106.0)
    for _ in range(10):
        call(breaker, Verdict.FAILURE, 107.0)

    assert is_refused(breaker, 108.9)
    assert breaker.acquire(109.0).is_probe


def test_breaker_wants_its_successful_probes_in_a_row() -> None:
    breaker = opened_at(100.0)
    call(breaker, Verdict.SUCCESS, 102.0)
    call(breaker, Verdict.FAILURE, 102.0)
    call(breaker, Verdict.SUCCESS, 106.0)

    assert state_of(breaker) is State.HALF_OPEN


@pytest.mark.parametrize("ending", [Verdict.NEUTRAL, None])
def test_breaker_gives_the_probes_slot_to_the_next_when_a_probe_says_nothing(ending: Verdict | None) -> None:
    breaker = opened_at(100.0)
    with breaker.acquire(102.0) as probe:
        if ending is not None:
            probe.record(ending, 102.0)

    assert state_of(breaker) is State.HALF_OPEN
    assert breaker.acquire(102.0).is_probe


def test_breaker_gives_the_probes_slot_back_when_the_probe_is_cancelled() -> None:
    breaker = opened_at(100.0)
    with pytest.raises(KeyboardInterrupt), breaker.acquire(102.0):
        raise KeyboardInterrupt

    assert breaker.acquire(102.0).is_probe


def test_breaker_goes_on_probing_when_a_probe_succeeds_slowly() -> None:
    breaker = opened_at(100.0)
    for _ in range(5):
        call(breaker, Verdict.SUCCESS, 102.0, is_slow=True)
        assert state_of(breaker) is State.HALF_OPEN
    for _ in range(2):
        call(breaker, Verdict.SUCCESS, 102.0)

    assert state_of(breaker) is State.CLOSED


def test_breaker_ignores_a_verdict_when_the_call_began_in_an_earlier_state() -> None:
    breaker = breaker_of()
    late = [breaker.acquire(99.0) for _ in range(3)]
    for _ in range(10):
        call(breaker, Verdict.FAILURE, 100.0)
    late[0].record(Verdict.SUCCESS, 101.0)
    probe = breaker.acquire(102.0)
    late[1].record(Verdict.SUCCESS, 102.0)
    late[2].record(Verdict.FAILURE, 102.0)

    assert state_of(breaker) is State.HALF_OPEN
    assert is_refused(breaker, 102.0)
    probe.record(Verdict.SUCCESS, 102.0)
    call(breaker, Verdict.SUCCESS, 102.0)
    assert state_of(breaker) is State.CLOSED


@given(st.integers(0, 2**32))
def test_breaker_spreads_its_open_times_by_a_fifth_and_never_above_a_minute(seed: int) -> None:
    opens: list[float] = []
    breaker = Breaker(BreakerRule(), rng=random.Random(seed), listeners=(lambda change: opens.append(change.open_s),))
    now = 0.0
    for _ in range(10):
        call(breaker, Verdict.FAILURE, now)
    for _ in range(8):
        now += opens[-1]
        call(breaker, Verdict.FAILURE, now)

    opens = [open_s for open_s in opens if open_s]
    for open_s, base_s in zip(opens, (2, 4, 8, 16, 32, 64, 128, 256, 512), strict=True):
        assert min(base_s * 0.8, 60.0) <= open_s <= min(base_s * 1.2, 60.0)


def test_breaker_tells_its_listeners_of_each_change_with_what_led_to_it() -> None:
    changes: list[Change] = []
    breaker = breaker_of(changes=changes)
    for _ in range(10):
        call(breaker, Verdict.UNREACHABLE, 100.0)
    for _ in range(2):
        call(breaker, Verdict.SUCCESS, 102.0)

    counters = Counters(calls=10, failed=0, unreachable=10, slow=0)
    assert changes == [
        Change(State.CLOSED, State.OPEN, counters, open_s=2.0),
        Change(State.OPEN, State.HALF_OPEN, counters),
        Change(State.HALF_OPEN, State.CLOSED, Counters(0, 0, 0, 0)),
    ]


# ------------------------------------------------------------------------------------------------ against a model


@dataclass
class Model:
    """The breaker as one would write it with all the memory in the world: every verdict is kept, with its time."""

    rule: BreakerRule
    state: State = State.CLOSED
    era: int = 0
    verdicts: list[tuple[float, Verdict, bool]] = field(default_factory=list)
    open_until: float = 0.0
    open_s: float = 0.0
    probes_running: int = 0
    quick_successes: int = 0

    def lately(self, now: float) -> list[tuple[Verdict, bool]]:
        return [(verdict, is_slow) for at, verdict, is_slow in self.verdicts if int(at) > int(now) - 30]

    def acquire(self, now: float) -> bool:
        if self.state is State.OPEN and now >= self.open_until:
            self.state, self.era = State.HALF_OPEN, self.era + 1
            self.probes_running = self.quick_successes = 0
        if self.state is State.HALF_OPEN:
            is_let_through = self.probes_running == 0
            self.probes_running = 1
            return is_let_through
        return self.state is State.CLOSED

    def record(self, era: int, verdict: Verdict, now: float, *, is_slow: bool) -> None:
        if era != self.era:
            return
        has_failed = verdict in {Verdict.FAILURE, Verdict.UNREACHABLE}
        if self.state is State.HALF_OPEN:
            self.probes_running -= 1
            self.quick_successes += verdict is Verdict.SUCCESS and not is_slow
            if has_failed:
                self._open(now, min(self.open_s * 2, self.rule.open_max_s))
            elif self.quick_successes == self.rule.probes_to_close:
                self.state, self.era, self.verdicts = State.CLOSED, self.era + 1, []
        elif verdict is not Verdict.NEUTRAL:
            self.verdicts.append((now, verdict, is_slow))
            lately = self.lately(now)
            failed = sum(verdict is not Verdict.SUCCESS for verdict, _ in lately)
            slow = sum(is_slow for _, is_slow in lately)
            if len(lately) >= self.rule.calls_min and (2 * failed >= len(lately) or 5 * slow >= 4 * len(lately)):
                self._open(now, self.rule.open_s)

    def _open(self, now: float, open_s: float) -> None:
        self.state, self.era, self.open_s, self.open_until = State.OPEN, self.era + 1, open_s, now + open_s


class BreakerAgainstModel(RuleBasedStateMachine):
    """Calls that overlap, end in any order, or never; times in quarters of a second, where floats are exact."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = breaker_of()
        self.model = Model(RULE)
        self.running: list[tuple[Permit, int]] = []
        self.now = 0.0

    @rule(quarters=st.one_of(st.integers(0, 8), st.integers(0, 300)))
    def pass_time(self, quarters: int) -> None:
        self.now += quarters / 4

    @rule(calls=st.integers(1, 12))
    def begin(self, calls: int) -> None:
        for _ in range(calls):
            is_let_through = self.model.acquire(self.now)
            assert begins(self.breaker, self.now, self.running, self.model.era) is is_let_through

    @precondition(lambda self: self.running)
    @rule(
        data=st.data(),
        verdict=st.sampled_from(Verdict),
        is_slow=st.booleans(),
        calls=st.integers(1, 12),
    )
    def end(self, data: st.DataObject, verdict: Verdict, *, is_slow: bool, calls: int) -> None:
        for _ in range(min(calls, len(self.running))):
            permit, era = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
            permit.record(verdict, self.now, is_slow=is_slow)
            self.model.record(era, verdict, self.now, is_slow=is_slow)

    @precondition(lambda self: self.running)
    @rule()
    def abandon(self) -> None:
        permit, era = self.running.pop()
        with permit:
            pass
        self.model.record(era, Verdict.NEUTRAL, self.now, is_slow=False)

    @invariant()
    def agrees(self) -> None:
        assert self.breaker.state is self.model.state
        if self.model.state is not State.CLOSED:
            return
        lately = self.model.lately(self.now)
        assert self.breaker.counters(self.now) == Counters(
            calls=len(lately),
            failed=sum(verdict is Verdict.FAILURE for verdict, _ in lately),
            unreachable=sum(verdict is Verdict.UNREACHABLE for verdict, _ in lately),
            slow=sum(is_slow for _, is_slow in lately),
        )


# up to 4,000 steps of nothing but computing, which took 9 s where others compute too
TestBreakerAgainstModel = pytest.mark.timeout(30)(BreakerAgainstModel.TestCase)
TestBreakerAgainstModel.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


# --------------------------------------------------------------------------------- against somebody else's breaker


class OwnClock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


_THEIR_OUTCOMES = {
    (Verdict.SUCCESS, False): TheirOutcome.SUCCESS,
    (Verdict.SUCCESS, True): TheirOutcome.SLOW_SUCCESS,
    (Verdict.FAILURE, False): TheirOutcome.FAILURE,
    (Verdict.FAILURE, True): TheirOutcome.SLOW_FAILURE,
}
_steps = st.tuples(
    st.sampled_from(["begin", "end", "cancel", "wait"]),
    st.integers(1, 16),
    st.sampled_from([Verdict.SUCCESS, Verdict.FAILURE]),
    st.booleans(),
)


@given(st.lists(_steps, max_size=120))
def test_breaker_does_as_interlock_does_where_one_probe_decides(
    steps: list[tuple[str, int, Verdict, bool]],
) -> None:
    """interlock-cb judges probes by their rates once all are in, and ours each as it comes: the same for one probe.

    Slow probes are left out: interlock opens again on them.
    """
    clock = OwnClock()
    theirs = StateMachine(
        config=Config(
            failure_rate_threshold=0.5, minimum_number_of_calls=10, slow_call_rate_threshold=0.8,
            permitted_calls_in_half_open=1, wait_duration_in_open=2.0, wait_duration_backoff_multiplier=2.0,
            wait_duration_in_open_max=60.0, window_type=WindowType.TIME_BASED, window_size=30,
        ),
        clock=clock,
    )  # fmt: skip
    ours = breaker_of(replace(RULE, probes_to_close=1))
    running: list[tuple[Permit, int]] = []
    for action, count, verdict, is_slow in steps:
        if action == "wait":
            clock.now += count / 4
        for _ in range(count if action == "begin" else 0):
            is_let_through = theirs.acquire()
            assert begins(ours, clock.now, running, theirs.generation) is is_let_through
        for _ in range(min(count, len(running)) if action in {"end", "cancel"} else 0):
            permit, generation = running.pop(count % len(running))
            if action == "cancel":
                permit.record(Verdict.NEUTRAL, clock.now)
                theirs.release_probe(generation=generation)
            else:
                counts_as_slow = is_slow and not permit.is_probe
                permit.record(verdict, clock.now, is_slow=counts_as_slow)
                theirs.record(_THEIR_OUTCOMES[verdict, counts_as_slow], generation=generation)
        assert ours.state.value == theirs.state.value


def test_breaker_probes_at_once_when_something_else_showed_that_the_agent_is_back() -> None:
    breaker = opened_at(100.0)
    assert is_refused(breaker, 100.5)
    breaker.probe_soon(100.5)
    call(breaker, Verdict.SUCCESS, 100.5)
    assert state_of(breaker) is State.HALF_OPEN
    call(breaker, Verdict.SUCCESS, 100.6)
    assert state_of(breaker) is State.CLOSED


def test_breaker_stays_closed_when_it_is_told_to_probe_soon() -> None:
    breaker = breaker_of()
    breaker.probe_soon(100.0)
    assert state_of(breaker) is State.CLOSED
