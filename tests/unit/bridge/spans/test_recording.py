from __future__ import annotations

import pytest

from bridge.errors import Code, Denied, Unavailable
from bridge.spans.recording import WAITING_MAX, Kind, Spans, new_span_id, sampled
from bridge.trace import TraceContext
from tests.clocks import HurriedClock

PARENT = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", is_sampled=True)


def test_span_is_kept_with_its_times_when_its_block_ends(clock: HurriedClock) -> None:
    spans = Spans(clock)
    began = clock.time()

    with spans.span(PARENT, "users.profile", Kind.CLIENT) as own:
        clock.advance(2.5)
        assert spans.take() == []

    [span] = spans.take()
    assert (span.trace_id, span.span_id, span.parent_id) == (PARENT.trace_id, own.span_id, PARENT.span_id)
    assert (span.name, span.kind, span.started_at, span.duration_s) == ("users.profile", Kind.CLIENT, began, 2.5)
    assert (span.is_failed, span.attributes) == (False, {"outcome": "ok"})
    assert own.is_sampled
    assert own.span_id != PARENT.span_id
    assert spans.take() == []


@pytest.mark.parametrize(
    ("error", "outcome", "is_failed"),
    [
        (Denied(Code.FORBIDDEN), "denied", False),
        (Unavailable(Code.TIMEOUT), "timeout", True),
        (KeyError(), "failed", True),
    ],
    ids=["refused", "timed out", "a bug"],
)  # fmt: skip
def test_span_says_how_it_ended_when_its_block_raises(
    clock: HurriedClock, error: Exception, outcome: str, is_failed: bool
) -> None:
    spans = Spans(clock)
    with pytest.raises(type(error)), spans.span(PARENT, "x", Kind.SERVER):
        raise error
    [span] = spans.take()
    assert (span.attributes, span.is_failed) == ({"outcome": outcome}, is_failed)


def test_oldest_spans_are_dropped_when_nobody_takes_them(clock: HurriedClock) -> None:
    spans = Spans(clock)
    for number in range(WAITING_MAX + 2):
        spans.add(PARENT, "", str(number), Kind.SERVER, duration_s=0.0, attributes={})
    taken = spans.take()
    assert (len(taken), taken[0].name) == (WAITING_MAX, "2")


@pytest.mark.parametrize("text", ["", "nonsense", PARENT.header[:-1] + "0"])
def test_nothing_is_traced_when_nobody_asked_for_it(text: str) -> None:
    assert sampled(text) is None
    assert sampled(PARENT.header) == PARENT


def test_span_ids_differ_and_are_never_zero() -> None:
    ids = {new_span_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(len(each) == 16 and int(each, 16) for each in ids)
