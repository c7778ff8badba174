"""Against the gateway's own metrics, as prometheus_client writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from gateway.alerts.watches.facts import Traffic
from gateway.alerts.watches.figures import Figures, Window, parse, quantile_s
from gateway.web.metrics import RequestDurations

INFINITE = float("inf")


def metrics(*requests: tuple[str, int, str, float]) -> str:
    registry = CollectorRegistry()
    durations = RequestDurations(registry)
    for request in requests:
        durations.observe(*request)
    Gauge("bridge_breaker_state", "", ("lane",), registry=registry).labels("data").set(2)
    Gauge("drawbridge_certificate_end_seconds", "", ("name",), registry=registry).labels("root").set(1.8e9)
    Gauge("bridge_cache_bytes", "", registry=registry).set(4096)
    Gauge("process_start_time_seconds", "", registry=registry).set(1.7e9)
    lookups = Counter("bridge_cache_requests_total", "", ("result",), registry=registry)
    for result in ("fresh", "stale", "miss", "bypass"):
        lookups.labels(result).inc()
    return generate_latest(registry).decode()


def test_figures_are_what_the_gateway_counted() -> None:
    figures = parse(
        metrics(
            ("/", 200, "ok", 0.002),
            ("/api/v1/health/symptoms", 503, "unreachable", 0.2),
            ("/api/v1/health/symptoms", 500, "failed", 9.0),
            ("/auth/login", 200, "ok", 2.0),
        )
    )

    assert (figures.requests, figures.errors) == (4, {"unreachable": 1, "failed": 1})
    assert (figures.timed, figures.slower[0.0025], figures.slower[0.25], figures.slower[INFINITE]) == (3, 1, 2, 3)
    assert figures.breakers == {"data": "open"}
    assert figures.certificates == {"root": 1.8e9}
    assert figures.cache == {"hits": 2, "misses": 1, "bytes": 4096}
    assert figures.started == 1.7e9


@pytest.mark.parametrize(
    "route", ["/health/ready", "/health/keep", "/metrics", "/version", "/status/events", "/static/{name}"]
)
def test_what_machines_ask_is_not_counted(route: str) -> None:
    assert parse(metrics((route, 503, "unreachable", 600.0))).requests == 0


def test_records_are_counted_although_their_path_has_the_word() -> None:
    assert parse(metrics(("/api/health/symptoms", 200, "ok", 0.1))).requests == 1


def test_broken_lines_are_left_out_when_there_are_some() -> None:
    text = 'bridge_breaker_state{lane="data"} 7\nbridge_breaker_state{x="y"} 1\nbridge_cache_bytes NaN\n'

    assert parse(text + 'bridge_breaker_state{lane="machine"} 1\n').breakers == {"machine": "half_open"}


# the window


def counted(requests: int, errors: int = 0, *, started: float = 1.0) -> Figures:
    return Figures(started, requests, {"failed": errors}, requests, {0.1: requests, INFINITE: requests})


def traffic(window: Window) -> tuple[int, dict[str, int]]:
    made = window.traffic()
    return made.requests, dict(made.errors)


def test_window_tells_nothing_when_it_was_looked_at_once() -> None:
    window = Window(300)
    window.add(0, counted(1000, 500))

    assert traffic(window) == (0, {})


def test_window_tells_what_was_counted_since_its_start() -> None:
    window = Window(300)
    for at in range(0, 631, 30):
        window.add(at, counted(at, at // 10))

    assert traffic(window) == (300, {"failed": 30})


def test_window_counts_anew_when_the_gateway_was_restarted() -> None:
    window = Window(300)
    window.add(0, counted(1000, 10))
    window.add(30, counted(1040, 10))
    window.add(60, counted(7, 1, started=2.0))
    window.add(90, counted(9, 1, started=2.0))

    assert traffic(window) == (49, {"failed": 1})


# quantiles


def test_quantile_lies_within_its_bucket() -> None:
    seen = Traffic(timed=100, slower={0.1: 90, 0.2: 100, INFINITE: 100})

    assert quantile_s(seen, 0.95) == pytest.approx(0.15)


@pytest.mark.parametrize(
    ("slower", "expected"),
    [({}, None), ({0.1: 0, INFINITE: 0}, None), ({0.1: 0, 5.0: 0, INFINITE: 10}, 5.0)],
    ids=["nothing", "nobody", "beyond the last bound"],
)
def test_quantile_is_what_can_be_told(slower: dict[float, int], expected: float | None) -> None:
    assert quantile_s(Traffic(timed=max(slower.values(), default=0), slower=slower), 0.95) == expected


@given(st.lists(st.floats(0.0001, 4.9), min_size=1, max_size=200))
def test_quantile_is_in_the_bucket_of_the_true_one(durations: list[float]) -> None:
    bounds = (0.001, 0.01, 0.1, 1.0, 5.0, INFINITE)
    slower = {bound: sum(each <= bound for each in durations) for bound in bounds}
    true = sorted(durations)[max(0, -(-95 * len(durations) // 100) - 1)]
    above = next(bound for bound in bounds if true <= bound)
    below = max((bound for bound in bounds if bound < above), default=0.0)

    found = quantile_s(Traffic(timed=len(durations), slower=slower), 0.95)

    assert found is not None
    assert below <= found <= above
