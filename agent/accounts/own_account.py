"""What people do with their own account: their profile, their sessions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import asyncpg

from agent.accounts.directory import Directory
from agent.accounts.statements import QUERIES
from agent.db.idempotency import IdempotentWrites
from agent.db.pools import Pool, Transaction
from bridge.contracts.operation import Nothing, Operation
from bridge.contracts.users import (
    CHANGE_PROFILE,
    END_OTHER_SESSIONS,
    END_SESSION,
    GET_PROFILE,
    LIST_SESSIONS,
    ChangeProfile,
    Ended,
    OwnSession,
    OwnSessions,
    Profile,
    SessionId,
)
from bridge.errors import Code, FieldError, Invalid, NotFound
from bridge.process.clock import Clock, utc
from bridge.server import Answer, CallerContext, Handler

_NOTHING: Final = Answer(b"{}")


class OwnAccount:
    """Each operation is about the account of the caller's token, and no parameter names another."""

    def __init__(self, *, pool: Pool, writes: IdempotentWrites, directory: Directory, clock: Clock) -> None:
        self._pool = pool
        self._writes = writes
        self._directory = directory
        self._clock = clock

    @property
    def handlers(self) -> Mapping[Operation[Any, Any], Handler]:
        return {
            GET_PROFILE: self.profile,
            CHANGE_PROFILE: self.change_profile,
            LIST_SESSIONS: self.sessions,
            END_SESSION: self.end_session,
            END_OTHER_SESSIONS: self.end_other_sessions,
        }

    async def profile(self, context: CallerContext, _params: Nothing) -> Answer:
        row = await self._pool.fetchrow(QUERIES["profile"], context.user.user_id, deadline=context.deadline)
        return _profile(row)

    async def change_profile(self, context: CallerContext, params: ChangeProfile) -> Answer:
        """Change what is given, and return the whole profile. Raises Invalid for a time zone that there is not."""
        check_time_zone(params.time_zone)

        async def change(transaction: Transaction) -> Answer:
            values = (context.user.user_id, params.name, params.time_zone)
            return _profile(await transaction.fetchrow(QUERIES["change_profile"], *values))

        return await self._writes.once(CHANGE_PROFILE, context, now=self._now(), work=change)

    async def sessions(self, context: CallerContext, _params: Nothing) -> Answer:
        user = context.user
        rows = await self._pool.fetch(QUERIES["own_sessions"], user.user_id, self._now(), deadline=context.deadline)
        items = tuple(OwnSession(is_current=row["id"] == user.session_id, **row) for row in rows)
        return Answer(OwnSessions(items=items).model_dump_json().encode())

    async def end_session(self, context: CallerContext, params: SessionId) -> Answer:
        """End a session of the caller's. When this answers, its tokens have stopped working here. Raises NotFound."""
        now = self._now()

        async def end(transaction: Transaction) -> Answer:
            values = (context.user.user_id, params.id, now)
            if await transaction.fetchval(QUERIES["end_own_session"], *values) is None:
                raise NotFound(Code.NOT_FOUND, "There is no such session of yours")
            return _NOTHING

        answer = await self._writes.once(END_SESSION, context, now=now, work=end)
        self._directory.end_session(params.id)
        return answer

    async def end_other_sessions(self, context: CallerContext, _params: Nothing) -> Answer:
        """End every session of the caller's but this one. When this answers, their tokens have stopped working here."""
        now = self._now()
        ended: list[asyncpg.Record] = []

        async def end(transaction: Transaction) -> Answer:
            values = (context.user.user_id, context.user.session_id, now)
            ended.extend(await transaction.fetch(QUERIES["end_other_sessions"], *values))
            return Answer(Ended(ended=len(ended)).model_dump_json().encode())

        answer = await self._writes.once(END_OTHER_SESSIONS, context, now=now, work=end)
        for row in ended:
            self._directory.end_session(row["id"])
        return answer

    def _now(self) -> datetime:
        return utc(self._clock.time())


def check_time_zone(name: str | None) -> None:
    """Raise Invalid unless there is such a time zone; None is none to check."""
    try:
        if name is not None:
            ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not there, not a name, a folder
        field = FieldError("time_zone", "must be the name of a time zone, such as Europe/Berlin")
        raise Invalid(Code.INVALID_REQUEST, fields=(field,)) from None


def _profile(row: asyncpg.Record | None) -> Answer:
    """Return the answer, or raise NotFound: the account was deleted since its token was verified."""
    if row is None:
        raise NotFound(Code.NOT_FOUND)
    return Answer(Profile(**row).model_dump_json().encode())
