"""How often somebody may try to sign in: counted in the store, so that neither a restart nor a second gateway helps."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from agent.accounts.statements import QUERIES
from agent.db.pools import Pool, Transaction
from agent.settings import Limits
from bridge.addresses import client_of
from bridge.errors import Busy, Code

PERIOD: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)


class Attempts:
    def __init__(self, pool: Pool, limits: Limits) -> None:
        self._pool = pool
        self._limits = limits

    async def take(self, *, email: str, address: str, now: datetime, deadline: float) -> None:
        """Count a sign-in. Raises Busy (``rate_limited``) when the account or the address had too many this minute."""
        network = client_of(address, self._limits.client_ipv6_prefix)
        keys = [_digest("account", email.lower()), _digest("address", network)]
        period_s = PERIOD.total_seconds()
        intervals_s = [period_s / self._limits.sign_in_per_account, period_s / self._limits.sign_in_per_address]
        refused = await self._pool.fetch(QUERIES["take_attempts"], keys, intervals_s, now, PERIOD, deadline=deadline)
        if refused:
            raise Busy(Code.RATE_LIMITED, retry_after_s=max(row["retry_after_s"] for row in refused))

    async def take_address(self, *, address: str, now: datetime, deadline: float) -> None:
        """Count a sign-in of nobody knows whom yet, as :meth:`take` does."""
        key = _digest("address", client_of(address, self._limits.client_ipv6_prefix))
        interval_s = PERIOD.total_seconds() / self._limits.sign_in_per_address
        refused = await self._pool.fetch(QUERIES["take_attempts"], [key], [interval_s], now, PERIOD, deadline=deadline)
        if refused:
            raise Busy(Code.RATE_LIMITED, retry_after_s=refused[0]["retry_after_s"])

    async def take_account(self, transaction: Transaction, *, email: str, now: datetime) -> None:
        """Count it for its account, if the transaction is committed. Raises Busy (``rate_limited``)."""
        interval_s = PERIOD.total_seconds() / self._limits.sign_in_per_account
        keys = [_digest("account", email.lower())]
        refused = await transaction.fetch(QUERIES["take_attempts"], keys, [interval_s], now, PERIOD)
        if refused:
            raise Busy(Code.RATE_LIMITED, retry_after_s=refused[0]["retry_after_s"])

    async def take_mail(self, *, email: str, address: str, now: datetime, deadline: float) -> None:
        """Count a mail that somebody who is not signed in causes: so many an hour to one address, whoever's it is."""
        network = client_of(address, self._limits.client_ipv6_prefix)
        keys = [_digest("mail to", email.lower()), _digest("mail from", network)]
        hour_s = HOUR.total_seconds()
        intervals_s = [hour_s / self._limits.mails_per_recipient, hour_s / self._limits.mails_per_address]
        refused = await self._pool.fetch(QUERIES["take_attempts"], keys, intervals_s, now, HOUR, deadline=deadline)
        if refused:
            raise Busy(Code.RATE_LIMITED, retry_after_s=max(row["retry_after_s"] for row in refused))

    async def take_feedback(self, transaction: Transaction, *, user_id: UUID, address: str, now: datetime) -> None:
        """Count a message to the owner, if the transaction is committed. Raises Busy (``rate_limited``)."""
        network = client_of(address, self._limits.client_ipv6_prefix)
        keys = [_digest("feedback of", str(user_id)), _digest("feedback from", network)]
        hour_s = HOUR.total_seconds()
        intervals_s = [hour_s / self._limits.feedback_per_account, hour_s / self._limits.feedback_per_address]
        refused = await transaction.fetch(QUERIES["take_attempts"], keys, intervals_s, now, HOUR)
        if refused:
            raise Busy(Code.RATE_LIMITED, retry_after_s=max(row["retry_after_s"] for row in refused))


async def forgive(transaction: Transaction, *, email: str) -> None:
    """Forget the sign-ins and the mails that were counted for an account."""
    keys = [_digest(kind, email.lower()) for kind in ("account", "mail to")]
    await transaction.execute(QUERIES["forgive_attempts"], keys)


def _digest(kind: str, subject: str) -> str:
    """Return the key under which attempts are counted: nobody's address lies in the store."""
    return hashlib.sha256(f"{kind} {subject}".encode()).hexdigest()
