"""The invitations that nobody has accepted yet: for administrators over the bridge, and for the owner by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg

from agent.accounts import links, user_cursors
from agent.accounts.attempts import Attempts
from agent.accounts.joining import INVITED_BY
from agent.accounts.letters import Letters
from agent.accounts.links import Link, Purpose
from agent.accounts.recording import record
from agent.accounts.statements import QUERIES
from agent.db.idempotency import IdempotentWrites
from agent.db.pools import Pool, Transaction
from bridge.contracts.invitations import (
    LIST_INVITATIONS,
    RESEND_INVITATION,
    WITHDRAW_INVITATION,
    InvitationId,
    InvitationPage,
    ListInvitations,
    OpenInvitation,
)
from bridge.contracts.joining import Invitation
from bridge.contracts.operation import Operation
from bridge.errors import Code, Conflict, NotFound
from bridge.process.clock import Clock, utc
from bridge.server import NOTHING, Answer, CallerContext, Handler

_MAIL: Final = "mail"
_NOT_OPEN: Final = "There is no such invitation, or it was accepted already"


class Invitations:
    def __init__(
        self, *, pool: Pool, writes: IdempotentWrites, attempts: Attempts, letters: Letters, hours: int, clock: Clock
    ) -> None:
        self._pool = pool
        self._writes = writes
        self._attempts = attempts
        self._letters = letters
        self._hours = hours
        self._clock = clock

    @property
    def handlers(self) -> Mapping[Operation[Any, Any], Handler]:
        return {
            LIST_INVITATIONS: self.list_open, RESEND_INVITATION: self.resend, WITHDRAW_INVITATION: self.withdraw
        }  # fmt: skip

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

    async def resend(self, context: CallerContext, params: InvitationId) -> Answer:
        """Mail an invitation again. Raises as :func:`mail_again`, and Busy where its address had too many."""
        now = utc(self._clock.time())

        async def resend(transaction: Transaction) -> Answer:
            sender = context.user.user_id
            link = await mail_again(transaction, self._letters, self._hours, now, id=params.id, sender=sender)
            await self._attempts.take_invitation(transaction, email=link.email, now=now)
            await record(
                transaction, RESEND_INVITATION, context, now, None, entity="invitation", entity_id=str(link.id)
            )
            said = Invitation(id=link.id, email=link.email, expires_at=link.expires_at)
            return Answer(said.model_dump_json().encode())

        return await self._writes.once(RESEND_INVITATION, context, now=now, work=resend)

    async def withdraw(self, context: CallerContext, params: InvitationId) -> Answer:
        """Make a link no longer good. Raises NotFound where there is no such invitation, or no longer."""
        now = utc(self._clock.time())

        async def withdraw(transaction: Transaction) -> Answer:
            row = await transaction.fetchrow(QUERIES["withdraw_invitation"], params.id, None, now)
            if row is None:
                raise NotFound(Code.NOT_FOUND, _NOT_OPEN)
            await self._letters.withdraw_invitation(transaction, row["mail"], now)
            await record(
                transaction, WITHDRAW_INVITATION, context, now, None, entity="invitation", entity_id=str(row["id"])
            )
            return NOTHING

        return await self._writes.once(WITHDRAW_INVITATION, context, now=now, work=withdraw)


async def mail_again(
    transaction: Transaction,
    letters: Letters,
    hours: int,
    now: datetime,
    *,
    id: UUID | None = None,  # noqa: A002 - the column's name
    email: str | None = None,
    sender: UUID | None = None,
) -> Link:
    """Mail another link for the open invitation of that id or address; the earlier one is no longer good.

    From now on ``sender`` stands for it, as in :func:`agent.accounts.joining.mail_invitation`. Raises NotFound where it
    is not open, Conflict where its address has an account by now, Unavailable where no mail is sent.
    """
    letters.require()
    row = await transaction.fetchrow(QUERIES["lock_invitation"], id, email, now)
    if row is None:
        raise NotFound(Code.NOT_FOUND, _NOT_OPEN)
    if await transaction.fetchval(QUERIES["has_account"], row["email"]):
        raise Conflict(Code.CONFLICT, "That address has an account by now")
    content: dict[str, Any] = json.loads(row["content"])
    await letters.withdraw_invitation(transaction, content.get(_MAIL) or str(row["id"]), now)
    mail = uuid4()
    content |= {_MAIL: str(mail), INVITED_BY: None if sender is None else str(sender)}
    expires_at = now + timedelta(hours=hours)
    link = Link(Purpose.INVITATION, row["email"], expires_at, content=content, id=row["id"], mail=mail)
    await links.renew(transaction, link, now)
    await letters.invite(transaction, link, content["language"], hours)
    return link


def still_open(rows: Iterable[asyncpg.Record]) -> list[OpenInvitation]:
    """Return the rows of ``open_invitations`` whose links are good, as they are told."""
    names = OpenInvitation.model_fields
    return [OpenInvitation.model_validate({name: row[name] for name in names}) for row in rows if row["is_good"]]
