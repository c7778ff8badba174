"""A small pool of PostgreSQL connections in which nothing waits longer than its caller.

Why not :class:`asyncpg.Pool`: on each release it runs ``RESET ALL`` and friends and shields that in a task, which makes
a point query cost twice as much. The reset undoes session state that we never make: our statements come from files in
this repository and set nothing outside a transaction (``SET LOCAL`` and ``pg_*_xact_lock`` end with it), and LISTEN
has a connection of its own. What could be left behind is an open transaction, and such a connection is closed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import asyncpg
from prometheus_client import Histogram

from agent.db import metrics
from agent.db.availability import Availability
from agent.db.errors import SchemaMismatch, translate
from agent.db.queries import Query
from agent.db.tracing import commented, current_call, keep_span
from bridge.errors import Code, Unavailable
from bridge.process.clock import Clock
from bridge.process.logs import log

_log = logging.getLogger(__name__)

RECOVERY_S: Final = 0.25
"""How long a caller whose query was cancelled may still wait until PostgreSQL has confirmed that, and how long an idle
connection may take to prove that it lives."""

CONFIRM_S: Final = 2.0
"""How long the pool waits for the confirmation. A cancel request comes on a connection of its own, for which PostgreSQL
starts a process: with a hundred busy processes on two cores that took up to 1.3 s, where most idle connections answered
within 0.2 s."""

_DOWN: Final = frozenset({Code.DATABASE_UNAVAILABLE, Code.STORAGE_FULL})

_T = TypeVar("_T")
_Method = Callable[..., Awaitable[_T]]
if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:  # generic in its stubs alone
    Connection = asyncpg.Connection


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """``dsn`` as libpq writes it; a Unix socket is ``postgresql:///name?host=/run/postgresql``.

    With ``is_read_only`` PostgreSQL refuses every statement that writes, whatever the role may do. A transaction's
    statements end ``commit_reserve_ms`` before its deadline, so that the answer is still in time.
    """

    name: str
    dsn: str
    size: int = 4
    slow_query_ms: int = 250
    trace_sql: bool = False
    is_read_only: bool = False
    commit_reserve_ms: int = 50


async def connect(dsn: str, *, application_name: str, timeout_s: float, is_read_only: bool = False) -> Connection:
    """Open one connection with our session defaults. Raises what asyncpg raises."""
    return await asyncpg.connect(
        dsn,
        timeout=timeout_s,
        command_timeout=60.0,  # a backstop: every statement has its own
        statement_cache_size=256,
        max_cached_statement_lifetime=0,  # for ever: there are as many texts as queries in the files
        max_cacheable_statement_size=64 * 1024,
        server_settings={
            "application_name": application_name,
            "jit": "off",  # point queries: compiling costs more
            "default_transaction_read_only": "on" if is_read_only else "off",
            "standard_conforming_strings": "on",  # what quoting rests on, and an old database may have off
        },
    )


class Pool:
    """At most ``size`` connections, opened when needed, so that it starts and recovers without PostgreSQL.

    ``deadline`` is always monotonic seconds. Raises :class:`~bridge.errors.AppError` alone: ``timeout`` when the
    deadline passes first (waiting for a connection included), ``database_unavailable`` when there is no connection to
    be had, :class:`~agent.db.errors.SchemaMismatch` when the tables are not what the statement needs. When the caller
    is cancelled or its deadline passes, the statement is cancelled in PostgreSQL.
    """

    def __init__(self, options: PoolOptions, clock: Clock) -> None:
        self.availability = Availability(options.name, clock)
        self._options = options
        self._clock = clock
        self._free = asyncio.Semaphore(options.size)
        self._idle: list[Connection] = []
        self._recoveries: set[asyncio.Task[None]] = set()
        self._closed = False
        self._seconds: dict[str, Histogram] = {}
        self._slow_s = options.slow_query_ms / 1000
        self._open = metrics.POOL_CONNECTIONS.labels(options.name)
        self._connects = metrics.POOL_CONNECTS.labels(options.name)

    async def fetch(self, query: Query, *args: object, deadline: float) -> list[asyncpg.Record]:
        return await self._run(Connection.fetch, query, args, deadline)

    async def fetchrow(self, query: Query, *args: object, deadline: float) -> asyncpg.Record | None:
        return await self._run(Connection.fetchrow, query, args, deadline)

    async def fetchval(self, query: Query, *args: object, deadline: float) -> Any:  # noqa: ANN401 - as the row says
        return await self._run(Connection.fetchval, query, args, deadline)

    async def execute(self, query: Query, *args: object, deadline: float) -> str:
        """Run a statement by itself and return its command tag (``"DELETE 3"``)."""
        return await self._run(Connection.execute, query, args, deadline)

    @asynccontextmanager
    async def transaction(self, deadline: float) -> AsyncIterator[Transaction]:
        """Commit when the block ends, roll back when it raises or is cancelled.

        After a ``timeout`` or ``database_unavailable`` from here it is unknown whether the commit happened:
        see :mod:`agent.db.idempotency`.
        """
        connection = await self._acquire(deadline)
        try:
            limit_ms = max(1, int(self._remaining_s(deadline) * 1000) - self._options.commit_reserve_ms)
            await connection.execute(f"BEGIN; SET LOCAL statement_timeout = {limit_ms}", timeout=limit_ms / 1000)
            yield Transaction(self, connection, deadline)
            tag = await connection.execute("COMMIT", timeout=self._remaining_s(deadline))
            _check_committed(tag)
            self._note_working()
        except Exception as error:
            await self._recover(connection, "ROLLBACK")
            raise self._failed(error, connection) from error
        except BaseException:
            await self._recover(connection, "ROLLBACK")
            raise
        self._release(connection)

    async def warm(self, deadline: float) -> None:
        """Open every connection, so that the first callers do not wait for that."""
        opened: list[Connection] = []
        try:
            while len(opened) < self._options.size:
                opened.append(await self._acquire(deadline))
        finally:
            for connection in opened:
                self._release(connection)

    async def close(self, deadline: float) -> None:
        """Close every connection, and those in use as they are released; what does not close in time is cut."""
        self._closed = True
        if self._recoveries:
            await asyncio.wait(self._recoveries, timeout=max(0.0, self._remaining_s(deadline)))
        while self._idle:
            connection = self._idle.pop()
            try:
                await connection.close(timeout=max(0.001, self._remaining_s(deadline)))
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection.terminate()
            self._open.dec()

    async def run(self, connection: Connection, method: _Method[_T], query: Query, args: tuple[object, ...],
                  deadline: float) -> _T:  # fmt: skip
        """Run one statement on ``connection``: timed, counted, and over ``slow_query_ms`` logged by its name."""
        sql = commented(query.sql) if self._options.trace_sql else query.sql
        started = self._clock.monotonic()
        is_answered = False
        try:
            result = await method(connection, sql, *args, timeout=deadline - started)
            is_answered = True
            return result
        finally:
            duration_s = self._clock.monotonic() - started
            self._observe(query, duration_s)
            keep_span(query.name, duration_s, is_failed=not is_answered)

    def _observe(self, query: Query, duration_s: float) -> None:
        if (histogram := self._seconds.get(query.name)) is None:
            histogram = self._seconds[query.name] = metrics.QUERY_SECONDS.labels(query.name)
        histogram.observe(duration_s)
        if duration_s >= self._slow_s:
            call = current_call.get()
            log(
                _log,
                "query_was_slow",
                level=logging.WARNING,
                query=query.name,
                duration_ms=round(duration_s * 1000, 1),
                request_id=call.request_id if call else None,
            )

    async def _run(self, method: _Method[_T], query: Query, args: tuple[object, ...], deadline: float) -> _T:
        connection = await self._acquire(deadline)
        try:
            result = await self.run(connection, method, query, args, deadline)
        except (TimeoutError, asyncpg.QueryCanceledError) as error:
            await self._recover(connection, "SELECT 1")
            raise self._failed(error, connection) from error
        except Exception as error:
            self._release(connection)
            raise self._failed(error, connection) from error
        except BaseException:
            await self._recover(connection, "SELECT 1")
            raise
        self._release(connection)
        if self._options.is_read_only:  # elsewhere reading goes on while the disk is full, and says nothing
            self._note_working()
        return result

    async def _acquire(self, deadline: float) -> Connection:
        try:
            if self._free.locked():
                async with asyncio.timeout(self._remaining_s(deadline)):
                    await self._free.acquire()
            else:
                await self._free.acquire()
        except TimeoutError as error:
            raise translate(error) from None
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._open.dec()
        return await self._connect(deadline)

    async def _connect(self, deadline: float) -> Connection:
        if self._closed:
            self._free.release()
            raise Unavailable(Code.DRAINING)
        try:
            connection = await connect(
                self._options.dsn,
                application_name=f"drawbridge-{self._options.name}",
                timeout_s=self._remaining_s(deadline),
                is_read_only=self._options.is_read_only,
            )
        except Exception as error:
            self._free.release()
            self.availability.mark_down(error.__class__.__name__)
            raise translate(error, connection_lost=True) from error
        except BaseException:
            self._free.release()
            raise
        self._open.inc()
        self._connects.inc()
        self.availability.mark_up()
        return connection

    def _release(self, connection: Connection) -> None:
        """Keep a connection that is as good as new; close any other."""
        if self._closed or connection.is_closed() or connection.is_in_transaction():
            connection.terminate()
            self._open.dec()
        else:
            self._idle.append(connection)
        self._free.release()

    async def _recover(self, connection: Connection, statement: str) -> None:
        """Release a connection whose statement may still be running, once PostgreSQL has confirmed that it is not.

        The caller is let go after :data:`RECOVERY_S`, or at once when it is cancelled meanwhile; the recovery goes on.
        To stop it would take back the cancel request, and PostgreSQL would work on for nobody: callers often go away at
        the very deadline that has just cancelled their query.
        """
        recovery = asyncio.get_running_loop().create_task(self._confirm_end(connection, statement))
        self._recoveries.add(recovery)
        recovery.add_done_callback(self._recoveries.discard)
        with suppress(TimeoutError):
            async with asyncio.timeout(RECOVERY_S):
                await asyncio.shield(recovery)

    async def _confirm_end(self, connection: Connection, statement: str) -> None:
        """Run ``statement``, which waits for the end of the one before: asyncpg asks PostgreSQL by itself to cancel it.

        Bounded: a server that does not answer costs the place for :data:`CONFIRM_S`, and then the connection. Until
        then the place is taken: PostgreSQL still works for it.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                confirmation = tasks.create_task(_ensure_alive(connection, statement, CONFIRM_S))
                await asyncio.wait((confirmation,), timeout=RECOVERY_S)
                if not confirmation.done():
                    await self._check_idle()
        finally:
            self._release(connection)

    async def _check_idle(self) -> None:
        """Close the idle connections that do not answer: where one is dead others may be, each a caller's deadline."""
        suspects: list[Connection] = []
        while self._idle and not self._free.locked():
            await self._free.acquire()  # at once
            suspects.append(self._idle.pop())

        async def check(suspect: Connection) -> None:
            try:
                await _ensure_alive(suspect, "SELECT 1", RECOVERY_S)
            finally:
                self._release(suspect)

        async with asyncio.TaskGroup() as tasks:
            for suspect in suspects:
                tasks.create_task(check(suspect))

    def _note_working(self) -> None:
        """End an outage that left the connections alone, such as a full disk: none is made anew to tell of its end."""
        if self.availability.condition.state == "down":
            self.availability.mark_up()

    def _failed(self, error: Exception, connection: Connection) -> Exception:
        translated = translate(error, connection_lost=connection.is_closed())
        if translated is not error:
            metrics.QUERIES_FAILED.labels(translated.code.wire).inc()
        if translated.code in _DOWN and not isinstance(translated, SchemaMismatch):
            self.availability.mark_down(error.__class__.__name__)
        return translated

    def _remaining_s(self, deadline: float) -> float:
        return deadline - self._clock.monotonic()


