"""traceparent as the W3C's own test suite asks for it (github.com/w3c/trace-context, test/test.py)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.trace import TraceContext, parse, request_id_of

TRACE_ID = "12345678901234567890123456789012"
SPAN_ID = "1234567890123456"


@pytest.mark.parametrize(
    "text",
    [
        f"00-{TRACE_ID}-{SPAN_ID}-01",
        f"cc-{TRACE_ID}-{SPAN_ID}-01",
        f"cc-{TRACE_ID}-{SPAN_ID}-01-what-the-future-will-be-like",
        f"01-{TRACE_ID}-{SPAN_ID}-01-",
    ],
)
def test_traceparent_is_continued_when_valid_or_of_a_later_version(text: str) -> None:
    assert parse(text) == TraceContext(TRACE_ID, SPAN_ID, is_sampled=True)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="missing"),
        pytest.param(f"00-{TRACE_ID}-{SPAN_ID}-01.", id="trailing character"),
        pytest.param(f"00-{TRACE_ID}-{SPAN_ID}-01-what-the-future-will-be-like", id="version 00 and more"),
        pytest.param(f"cc-{TRACE_ID}-{SPAN_ID}-01.what-the-future-will-be-like", id="later version, no dash"),
        pytest.param(f"ff-{TRACE_ID}-{SPAN_ID}-01", id="version ff"),
        pytest.param(f".0-{TRACE_ID}-{SPAN_ID}-01", id="illegal first version character"),
        pytest.param(f"0.-{TRACE_ID}-{SPAN_ID}-01", id="illegal second version character"),
        pytest.param(f"000-{TRACE_ID}-{SPAN_ID}-01", id="version too long"),
        pytest.param(f"0-{TRACE_ID}-{SPAN_ID}-01", id="version too short"),
        pytest.param(f"00-{'0' * 32}-{SPAN_ID}-01", id="trace id all zero"),
        pytest.param(f"00-.{TRACE_ID[1:]}-{SPAN_ID}-01", id="illegal first trace id character"),
        pytest.param(f"00-{TRACE_ID[:-1]}.-{SPAN_ID}-01", id="illegal last trace id character"),
        pytest.param(f"00-{TRACE_ID}3-{SPAN_ID}-01", id="trace id too long"),
        pytest.param(f"00-{TRACE_ID[:-1]}-{SPAN_ID}-01", id="trace id too short"),
        pytest.param(f"00-{TRACE_ID}-{'0' * 16}-01", id="parent id all zero"),
        pytest.param(f"00-{TRACE_ID}-.{SPAN_ID[1:]}-01", id="illegal first parent id character"),
        pytest.param(f"00-{TRACE_ID}-{SPAN_ID[:-1]}.-01", id="illegal last parent id character"),
        pytest.param(f"00-{TRACE_ID}-{SPAN_ID}7-01", id="parent id too long"),
        pytest.param(f"00-{TRACE_ID}-{SPAN_ID[:-1]}-01", id="parent id too short"),
        pytest.param(f"00-{TRACE_ID}-{SPAN_ID}-.0", id="illegal first flags character"),
        pytest.param(f"00-{TRACE_ID}-{SPAN_ID}-0.", id="illegal second flags character"),
        pytest.param(f"00-{TRACE_ID}-{SPAN_ID}-001", id="flags too long"),
        pytest.param(f"00-{TRACE_ID}-{SPAN_ID}-1", id="flags too short"),
        pytest.param(f"00-{'A' * 32}-{SPAN_ID}-01", id="upper case"),
        pytest.param(f"00-{TRACE_ID}-{SPAN_ID}-01\n", id="line feed"),
        pytest.param(f"00-{TRACE_ID[:-1]}٢-{SPAN_ID}-01", id="digit of another script"),
    ],
)
def test_traceparent_begins_anew_when_invalid(text: str) -> None:
    assert parse(text) is None
    assert request_id_of(text) == ""


@pytest.mark.parametrize(("flags", "is_sampled"), [("00", False), ("01", True), ("02", False), ("ff", True)])
def test_traceparent_keeps_the_sampled_flag_alone_when_there_are_others(flags: str, *, is_sampled: bool) -> None:
    context = parse(f"00-{TRACE_ID}-{SPAN_ID}-{flags}")
    assert context == TraceContext(TRACE_ID, SPAN_ID, is_sampled)


@given(trace=st.integers(1, 16**32 - 1), span=st.integers(1, 16**16 - 1), is_sampled=st.booleans())
def test_traceparent_reads_as_written_when_formatted(trace: int, span: int, *, is_sampled: bool) -> None:
    context = TraceContext(f"{trace:032x}", f"{span:016x}", is_sampled)
    assert parse(context.header) == context
    assert request_id_of(context.header) == context.trace_id


def test_child_stays_in_the_trace_when_it_has_a_span_of_its_own() -> None:
    child = TraceContext(TRACE_ID, SPAN_ID, is_sampled=True).child("00f067aa0ba902b7")
    assert child.header == f"00-{TRACE_ID}-00f067aa0ba902b7-01"


PARTS = st.sampled_from(["", "00", "01", "cc", "ff", TRACE_ID, SPAN_ID, "0" * 32, "0" * 16, "x"])


@given(text=st.text(st.characters(), max_size=80) | st.lists(PARTS, min_size=3, max_size=6).map("-".join))
def test_traceparent_is_read_or_dropped_and_nothing_else_when_it_is_noise(text: str) -> None:
    context = parse(text)
    assert context is None or parse(context.header) == context
