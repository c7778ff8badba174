"""Which call the current task works for, so that a query can be traced to the browser that asked.

The request id goes into the slow-query log, which costs nothing until a query is slow. Sending it to PostgreSQL itself
would cost every call: a ``SET application_name`` is a round trip of its own, and a comment makes each statement text
new, so that nothing stays prepared. So the comment is added only for calls whose ``traceparent`` says *sampled*,
and only while ``trace_sql`` is set; ``application_name`` names the pool.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from bridge.spans.recording import Kind, Spans, new_span_id, sampled

_SAMPLED: Final = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f][13579bdf]")


@dataclass(frozen=True, slots=True)
class CallTrace:
    """``spans`` is where the spans of its queries go, if they are wanted."""

    request_id: str
    traceparent: str
    spans: Spans | None = None


current_call: Final[ContextVar[CallTrace | None]] = ContextVar("current_call", default=None)


def commented(sql: str) -> str:
    """Return ``sql`` with the caller's traceparent as a comment (sqlcommenter format) if its trace is sampled."""
    call = current_call.get()
    if call is None or _SAMPLED.fullmatch(call.traceparent) is None:
        return sql
    return f"{sql}\n/*traceparent='{call.traceparent}'*/"


def keep_span(query: str, duration_s: float, *, is_failed: bool) -> None:
    """Keep a span of a query that has just ended, if its call is traced: its name, and never a parameter."""
    call = current_call.get()
    if call is None or call.spans is None or (parent := sampled(call.traceparent)) is None:
        return
    call.spans.add(
        parent.child(new_span_id()), parent.span_id, query, Kind.CLIENT, duration_s=duration_s, is_failed=is_failed,
        attributes={"db.system.name": "postgresql", "db.query.summary": query},
    )  # fmt: skip
