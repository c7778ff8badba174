"""What people do with their own account: their profile, their sessions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

import asyncpg

from agent.accounts import preferences, time_cursors
from agent.accounts.conflicts import check_version, taken
from agent.accounts.directory import Directory
from agent.accounts.recording import changed, record
from agent.accounts.statements import QUERIES
from agent.accounts.time_zones import check_time_zone
from agent.db.idempotency import IdempotentWrites
from agent.db.pools import Pool, Transaction
from bridge.contracts.operation import Nothing, Operation
from bridge.contracts.users import (
    ACTIVITY,
    CHANGE_PREFERENCES,
    CHANGE_PROFILE,
    END_OTHER_SESSIONS,
    END_SESSION,
    GET_PREFERENCES,
    GET_PROFILE,
    LIST_SESSIONS,
    Activity,
    ChangePreferences,
    ChangeProfile,
    Deed,
    Ended,
    ListActivity,
    OwnSession,
    OwnSessions,
    Profile,
    SessionId,
)
from bridge.errors import Code, NotFound
from bridge.process.clock import Clock, utc
from bridge.server import NOTHING, Answer, CallerContext, Handler

_T = TypeVar("_T")
_LATEST: Final = (1 << 63) - 1
"""The greatest number that an entry of the audit trail can have."""


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
            GET_PREFERENCES: self.preferences,
            CHANGE_PREFERENCES: self.change_preferences,
            ACTIVITY: self.activity,
            LIST_SESSIONS: self.sessions,
            END_SESSION: self.end_session,
            END_OTHER_SESSIONS: self.end_other_sessions,
        }

    async def profile(self, context: CallerContext, _params: Nothing) -> Answer:
        return _profile(await self._pool.fetchrow(QUERIES["profile"], context.user.user_id, deadline=context.deadline))

    async def change_profile(self, context: CallerContext, params: ChangeProfile) -> Answer:
        """Change what is given, and return the whole profile.

        Raises Invalid for a time zone that there is not, Conflict for a username that is taken and for a version that
        is not the current one.
        """
        check_time_zone(params.time_zone)
        user_id, now = context.user.user_id, self._now()

        async def change(transaction: Transaction) -> Answer:
            check_version(params.version, _found(await transaction.fetchval(QUERIES["lock_account"], user_id)))
            before = _found(await transaction.fetchrow(QUERIES["profile"], user_id))
            try:
                values = (user_id, params.name, params.username, params.time_zone)
                await transaction.execute(QUERIES["change_profile"], *values)
            except asyncpg.UniqueViolationError as error:
                raise taken(error) from None
            after = _found(await transaction.fetchrow(QUERIES["profile"], user_id))
            old, new = changed(dict(before), dict(after))
            await record(transaction, CHANGE_PROFILE, context, now, user_id, old=old, new=new)
            return _profile(after)

        return await self._writes.once(CHANGE_PROFILE, context, now=now, work=change)

    async def preferences(self, context: CallerContext, _params: Nothing) -> Answer:
        row = await self._pool.fetchrow(QUERIES["preferences"], context.user.user_id, deadline=context.deadline)
        return Answer(preferences.read(_found(row)).model_dump_json().encode())

    async def change_preferences(self, context: CallerContext, params: ChangePreferences) -> Answer:
        """Change what is given, and return all preferences. Raises as :meth:`change_profile`."""
        check_time_zone(params.time_zone)
        user_id, now = context.user.user_id, self._now()

        async def change(transaction: Transaction) -> Answer:
            check_version(params.version, _found(await transaction.fetchval(QUERIES["lock_account"], user_id)))
            before = preferences.read(_found(await transaction.fetchrow(QUERIES["preferences"], user_id)))
            wanted = preferences.changed(before, params)
            values = (user_id, preferences.to_store(wanted), wanted.time_zone)
            version = await transaction.fetchval(QUERIES["change_preferences"], *values)
            after = wanted.model_copy(update={"version": version})
            old, new = changed(before.model_dump(mode="json"), after.model_dump(mode="json"))
            await record(transaction, CHANGE_PREFERENCES, context, now, user_id, old=old, new=new)
            return Answer(after.model_dump_json().encode())

        return await self._writes.once(CHANGE_PREFERENCES, context, now=now, work=change)

    async def activity(self, context: CallerContext, params: ListActivity) -> Answer:
        """Return what the audit trail has of the account: what it did, and what was done to it."""
        user_id = context.user.user_id
        before = time_cursors.decode(params.cursor, latest=_LATEST)
        values = (user_id, str(user_id), before.at, before.number, params.limit + 1)
        rows = await self._pool.fetch(QUERIES["activity"], *values, deadline=context.deadline)
        cursor: str | None = None
        if len(rows) > params.limit:
            del rows[params.limit :]
            cursor = time_cursors.encode(time_cursors.Place(rows[-1]["timestamp"], rows[-1]["number"]))
        items = tuple(Deed.model_validate({name: row[name] for name in Deed.model_fields}) for row in rows)
        page = Activity(items=items, limit=params.limit, next=cursor)
        return Answer(page.model_dump_json().encode(), cursor or "")

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
            session = str(params.id)
            await record(
                transaction, END_SESSION, context, now, context.user.user_id, entity="session", entity_id=session
            )
            return NOTHING

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
            new = {"ended": len(ended)}
            await record(transaction, END_OTHER_SESSIONS, context, now, context.user.user_id, new=new)
            return Answer(Ended(ended=len(ended)).model_dump_json().encode())

        answer = await self._writes.once(END_OTHER_SESSIONS, context, now=now, work=end)
        for row in ended:
            self._directory.end_session(row["id"])
        return answer

    def _now(self) -> datetime:
        return utc(self._clock.time())


def _profile(row: asyncpg.Record | None) -> Answer:
    return Answer(Profile(**_found(row)).model_dump_json().encode())


def _found(found: _T | None) -> _T:
    """Return what the store has of the account. Raises NotFound: it was deleted since the token was verified."""
    if found is None:
        raise NotFound(Code.NOT_FOUND)
    return found
