"""Whether the time of a refused sign-in tells if an address has an account: the whole way, as somebody outside sees it.

The kinds take turns in a new order each round, each try with another address, account and client, so that whatever else
the machine does falls on all alike.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import median
from typing import Final

from agent.accounts.passwords import Passwords
from agent.accounts.users import Users
from agent.db.pools import Pool, PoolOptions
from agent.settings import Passwords as PasswordSettings
from bridge.process.clock import SystemClock
from demo.bench.stage import Served, Stage
from demo.processes import DemoError

NOBODY: Final = "no account"
_ROUNDS: Final = 25
_REFUSED: Final = 401
_WITHIN_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class SignIn:
    """Median milliseconds of a refusal by what was wrong.

    ``later``: the chance that one takes longer than one for an address without an account; 0.5 tells nothing.
    """

    tries: int
    median_ms: Mapping[str, float]
    later: Mapping[str, float]


def sign_in(stage: Stage, say: Callable[[str], None]) -> SignIn:
    """Try wrong sign-ins, one after the other. Raises DemoError."""
    gateway = stage.gateway("gateway", {})
    emails = [user.email for user in stage.sign_in(gateway)]
    wrong, dearer, disabled = (emails[first : first + _ROUNDS] for first in (0, _ROUNDS, 2 * _ROUNDS))
    say(f"refused sign-ins, {_ROUNDS} of each kind")
    password = asyncio.run(_prepare(stage.logins.agent, dearer=dearer, disabled=disabled))
    nobody = [f"nobody{number}@example.org" for number in range(_ROUNDS)]
    kinds: dict[str, Iterator[tuple[str, str]]] = {
        NOBODY: iter([(email, password) for email in nobody]),
        "a wrong password": iter([(email, "Wrong horse 1") for email in dearer]),
        "a wrong password, its hash of a lower cost": iter([(email, "Wrong horse 1") for email in wrong]),
        "a disabled account": iter([(email, password) for email in disabled]),
    }
    took: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(_ROUNDS):
        for turn, kind in enumerate(random.sample(sorted(kinds), len(kinds))):
            took[kind].append(_try(gateway, *next(kinds[kind]), client=f"10.9.{turn}.{number}"))
    stage.stop(gateway)
    return SignIn(
        _ROUNDS,
        {kind: round(1000 * median(each), 1) for kind, each in took.items()},
        {kind: round(later(each, took[NOBODY]), 2) for kind, each in took.items() if kind != NOBODY},
    )


def later(these: Sequence[float], those: Sequence[float]) -> float:
    """Return the chance that one of these is greater than one of those: Mann and Whitney's U over its most."""
    pairs = list(product(these, those))
    return sum((this > that) + (this == that) / 2 for this, that in pairs) / len(pairs)


def _try(gateway: Served, email: str, password: str, *, client: str) -> float:
    credentials = json.dumps({"email": email, "password": password})
    headers = {"Content-Type": "application/json", "X-Forwarded-For": client}
    started = SystemClock.monotonic()
    status, body = gateway.ask("POST", "/api/v1/auth/login", headers=headers, body=credentials)
    took = SystemClock.monotonic() - started
    if status != _REFUSED:
        msg = f"a wrong sign-in was answered with {status}: {body.decode(errors='replace')}"
        raise DemoError(msg)
    return took


async def _prepare(dsn: str, *, dearer: Sequence[str], disabled: Sequence[str]) -> str:
    """Give accounts a hash of the cost that is set, and disable some; return a password that these have."""
    password, clock = "Bench horse 77", SystemClock()
    deadline = clock.monotonic() + _WITHIN_S
    pool, passwords = Pool(PoolOptions("bench", dsn, size=1), clock), Passwords(PasswordSettings())
    try:
        users = Users(pool, passwords, clock)
        for email in (*dearer, *disabled):
            await users.set_password(email, password, deadline=deadline)
        for email in disabled:
            await users.set_active(email, is_active=False, deadline=deadline)
    finally:
        passwords.close()
        await pool.close(clock.monotonic() + 1)
    return password
