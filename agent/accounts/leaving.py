"""Everything that the store has of a person, for that person; and the end of their account."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from agent import audit
from agent.accounts import preferences
from agent.accounts.attempts import Attempts
from agent.accounts.conflicts import keeping_an_admin
from agent.accounts.directory import Directory
from agent.accounts.passwords import Passwords
from agent.accounts.recording import record
from agent.accounts.statements import QUERIES
from agent.audit import Outcome
from agent.db.pools import Pool, Transaction
from bridge.contracts.leaving import (
    DELETE_ACCOUNT,
    ENTRIES_MAX,
    EXPORT,
    FEEDBACK_MAX_BYTES,
    PAYLOADS_MAX_BYTES,
    ROWS_MAX,
    DeleteAccount,
    Export,
    ProviderLink,
    RecordsLink,
    StoredEntry,
    StoredFeedback,
    StoredMail,
    StoredSession,
)
from bridge.contracts.operation import Nothing, Operation
from bridge.contracts.users import Profile
from bridge.errors import Code, FieldError, Invalid, NotFound
from bridge.process.clock import Clock, utc
from bridge.server import NOTHING, Answer, CallerContext, Handler

_SENT_AGAIN: Final = timedelta(minutes=1)
"""Within this time a request of the same id is the same one: not longer, for the door chooses the id."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What the store has of somebody, row by row."""

    at: datetime
    profile: asyncpg.Record
    preferences: asyncpg.Record
    sessions: list[asyncpg.Record]
    links: list[asyncpg.Record]
    providers: list[asyncpg.Record]
    mails: list[asyncpg.Record]
    feedback: list[asyncpg.Record]
    entries: list[asyncpg.Record]
    entries_total: int


class Leaving:
    def __init__(
        self, *, pool: Pool, passwords: Passwords, attempts: Attempts, directory: Directory, clock: Clock
    ) -> None:
        self._pool = pool
        self._passwords = passwords
        self._attempts = attempts
        self._directory = directory
        self._clock = clock

    @property
    def handlers(self) -> Mapping[Operation[Any, Any], Handler]:
        return {EXPORT: self.export, DELETE_ACCOUNT: self.delete}

    async def export(self, context: CallerContext, _params: Nothing) -> Answer:
        """Return everything that the store has of the caller.

        The audit trail has one entry of it for one request of theirs, which the bridge may send again.
        """
        user_id, now = context.user.user_id, utc(self._clock.time())
        about = (user_id, str(user_id))
        this = (user_id, context.user.session_id, EXPORT.name, context.request_id, now - _SENT_AGAIN)
        async with self._pool.transaction(context.deadline) as transaction:
            await transaction.execute(QUERIES["lock_account"], user_id)  # the same request waits until this one ends
            profile = await transaction.fetchrow(QUERIES["profile"], user_id)
            wishes = await transaction.fetchrow(QUERIES["preferences"], user_id)
            if profile is None or wishes is None:  # deleted since the token was verified
                raise NotFound(Code.NOT_FOUND)
            found = _Found(
                at=now,
                profile=profile,
                preferences=wishes,
                sessions=await transaction.fetch(QUERIES["sessions_of"], user_id, ROWS_MAX),
                links=await transaction.fetch(QUERIES["links_of"], user_id),
                providers=await transaction.fetch(QUERIES["oidc_links_of"], user_id),
                mails=await transaction.fetch(QUERIES["mails_of"], user_id, profile["email"], ROWS_MAX),
                feedback=await transaction.fetch(QUERIES["feedback_of"], user_id, FEEDBACK_MAX_BYTES),
                entries=await transaction.fetch(QUERIES["entries_about"], *about, ENTRIES_MAX, PAYLOADS_MAX_BYTES),
                entries_total=await transaction.fetchval(QUERIES["count_entries_about"], *about),
            )
            if not await transaction.fetchval(QUERIES["was_recorded"], *this):
                await record(transaction, EXPORT, context, now, user_id)
        # ten thousand entries take a Pi seconds, in which others are answered
        return Answer(await asyncio.to_thread(_written, found))

    async def delete(self, context: CallerContext, params: DeleteAccount) -> Answer:
        """Delete the caller's account. When this answers, its tokens have stopped working here.

        Raises Invalid for a wrong password, Busy as signing in does, Conflict for the last administrator.
        """
        user_id, now = context.user.user_id, utc(self._clock.time())
        known = await self._pool.fetchrow(QUERIES["password_of"], user_id, deadline=context.deadline)
        if known is None:
            raise NotFound(Code.NOT_FOUND)
        await self._attempts.take(email=known["email"], address=params.address, now=now, deadline=context.deadline)
        is_right = await self._passwords.matches(params.password.get_secret_value(), known["password_hash"])
        async with self._pool.transaction(context.deadline) as transaction:
            if is_right:
                # it may have been changed since, for somebody else knows it; locked in the order of delete_account
                await transaction.fetch(QUERIES["lock_admins"])
                checked = (user_id, known["password_hash"])
                is_right = await transaction.fetchrow(QUERIES["account_with_password"], *checked) is not None
            if is_right:
                await delete_account(transaction, user_id)
                await record_deletion(transaction, DELETE_ACCOUNT, context, now, user_id)
            else:
                await record(transaction, DELETE_ACCOUNT, context, now, user_id, outcome=Outcome.REFUSED)
        if not is_right:
            raise Invalid(Code.INVALID_REQUEST, fields=(FieldError("password", "is not your password"),))
        await self._directory.look_again(user_id)
        return NOTHING


