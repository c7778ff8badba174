"""Nobody gets more than the quota says, everybody gets what it says, and memory has an end."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

import pytest
from http_sf import parse
from hypothesis import given
from hypothesis import strategies as st

from gateway.web.limits import Decision, GcraLimiter, Quota, limit_item, policy_field, wait_in_words, whole_s

SIGN_IN = Quota("sign-in", 5)
ACCOUNT = Quota("account", 60)
ADDRESS = Quota("address", 600)

quotas = st.builds(Quota, st.just("q"), st.integers(1, 700), st.sampled_from([1, 7, 60, 3600]))
starts = st.floats(0, 1e7)
gaps = st.lists(st.one_of(st.just(0.0), st.floats(0, 30)), max_size=200)


def test_limiter_gives_the_whole_quota_at_once_when_the_client_is_new() -> None:
    limiter = GcraLimiter(SIGN_IN)

    decisions = [limiter.check("a", 100.0) for _ in range(6)]

    assert [decision.is_allowed for decision in decisions] == [True] * 5 + [False]
    assert [decision.remaining for decision in decisions] == [4, 3, 2, 1, 0, 0]
    assert decisions[-1].retry_after_s == pytest.approx(12.0)


@pytest.mark.parametrize("quota", [SIGN_IN, ACCOUNT, ADDRESS])
@given(start=starts)
def test_limiter_gives_exactly_the_quota_whatever_floats_add_up_to(quota: Quota, start: float) -> None:
    limiter = GcraLimiter(quota)

    allowed = sum(limiter.check("a", start).is_allowed for _ in range(quota.count + 50))

    assert allowed == quota.count


@given(quota=quotas, start=starts, gaps=gaps)
def test_limiter_never_lets_more_through_than_the_rate_and_one_burst_in_any_span(
    quota: Quota, start: float, gaps: list[float]
) -> None:
    limiter = GcraLimiter(quota)
    now = start
    allowed_at = []
    for gap in gaps:
        now += gap
        if limiter.check("a", now).is_allowed:
            allowed_at.append(now)

    for first, since in enumerate(allowed_at):
        for last, until in enumerate(allowed_at[first:], first):
            assert last - first + 1 <= quota.count * (1 + (until - since + 1e-5) / quota.window_s)


@given(quota=quotas, gaps=gaps)
def test_limiter_decides_like_a_bucket_of_exact_fractions(quota: Quota, gaps: list[float]) -> None:
    """The model: a bucket that holds the quota and fills at its rate. Times in 1/64 s, where floats are exact."""
    limiter = GcraLimiter(quota)
    rate = Fraction(quota.count, quota.window_s)
    tokens, now = Fraction(quota.count), Fraction(1000)
    for gap in gaps:
        passed = Fraction(round(gap * 64), 64)
        now += passed
        tokens = min(tokens + passed * rate, Fraction(quota.count))
        decision = limiter.check("a", float(now))
        assert decision.is_allowed is (tokens >= 1)
        if decision.is_allowed:
            tokens -= 1
            assert decision.remaining == int(tokens)
            assert decision.reset_s == pytest.approx(float((int(tokens) + 1 - tokens) / rate))
        else:
            assert decision.retry_after_s == pytest.approx(float((1 - tokens) / rate))


@given(quota=quotas, start=starts, asked=st.integers(1, 20))
def test_limiter_lets_a_refused_client_through_after_the_delay_it_was_told(
    quota: Quota, start: float, asked: int
) -> None:
    limiter = GcraLimiter(quota)
    for _ in range(quota.count):
        limiter.check("a", start)
    refusals = [limiter.check("a", start) for _ in range(asked)]

    assert not any(refusal.is_allowed for refusal in refusals)
    assert limiter.check("a", start + whole_s(refusals[-1].retry_after_s)).is_allowed


def test_limiter_counts_clients_apart() -> None:
    limiter = GcraLimiter(Quota("q", 1))

    assert limiter.check("a", 0.0).is_allowed
    assert limiter.check("b", 0.0).is_allowed
    assert not limiter.check("a", 0.0).is_allowed


def test_limiter_forgets_who_was_idle_longest_when_there_are_too_many() -> None:
    limiter = GcraLimiter(Quota("q", 1), keys_max=3)
    for key in "abcad":  # the second "a" is refused, and counts as being seen
        limiter.check(key, 0.0)

    assert len(limiter) == 3
    seen: dict[str, bool] = defaultdict(bool)
    for key in "acd":
        seen[key] = not limiter.check(key, 0.0).is_allowed
    assert seen == {"a": True, "c": True, "d": True}
    assert limiter.check("b", 0.0).is_allowed


@given(st.lists(st.integers(0, 1000), max_size=300), st.integers(1, 20))
def test_limiter_never_holds_more_keys_than_it_may(clients: list[int], keys_max: int) -> None:
    limiter = GcraLimiter(ACCOUNT, keys_max=keys_max)
    for client in clients:
        limiter.check(str(client), 1.0)
        assert len(limiter) <= keys_max


@pytest.mark.story("health/US-BE-06.3")
def test_fields_are_structured_lists_as_the_draft_writes_them() -> None:
    decisions = (
        Decision(ACCOUNT, is_allowed=True, remaining=12, reset_s=0.4, retry_after_s=0.0),
        Decision(ADDRESS, is_allowed=False, remaining=0, reset_s=3.0, retry_after_s=3.0),
    )

    assert policy_field((ACCOUNT, ADDRESS)) == '"account";q=60;w=60, "address";q=600;w=60'
    limits = ", ".join(map(limit_item, decisions))
    assert limits == '"account";r=12;t=1, "address";r=0;t=3'
    assert parse(policy_field((ACCOUNT, ADDRESS)).encode(), tltype="list") == [
        ("account", {"q": 60, "w": 60}),
        ("address", {"q": 600, "w": 60}),
    ]
    assert parse(limits.encode(), tltype="list") == [
        ("account", {"r": 12, "t": 1}),
        ("address", {"r": 0, "t": 3}),
    ]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, ""), (0.0, "a second"), (0.4, "a second"), (1.2, "2 seconds"), (59.0, "59 seconds"), (59.5, "a minute"),
        (60.0, "a minute"), (61.0, "2 minutes"), (3600.0, "60 minutes"),
    ],
)  # fmt: skip
def test_wait_is_never_too_short_when_it_is_said_in_words(seconds: float | None, said: str) -> None:
    assert wait_in_words(seconds) == said
