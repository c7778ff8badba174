"""Who may send: one at a time on a store, and one mail at a time, each step of it committed before the next.

The right to send is a lock of the connection, so that it ends with whoever has it, however that ends; and what they
were at is found and given to the next. A clock that was moved changes nothing about it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from agent.db.pools import Connection, connect
from agent.mail.statements import QUERIES

_LOCK_ID: Final = 0x6D_61_69_6C  # "mail"; any constant does, as long as it is always the same
_STATEMENT_S: Final = 5.0
_CLOSE_S: Final = 2.0
MOVED: Final = timedelta(minutes=5)

# Statistics are of before the outbox filled: of few mails all would be read and sorted, each time that one is claimed.
_BY_INDEX: Final = "SET enable_sort = off"


class AnotherSends(Exception):
    """Somebody else has the right to send now, such as an agent that is about to stop."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail that is ours to send now. ``tries`` are those before this one."""

    id: UUID
    template: str
    recipient: str
    sealed: bytes
    tries: int


class Claims:
    """The right to send. Every method raises what asyncpg raises, and after that the right is gone."""

    def __init__(self, connection: Connection, retry: tuple[timedelta, ...]) -> None:
        self._connection = connection
        self._retry = retry

    async def recover(self, now: datetime) -> int:
        """Take back what a sender was at when it ended, as a try that failed; return how many mails that were."""
        tag = await self._connection.execute(
            QUERIES["recover_mails"].sql, now, len(self._retry) + 1, timeout=_STATEMENT_S
        )
        return int(tag.rpartition(" ")[2])

    async def expire(self, now: datetime) -> None:
        await self._connection.execute(QUERIES["expire_mails"].sql, now, timeout=_STATEMENT_S)

    async def claim(self, now: datetime) -> Claimed | None:
        """Return the mail that has been due for the longest, if any is, now marked as being sent."""
        row = await self._connection.fetchrow(
            QUERIES["claim_mail"].sql, now, now + max(self._retry, default=MOVED) + MOVED, timeout=_STATEMENT_S
        )
        return None if row is None else Claimed(*row)

    async def give_back(self, mail: Claimed) -> None:
        """Let it wait as before: nothing of it was sent."""
        await self._connection.execute(QUERIES["give_mail_back"].sql, mail.id, timeout=_STATEMENT_S)

    async def sent(self, mail: Claimed, reason: str, now: datetime) -> None:
        await self._connection.execute(QUERIES["mail_sent"].sql, mail.id, reason, now, timeout=_STATEMENT_S)

    async def parked(self, mail: Claimed, reason: str) -> None:
        await self._connection.execute(QUERIES["mail_parked"].sql, mail.id, reason, timeout=_STATEMENT_S)

    async def later(self, mail: Claimed, reason: str, now: datetime) -> bool:
        """Let it be tried again in a while, or park it after the last try; return whether there is another."""
        if mail.tries >= len(self._retry):
            await self.parked(mail, reason)
            return False
        next_try_at = now + self._retry[mail.tries]
        await self._connection.execute(QUERIES["mail_deferred"].sql, mail.id, reason, next_try_at, timeout=_STATEMENT_S)
        return True


@asynccontextmanager
async def claims(dsn: str, retry: tuple[timedelta, ...]) -> AsyncIterator[Claims]:
    """Give the right to send. Raises :class:`AnotherSends`, or what asyncpg raises."""
    connection = await connect(dsn, application_name="drawbridge-mail", timeout_s=_STATEMENT_S)
    try:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK_ID, timeout=_STATEMENT_S):
            raise AnotherSends
        await connection.execute(_BY_INDEX, timeout=_STATEMENT_S)
        yield Claims(connection, retry)
        await connection.close(timeout=_CLOSE_S)
    finally:
        connection.terminate()
