"""Accounts and links as the owner keeps them, from the command line on the RPI3."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, StringConstraints

from agent.accounts.passwords import Passwords, check_strength
from agent.accounts.statements import QUERIES
from agent.db.pools import Pool
from bridge.contracts.operation import Model, Role
from bridge.errors import Code, Conflict, NotFound


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
    """Every change takes effect in a running agent within a second: the store tells it."""

    def __init__(self, pool: Pool, passwords: Passwords) -> None:
        self._pool = pool
        self._passwords = passwords

    async def add(self, user: NewUser, password: str, *, deadline: float) -> UUID:
        """Create an account and return its id. Raises Invalid for a weak password, Conflict for a taken e-mail."""
        check_strength(password)
        hashed = await self._passwords.hash(password)
        values = (user.email, user.name, hashed, user.role.value, user.time_zone)
        try:
            return UUID(str(await self._pool.fetchval(QUERIES["add_user"], *values, deadline=deadline)))
        except Conflict:
            raise Conflict(Code.CONFLICT, f"there is an account for {user.email} already") from None

    async def everyone(self, *, deadline: float) -> list[UserRow]:
        rows = await self._pool.fetch(QUERIES["list_users"], deadline=deadline)
        return [UserRow.model_validate(dict(row)) for row in rows]

    async def set_active(self, email: str, *, is_active: bool, deadline: float) -> None:
        """Disable or enable an account. Raises NotFound."""
        _one(await self._pool.execute(QUERIES["set_active"], email, is_active, deadline=deadline), email)

    async def set_password(self, email: str, password: str, *, deadline: float) -> None:
        """Replace a password, which ends the account's sessions. Raises Invalid, NotFound."""
        check_strength(password)
        hashed = await self._passwords.hash(password)
        _one(await self._pool.execute(QUERIES["set_password"], email, hashed, deadline=deadline), email)

    async def end_every_session(self, now: datetime, *, deadline: float) -> int:
        """Have everybody sign in again; return how many sessions were ended."""
        tag = await self._pool.execute(QUERIES["end_every_session"], now, deadline=deadline)
        return int(tag.rpartition(" ")[2])

    async def add_grant(self, email: str, app: str, person: str | None, *, deadline: float) -> None:
        """Link an account to a person in ``app``, in place of the link it had. Raises NotFound."""
        _one(await self._pool.execute(QUERIES["add_grant"], email, app, person, deadline=deadline), email)

    async def remove_grant(self, email: str, app: str, *, deadline: float) -> None:
        """Take the link away. Raises NotFound where there is none."""
        _one(await self._pool.execute(QUERIES["remove_grant"], email, app, deadline=deadline), f"{email} in {app}")

    async def every_grant(self, *, deadline: float) -> list[GrantRow]:
        rows = await self._pool.fetch(QUERIES["list_grants"], deadline=deadline)
        return [GrantRow.model_validate(dict(row)) for row in rows]


def _one(tag: str, what: str) -> None:
    if tag.endswith(" 0"):
        raise NotFound(Code.NOT_FOUND, f"there is nothing for {what}")