async def delete_account(transaction: Transaction, user_id: UUID) -> None:
    """Delete an account with all that the store has of it but for the audit trail (:func:`agent.audit.erase`).

    Raises NotFound, and Conflict for the last administrator.
    """
    async with keeping_an_admin(transaction):
        account = await transaction.fetchrow(QUERIES["lock_user"], user_id)
        if account is None:
            raise NotFound(Code.NOT_FOUND, "There is no such account")
        await transaction.execute(QUERIES["forget_feedback_mails"], user_id)
        await transaction.execute(QUERIES["delete_user"], user_id)
    await transaction.execute(QUERIES["forget_answers_of"], f"user:{user_id}", str(user_id), account["email"])
    await transaction.execute(QUERIES["forget_tokens_for"], account["email"])
    await transaction.execute(QUERIES["forget_mails_to"], account["email"])


async def record_deletion(
    transaction: Transaction, operation: Operation[Any, Any], context: CallerContext, now: datetime, user_id: UUID
) -> None:
    """Say in the audit trail who deleted an account, and take out of it what it says of the person. Like it, last."""
    await record(transaction, operation, context, now, None, entity_id=str(user_id))
    actor = audit.actor_of(context.caller)
    await audit.erase(transaction, user_id, actor=actor, at=now, request_id=context.request_id)


def _written(found: _Found) -> bytes:
    """Return the export as JSON."""
    export = Export(
        exported_at=found.at,
        profile=Profile(**found.profile),
        preferences=preferences.read(found.preferences),
        sessions=_all(StoredSession, found.sessions),
        sessions_total=_total(found.sessions),
        links=_all(RecordsLink, found.links),
        providers=_all(ProviderLink, found.providers),
        mails=_all(StoredMail, found.mails),
        mails_total=_total(found.mails),
        feedback=_all(StoredFeedback, found.feedback),
        feedback_total=_total(found.feedback),
        entries=tuple(_entry(row) for row in found.entries),
        entries_total=found.entries_total,
    )
    return export.model_dump_json().encode()


def _all(model: type[Any], rows: list[asyncpg.Record]) -> tuple[Any, ...]:
    return tuple(model(**{name: value for name, value in row.items() if name != "total"}) for row in rows)


def _total(rows: list[asyncpg.Record]) -> int:
    """Return of how many the rows are the newest, as each of them says."""
    return int(rows[0]["total"]) if rows else 0


def _entry(row: asyncpg.Record) -> StoredEntry:
    payload: dict[str, Any] = json.loads(row["payload"] or "{}")
    told = {"old_values": payload.get("old"), "new_values": payload.get("new"), "why": payload.get("why")}
    return StoredEntry(**{name: value for name, value in row.items() if name != "payload"}, **told)
