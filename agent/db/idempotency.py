"""A write that is sent again is not applied again.

The bridge's client retries a write whose outcome it does not know, under the same idempotency key. The first
answer is kept in the same transaction as the write: either both are there or neither is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final

from agent.db.pools import Pool, Transaction
from agent.db.queries import load
from bridge.contracts.operation import Operation
from bridge.errors import Code, Conflict, Invalid
from bridge.server import AnonymousCaller, Answer, CallerContext, MachineCaller

_QUERIES: Final = load("agent.db")

_RETRY_AFTER_S: Final = 0.5


class IdempotentWrites:
    """The writes of one store. Their answers are kept for ``keep_s`` seconds."""

    def __init__(self, pool: Pool, *, keep_s: float) -> None:
        self._pool = pool
        self._kept = timedelta(seconds=keep_s)

    async def once(
        self,
        operation: Operation[Any, Any],
        context: CallerContext,
        *,
        now: datetime,
        work: Callable[[Transaction], Awaitable[Answer]],
    ) -> Answer:
        """Return ``work``'s answer, or the one it gave before to the same caller, operation and idempotency key.

        ``work`` runs inside the transaction, and nothing is kept of it when it raises. For authorized callers only.
        Raises Conflict (``idempotency_in_progress``) while the same write is running, and does not wait for it: that
        would hold a second connection for as long; Invalid (``idempotency_mismatch``) when the key came with another
        body.
        """
        if operation.issues_tokens:
            msg = f"{operation.name} issues tokens, which are stored nowhere"
            raise ValueError(msg)
        scope = (scope_of(context), operation.name, context.idempotency_key)
        async with self._pool.transaction(context.deadline) as transaction:
            if not await transaction.fetchval(_QUERIES["try_lock"], *scope):
                raise Conflict(Code.IDEMPOTENCY_IN_PROGRESS, retry_after_s=_RETRY_AFTER_S)
            if (before := await transaction.fetchrow(_QUERIES["find_answer"], *scope, now - self._kept)) is not None:
                if before["content_digest"] != context.content_digest:
                    raise Invalid(Code.IDEMPOTENCY_MISMATCH)
                return Answer(before["body"], before["next_cursor"])
            answer = await work(transaction)
            await transaction.execute(
                _QUERIES["keep_answer"], *scope, context.content_digest, answer.body, answer.next_cursor, now
            )
        return answer

    async def forget_old(self, *, now: datetime, deadline: float) -> None:
        """Drop the answers that are kept no longer."""
        await self._pool.execute(_QUERIES["forget_answers"], now - self._kept, deadline=deadline)


def scope_of(context: CallerContext) -> str:
    """Return whose key it is: two callers may use the same one. Raises ValueError for an anonymous caller."""
    caller = context.caller
    if isinstance(caller, AnonymousCaller):
        msg = "an anonymous caller has no idempotency keys"
        raise ValueError(msg)  # noqa: TRY004 - a mistake in a contract, not in a type
    return f"machine:{caller.unit}" if isinstance(caller, MachineCaller) else f"user:{caller.user_id}"
