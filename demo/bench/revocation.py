"""How long an account that is disabled on the agent still gets answers at the gateway, which remembers them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from agent.accounts.passwords import Passwords
from agent.accounts.users import Users
from agent.db.pools import Pool, PoolOptions
from agent.settings import Passwords as PasswordSettings
from bridge.process.clock import SystemClock
from demo.bench.hold import LIST
from demo.bench.load import Latencies
from demo.bench.stage import Served, Stage, User
from demo.processes import DemoError

_ACCOUNTS: Final = 50
_OK: Final = 200
_REFUSED: Final = 401
_WITHIN_S: Final = 10.0


def revocation(stage: Stage, say: Callable[[str], None]) -> Latencies:
    """Disable accounts, one after the other, asking all the time: the times until they are refused. Raises DemoError.

    They begin with the command that disables the account, so that its own transaction is in them.
    """
    gateway = stage.gateway("gateway", {})
    users = stage.sign_in(gateway)[:_ACCOUNTS]
    say(f"disabling {_ACCOUNTS} accounts")
    took = asyncio.run(_measure(stage.logins.agent, gateway, users))
    stage.stop(gateway)
    return Latencies.of(took)


async def _measure(dsn: str, gateway: Served, users: Sequence[User]) -> list[float]:
    clock = SystemClock()
    pool, passwords = Pool(PoolOptions("bench", dsn, size=1), clock), Passwords(PasswordSettings())
    accounts = Users(pool, passwords, clock)

    async def set_active(user: User, *, is_active: bool) -> None:
        await accounts.set_active(user.email, is_active=is_active, deadline=clock.monotonic() + _WITHIN_S)

    took = []
    try:
        for user in users:
            for _ in range(2):  # now it is remembered
                _expect(_status(gateway, user), _OK)
            started = clock.monotonic()
            await set_active(user, is_active=False)
            while (status := _status(gateway, user)) == _OK:
                if clock.monotonic() - started > _WITHIN_S:
                    msg = f"a disabled account still gets its list, {_WITHIN_S:g} s later"
                    raise DemoError(msg)
            took.append(clock.monotonic() - started)
            _expect(status, _REFUSED)
            await set_active(user, is_active=True)
    finally:
        passwords.close()
        await pool.close(clock.monotonic() + 1)
    return took


def _status(gateway: Served, user: User) -> int:
    headers = {"Authorization": f"Bearer {user.token}", "X-Forwarded-For": user.address}
    return gateway.ask("GET", LIST, headers=headers)[0]


def _expect(status: int, expected: int) -> None:
    if status != expected:
        msg = f"a list was answered with {status}, not {expected}"
        raise DemoError(msg)
