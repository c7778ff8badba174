"""Who looked at a person's records.

A read is recorded before it is answered: what cannot be recorded is not shown. The same session looking at the same
records by the same operation is one entry a minute, since a page that asks again every few seconds tells nothing new,
and each entry is a write to an SD card. The gateway's own memory of answers works alike: it asks less than that.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from cachetools import TTLCache

from agent.audit.entries import Entry, actor_of
from agent.audit.trail import append
from agent.db.pools import Pool
from bridge.contracts.operation import Operation
from bridge.process.clock import Clock, utc
from bridge.server import CallerContext

ONE_LOOK_S: Final = 60.0
_REMEMBERED: Final = 10_000
_RECORDS: Final = ".records"


def entity_of(app: str) -> str:
    """Return what a person's records in ``app`` are called in the trail; ``entity_id`` is the person."""
    return f"{app}{_RECORDS}"


def app_of(entity: str) -> str:
    return entity.removesuffix(_RECORDS)


class Looks:
    """Records looks in the store's trail."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._recent: TTLCache[tuple[UUID, str, str | None, str], datetime] = TTLCache(
            _REMEMBERED, ONE_LOOK_S, timer=clock.monotonic
        )

    async def record(
        self, context: CallerContext, operation: Operation[Any, Any], *, app: str, person: str | None
    ) -> None:
        """Record that the caller looks at a person's records in ``app``; None is the one person there is.

        Raises what the store raises, and then nothing may be shown.
        """
        look = (context.user.session_id, app, person, operation.name)
        if look in self._recent:
            return
        at = utc(self._clock.time())
        entry = Entry(
            operation=operation.name, at=at, actor=actor_of(context.caller), entity=entity_of(app),
            entity_id=person or "", request_id=context.request_id,
        )  # fmt: skip
        async with self._pool.transaction(context.deadline) as transaction:
            await append(transaction, entry)
        self._recent[look] = at
