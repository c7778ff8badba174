"""What people write to the owner: kept beside their account, and mailed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from agent.accounts.attempts import Attempts
from agent.accounts.recording import record
from agent.accounts.statements import QUERIES
from agent.db.idempotency import IdempotentWrites
from agent.db.pools import Transaction
from agent.mail.outbox import Outbox
from agent.mail.wording import USUAL_LANGUAGE, Template
from bridge.contracts.feedback import GIVE_FEEDBACK, FeedbackGiven, GiveFeedback
from bridge.contracts.operation import Operation
from bridge.errors import Code, NotFound
from bridge.process.clock import Clock, utc
from bridge.server import Answer, CallerContext, Handler


class Feedback:
    def __init__(self, *, writes: IdempotentWrites, attempts: Attempts, outbox: Outbox, clock: Clock) -> None:
        self._writes = writes
        self._attempts = attempts
        self._outbox = outbox
        self._clock = clock

    @property
    def handlers(self) -> Mapping[Operation[Any, Any], Handler]:
        return {GIVE_FEEDBACK: self.give}

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
