"""Why a change to an account is refused: somebody else has that name, came first, or nobody could administer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from agent.accounts.statements import QUERIES
from agent.db.pools import Transaction
from bridge.errors import Code, Conflict, FieldError


def taken(error: asyncpg.UniqueViolationError) -> Conflict:
    """Return the refusal of an address or a username that is another account's."""
    field = "username" if error.constraint_name == "users_username" else "email"
    return Conflict(Code.CONFLICT, fields=(FieldError(field, "is another account's"),))


def check_version(given: int | None, current: int) -> None:
    """Raise Conflict where a change was made from an edition that is no longer the current one."""
    if given is not None and given != current:
        field = FieldError("version", f"is {current} by now: read again, and repeat what is still wanted")
        raise Conflict(Code.CONFLICT, fields=(field,))


@asynccontextmanager
async def keeping_an_admin(transaction: Transaction) -> AsyncIterator[None]:
    """Raise Conflict where the block leaves no active administrator and there was one.

    Whoever does so at the same time waits here, so that two administrators cannot demote each other at once.
    """
    had_one = await transaction.fetch(QUERIES["lock_admins"])
    yield
    if had_one and not await transaction.fetchval(QUERIES["has_admin"]):
        raise Conflict(Code.CONFLICT, "This is the last administrator")
