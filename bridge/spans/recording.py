"""Spans, kept until they are sent: a bounded number, the oldest dropped first."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from random import getrandbits
from typing import Final, NamedTuple

from bridge.errors import AppError, Outcome
from bridge.process.clock import Clock
from bridge.trace import TraceContext, parse

WAITING_MAX: Final = 4096
FAILURES: Final = frozenset({Outcome.OPEN, Outcome.OVERLOADED, Outcome.TIMEOUT, Outcome.UNREACHABLE, Outcome.FAILED})
"""What is ours to answer for; that somebody was refused is no error of a span."""


class Kind(IntEnum):
    """OTLP's numbers."""

    SERVER = 2
    CLIENT = 3


class Span(NamedTuple):
    """``started_at`` is Unix time, ``duration_s`` by a clock that is never set. ``parent_id`` may be empty."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: Kind
    started_at: float
    duration_s: float
    is_failed: bool
    attributes: Mapping[str, str | int]


class Spans:
    """The spans of one process. No name and no attribute may hold what a client said."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: deque[Span] = deque(maxlen=WAITING_MAX)

    def add(
        self,
        own: TraceContext,
        parent_id: str,
        name: str,
        kind: Kind,
        *,
        duration_s: float,
        is_failed: bool = False,
        attributes: Mapping[str, str | int],
    ) -> None:
        """Keep a span that has just ended."""
        started_at = self._clock.time() - duration_s
        self._waiting.append(
            Span(own.trace_id, own.span_id, parent_id, name, kind, started_at, duration_s, is_failed, attributes)
        )

    @contextmanager
    def span(self, parent: TraceContext, name: str, kind: Kind) -> Iterator[TraceContext]:
        """Keep a span of what the block does, and how it ended. Gives where the request is within it."""
        own, started = parent.child(new_span_id()), self._clock.monotonic()
        outcome = Outcome.FAILED
        try:
            yield own
            outcome = Outcome.OK
        except AppError as error:
            outcome = error.code.outcome
            raise
        finally:
            self.add(
                own, parent.span_id, name, kind, duration_s=self._clock.monotonic() - started,
                is_failed=outcome in FAILURES, attributes={"outcome": outcome.value},
            )  # fmt: skip

    def take(self) -> list[Span]:
        """Return what waits, oldest first, and keep none of it."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken


def new_span_id() -> str:
    """Return 16 random hexadecimal digits, not all zero. Ids need to differ, not to be secret."""
    return f"{getrandbits(64) | 1:016x}"


def sampled(traceparent: str) -> TraceContext | None:
    """Return where a request is, if its spans are wanted."""
    context = parse(traceparent)
    return context if context is not None and context.is_sampled else None
