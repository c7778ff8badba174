"""The clients: HTTP/1.1 over kept-alive Unix sockets, as nginx would speak, each asking as soon as it was answered.

A process of its own (``python -m demo.bench.load``): a plan as JSON on standard input, a result on standard output.
It costs 15 µs a request, so that the server is what is measured: no parsing beyond status and length, no copies.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import cycle
from typing import Final

import uvloop
from pydantic import TypeAdapter

from bridge.process.clock import SystemClock

_GIVE_UP_S: Final = 15.0
"""How long after the end an answer is still waited for."""


@dataclass(frozen=True, slots=True)
class Request:
    """``kind`` is what it is counted as; ``text`` the whole request."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Client:
    """One connection that asks ``requests`` in turn, with a pause between ``pause_s`` (least, most) after each."""

    requests: tuple[Request, ...]
    pause_s: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of the server behind ``socket``. The first ``warm_s`` seconds are not in the latencies."""

    socket: str
    clients: tuple[Client, ...]
    seconds: float
    warm_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Latencies:
    """Milliseconds from a request's first byte to its answer's last."""

    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Latencies:
        if not seconds:
            return cls(0, 0.0, 0.0, 0.0, 0.0)
        ordered = sorted(seconds)

        def at(share: float) -> float:
            return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 4)

        return cls(len(ordered), at(0.5), at(0.95), at(0.99), at(1.0))


@dataclass(frozen=True, slots=True)
class Result:
    """``answered`` counts every answer, those of the warm-up too; ``errors`` by status, or what went wrong."""

    requests_per_s: float
    answered: int
    overall: Latencies
    kinds: dict[str, Latencies]
    errors: dict[str, int] = field(default_factory=dict)


class _Run:
    """What all clients of a plan share."""

    def __init__(self, plan: Plan, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.now = SystemClock.monotonic  # uvloop's own time has whole milliseconds only
        self.measured_from = self.now() + plan.warm_s
        self.ends_at = self.measured_from + plan.seconds
        self.latencies: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))
        self.errors: Counter[str] = Counter()
        self.answered = 0
        self.waiting = len(plan.clients)
        self.over = loop.create_future()

    def count(self, kind: str, sent_at: float, status: bytes) -> None:
        now = self.now()
        self.answered += 1
        if status != b"200":
            self.errors[status.decode("ascii", "replace")] += 1
        elif self.measured_from <= now <= self.ends_at:
            self.latencies[kind].append(now - sent_at)

    def leave(self, error: str = "") -> None:
        if error:
            self.errors[error] += 1
        self.waiting -= 1
        if not self.waiting and not self.over.done():
            self.over.set_result(None)


class _Connection(asyncio.Protocol):
    def __init__(self, run: _Run, client: Client) -> None:
        self._run = run
        self._pause_s = client.pause_s
        self._has_pause = client.pause_s[1] > 0
        self._requests = cycle([(request.kind, request.text.encode()) for request in client.requests])
        self._kind = ""
        self._sent_at = 0.0
        self._status = b""
        self._head = b""
        self._missing = -1
        self._has_left = False
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's looks the same, and does not say so
        if self._has_pause:  # not all at the same moment
            self._run.loop.call_later(random.uniform(0, self._pause_s[1]), self._ask)
        else:
            self._ask()

    def data_received(self, data: bytes) -> None:
        if self._missing < 0:
            data = self._head + data
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._head = data
                return
            self._head = b""
            self._status = data[9:12]
            length = data.lower().find(b"\r\ncontent-length:", 0, end)
            self._missing = int(data[length + 17 : data.find(b"\r\n", length + 2)]) + end + 4
        self._missing -= len(data)
        if self._missing == 0:
            self._missing = -1
            self._run.count(self._kind, self._sent_at, self._status)
            self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave(f"connection lost: {type(exc).__name__}")

    def _go_on(self) -> None:
        if self._run.now() >= self._run.ends_at:
            self._leave()
            self._transport.close()
        elif self._has_pause:
            self._run.loop.call_later(random.uniform(*self._pause_s), self._ask)
        else:
            self._ask()

    def _ask(self) -> None:
        self._kind, text = next(self._requests)
        self._sent_at = self._run.now()
        self._transport.write(text)

    def _leave(self, error: str = "") -> None:
        if not self._has_left:
            self._has_left = True
            self._run.leave(error)


async def run(plan: Plan) -> Result:
    """Play ``plan`` and return how it went."""
    loop = asyncio.get_running_loop()
    run = _Run(plan, loop)
    for client in plan.clients:
        await loop.create_unix_connection(lambda client=client: _Connection(run, client), plan.socket)  # type: ignore[misc]
    try:
        async with asyncio.timeout(plan.warm_s + plan.seconds + _GIVE_UP_S):
            await run.over
    except TimeoutError:
        run.errors["no answer"] += run.waiting
    everything = [latency for latencies in run.latencies.values() for latency in latencies]
    return Result(
        requests_per_s=round(len(everything) / plan.seconds, 1),
        answered=run.answered,
        overall=Latencies.of(everything),
        kinds={kind: Latencies.of(latencies) for kind, latencies in run.latencies.items()},
        errors=dict(run.errors),
    )


def main() -> int:
    plan = TypeAdapter(Plan).validate_json(sys.stdin.read())
    sys.stdout.write(json.dumps(asdict(uvloop.run(run(plan)))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
