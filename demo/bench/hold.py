"""A hundred signed-in people at a hundred addresses, asking for minutes; then as fast as they can, to find what limits.

The minutes are with the settings as shipped, each person asking a little less than once a second, which is just below
the limit of 60 a minute. The last seconds are without pauses, and with the limits raised.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from bridge.process.clock import SystemClock
from demo.bench.load import Client, Latencies, Plan
from demo.bench.stage import Served, Stage, User
from demo.bench.usage import Memory, cpu_s, memory

LIST: Final = "/api/v1/health/symptoms"
_PAUSE_S: Final = (0.8, 1.4)
_QUESTIONS: Final = (
    "How often did I have a headache this month?",
    "Show my symptoms of last week",
    "When did I last have insomnia?",
    "How bad was my back pain on average this year?",
)
_RUSH_S: Final = 15.0
_WARM_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Hold:
    """``memory``: by process, at the beginning (once warm) and at the end. ``busy``: share of a processor used."""

    seconds: float
    users: int
    requests_per_s: float
    overall: Latencies
    kinds: dict[str, Latencies]
    errors: dict[str, int]
    memory_early: dict[str, Memory]
    memory_late: dict[str, Memory]
    busy: dict[str, float]


@dataclass(frozen=True, slots=True)
class Rush:
    """Everybody at once without a pause. ``bottleneck`` is the process that used most of its processor."""

    requests_per_s: float
    overall: Latencies
    errors: dict[str, int]
    busy: dict[str, float]
    bottleneck: str


def hold(stage: Stage, *, seconds: float, say: Callable[[str], None]) -> Hold:
    """Have everybody ask for ``seconds``, the settings as shipped."""
    gateway = stage.gateway("gateway", {}, is_limited=True)
    users = stage.sign_in(gateway)
    pids = _pids(stage, gateway)
    warm_s = min(60.0, seconds / 5)
    say(f"{len(users)} people ask for {warm_s + seconds:.0f} s")
    stage.play(_plan(gateway, users, _PAUSE_S, warm_s))
    early = {name: memory(pid) for name, pid in pids.items() if name != "PostgreSQL"}
    with _Busy(pids) as busy:
        result = stage.play(_plan(gateway, users, _PAUSE_S, seconds))
    late = {name: memory(pid) for name, pid in pids.items() if name != "PostgreSQL"}
    stage.stop(gateway)
    return Hold(
        seconds, len(users), result.requests_per_s, result.overall, result.kinds, result.errors, early, late, busy.share
    )


def rush(stage: Stage, say: Callable[[str], None]) -> Rush:
    """Have everybody ask without a pause."""
    gateway = stage.gateway("gateway", {})
    users = stage.sign_in(gateway)
    say(f"{len(users)} people ask without a pause for {_RUSH_S:.0f} s")
    with _Busy(_pids(stage, gateway)) as busy:
        result = stage.play(_plan(gateway, users, (0.0, 0.0), _RUSH_S))
    stage.stop(gateway)
    bottleneck = max(busy.share, key=busy.share.__getitem__)
    return Rush(result.requests_per_s, result.overall, result.errors, busy.share, bottleneck)


class _Busy:
    """Measures which share of one processor each process uses inside of the context."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = pids
        self._clock = SystemClock()
        self.share: dict[str, float] = {}

    def __enter__(self) -> Self:
        self._used = {name: cpu_s(pid) for name, pid in self._pids.items()}
        self._started = self._clock.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        elapsed_s = self._clock.monotonic() - self._started
        self.share = {name: round((cpu_s(pid) - self._used[name]) / elapsed_s, 3) for name, pid in self._pids.items()}


def _pids(stage: Stage, gateway: Served) -> dict[str, int]:
    return {"gateway": gateway.pid, "agent": stage.agent.process.pid, "PostgreSQL": stage.postgres.child.process.pid}


def _plan(gateway: Served, users: Sequence[User], pause_s: tuple[float, float], seconds: float) -> Plan:
    return Plan(gateway.socket, tuple(_client(user, pause_s) for user in users), seconds, warm_s=_WARM_S)


def _client(user: User, pause_s: tuple[float, float]) -> Client:
    """Return one person: asks in words, looks at lists, names and figures, over and over."""
    chats = [user.post("chat", "/api/v1/chat", {"message": question}) for question in _QUESTIONS]
    return Client(
        (
            user.get("list", LIST), chats[0], user.get("list", f"{LIST}?min_severity=5"), chats[1],
            user.get("names", f"{LIST}/names"), chats[2], user.get("stats", f"{LIST}/stats?bucket=month"), chats[3],
        ),
        pause_s,
    )  # fmt: skip
