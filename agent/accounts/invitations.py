"""The invitations that nobody has accepted yet: for administrators over the bridge, and for the owner by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import asyncpg

from agent.accounts import user_cursors
from agent.accounts.letters import Letters
from agent.accounts.recording import record
from agent.accounts.statements import QUERIES
from agent.db.idempotency import IdempotentWrites
from agent.db.pools import Pool, Transaction
from bridge.contracts.invitations import (
    LIST_INVITATIONS,
    WITHDRAW_INVITATION,
    InvitationId,
    InvitationPage,
    ListInvitations,
    OpenInvitation,
)
from bridge.contracts.operation import Operation
from bridge.errors import Code, NotFound
from bridge.process.clock import Clock, utc
from bridge.server import Answer, CallerContext, Handler

_NOTHING: Final = Answer(b"{}")


class Invitations:
    def __init__(self, *, pool: Pool, writes: IdempotentWrites, letters: Letters, clock: Clock) -> None:
        self._pool = pool
        self._writes = writes
        self._letters = letters
        self._clock = clock

    @property
    def handlers(self) -> Mapping[Operation[Any, Any], Handler]:
        return {LIST_INVITATIONS: self.list_open, WITHDRAW_INVITATION: self.withdraw}

    async def list_open(self, context: CallerContext, params: ListInvitations) -> Answer:
        """List those whose links are still good, by address; a page may be shorter than its limit, or empty."""
        after = "" if params.cursor is None else user_cursors.decode(params.cursor, params)
        values = (utc(self._clock.time()), after, params.limit + 1)
        rows = await self._pool.fetch(QUERIES["open_invitations"], *values, deadline=context.deadline)
        cursor: str | None = None
        if len(rows) > params.limit:
            del rows[params.limit :]
            cursor = user_cursors.encode(rows[-1]["place"], params)
        page = InvitationPage(items=tuple(still_open(rows)), limit=params.limit, next=cursor)
        return Answer(page.model_dump_json().encode(), cursor or "")

    async def withdraw(self, context: CallerContext, params: InvitationId) -> Answer:
        """Make a link no longer good. Raises NotFound where there is no such invitation, or no longer."""
        now = utc(self._clock.time())

        async def withdraw(transaction: Transaction) -> Answer:
            row = await transaction.fetchrow(QUERIES["withdraw_invitation"], params.id, None, now)
            if row is None:
                raise NotFound(Code.NOT_FOUND, "There is no such invitation, or it was accepted already")
            await self._letters.withdraw_invitation(transaction, row["id"], now)
            await record(
                transaction, WITHDRAW_INVITATION, context, now, None, entity="invitation", entity_id=str(row["id"])
            )
            return _NOTHING

        return await self._writes.once(WITHDRAW_INVITATION, context, now=now, work=withdraw)


def still_open(rows: Iterable[asyncpg.Record]) -> list[OpenInvitation]:
    """Return the rows of ``open_invitations`` whose links are good, as they are told."""
    names = OpenInvitation.model_fields
    return [OpenInvitation.model_validate({name: row[name] for name in names}) for row in rows if row["is_good"]]
