from __future__ import annotations

import random

import pytest
from prometheus_client import REGISTRY

from bridge.client import metrics
from bridge.client.breaker import Breaker, BreakerRule, State, Verdict
from bridge.contracts.operation import Lane
from bridge.errors import Outcome


def value_of(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.story("health/US-BE-45.4")
def test_durations_are_counted_by_operation_and_outcome() -> None:
    labels = {"operation": "test.durations", "outcome": "ok"}
    metrics.request_duration_s("test.durations", Outcome.OK).observe(0.02)
    metrics.request_duration_s("test.durations", Outcome.TIMEOUT).observe(2.0)

    assert value_of("bridge_request_duration_seconds_count", **labels) == 1
    assert value_of("bridge_request_duration_seconds_bucket", **labels, le="0.01") == 0
    assert value_of("bridge_request_duration_seconds_bucket", **labels, le="0.025") == 1


def test_counters_are_counted_by_their_label() -> None:
    names = {
        "bridge_breaker_probes_total": (metrics.breaker_probes(Lane.DATA), {"lane": "data"}),
        "bridge_cache_requests_total": (metrics.cache_requests("fresh"), {"result": "fresh"}),
        "bridge_connections_total": (metrics.connections("connected"), {"reason": "connected"}),
    }
    for name, (counter, labels) in names.items():
        before = value_of(name, **labels)
        counter.inc()
        assert value_of(name, **labels) == before + 1


@pytest.mark.story("health/US-BE-47.6")
def test_breaker_metrics_follow_the_breaker() -> None:
    def state() -> float:
        return value_of("bridge_breaker_state", lane="machine")

    opens = value_of("bridge_breaker_opens_total", lane="machine")
    rule = BreakerRule(jitter=0.0)
    breaker = Breaker(rule, rng=random.Random(1), listeners=(metrics.breaker_listener(Lane.MACHINE),))
    assert state() == 0

    for _ in range(rule.calls_min):
        breaker.acquire(0.0).record(Verdict.FAILURE, 0.0)
    assert state() == 2
    assert value_of("bridge_breaker_opens_total", lane="machine") == opens + 1

    breaker.acquire(rule.open_s).record(Verdict.SUCCESS, rule.open_s)
    assert breaker.state is State.HALF_OPEN
    assert state() == 1
    breaker.acquire(rule.open_s).record(Verdict.SUCCESS, rule.open_s)
    assert state() == 0
