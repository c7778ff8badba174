"""What a saturated bcrypt worker does to everybody else: the list, asked at the same pace with and without sign-ins.

The agent has one worker for passwords, and its processor is the one that it always has here: password and list want the
same one, where a Pi has four. No list is ever fresh, so that each goes over the bridge to the agent and to PostgreSQL.

In each round: bare bcrypt, and sign-ins alone; lists alone, *quiet*; both, *saturated*, as many sign-ins at once as
keep the worker busy; *flooded*, more than that, so that some are refused and the breaker for sign-ins may open. Nobody
else's may.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from agent.accounts.passwords import Passwords
from agent.accounts.users import Users
from agent.db.pools import Pool, PoolOptions
from agent.settings import Passwords as PasswordSettings
from bridge.process.clock import SystemClock
from demo.appliance import ROOT
from demo.bench.load import Client, Plan, Result
from demo.bench.rounds import NEVER_FRESH, Ratio
from demo.bench.stage import Served, Stage, User
from demo.processes import DemoError

_ROUNDS: Final = 3
_SECONDS: Final = 5.0
_WARM_S: Final = 2.0
_READERS: Final = 8
_READER_PAUSE_S: Final = (0.03, 0.07)
_AT_ONCE: Final = 2
_FLOOD: Final = 24
_FLOOD_PAUSE_S: Final = (0.1, 0.3)
_LIST: Final = "/api/v1/health/symptoms?limit=50"
_LOGIN: Final = "/api/v1/auth/login"
_LOOK_S: Final = 0.5
_OK: Final = 200
_UNLIMITED: Final = "1000000"
_AGENT: Final = {
    "PASSWORDS__THREADS": "1",
    "LIMITS__SIGN_IN_PER_ACCOUNT": _UNLIMITED,
    "LIMITS__SIGN_IN_PER_ADDRESS": _UNLIMITED,
}
_OPENS: Final = "bridge_breaker_opens_total"
_WITHIN_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Saturation:
    """Ratios within a round: sign-ins to bare bcrypt, alone and beside lists; the list's p95 to that of the quiet part.

    ``opens``: how often each breaker of the gateway opened, by lane; ``flood``: how the flood's sign-ins were answered,
    by status; ``sign_in_errors``: those of the few at once.
    """

    bcrypt_cost: int
    sign_ins_per_s: float
    to_bare: Ratio
    beside_lists_to_bare: Ratio
    quiet_p95_ms: float
    saturated_p95: Ratio
    flooded_p95: Ratio
    opens: dict[str, int]
    flood: dict[str, int]
    list_errors: dict[str, int]
    sign_in_errors: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Round:
    bare_per_s: float
    alone: Result
    quiet: Result
    saturated: Result
    sign_ins: Result
    flooded: Result
    flood: Result


def saturation(stage: Stage, say: Callable[[str], None]) -> Saturation:
    """Measure; the agent is started anew for it, and after it as it was. Raises DemoError."""
    stage.stop_agent()
    stage.start_agent(_AGENT)
    # a client of the flood is refused many times: it would be banned
    settings = {**NEVER_FRESH, "PROTECTION__IS_ON": "false", "LIMITS__SIGN_IN_PER_MINUTE": _UNLIMITED}
    gateway = stage.gateway("gateway", settings)
    users, password = stage.sign_in_with_password(gateway)
    readers, signers = users[:_READERS], users[_READERS : _READERS + _FLOOD]
    cost = PasswordSettings().bcrypt_cost
    asyncio.run(_hash_as_delivered(stage.logins.agent, signers, password))
    lists = tuple(Client((user.get("list", _LIST),), _READER_PAUSE_S) for user in readers)
    sign_ins = tuple(_sign_in(user, password) for user in signers)
    rounds = []
    for number in range(_ROUNDS):
        say(f"sign-ins and lists, round {number + 1} of {_ROUNDS}")
        rounds.append(_round(stage, gateway, lists, sign_ins, cost))
        _wait_for_calm(gateway, signers[0], password)
    opens = _opens(gateway)
    stage.stop(gateway)
    stage.stop_agent()
    stage.start_agent({})
    return _summed(cost, rounds, opens)


def _round(stage: Stage, gateway: Served, lists: tuple[Client, ...], sign_ins: tuple[Client, ...], cost: int) -> _Round:
    bare_per_s = _bare(stage, cost)
    few = tuple(Client(client.requests) for client in sign_ins[:_AT_ONCE])
    alone = stage.play(Plan(gateway.socket, few, _SECONDS, _WARM_S))
    quiet = stage.play(Plan(gateway.socket, lists, _SECONDS, _WARM_S))
    saturated, signed_in = _both(stage, gateway, lists, few)
    flooded, flood = _both(stage, gateway, lists, sign_ins)
    return _Round(bare_per_s, alone, quiet, saturated, signed_in, flooded, flood)


def _both(
    stage: Stage, gateway: Served, lists: tuple[Client, ...], sign_ins: tuple[Client, ...]
) -> tuple[Result, Result]:
    """Play both at the same time, the list a little later, so that the worker has long been busy."""
    with ThreadPoolExecutor(1) as beside:
        playing = beside.submit(stage.play, Plan(gateway.socket, sign_ins, _SECONDS + 1, _WARM_S))
        asked = stage.play(Plan(gateway.socket, lists, _SECONDS, _WARM_S))
        return asked, playing.result()


def _wait_for_calm(gateway: Served, user: User, password: str) -> None:
    """Return when somebody can sign in: the breaker has closed, or lets one call through to see."""
    body = json.dumps({"email": user.email, "password": password})
    headers = {"Content-Type": "application/json", "X-Forwarded-For": user.address}
    deadline = SystemClock.monotonic() + _WITHIN_S
    while (answer := gateway.ask("POST", _LOGIN, headers=headers, body=body))[0] != _OK:
        if SystemClock.monotonic() > deadline:
            msg = f"nobody can sign in after the flood: {answer[0]}"
            raise DemoError(msg)
        time.sleep(_LOOK_S)


def _sign_in(user: User, password: str) -> Client:
    credentials = {"email": user.email, "password": password}
    return Client((user.post("sign-in", _LOGIN, credentials),), _FLOOD_PAUSE_S)


def _bare(stage: Stage, cost: int) -> float:
    command = [sys.executable, "-m", "demo.bench.hashing", str(cost), str(_SECONDS)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        os.sched_setaffinity(process.pid, stage.keep_cpus)
        output, _ = process.communicate(timeout=_WITHIN_S)
    if process.returncode != 0:
        msg = "measuring bare bcrypt failed"
        raise DemoError(msg)
    return float(output)


def _opens(gateway: Served) -> dict[str, int]:
    """Return how often each breaker has opened."""
    status, body = gateway.ask("GET", "/metrics?name[]=" + _OPENS, headers={"X-Forwarded-For": "127.0.0.1"})
    families = text_string_to_metric_families(body.decode())
    samples = [sample for family in families for sample in family.samples if sample.name == _OPENS]
    if status != _OK or not samples:
        msg = f"the gateway's metrics were answered with {status}"
        raise DemoError(msg)
    return {sample.labels["lane"]: int(sample.value) for sample in samples}


def _summed(cost: int, rounds: Sequence[_Round], opens: dict[str, int]) -> Saturation:
    def p95(which: Callable[[_Round], Result]) -> Ratio:
        return Ratio.of([which(each).overall.p95_ms / each.quiet.overall.p95_ms for each in rounds])

    errors, flood, late = Counter[str](), Counter[str](), Counter[str]()
    for each in rounds:
        for result in (each.quiet, each.saturated, each.flooded):
            errors.update(result.errors)
        flood.update(each.flood.errors)
        flood["200"] += each.flood.answered - sum(each.flood.errors.values())
        late.update(each.alone.errors)
        late.update(each.sign_ins.errors)
    return Saturation(
        bcrypt_cost=cost,
        sign_ins_per_s=round(median(each.alone.requests_per_s for each in rounds), 2),
        to_bare=Ratio.of([each.alone.requests_per_s / each.bare_per_s for each in rounds]),
        beside_lists_to_bare=Ratio.of([each.sign_ins.requests_per_s / each.bare_per_s for each in rounds]),
        quiet_p95_ms=round(median(each.quiet.overall.p95_ms for each in rounds), 2),
        saturated_p95=p95(lambda each: each.saturated),
        flooded_p95=p95(lambda each: each.flooded),
        opens=opens,
        flood=dict(flood),
        list_errors=dict(errors),
        sign_in_errors=dict(late),
    )


async def _hash_as_delivered(dsn: str, users: Sequence[User], password: str) -> None:
    """Give accounts a hash of the cost that is set as delivered: the others' is quicker to check."""
    clock = SystemClock()
    deadline = clock.monotonic() + _WITHIN_S
    pool, passwords = Pool(PoolOptions("bench", dsn, size=1), clock), Passwords(PasswordSettings())
    try:
        accounts = Users(pool, passwords, clock)
        for user in users:
            await accounts.set_password(user.email, password, deadline=deadline)
    finally:
        passwords.close()
        await pool.close(clock.monotonic() + 1)
