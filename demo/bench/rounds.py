"""Requests a second, latency and processor time of the product and of its floors, in turn, several times over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from demo.bench.floors import LIMIT
from demo.bench.load import Client, Plan, Request
from demo.bench.stage import Served, Stage, User
from demo.bench.usage import cpu_s
from demo.processes import DemoError

CONNECTIONS: Final = (16, 1)
_WARM_S: Final = 0.3
_FRESH_FOR_EVER: Final = {"BRIDGE__CACHE__SYMPTOMS_LIST__FRESH_S": "86400"}
NEVER_FRESH: Final = {
    "BRIDGE__CACHE__SYMPTOMS_LIST__FRESH_S": "0",
    "BRIDGE__CACHE__SYMPTOMS_LIST__STALE_WHILE_REVALIDATE_S": "0",
}
_LIST: Final = f"/api/v1/health/symptoms?limit={LIMIT}"


@dataclass(frozen=True, slots=True)
class Target:
    """One of what is compared. ``processes`` are whose processor time counts, by name."""

    name: str
    server: Served
    requests: tuple[tuple[Request, ...], ...]
    processes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians over the rounds. ``cpu_ms``: processor time of each process, milliseconds a request."""

    requests_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A median over the rounds, each a comparison within one round, with the least and the most."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Ratio:
        return cls(round(median(values), 3), round(min(values), 3), round(max(values), 3))


@dataclass(frozen=True, slots=True)
class Comparison:
    """``figures`` by target and number of connections; the three ratios that have a goal."""

    body_bytes: int
    figures: dict[str, dict[int, Figures]]
    cached_to_fixed: Ratio
    uncached_to_rows: Ratio
    uncached_p50_to_rows: Ratio


def compare(stage: Stage, *, rounds: int, seconds: float, say: Callable[[str], None]) -> Comparison:
    """Measure every target in each round, in another order each time. Raises DemoError where anything failed."""
    cached, uncached = stage.gateway("cached", _FRESH_FOR_EVER), stage.gateway("uncached", NEVER_FRESH)
    users = stage.sign_in(cached)
    body = _answer(cached, users[0])
    floors = stage.floors(body)
    targets = list(_targets(stage, floors, cached, uncached, users))
    runs: defaultdict[str, defaultdict[int, list[Figures]]] = defaultdict(lambda: defaultdict(list))
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        for target in targets[number % len(targets) :] + targets[: number % len(targets)]:
            for connections in CONNECTIONS:
                runs[target.name][connections].append(_run(stage, target, connections, seconds))
    for served in (floors, cached, uncached):
        stage.stop(served)

    def ratio(name: str, floor: str, connections: int, what: Callable[[Figures], float]) -> Ratio:
        pairs = zip(runs[name][connections], runs[floor][connections], strict=True)
        return Ratio.of([what(ours) / what(theirs) for ours, theirs in pairs])

    return Comparison(
        body_bytes=len(body),
        figures={name: {n: _medians(each) for n, each in by_n.items()} for name, by_n in runs.items()},
        cached_to_fixed=ratio("cached", "fixed", CONNECTIONS[0], lambda each: each.requests_per_s),
        uncached_to_rows=ratio("uncached", "rows", CONNECTIONS[0], lambda each: each.requests_per_s),
        uncached_p50_to_rows=ratio("uncached", "rows", 1, lambda each: each.p50_ms),
    )


def profiled(stage: Stage, seconds: float, say: Callable[[str], None]) -> None:
    """Have the product alone asked, cached and uncached, for whoever watches its processes."""
    for name, settings in (("cached", _FRESH_FOR_EVER), ("uncached", NEVER_FRESH)):
        say(name)
        served = stage.gateway(name, settings)
        requests = _shared(stage.sign_in(served), "list", lambda _user: _LIST)
        stage.play(Plan(served.socket, tuple(map(Client, requests)), seconds))
        stage.stop(served)


def _targets(stage: Stage, floors: Served, cached: Served, uncached: Served, users: Sequence[User]) -> Iterator[Target]:
    postgres = {"PostgreSQL": stage.postgres.child.process.pid}
    agent = {"agent": stage.agent.process.pid}
    yield Target("fixed", floors, _shared(users, "fixed", lambda _user: "/fixed"), {"server": floors.pid})
    rows = _shared(users, "rows", lambda user: f"/rows?person={user.person}")
    yield Target("rows", floors, rows, {"server": floors.pid, **postgres})
    listing = _shared(users, "list", lambda _user: _LIST)
    yield Target("cached", cached, listing, {"gateway": cached.pid, **agent, **postgres})
    yield Target("uncached", uncached, listing, {"gateway": uncached.pid, **agent, **postgres})


def _shared(users: Sequence[User], kind: str, path: Callable[[User], str]) -> tuple[tuple[Request, ...], ...]:
    """Return the requests of each connection, which asks for several people in turn: no two for the same one."""
    shares = [users[first :: CONNECTIONS[0]] for first in range(CONNECTIONS[0])]
    return tuple(tuple(user.get(kind, path(user)) for user in share) for share in shares)


def _run(stage: Stage, target: Target, connections: int, seconds: float) -> Figures:
    clients = tuple(Client(requests) for requests in target.requests[:connections])
    before = {name: cpu_s(pid) for name, pid in target.processes.items()}
    result = stage.play(Plan(target.server.socket, clients, seconds, warm_s=_WARM_S))
    if result.errors:
        msg = f"{target.name}: {result.errors}"
        raise DemoError(msg)
    cpu_ms = {
        name: round((cpu_s(pid) - before[name]) * 1000 / result.answered, 4) for name, pid in target.processes.items()
    }
    return Figures(result.requests_per_s, result.overall.p50_ms, result.overall.p99_ms, cpu_ms)


def _medians(runs: Sequence[Figures]) -> Figures:
    return Figures(
        round(median(run.requests_per_s for run in runs), 1),
        round(median(run.p50_ms for run in runs), 3),
        round(median(run.p99_ms for run in runs), 3),
        {name: round(median(run.cpu_ms[name] for run in runs), 3) for name in runs[0].cpu_ms},
    )


def _answer(served: Served, user: User) -> bytes:
    result, body = served.ask("GET", _LIST, headers={"Authorization": f"Bearer {user.token}"})
    if result != 200:  # noqa: PLR2004
        msg = f"a list was answered with {result}"
        raise DemoError(msg)
    return body
