"""The real agent with one write more to count by, and where asked without one of its mitigations.

``python -m tests.adversity.agent WITHOUT serve --config FILE``, WITHOUT being one of :class:`Mitigation`.

Mitigations with a setting are switched off by it; here are those that nobody should be able to switch off.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch
from uuid import uuid4

import asyncpg
from aiohttp import web

import agent.__main__
from agent.accounts.passwords import Passwords, _check
from agent.app import Agent
from agent.apps.health.source import Source
from agent.db.idempotency import IdempotentWrites
from agent.db.pools import Connection, Pool, Transaction
from agent.db.queries import Parameter, Query
from agent.mail.claims import Claims
from agent.mail.outbox import Outbox, compose
from agent.mail.post import Away, Outcome, Post
from agent.mail.post import Connection as SmtpConnection
from agent.mail.sender import Sender
from agent.mail.wording import Template, word
from agent.settings import Relay
from bridge.contracts.operation import Operation
from bridge.errors import AppError
from bridge.process.clock import SystemClock, utc
from bridge.process.environment import environment
from bridge.replay import ReplayMemory
from bridge.server import Answer, CallerContext, Handler
from tests.adversity import clock
from tests.adversity.counting import COUNT, Count, Counted

_FOR_EVER: Final = timedelta(days=10_000)
OFF_S: Final = 1.0
"""How often a mapping that does not fit is tried again: no test waits for the product's 5 s."""

_COUNT_SQL: Final = Query(
    "tests.count",
    "INSERT INTO tests_counted (run) VALUES ($1)",
    "One row for each time that a write is applied.",
    (Parameter("run", "text"),),
)


class CountingAgent(Agent):
    """An agent that also counts."""

    def _handlers(self) -> dict[Operation[Any, Any], Handler]:
        return {**super()._handlers(), COUNT: self._count}

    async def _count(self, context: CallerContext, params: Count) -> Answer:
        async def count(transaction: Transaction) -> Answer:
            await transaction.execute(_COUNT_SQL, params.run)
            return Answer(Counted(count=1).model_dump_json().encode())

        now = utc(self._clock.time())
        return await self._store.writes.once(COUNT, context, now=now, work=count)


class Mitigation(StrEnum):
    """What an agent can be without."""

    NOTHING = "nothing"
    AGAINST_FUTURE = "believing no time that is too far ahead"
    AWAY = "telling a mail server that is away from a mail that it refuses"
    BOOT_ID = "boot id"
    CANCELLATION = "cancellation of the query"
    GUARD = "disabling what does not fit"
    HANDLER_CANCELLATION = "hearing that the caller left"
    IDEMPOTENCY = "idempotency keys"
    MAC = "comparison of the MAC"
    OUTBOX = "mails in the store"
    NO_EVICTION = "never forgetting a sender too early"
    POOL_CHECK = "looking whether a connection lives"
    REPORT = "a word on each refused handshake"
    STATEMENT_CACHE = "prepared statements"
    PASSWORD_THREADS = "threads for passwords"
    SUSPICION = "suspecting the idle connections of a dead one"
    TRANSACTION = "one transaction for all of a write"


async def _apply_always(
    writes: IdempotentWrites,
    _operation: Operation[Any, Any],
    context: CallerContext,
    *,
    now: datetime,
    work: Callable[[Transaction], Awaitable[Answer]],
) -> Answer:
    async with writes._pool.transaction(context.deadline) as transaction:
        return await work(transaction)


@asynccontextmanager
async def _each_by_itself(pool: Pool, deadline: float) -> AsyncIterator[Transaction]:
    connection = await pool._acquire(deadline)
    try:
        yield Transaction(pool, connection, deadline)
    except Exception as error:
        raise pool._failed(error, connection) from error
    finally:
        pool._release(connection)


async def _check_here(passwords: Passwords, password: str, stored: str | None) -> bool:
    return _check(password.encode(), stored or passwords.nobodys, passwords._cost) and stored is not None


def _forget_longest_silent(memory: ReplayMemory, _now: float) -> bool:
    windows = memory._windows
    while len(windows) >= memory._processes_max:
        del windows[next(iter(windows))]
    return True


async def _take_any(pool: Pool, deadline: float) -> Connection:
    await pool._free.acquire()
    return pool._idle.pop() if pool._idle else await pool._connect(deadline)


def _keep_any(pool: Pool, connection: Connection) -> None:
    pool._idle.append(connection)
    pool._free.release()


