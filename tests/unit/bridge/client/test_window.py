from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bridge.client.window import Window


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2))))
def test_window_counts_what_a_list_of_all_events_counts(events: list[tuple[int, int]]) -> None:
    """Over 30 s in steps of 1 s: what happened in this second and the 29 before."""
    window = Window(kinds=3, span_s=30.0)
    seen: list[tuple[float, int]] = []
    now = 1000.0
    for quarters, kind in events:
        now += quarters / 4
        window.add(now, kind)
        seen.append((now, kind))
        lately = [kind for at, kind in seen if int(at) > int(now) - 30]
        assert window.totals == [lately.count(kind) for kind in range(3)]


def test_window_forgets_everything_when_its_span_has_passed() -> None:
    window = Window(kinds=1, span_s=30.0)
    window.add(5.0, 0)

    window.expire(34.9)
    assert window.totals == [1]
    window.expire(35.0)
    assert window.totals == [0]


def test_window_counts_into_the_newest_step_when_time_goes_back() -> None:
    window = Window(kinds=1, span_s=30.0)
    window.add(100.0, 0)
    window.add(1.0, 0)

    window.expire(129.9)
    assert window.totals == [2]
    window.expire(130.0)
    assert window.totals == [0]


def test_window_stays_small_however_much_it_counts() -> None:
    window = Window(kinds=1, span_s=30.0)
    for tick in range(10_000):
        window.add(tick / 10, 0)

    assert len(window._steps) == 30
