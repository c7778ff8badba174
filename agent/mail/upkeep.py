"""What the owner does with mails, and what is done to them with time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from agent.db.pools import Pool
from agent.mail.statements import QUERIES
from bridge.contracts.operation import Model
from bridge.contracts.system import MailState
from bridge.errors import Code, NotFound

LISTED_MAX = 1000


class MailRow(Model):
    """A mail as the owner sees it: never what it says. ``next_try_at`` is None where it is not going to be tried."""

    id: UUID
    state: str
    template: str
    recipient: str
    tries: int
    created_at: datetime
    next_try_at: datetime | None
    reason: str


class Upkeep:
    """The outbox from outside; a running agent takes every change up within a second."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def mails(self, *, is_all: bool, deadline: float) -> list[MailRow]:
        """Return what waits or is parked, or with ``is_all`` what is remembered; at most :data:`LISTED_MAX`."""
        rows = await self._pool.fetch(QUERIES["list_mails"], is_all, LISTED_MAX, deadline=deadline)
        return [MailRow(**dict(row)) for row in rows]

    async def state(self, *, deadline: float) -> MailState:
        """Return how many wait and how many are parked."""
        [row] = await self._pool.fetch(QUERIES["count_mails"], deadline=deadline)
        oldest = None if row["oldest"] is None else row["oldest"].timestamp()
        return MailState(waiting=row["waiting"], oldest=oldest, parked=row["parked"])

    async def progress(self, cause: str, *, deadline: float) -> tuple[str, int, str]:
        """Return state, tries and reason of the mail that ``cause`` has caused."""
        row = await self._pool.fetchrow(QUERIES["mail_by_cause"], cause, deadline=deadline)
        if row is None:
            raise NotFound(Code.NOT_FOUND)
        return row["state"], row["tries"], row["reason"]

    async def retry(self, ids: Sequence[UUID] | None, now: datetime, *, deadline: float) -> int:
        """Let parked mails be tried anew, all where ``ids`` is None; return how many those are."""
        return _count(await self._pool.execute(QUERIES["retry_mails"], ids, now, deadline=deadline))

    async def drop(self, ids: Sequence[UUID] | None, now: datetime, *, deadline: float) -> int:
        """Never send these, or any parked one where ``ids`` is None; return how many those are."""
        return _count(await self._pool.execute(QUERIES["drop_mails"], ids, now, deadline=deadline))

    async def forget_old(self, now: datetime, *, keep_s: float, deadline: float) -> None:
        """Drop what would come too late, and forget what ended more than ``keep_s`` ago."""
        await self._pool.execute(QUERIES["expire_mails"], now, deadline=deadline)
        await self._pool.execute(QUERIES["forget_mails"], now - timedelta(seconds=keep_s), deadline=deadline)


def _count(tag: str) -> int:
    return int(tag.rpartition(" ")[2])
