"""What people write to the owner: kept beside their account, and mailed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg

from agent.accounts import time_cursors
from agent.accounts.attempts import Attempts
from agent.accounts.recording import record
from agent.accounts.statements import QUERIES
from agent.db.idempotency import IdempotentWrites
from agent.db.pools import Pool, Transaction
from agent.mail.outbox import Outbox
from agent.mail.wording import USUAL_LANGUAGE, Template
from bridge.contracts.feedback import (
    GIVE_FEEDBACK,
    LIST_FEEDBACK,
    FeedbackEntry,
    FeedbackGiven,
    FeedbackPage,
    GiveFeedback,
    ListFeedback,
)
from bridge.contracts.operation import Operation
from bridge.errors import Code, NotFound
from bridge.process.clock import Clock, utc
from bridge.server import Answer, CallerContext, Handler

LATEST_ID: Final = (1 << 128) - 1


class Feedback:
    def __init__(
        self, *, pool: Pool, writes: IdempotentWrites, attempts: Attempts, outbox: Outbox, clock: Clock
    ) -> None:
        self._pool = pool
        self._writes = writes
        self._attempts = attempts
        self._outbox = outbox
        self._clock = clock

    @property
    def handlers(self) -> Mapping[Operation[Any, Any], Handler]:
        return {GIVE_FEEDBACK: self.give, LIST_FEEDBACK: self.list_latest}

    async def give(self, context: CallerContext, params: GiveFeedback) -> Answer:
        """Keep the message, and mail it to the owner where there is mail; once, however often this is sent.

        The audit trail has that there was one, and not what it said. Raises Busy (``rate_limited``).
        """
        user_id, now = context.user.user_id, utc(self._clock.time())

        async def give(transaction: Transaction) -> Answer:
            await self._attempts.take_feedback(transaction, user_id=user_id, address=params.address, now=now)
            feedback_id = uuid4()
            account = await transaction.fetchval(QUERIES["email_to_keep"], user_id)
            if account is None:  # deleted since the token was verified
                raise NotFound(Code.NOT_FOUND)
            values = (feedback_id, user_id, params.topic, params.message, now)
            await transaction.execute(QUERIES["add_feedback"], *values)
            if self._outbox.owner is not None:
                await self._outbox.enqueue(
                    transaction, Template.FEEDBACK, to=self._outbox.owner, language=USUAL_LANGUAGE,
                    values={"account": account, "topic": params.topic, "message": params.message},
                    cause=f"feedback {feedback_id}",
                )  # fmt: skip
            await record(
                transaction, GIVE_FEEDBACK, context, now, user_id, entity="feedback", entity_id=str(feedback_id)
            )
            return Answer(FeedbackGiven(id=feedback_id, created_at=now).model_dump_json().encode())

        return await self._writes.once(GIVE_FEEDBACK, context, now=now, work=give)

    async def list_latest(self, context: CallerContext, params: ListFeedback) -> Answer:
        """List what everybody wrote, the newest first. Raises Invalid (``invalid_cursor``)."""
        before = time_cursors.decode(params.cursor, latest=LATEST_ID)
        values = (before.at, UUID(int=before.number), params.limit + 1)
        rows = await self._pool.fetch(QUERIES["latest_feedback"], *values, deadline=context.deadline)
        cursor: str | None = None
        if len(rows) > params.limit:
            del rows[params.limit :]
            cursor = time_cursors.encode(time_cursors.Place(rows[-1]["created_at"], rows[-1]["id"].int))
        page = FeedbackPage(items=tuple(as_entry(row) for row in rows), limit=params.limit, next=cursor)
        return Answer(page.model_dump_json().encode(), cursor or "")


def as_entry(row: asyncpg.Record) -> FeedbackEntry:
    """Return a row of ``latest_feedback`` as it is told."""
    return FeedbackEntry.model_validate(dict(row))
