"""The health app in the agent: on where the settings name a database, and otherwise switched off."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from agent.apps.health.operations import Grants, Looks, handlers
from agent.apps.health.source import Source
from agent.component import Component, Handlers
from agent.db.availability import Availability
from agent.db.pools import Pool, PoolOptions
from agent.settings import AgentSettings
from bridge.contracts.health import OPERATIONS
from bridge.errors import AppError, Code, Unavailable
from bridge.process.clock import Clock
from bridge.server import Answer, CallerContext

_WARM_S: Final = 5.0


class HealthApp(Component):
    """``dependencies`` are what its answers need: a mapping that fits, and a database that is there."""

    def __init__(self, settings: AgentSettings, clock: Clock, *, grants: Grants, looks: Looks) -> None:
        self._clock = clock
        self._pool: Pool | None = None
        dsn = settings.source.dsn
        if dsn is None:
            switched_off = Availability("health", clock)
            switched_off.mark_disabled("source.dsn is not set")
            self.dependencies: tuple[Availability, ...] = (switched_off,)
            self._handlers: Handlers = dict.fromkeys(OPERATIONS, _switched_off)
            return
        options = PoolOptions(
            "source", dsn.get_secret_value(), settings.source.pool_size, settings.queries.slow_query_ms,
            settings.queries.trace_sql, is_read_only=True,
        )  # fmt: skip
        self._pool = Pool(options, clock)
        self._source = Source(self._pool, settings.source.mapping, clock)
        self.dependencies = (self._source.availability, self._pool.availability)
        self._handlers = handlers(self._source, grants, looks)

    @property
    def handlers(self) -> Handlers:
        return self._handlers

    async def run(self) -> None:
        if self._pool is not None:
            with suppress(AppError):
                await self._pool.warm(self._clock.monotonic() + _WARM_S)
            await self._source.watch()

    async def close(self, deadline: float) -> None:
        if self._pool is not None:
            await self._pool.close(deadline)


async def _switched_off(_context: CallerContext, _params: object) -> Answer:
    raise Unavailable(Code.APP_DISABLED)
