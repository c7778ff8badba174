"""Links that do something once: ``/reset-password?token=…``. The store has the digest of the token alone.

A token is 32 random bytes in base64url. It is used by deleting its row, so of two who come at once one is too late.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NoReturn
from uuid import UUID, uuid4

import asyncpg

from agent.accounts.statements import QUERIES
from agent.db.pools import Pool, Transaction
from bridge.errors import Code, FieldError, Invalid


class Purpose(StrEnum):
    SIGN_UP = "sign_up"
    INVITATION = "invitation"
    RESET = "reset"
    EMAIL = "email"
    NOTHING = "nothing"
    """Written in place of a link that there is no account for, so that it takes as long."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link to be mailed. ``id`` names it, and is the account's that it will make; ``user_id`` is the account's.

    ``mail`` names the mail that brings it: one mail for one name, so a repeated one has another.
    """

    purpose: Purpose
    email: str
    expires_at: datetime
    user_id: UUID | None = None
    content: Mapping[str, object] = field(default_factory=dict)
    id: UUID = field(default_factory=uuid4)
    mail: UUID | None = None
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)


@dataclass(frozen=True, slots=True)
class Used:
    """What a link was for."""

    purpose: Purpose
    id: UUID
    user_id: UUID | None
    email: str
    content: Mapping[str, Any]


async def add(transaction: Transaction, link: Link, now: datetime) -> None:
    values = (
        _digest(link.token), link.id, link.purpose.value, link.user_id, link.email, json.dumps(dict(link.content)),
        now, link.expires_at,
    )  # fmt: skip
    await transaction.execute(QUERIES["add_token"], *values)


async def renew(transaction: Transaction, link: Link, now: datetime) -> None:
    """Put the link in the place of the one that has its id, which is no longer good then."""
    values = (link.id, _digest(link.token), json.dumps(dict(link.content)), now, link.expires_at)
    await transaction.execute(QUERIES["renew_token"], *values)


async def find(pool: Pool, token: str, *purposes: Purpose, now: datetime, deadline: float) -> Used:
    """Return what the link is for, without using it up. Raises Invalid where it is not, or no longer, good."""
    wanted = [purpose.value for purpose in purposes]
    return _used(await pool.fetchrow(QUERIES["find_token"], _digest(token), wanted, now, deadline=deadline))


async def use(transaction: Transaction, token: str, *purposes: Purpose, now: datetime) -> Used:
    """Use the link up. Raises Invalid where it is not, or no longer, good."""
    await transaction.fetchrow(QUERIES["lock_owner"], _digest(token))
    wanted = [purpose.value for purpose in purposes]
    return _used(await transaction.fetchrow(QUERIES["use_token"], _digest(token), wanted, now))


def refuse() -> NoReturn:
    """Raise Invalid: whatever is wrong with a link, its holder is told the same."""
    raise Invalid(Code.INVALID_REQUEST, fields=(FieldError("token", "is no longer good: ask for another"),))


def _used(row: asyncpg.Record | None) -> Used:
    if row is None:
        refuse()
    return Used(Purpose(row["purpose"]), row["id"], row["user_id"], row["email"], json.loads(row["content"]))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