async def _suspect_nobody(_pool: Pool) -> None:
    """Stand in for looking whether the idle connections live."""


async def _cancel_nothing(*_: object, **__: object) -> None:
    """Stand in for asyncpg's cancel request."""


async def _blame_the_mail(sender: Sender, right: Claims) -> None:
    try:
        await _send_all(sender, right)
    except Away as away:
        mail = await right.claim(utc(SystemClock.time()))
        if mail is not None:
            await sender._store(right, mail, Outcome("later", away.reason))
        raise


async def _never_away(connection: SmtpConnection, recipient: str, content: bytes) -> Outcome:
    try:
        return await _hand_over(connection, recipient, content)
    except Away as away:
        return Outcome("later", away.reason)


async def _send_from_memory(outbox: Outbox, _transaction: Transaction, template: Template, **mail: Any) -> bool:  # noqa: ANN401 - as the outbox takes
    settings = outbox._settings
    words = word(template, mail["language"], mail["values"], site=settings.site)
    content = compose(words, settings, mail["to"], uuid4(), utc(SystemClock.time())).as_bytes()

    async def send() -> None:
        connection = await Post(settings, Relay()).open()
        await connection.hand_over(mail["to"], content)
        await connection.close()

    _sending.add(asyncio.get_running_loop().create_task(send()))
    return True


class _NeverRaised(AppError):
    message = ""


def _deaf_server(handler: Any, **options: Any) -> web.Server:  # noqa: ANN401 - as aiohttp's
    return _Server(handler, **{**options, "handler_cancellation": False})


async def _connect_forgetfully(dsn: str, **options: Any) -> Any:  # noqa: ANN401 - as asyncpg's
    return await _connect(dsn, **{**options, "statement_cache_size": 0})


_sending: Final = set[asyncio.Task[None]]()
_send_all: Final = Sender._send_all
_hand_over: Final = SmtpConnection.hand_over
_connect: Final = asyncpg.connect
_Server: Final = web.Server

_WITHOUT: Final[Mapping[Mitigation, Mapping[str, object]]] = {
    Mitigation.NOTHING: {},
    Mitigation.AGAINST_FUTURE: {"agent.mail.sender.MOVED": _FOR_EVER, "agent.mail.claims.MOVED": _FOR_EVER},
    Mitigation.AWAY: {
        "agent.mail.sender.Sender._send_all": _blame_the_mail,
        "agent.mail.sender.Connection.hand_over": _never_away,
    },
    Mitigation.BOOT_ID: {"bridge.server.endpoint.check_freshness": lambda *_args, **_more: None},
    Mitigation.CANCELLATION: {"asyncpg.connect_utils._cancel": _cancel_nothing},
    Mitigation.GUARD: {"agent.apps.health.source.SchemaMismatch": _NeverRaised},
    Mitigation.HANDLER_CANCELLATION: {"agent.doors.web.Server": _deaf_server},
    Mitigation.IDEMPOTENCY: {"agent.db.idempotency.IdempotentWrites.once": _apply_always},
    Mitigation.MAC: {"bridge.signing.hmac.compare_digest": lambda _one, _other: True},
    Mitigation.OUTBOX: {"agent.mail.outbox.Outbox.enqueue": _send_from_memory},
    Mitigation.NO_EVICTION: {"bridge.replay.ReplayMemory._has_room": _forget_longest_silent},
    Mitigation.POOL_CHECK: {"agent.db.pools.Pool._acquire": _take_any, "agent.db.pools.Pool._release": _keep_any},
    Mitigation.REPORT: {"agent.doors._report_refused": lambda _peer, _refusal: None},
    Mitigation.STATEMENT_CACHE: {"agent.db.pools.asyncpg.connect": _connect_forgetfully},
    Mitigation.PASSWORD_THREADS: {"agent.accounts.passwords.Passwords.matches": _check_here},
    Mitigation.SUSPICION: {"agent.db.pools.Pool._check_idle": _suspect_nobody},
    Mitigation.TRANSACTION: {"agent.db.pools.Pool.transaction": _each_by_itself},
}
"""What is put in whose place."""


def main() -> int:
    replaced = {
        **_WITHOUT[Mitigation(sys.argv[1])],
        "agent.__main__.Agent": CountingAgent,
        "agent.apps.health.component.Source": partial(Source, off_s=OFF_S),
    }
    if (file := environment().get(clock.VARIABLE)) is not None:
        replaced |= clock.led_by(Path(file))
    for target, value in replaced.items():
        patch(target, value).start()
    return agent.__main__.main(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