async def _ensure_alive(connection: Connection, statement: str, within_s: float) -> None:
    """Close a connection on which ``statement`` is not answered in time."""
    try:
        await connection.execute(statement, timeout=within_s)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()


def _check_committed(tag: str) -> None:
    """Refuse a COMMIT that PostgreSQL made a ROLLBACK: a statement had failed, and the block went on regardless."""
    if tag != "COMMIT":
        raise asyncpg.InFailedSQLTransactionError(tag)


class Transaction:
    """The statements of one transaction, in order; see :meth:`Pool.transaction`.

    asyncpg's errors come out as they are, so that a statement may be expected to fail; the pool translates them where
    the block ends.
    """

    __slots__ = ("_connection", "_deadline", "_pool")

    def __init__(self, pool: Pool, connection: Connection, deadline: float) -> None:
        self._pool = pool
        self._connection = connection
        self._deadline = deadline

    async def fetch(self, query: Query, *args: object) -> list[asyncpg.Record]:
        return await self._pool.run(self._connection, Connection.fetch, query, args, self._deadline)

    async def fetchrow(self, query: Query, *args: object) -> asyncpg.Record | None:
        return await self._pool.run(self._connection, Connection.fetchrow, query, args, self._deadline)

    async def fetchval(self, query: Query, *args: object) -> Any:  # noqa: ANN401 - as the row says
        return await self._pool.run(self._connection, Connection.fetchval, query, args, self._deadline)

    async def execute(self, query: Query, *args: object) -> str:
        return await self._pool.run(self._connection, Connection.execute, query, args, self._deadline)
