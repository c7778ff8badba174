from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.client.retry import Backoff, RetryBudget, RetryRule

ROUNDING_S = 1e-6
"""Sums of sixths are not exact."""


@pytest.mark.story("health/US-BE-46.2")
@given(st.integers(0, 2**32))
def test_backoff_waits_below_25_then_250_ms_and_then_gives_up(seed: int) -> None:
    backoff, rng = Backoff(RetryRule()), random.Random(seed)

    delays_s = [backoff.delay_s(attempt, rng) for attempt in (1, 2, 3)]

    assert delays_s[0] is not None
    assert 0 <= delays_s[0] <= 0.025
    assert delays_s[1] is not None
    assert 0 <= delays_s[1] <= 0.250001
    assert delays_s[2] is None


def test_backoff_uses_the_whole_span_so_that_clients_do_not_return_together() -> None:
    backoff, rng = Backoff(RetryRule()), random.Random(7)

    delays_s = [delay_s for _ in range(1000) if (delay_s := backoff.delay_s(2, rng)) is not None]

    assert len(delays_s) == 1000
    assert min(delays_s) < 0.01
    assert max(delays_s) > 0.24


@pytest.mark.parametrize(("attempts_max", "ceilings_s"), [(0, []), (1, [0.025]), (3, [0.025, 0.0790569, 0.25])])
def test_backoff_grows_from_its_least_to_its_most_over_the_attempts_there_are(
    attempts_max: int, ceilings_s: list[float]
) -> None:
    backoff = Backoff(RetryRule(attempts_max=attempts_max))

    assert list(backoff._ceilings_s) == pytest.approx(ceilings_s)
    assert backoff.delay_s(attempts_max + 1, random.Random(1)) is None


def test_budget_lets_one_a_second_retry_when_there_are_no_calls() -> None:
    budget = RetryBudget(RetryRule())

    assert [budget.spend(100.0) for _ in range(11)] == [True] * 10 + [False]


def test_budget_lets_a_fifth_of_the_calls_retry_besides() -> None:
    budget = RetryBudget(RetryRule(budget_per_s=0.0))
    for _ in range(14):
        budget.count_call(100.0)

    assert [budget.spend(100.0) for _ in range(3)] == [True, True, False]


def test_budget_returns_when_calls_and_retries_are_out_of_the_window() -> None:
    budget = RetryBudget(RetryRule())
    while budget.spend(100.0):
        pass

    assert not budget.spend(109.0)
    assert budget.spend(110.0)


@given(
    st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=200),
    st.sampled_from([0.0, 0.2, 1.0]),
    st.sampled_from([0.0, 1.0]),
)
def test_budget_never_gives_more_than_its_share_of_any_window(
    events: list[tuple[int, bool]], share: float, per_s: float
) -> None:
    budget = RetryBudget(RetryRule(budget_share=share, budget_per_s=per_s))
    now = 50.0
    calls: list[float] = []
    retries: list[float] = []
    for sixths, is_call in events:
        now += sixths / 6
        if is_call:
            budget.count_call(now)
            calls.append(now)
        elif budget.spend(now):
            retries.append(now)
            # the window forgets in thirtieths: surely counted is what is at most 29 of them old
            counted = sum(now - 10 * 29 / 30 + ROUNDING_S < at for at in retries)
            earned = sum(now - 10 - ROUNDING_S < at for at in calls)
            assert counted <= share * earned + per_s * 10
