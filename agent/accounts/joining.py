"""How an account comes to be that no administrator made outright: somebody signs up, or accepts an invitation.

There is no account before its address is confirmed: nobody can take an address that is not theirs, and whether one has
an account shows in nothing, neither in an answer nor in what can be done afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from agent.accounts import links
from agent.accounts.attempts import Attempts
from agent.accounts.conflicts import taken
from agent.accounts.letters import Letters
from agent.accounts.links import Link, Purpose
from agent.accounts.passwords import Passwords, check_strength
from agent.accounts.recording import record
from agent.accounts.statements import QUERIES
from agent.accounts.time_zones import check_time_zone
from agent.db.idempotency import IdempotentWrites
from agent.db.pools import Pool, Transaction
from agent.settings import Joining as JoiningSettings
from bridge.contracts.joining import (
    ACCEPT_INVITATION,
    INVITE,
    REGISTER,
    AcceptInvitation,
    Invitation,
    Invite,
    Register,
    Registered,
)
from bridge.contracts.operation import Operation, Role
from bridge.contracts.users import Preferences
from bridge.errors import Code, Conflict, Denied, FieldError
from bridge.process.clock import Clock, utc
from bridge.server import NOTHING, Answer, CallerContext, Handler

INVITED_BY: Final = "invited_by"


class Joining:
    def __init__(
        self,
        *,
        pool: Pool,
        writes: IdempotentWrites,
        passwords: Passwords,
        attempts: Attempts,
        letters: Letters,
        settings: JoiningSettings,
        clock: Clock,
    ) -> None:
        self._pool = pool
        self._writes = writes
        self._passwords = passwords
        self._attempts = attempts
        self._letters = letters
        self._settings = settings
        self._clock = clock

    @property
    def handlers(self) -> Mapping[Operation[Any, Any], Handler]:
        return {REGISTER: self.register, INVITE: self.invite, ACCEPT_INVITATION: self.accept}

    async def register(self, context: CallerContext, params: Register) -> Answer:
        """Mail a link that makes the account; where the address has one already, that it has.

        The same answer, statements and mails either way. Raises Denied (``forbidden``) where sign-up is closed, Invalid
        for a weak password or no time zone, Conflict for a username that is taken, Busy for too many mails.
        """
        if not self._settings.sign_up:
            raise Denied(Code.FORBIDDEN, "Nobody can sign up here: ask for an invitation")
        check_time_zone(params.time_zone)
        self._letters.check_address(params.email, field="email")
        password, now = params.password.get_secret_value(), self._now()
        check_strength(password)
        await self._attempts.take_mail(email=params.email, address=params.address, now=now, deadline=context.deadline)
        hashed = await self._passwords.hash(password)
        async with self._pool.transaction(context.deadline) as transaction:
            if await transaction.fetchval(QUERIES["has_username"], params.username):
                raise Conflict(Code.CONFLICT, fields=(FieldError("username", "is another account's"),))
            is_known = await transaction.fetchval(QUERIES["has_account"], params.email)
            link = Link(
                Purpose.NOTHING if is_known else Purpose.SIGN_UP,
                params.email,
                now + timedelta(hours=self._settings.confirm_hours),
                content=_as_signed_up(params, hashed),
            )
            await links.add(transaction, link, now)
            if is_known:
                await self._letters.account_exists(transaction, link, params.language)
            else:
                await self._letters.confirm(transaction, link, params.language, self._settings.confirm_hours)
            await record(transaction, REGISTER, context, now, None, entity="sign_up", entity_id=str(link.id))
        said = Registered(id=link.id, email=params.email, username=params.username, created_at=now)
        return Answer(said.model_dump_json().encode())

    async def invite(self, context: CallerContext, params: Invite) -> Answer:
        """Mail a link with which somebody makes their account. An earlier one to the address is no longer good.

        Raises Conflict for an address that has an account, Unavailable where no mail is sent, Busy for too many.
        """
        check_invitation(self._letters, params)
        now = self._now()

        async def invite(transaction: Transaction) -> Answer:
            await self._attempts.take_invitation(transaction, email=params.email, now=now)
            hours, sender = self._settings.invitation_hours, context.user.user_id
            link = await mail_invitation(transaction, self._letters, params, hours, now, sender=sender)
            await record(transaction, INVITE, context, now, None, entity="invitation", entity_id=str(link.id))
            said = Invitation(id=link.id, email=params.email, expires_at=link.expires_at)
            return Answer(said.model_dump_json().encode())

        return await self._writes.once(INVITE, context, now=now, work=invite)

    async def accept(self, context: CallerContext, params: AcceptInvitation) -> Answer:
        """Make the account that somebody was invited to.

        Raises Invalid for a link that is no longer good, or whose sender could not invite anybody any more.
        """
        token, password, now = params.token.get_secret_value(), params.password.get_secret_value(), self._now()
        check_strength(password)
        await links.find(self._pool, token, Purpose.INVITATION, now=now, deadline=context.deadline)
        hashed = await self._passwords.hash(password)
        async with self._pool.transaction(context.deadline) as transaction:
            used = await links.use(transaction, token, Purpose.INVITATION, now=now)
            sender = used.content.get(INVITED_BY)
            if sender is not None and not await transaction.fetchval(QUERIES["is_admin"], UUID(sender)):
                links.refuse()
            made = {**used.content, "password_hash": hashed, "username": params.username}
            await join(transaction, used.id, used.email, made)
            await record(transaction, ACCEPT_INVITATION, context, now, used.id, new={"role": made["role"]})
        return NOTHING

    def _now(self) -> datetime:
        return utc(self._clock.time())


def check_invitation(letters: Letters, params: Invite) -> None:
    """Raise Unavailable where no mail is sent, Invalid for an address or a time zone that is none."""
    letters.require()
    letters.check_address(params.email, field="email")
    check_time_zone(params.time_zone)


async def mail_invitation(
    transaction: Transaction, letters: Letters, params: Invite, hours: int, now: datetime, *, sender: UUID | None = None
) -> Link:
    """Mail a link that makes an account, in place of an earlier one. Raises Conflict where the address has one.

    It is good for as long as ``sender`` is an administrator; where there is none, the owner sent it.
    """
    if await transaction.fetchval(QUERIES["has_account"], params.email):
        raise Conflict(Code.CONFLICT, fields=(FieldError("email", "is another account's"),))
    content = params.model_dump(mode="json", exclude={"email"})
    if sender is not None:
        content[INVITED_BY] = str(sender)
    link = Link(Purpose.INVITATION, params.email, now + timedelta(hours=hours), content=content)
    earlier = await transaction.fetchrow(QUERIES["withdraw_invitation"], None, params.email, now)
    if earlier is not None:
        await letters.withdraw_invitation(transaction, earlier["mail"], now)
    await links.add(transaction, link, now)
    await letters.invite(transaction, link, params.language, hours)
    return link


async def join(transaction: Transaction, user_id: UUID, email: str, made: Mapping[str, Any]) -> None:
    """Make an account of what its link says, and drop the others that would. Raises Conflict for what is taken."""
    language = Preferences(language=made["language"]).model_dump_json(include={"language"}, exclude_defaults=True)
    values = (
        user_id, email, made["name"], made["password_hash"], made["role"], made["time_zone"], made["username"], language
    )  # fmt: skip
    try:
        await transaction.execute(QUERIES["join_user"], *values)
    except asyncpg.UniqueViolationError as error:
        raise taken(error) from None
    purposes = [Purpose.SIGN_UP.value, Purpose.INVITATION.value]
    await transaction.execute(QUERIES["withdraw_tokens"], email, purposes)


def _as_signed_up(params: Register, hashed: str) -> dict[str, object]:
    name = params.name or params.username or params.email.partition("@")[0]
    return {
        "name": name,
        "username": params.username,
        "password_hash": hashed,
        "role": Role.VIEWER.value,
        "language": params.language,
        "time_zone": params.time_zone,
    }
