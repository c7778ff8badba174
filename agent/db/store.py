"""Our own database: brought to this program's schema before anything that goes on by itself relies on it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

import asyncpg

from agent.component import Component
from agent.db.idempotency import IdempotentWrites
from agent.db.listen import Hearing, listen
from agent.db.migrate import MigrationError, check, migrate
from agent.db.pools import Pool, PoolOptions, connect
from agent.settings import AgentSettings
from bridge.errors import AppError
from bridge.process.clock import Clock, utc

_RETRY_S: Final = 1.0
_WARM_S: Final = 5.0
_CLOSE_S: Final = 2.0


class Store(Component):
    """``pool`` answers from the start, with ``database_unavailable`` where there is nothing to ask."""

    def __init__(self, settings: AgentSettings, clock: Clock) -> None:
        self._settings = settings.store
        self._clock = clock
        options = PoolOptions(
            "store", self._dsn, settings.store.pool_size, settings.queries.slow_query_ms, settings.queries.trace_sql,
            commit_reserve_ms=settings.store.commit_reserve_ms,
        )  # fmt: skip
        self.pool = Pool(options, clock)
        self.writes = IdempotentWrites(self.pool, keep_s=settings.store.idempotency_keep_s)
        self._prepared = asyncio.Event()

    async def prepared(self) -> None:
        """Return when it has this program's schema."""
        await self._prepared.wait()

    async def listen(self, hearing: Hearing) -> None:
        """Hear of changes for ever, from when it is prepared."""
        await self.prepared()
        await listen(self._dsn, hearing)

    async def run(self) -> None:
        await self._prepare()
        with suppress(AppError):
            await self.pool.warm(self._clock.monotonic() + _WARM_S)
        self._prepared.set()

    async def forget_old(self, deadline: float) -> None:
        await self.writes.forget_old(now=utc(self._clock.time()), deadline=deadline)

    async def close(self, deadline: float) -> None:
        await self.pool.close(deadline)

    @property
    def _dsn(self) -> str:
        return self._settings.dsn.get_secret_value()

    async def _prepare(self) -> None:
        """Return when the schema is there: migrated here, or by the owner meanwhile."""
        while True:
            try:
                await self._migrate_or_check()
            except MigrationError as error:
                self.pool.availability.mark_disabled(str(error))
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                self.pool.availability.mark_down(error.__class__.__name__)
            else:
                return
            await asyncio.sleep(_RETRY_S)

    async def _migrate_or_check(self) -> None:
        if self._settings.owner_dsn is not None:
            await migrate(self._settings.owner_dsn.get_secret_value(), agent_role=self._settings.agent_role)
            return
        connection = await connect(self._dsn, application_name="drawbridge-check", timeout_s=_WARM_S)
        try:
            await check(connection)
        finally:
            await connection.close(timeout=_CLOSE_S)
