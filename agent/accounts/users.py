"""Accounts and links as the owner keeps them, from the command line on the RPI3."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import asyncpg
from pydantic import AfterValidator, StringConstraints

from agent import audit
from agent.accounts.attempts import forgive
from agent.accounts.conflicts import keeping_an_admin
from agent.accounts.feedback import LATEST_ID, as_entry
from agent.accounts.invitations import mail_again, still_open
from agent.accounts.joining import check_invitation, mail_invitation
from agent.accounts.leaving import delete_account
from agent.accounts.letters import Letters
from agent.accounts.passwords import Passwords, check_strength
from agent.accounts.statements import QUERIES
from agent.accounts.time_cursors import END
from agent.audit import OWNER, Entry
from agent.db.pools import Pool, Transaction
from agent.db.queries import Query
from bridge.contracts.feedback import FeedbackEntry
from bridge.contracts.invitations import OpenInvitation
from bridge.contracts.joining import Invite
from bridge.contracts.operation import Model, Role
from bridge.errors import Code, Conflict, NotFound
from bridge.process.clock import Clock, utc

_EVERY: Final = 1 << 62
"""More rows than there are."""


def _address(text: str) -> str:
    name, at, domain = text.rpartition("@")
    if not (name and at and domain) or any(character.isspace() for character in text):
        msg = "must be an e-mail address"
        raise ValueError(msg)
    return text


class NewUser(Model):
    """What an account is made of; its password travels apart."""

    email: Annotated[str, StringConstraints(min_length=3, max_length=254), AfterValidator(_address)]
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    role: Role = Role.VIEWER
    time_zone: Annotated[str, StringConstraints(min_length=1, max_length=64)] = "UTC"


class UserRow(Model):
    id: UUID
    email: str
    name: str
    role: Role
    is_active: bool
    created_at: datetime


class GrantRow(Model):
    email: str
    app: str
    person: str | None
    granted_at: datetime


class Users:
    """Every change takes effect in a running agent within a second: the store tells it. Each is in the audit trail."""

    def __init__(self, pool: Pool, passwords: Passwords, clock: Clock) -> None:
        self._pool = pool
        self._passwords = passwords
        self._clock = clock

    async def add(self, user: NewUser, password: str, *, deadline: float) -> UUID:
        """Create an account and return its id. Raises Invalid for a weak password, Conflict for a taken e-mail."""
        check_strength(password)
        hashed = await self._passwords.hash(password)
        values = (user.email, user.name, hashed, user.role.value, user.time_zone)
        try:
            async with self._pool.transaction(deadline) as transaction:
                user_id = UUID(str(await transaction.fetchval(QUERIES["add_user"], *values)))
                await self._record(transaction, "users.add", "account", user_id, new=user.model_dump(mode="json"))
        except Conflict:
            raise Conflict(Code.CONFLICT, f"there is an account for {user.email} already") from None
        return user_id

    async def everyone(self, *, deadline: float) -> list[UserRow]:
        rows = await self._pool.fetch(QUERIES["list_users"], deadline=deadline)
        return [UserRow.model_validate(dict(row)) for row in rows]

    async def set_active(self, email: str, *, is_active: bool, deadline: float) -> None:
        """Disable or enable an account. Raises NotFound, and Conflict for the last administrator."""
        async with self._pool.transaction(deadline) as transaction:
            async with keeping_an_admin(transaction):
                row = await _one(transaction, QUERIES["set_active"], email, is_active, what=email)
            command = "users.enable" if is_active else "users.disable"
            old, new = {"is_active": row["was_active"]}, {"is_active": is_active}
            await self._record(transaction, command, "account", row["id"], old=old, new=new)

    async def set_password(self, email: str, password: str, *, deadline: float) -> None:
        """Replace a password, which ends the account's sessions. Raises Invalid, NotFound."""
        check_strength(password)
        hashed = await self._passwords.hash(password)
        async with self._pool.transaction(deadline) as transaction:
            row = await _one(transaction, QUERIES["set_password"], email, hashed, what=email)
            await self._record(transaction, "users.password", "account", row["id"])

    async def set_role(self, email: str, role: Role, *, deadline: float) -> None:
        """Give an account another role, which ends its access tokens. Raises as :meth:`set_active`."""
        async with self._pool.transaction(deadline) as transaction:
            async with keeping_an_admin(transaction):
                row = await _one(transaction, QUERIES["lock_user_by_email"], email, what=email)
                await transaction.execute(QUERIES["change_user"], row["id"], None, None, role.value, None, None)
            old, new = {"role": row["role"]}, {"role": role.value}
            await self._record(transaction, "users.role", "account", row["id"], old=old, new=new)

    async def unlock(self, email: str, *, deadline: float) -> None:
        """Forget the sign-ins and mails that were counted for an account. Raises NotFound."""
        async with self._pool.transaction(deadline) as transaction:
            row = await _one(transaction, QUERIES["lock_user_by_email"], email, what=email)
            await forgive(transaction, email=row["email"])
            await self._record(transaction, "users.unlock", "account", row["id"])

    async def sign_out(self, email: str, *, deadline: float) -> int:
        """End every session of an account; return how many there were. Raises NotFound."""
        async with self._pool.transaction(deadline) as transaction:
            row = await _one(transaction, QUERIES["lock_user_by_email"], email, what=email)
            now = utc(self._clock.time())
            ended = len(await transaction.fetch(QUERIES["end_sessions_of"], row["id"], now))
            await self._record(transaction, "users.sign-out", "account", row["id"], new={"ended": ended})
        return ended

    async def unlink(self, email: str, *, deadline: float) -> int:
        """Forget as whom an account signs in through a provider; return how many were forgotten. Raises NotFound."""
        async with self._pool.transaction(deadline) as transaction:
            row = await _one(transaction, QUERIES["lock_user_by_email"], email, what=email)
            removed = await transaction.fetch(QUERIES["remove_oidc_links"], row["id"])
            old = {"providers": [dict(each) for each in removed]}
            await self._record(transaction, "users.unlink", "account", row["id"], old=old)
        return len(removed)

    async def delete(self, email: str, *, deadline: float) -> None:
        """Delete an account with all that there is of it. Raises as :meth:`set_active`."""
        async with self._pool.transaction(deadline) as transaction:
            row = await _one(transaction, QUERIES["lock_user_by_email"], email, what=email)
            await delete_account(transaction, row["id"])
            await self._record(transaction, "users.delete", "account", row["id"])
            await audit.erase(transaction, row["id"], actor=OWNER, at=utc(self._clock.time()))

    async def invite(self, params: Invite, letters: Letters, hours: int, *, deadline: float) -> datetime:
        """Mail somebody a link with which they make their account; return until when it is good.

        Raises Invalid, Conflict where they have one, Unavailable where no mail is sent.
        """
        check_invitation(letters, params)
        async with self._pool.transaction(deadline) as transaction:
            link = await mail_invitation(transaction, letters, params, hours, utc(self._clock.time()))
            await self._record(transaction, "users.invite", "invitation", None, entity_id=str(link.id))
        return link.expires_at

    async def invitations(self, *, deadline: float) -> list[OpenInvitation]:
        """Return every invitation that is still good, by address."""
        rows = await self._pool.fetch(
            QUERIES["open_invitations"], utc(self._clock.time()), "", _EVERY, deadline=deadline
        )
        return still_open(rows)

    async def resend(self, email: str, letters: Letters, hours: int, *, deadline: float) -> datetime:
        """Mail the open invitation of an address again; return until when it is good.

        Raises as :func:`agent.accounts.invitations.mail_again`.
        """
        now = utc(self._clock.time())
        async with self._pool.transaction(deadline) as transaction:
            link = await mail_again(transaction, letters, hours, now, email=email)
            await self._record(transaction, "users.resend", "invitation", None, entity_id=str(link.id))
        return link.expires_at

    async def withdraw(self, email: str, letters: Letters, *, deadline: float) -> None:
        """Make the link of an address's invitation no longer good. Raises NotFound."""
        now = utc(self._clock.time())
        async with self._pool.transaction(deadline) as transaction:
            row = await _one(transaction, QUERIES["withdraw_invitation"], None, email, now, what=email)
            await letters.withdraw_invitation(transaction, row["mail"], now)
            await self._record(transaction, "users.withdraw", "invitation", None, entity_id=str(row["id"]))

    async def feedback(self, *, deadline: float) -> list[FeedbackEntry]:
        """Return what everybody wrote to the owner, the newest first."""
        values = (END, UUID(int=LATEST_ID), _EVERY)
        rows = await self._pool.fetch(QUERIES["latest_feedback"], *values, deadline=deadline)
        return [as_entry(row) for row in rows]

    async def end_every_session(self, now: datetime, *, deadline: float) -> int:
        """Have everybody sign in again; return how many sessions were ended.

        Links in mailboxes end too: whoever had the sessions may have asked for some, such as an invitation.
        """
        async with self._pool.transaction(deadline) as transaction:
            await transaction.execute(QUERIES["withdraw_every_token"])
            tag = await transaction.execute(QUERIES["end_every_session"], now)
            ended = int(tag.rpartition(" ")[2])
            await self._record(transaction, "sessions.end", "session", None, new={"ended": ended})
        return ended

    async def add_grant(self, email: str, app: str, person: str | None, *, deadline: float) -> None:
        """Link an account to a person in ``app``, in place of the link it had. Raises NotFound."""
        async with self._pool.transaction(deadline) as transaction:
            row = await _one(transaction, QUERIES["add_grant"], email, app, person, what=email)
            old = {"app": app, "person": row["was_person"]} if row["was_there"] else None
            new = {"app": app, "person": person}
            await self._record(transaction, "grants.add", "grant", row["user_id"], old=old, new=new)

    async def remove_grant(self, email: str, app: str, *, deadline: float) -> None:
        """Take the link away. Raises NotFound where there is none."""
        async with self._pool.transaction(deadline) as transaction:
            row = await _one(transaction, QUERIES["remove_grant"], email, app, what=f"{email} in {app}")
            old = {"app": app, "person": row["person"]}
            await self._record(transaction, "grants.remove", "grant", row["user_id"], old=old)

    async def every_grant(self, *, deadline: float) -> list[GrantRow]:
        rows = await self._pool.fetch(QUERIES["list_grants"], deadline=deadline)
        return [GrantRow.model_validate(dict(row)) for row in rows]

    async def _record(
        self,
        transaction: Transaction,
        command: str,
        entity: str,
        user_id: UUID | None,
        *,
        entity_id: str = "",
        old: Mapping[str, object] | None = None,
        new: Mapping[str, object] | None = None,
    ) -> None:
        entry = Entry(
            operation=command,
            at=utc(self._clock.time()),
            actor=OWNER,
            entity=entity,
            entity_id=entity_id if user_id is None else str(user_id),
            subject_id=user_id,
            old=old,
            new=new,
        )
        await audit.append(transaction, entry)


async def _one(transaction: Transaction, query: Query, *arguments: object, what: str) -> asyncpg.Record:
    row = await transaction.fetchrow(query, *arguments)
    if row is None:
        raise NotFound(Code.NOT_FOUND, f"there is nothing for {what}")
    return row
