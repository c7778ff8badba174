"""W3C Trace Context: one id for a request on its whole way, from the browser to PostgreSQL.

https://www.w3.org/TR/trace-context-1/. ``traceparent`` is ``00-<trace id>-<span id>-<flags>``, lower-case hexadecimal
of 16, 8 and 1 bytes. The trace id is also the ``request_id`` of every log line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_TRACEPARENT: Final = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})-(?!0{32})(?P<trace_id>[0-9a-f]{32})-(?!0{16})(?P<span_id>[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<rest>-.*)?"
)
_SAMPLED: Final = 0x01


@dataclass(frozen=True, slots=True)
class TraceContext:
    """Where a request is: its trace, the span that sent it, and whether somebody records it."""

    trace_id: str
    span_id: str
    is_sampled: bool = False

    @property
    def header(self) -> str:
        """The value of ``traceparent`` that says this."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.is_sampled else '00'}"

    def child(self, span_id: str) -> TraceContext:
        """Return the context of the next hop; ``span_id`` is 16 random lower-case hexadecimal digits, not all zero."""
        return TraceContext(self.trace_id, span_id, self.is_sampled)


def parse(text: str) -> TraceContext | None:
    """Return what a ``traceparent`` says, or None where it says nothing valid: begin a new trace then.

    A version later than 00 is read as 00 and may be followed by more (section 4.3 of the recommendation); flags other
    than ``sampled`` have no meaning yet and are dropped.
    """
    found = _TRACEPARENT.fullmatch(text)
    if found is None or (found["rest"] and found["version"] == "00"):
        return None
    return TraceContext(found["trace_id"], found["span_id"], bool(int(found["flags"], 16) & _SAMPLED))


def request_id_of(traceparent: str) -> str:
    """Return the trace id of a ``traceparent``, or "" where it is not valid."""
    context = parse(traceparent)
    return context.trace_id if context else ""
