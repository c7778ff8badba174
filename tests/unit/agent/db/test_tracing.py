from __future__ import annotations

import pytest

from agent.db.tracing import CallTrace, commented, current_call

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"


@pytest.mark.parametrize("flags", ["01", "03", "ff"])
def test_commented_names_the_call_when_its_trace_is_sampled(flags: str) -> None:
    token = current_call.set(CallTrace("0af7651916cd43dd8448eb211c80319c", TRACE + flags))
    assert commented("SELECT 1") == f"SELECT 1\n/*traceparent='{TRACE}{flags}'*/"
    current_call.reset(token)


@pytest.mark.parametrize("traceparent", ["", TRACE + "00", TRACE + "01*/; DROP TABLE users; --"])
def test_commented_leaves_the_statement_when_the_trace_is_not_sampled_or_not_one(traceparent: str) -> None:
    token = current_call.set(CallTrace("0af7651916cd43dd8448eb211c80319c", traceparent))
    assert commented("SELECT 1") == "SELECT 1"
    current_call.reset(token)


def test_commented_leaves_the_statement_when_there_is_no_call() -> None:
    assert commented("SELECT 1") == "SELECT 1"
