"""What administrators do with accounts, over the bridge; the owner's commands are in :mod:`agent.accounts.users`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg

from agent.accounts import user_cursors
from agent.accounts.attempts import forgive
from agent.accounts.conflicts import check_version, keeping_an_admin, taken
from agent.accounts.directory import Directory
from agent.accounts.leaving import delete_account, record_deletion
from agent.accounts.passwords import Passwords, check_strength
from agent.accounts.recording import changed, record
from agent.accounts.statements import QUERIES
from agent.accounts.time_zones import check_time_zone
from agent.db.idempotency import IdempotentWrites
from agent.db.pools import Pool, Transaction
from bridge.contracts.administration import (
    CHANGE_USER,
    CREATE_USER,
    DELETE_USER,
    GET_USER,
    LIST_USERS,
    SIGN_OUT_USER,
    UNLOCK_USER,
    ChangeUser,
    CreateUser,
    ListUsers,
    UserEntry,
    UserId,
    UserPage,
)
from bridge.contracts.operation import Operation
from bridge.contracts.users import Ended
from bridge.errors import Code, Denied, NotFound
from bridge.process.clock import Clock, utc
from bridge.server import NOTHING, Answer, CallerContext, Handler


class Administration:
    def __init__(
        self,
        *,
        pool: Pool,
        writes: IdempotentWrites,
        passwords: Passwords,
        directory: Directory,
        clock: Clock,
    ) -> None:
        self._pool = pool
        self._writes = writes
        self._passwords = passwords
        self._directory = directory
        self._clock = clock

    @property
    def handlers(self) -> Mapping[Operation[Any, Any], Handler]:
        return {
            LIST_USERS: self.list_users,
            GET_USER: self.user,
            CREATE_USER: self.create,
            CHANGE_USER: self.change,
            UNLOCK_USER: self.unlock,
            SIGN_OUT_USER: self.sign_out,
            DELETE_USER: self.delete,
        }

    async def list_users(self, context: CallerContext, params: ListUsers) -> Answer:
        after = "" if params.cursor is None else user_cursors.decode(params.cursor, params)
        role = None if params.role is None else params.role.value
        values = (role, params.is_active, params.text, after, params.limit + 1)
        rows = await self._pool.fetch(QUERIES["find_users"], *values, deadline=context.deadline)
        cursor: str | None = None
        if len(rows) > params.limit:
            del rows[params.limit :]
            cursor = user_cursors.encode(rows[-1]["place"], params)
        page = UserPage(items=tuple(_entry(row) for row in rows), limit=params.limit, next=cursor)
        return Answer(page.model_dump_json().encode(), cursor or "")

    async def user(self, context: CallerContext, params: UserId) -> Answer:
        return _answer(await self._pool.fetchrow(QUERIES["user_entry"], params.id, deadline=context.deadline))

    async def create(self, context: CallerContext, params: CreateUser) -> Answer:
        """Create an account. Raises Invalid for a weak password or no time zone, Conflict for a name that is taken."""
        check_time_zone(params.time_zone)
        password = params.password.get_secret_value()
        check_strength(password)
        hashed = await self._passwords.hash(password)
        values = (params.email, params.name, hashed, params.role.value, params.time_zone, params.username)
        async with self._pool.transaction(context.deadline) as transaction:
            # hashing took a Pi two seconds: long enough to be demoted, disabled or signed out, for just this perhaps
            caller = (context.user.user_id, context.user.session_id)
            if not await transaction.fetchval(QUERIES["administrates_still"], *caller):
                raise Denied(Code.SESSION_ENDED)
            try:
                user_id = await transaction.fetchval(QUERIES["create_user"], *values)
            except asyncpg.UniqueViolationError as error:
                raise taken(error) from None
            row = await transaction.fetchrow(QUERIES["user_entry"], user_id)
            new = params.model_dump(mode="json", exclude={"password"})
            await record(transaction, CREATE_USER, context, self._now(), user_id, new=new)
        return _answer(row)

    async def change(self, context: CallerContext, params: ChangeUser) -> Answer:
        """Change what is given. When this answers, tokens that it ends have stopped working here.

        Raises NotFound; Conflict for a version that is not the current one, a username that is taken, and the last
        administrator.
        """
        check_time_zone(params.time_zone)
        now = self._now()

        async def change(transaction: Transaction) -> Answer:
            role = None if params.role is None else params.role.value
            async with keeping_an_admin(transaction):
                before = await self._lock(transaction, params)
                check_version(params.version, before["version"])
                values = (params.id, params.name, params.username, role, params.is_active, params.time_zone)
                try:
                    await transaction.execute(QUERIES["change_user"], *values)
                except asyncpg.UniqueViolationError as error:
                    raise taken(error) from None
            after = await self._lock(transaction, params)
            old, new = changed(dict(before), dict(after))
            await record(transaction, CHANGE_USER, context, now, params.id, old=old, new=new)
            return _answer(after)

        answer = await self._writes.once(CHANGE_USER, context, now=now, work=change)
        await self._directory.look_again(params.id)
        return answer

    async def unlock(self, context: CallerContext, params: UserId) -> Answer:
        """Forget the account's counted sign-ins. Raises NotFound."""
        now = self._now()

        async def unlock(transaction: Transaction) -> Answer:
            row = await self._lock(transaction, params)
            await forgive(transaction, email=row["email"])
            await record(transaction, UNLOCK_USER, context, now, params.id)
            return NOTHING

        return await self._writes.once(UNLOCK_USER, context, now=now, work=unlock)

    async def sign_out(self, context: CallerContext, params: UserId) -> Answer:
        """End every session of the account. When this answers, its tokens have stopped working here."""
        now = self._now()
        ended: list[asyncpg.Record] = []

        async def end(transaction: Transaction) -> Answer:
            await self._lock(transaction, params)
            ended.extend(await transaction.fetch(QUERIES["end_sessions_of"], params.id, now))
            await record(transaction, SIGN_OUT_USER, context, now, params.id, new={"ended": len(ended)})
            return Answer(Ended(ended=len(ended)).model_dump_json().encode())

        answer = await self._writes.once(SIGN_OUT_USER, context, now=now, work=end)
        for row in ended:
            self._directory.end_session(row["id"])
        return answer

    async def delete(self, context: CallerContext, params: UserId) -> Answer:
        """Delete the account and every trace of its data. Raises NotFound, and Conflict for the last administrator."""
        now = self._now()

        async def delete(transaction: Transaction) -> Answer:
            await delete_account(transaction, params.id)
            await record_deletion(transaction, DELETE_USER, context, now, params.id)
            return NOTHING

        answer = await self._writes.once(DELETE_USER, context, now=now, work=delete)
        await self._directory.look_again(params.id)
        return answer

    async def _lock(self, transaction: Transaction, params: UserId | ChangeUser) -> asyncpg.Record:
        row = await transaction.fetchrow(QUERIES["lock_user"], params.id)
        if row is None:
            raise _no_account()
        return row

    def _now(self) -> datetime:
        return utc(self._clock.time())


def _entry(row: asyncpg.Record) -> UserEntry:
    return UserEntry.model_validate({name: row[name] for name in UserEntry.model_fields})


def _answer(row: asyncpg.Record | None) -> Answer:
    if row is None:
        raise _no_account()
    return Answer(_entry(row).model_dump_json().encode())


def _no_account() -> NotFound:
    return NotFound(Code.NOT_FOUND, "There is no such account")
