"""How often somebody may try to sign in: counted in the store, so that neither a restart nor a second gateway helps."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

import asyncpg

from agent.accounts.statements import QUERIES
from agent.db.pools import Pool, Transaction
from agent.settings import Limits
from bridge.addresses import client_of
from bridge.errors import Busy, Code

PERIOD: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)


Fetch = Callable[..., Awaitable[list[asyncpg.Record]]]


class Attempts:
    """Each method raises Busy (``rate_limited``) for whoever had too many."""

    def __init__(self, pool: Pool, limits: Limits) -> None:
        self._pool = pool
        self._limits = limits

    async def take(self, *, email: str, address: str, now: datetime, deadline: float) -> None:
        """Count a sign-in, of the account and of the address: so many a minute."""
        allowed = {
            _digest("account", email.lower()): self._limits.sign_in_per_account,
            self._place("address", address): self._limits.sign_in_per_address,
        }
        await _take(partial(self._pool.fetch, deadline=deadline), allowed, now, PERIOD)

    async def take_address(self, *, address: str, now: datetime, deadline: float) -> None:
        """Count a sign-in of nobody knows whom yet, as :meth:`take` does."""
        allowed = {self._place("address", address): self._limits.sign_in_per_address}
        await _take(partial(self._pool.fetch, deadline=deadline), allowed, now, PERIOD)

    async def take_account(self, transaction: Transaction, *, email: str, now: datetime) -> None:
        """Count it for its account, if the transaction is committed."""
        allowed = {_digest("account", email.lower()): self._limits.sign_in_per_account}
        await _take(transaction.fetch, allowed, now, PERIOD)

    async def take_mail(self, *, email: str, address: str, now: datetime, deadline: float) -> None:
        """Count a mail that somebody who is not signed in causes: so many an hour to one address, whoever's it is."""
        allowed = {
            _digest("mail to", email.lower()): self._limits.mails_per_recipient,
            self._place("mail from", address): self._limits.mails_per_address,
        }
        await _take(partial(self._pool.fetch, deadline=deadline), allowed, now, HOUR)

    async def take_invitation(self, transaction: Transaction, *, email: str, now: datetime) -> None:
        """Count an invitation to an address, if the transaction is committed: so many an hour.

        Apart from what :meth:`take_mail` counts, else anybody could keep somebody from being invited.
        """
        allowed = {_digest("invitation to", email.lower()): self._limits.mails_per_recipient}
        await _take(transaction.fetch, allowed, now, HOUR)

    async def take_feedback(self, transaction: Transaction, *, user_id: UUID, address: str, now: datetime) -> None:
        """Count a message to the owner, if the transaction is committed: so many an hour."""
        allowed = {
            _digest("feedback of", str(user_id)): self._limits.feedback_per_account,
            self._place("feedback from", address): self._limits.feedback_per_address,
        }
        await _take(transaction.fetch, allowed, now, HOUR)

    def _place(self, kind: str, address: str) -> str:
        return _digest(kind, client_of(address, self._limits.client_ipv6_prefix))


async def _take(fetch: Fetch, allowed: Mapping[str, int], now: datetime, period: timedelta) -> None:
    """Count one under each key, as many of which are ``allowed`` in a period."""
    intervals_s = [period.total_seconds() / count for count in allowed.values()]
    refused = await fetch(QUERIES["take_attempts"], [*allowed], intervals_s, now, period)
    if refused:
        raise Busy(Code.RATE_LIMITED, retry_after_s=max(row["retry_after_s"] for row in refused))


async def forgive(transaction: Transaction, *, email: str) -> None:
    """Forget the sign-ins and the mails that were counted for an account."""
    keys = [_digest(kind, email.lower()) for kind in ("account", "mail to")]
    await transaction.execute(QUERIES["forgive_attempts"], keys)


def _digest(kind: str, subject: str) -> str:
    """Return the key under which attempts are counted: nobody's address lies in the store."""
    return hashlib.sha256(f"{kind} {subject}".encode()).hexdigest()
