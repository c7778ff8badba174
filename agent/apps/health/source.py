"""The existing database as the mapping sees it: ready, or switched off with the reason, and looked at again.

A mapping that does not fit the tables, or stops to, disables the health app alone: its calls answer ``app_disabled``,
one log line says why, and it is tried again every 5 s, so that it comes back by itself when file or tables are
corrected; while all fits, it is looked at every 30 s. A database that is away is no such reason: its calls answer
``database_unavailable``. That it is away is found within 5 s, also where nobody asks for records.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

import asyncpg

from agent.apps.health.mapping.columns import Catalogue, Column
from agent.apps.health.mapping.compile import compile_records, tables_of
from agent.apps.health.mapping.model import MappingError, SourceMapping, read
from agent.apps.health.statements import QUERIES, Statements
from agent.db.availability import Availability
from agent.db.errors import SchemaMismatch, translate
from agent.db.pools import Pool
from agent.db.queries import Query
from bridge.errors import AppError, Code, Unavailable
from bridge.process.clock import Clock

RECHECK_S: Final = 30.0
OFF_S: Final = 5.0
"""What is switched off is looked at as often: tables are often made just after the agent starts."""
ALIVE_S: Final = 5.0
"""A database is asked as often whether it is there: an owner is to hear of one that is not within 30 s."""
AWAY_S: Final = 2.0
"""A database that is away is looked for as often, so that it is not called down for long after it is back."""
_CHECK_DEADLINE_S: Final = 10.0

Read = Callable[[Path], SourceMapping]


class Source:
    """``availability`` is the app's, beside the pool's own. Have :meth:`watch` run for as long as the agent does."""

    def __init__(
        self,
        pool: Pool,
        mapping_path: Path,
        clock: Clock,
        *,
        recheck_s: float = RECHECK_S,
        off_s: float = OFF_S,
        alive_s: float = ALIVE_S,
        away_s: float = AWAY_S,
    ) -> None:
        self.availability = Availability("health", clock)
        self._pool = pool
        self._path = mapping_path
        self._recheck_s = recheck_s
        self._off_s = off_s
        self._alive_s = alive_s
        self._away_s = away_s
        self.clock = clock
        self._statements: Statements | None = None
        self._mapping: SourceMapping | None = None
        self._checked_at = float("-inf")
        self._checking = asyncio.Lock()

    async def statements(self, deadline: float) -> Statements:
        """Return what can be asked. Raises :class:`~bridge.errors.Unavailable` when the mapping does not fit."""
        if self._statements is None:
            await self._check_if_due(deadline)
        if self._statements is None:
            raise _disabled()
        return self._statements

    async def fetch(self, query: Query, *args: object, deadline: float) -> list[asyncpg.Record]:
        """Return the rows. Raises :class:`~bridge.errors.AppError`; a table that has changed disables the app."""
        try:
            return await self._pool.fetch(query, *args, deadline=deadline)
        except SchemaMismatch as error:
            self._disable(error.message)
            raise _disabled() from error

    async def watch(self) -> NoReturn:
        """Look at mapping and tables for ever: what broke is said, and what was corrected serves.

        Every ``recheck_s``, and every ``off_s`` while they do not fit.

        Where nobody asks for records, nobody else finds that the database went away, or is back: it is asked every
        ``alive_s`` whether it is there, and while it is not, looked at every ``away_s``.
        """
        while True:
            with suppress(AppError):  # the pool has said that the database is away
                async with self._checking:
                    await self._check(self.clock.monotonic() + _CHECK_DEADLINE_S)
            await self._rest()

    async def _rest(self) -> None:
        """Return when mapping and tables are to be looked at again."""
        until = self.clock.monotonic() + (self._off_s if self._statements is None else self._recheck_s)
        while self._pool.availability.is_up:
            await asyncio.sleep(min(self._alive_s, max(0.0, until - self.clock.monotonic())))
            if self.clock.monotonic() >= until:
                return
            with suppress(AppError):
                await self._pool.fetch(QUERIES["alive"], deadline=self.clock.monotonic() + _CHECK_DEADLINE_S)
        await asyncio.sleep(self._away_s)

    async def _check_if_due(self, deadline: float) -> None:
        """Check once for all who wait for it; one who comes within 5 s of a failed check need not wait."""
        try:
            async with asyncio.timeout(deadline - self.clock.monotonic()), self._checking:
                if self._statements is None and self.clock.monotonic() - self._checked_at >= self._off_s:
                    await self._check(deadline)
        except TimeoutError as error:
            raise translate(error) from None

    async def _check(self, deadline: float) -> None:
        """Read the mapping, compile it against the catalogue and try it. Raises AppError if the database is away."""
        try:
            mapping = await asyncio.to_thread(read, self._path)
            records = compile_records(mapping, await self._catalogue(mapping, deadline))
            if self._statements is None or self._statements.records != records:
                statements = Statements(records)
                await self._pool.fetch(statements.probe, None, deadline=deadline)
                self._statements = statements
        except MappingError as error:
            self._disable(str(error))
        except SchemaMismatch as error:
            self._disable(error.message)
        else:
            self._checked_at = self.clock.monotonic()
            self.availability.mark_up()

    async def _catalogue(self, mapping: SourceMapping, deadline: float) -> Catalogue:
        catalogue: dict[tuple[str, str], dict[str, Column]] = {}
        for table in tables_of(mapping):
            rows = await self._pool.fetch(QUERIES["columns"], *table, deadline=deadline)
            if rows:
                catalogue[table] = {row["name"]: Column(**row) for row in rows}
        return catalogue

    def _disable(self, reason: str) -> None:
        self._statements = None
        self._checked_at = self.clock.monotonic()
        self.availability.mark_disabled(reason.replace("\n", "; "))


def _disabled() -> Unavailable:
    return Unavailable(
        Code.APP_DISABLED, "The records cannot be read at the moment; the owner has been told.", retry_after_s=OFF_S
    )
