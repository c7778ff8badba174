"""Who empties the outbox: woken by the store when a mail is put in, and by time when one is to be tried again.

::

    waiting ─▶ sending ─▶ sent                        each arrow is committed before the next thing is done
       ▲          ├─▶ parked                          refused for good (5xx), or after the last try
       └──────────┴─ deferred (4xx, broken off)       tried again after mail.retry_s

A mail server that is away, or that does not take *us* (TLS, login, sender), costs no mail a try: all wait until it is
back. Killed at any point, the next sender goes on where this one was. A mail comes twice only where the connection or
this process ended between its last byte and the server's answer, or before that answer was stored; its Message-ID is
the same then.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from typing import Final

import asyncpg
from prometheus_client import Counter

from agent.db.pools import Pool
from agent.mail.claims import MOVED, AnotherSends, Claimed, Claims, claims
from agent.mail.post import Away, Connection, Outcome, Post
from agent.mail.seal import MailKey, SealBroken
from agent.mail.statements import QUERIES
from agent.settings import Mail
from bridge.errors import AppError
from bridge.process.clock import Clock, utc
from bridge.process.logs import log

_log: Final = logging.getLogger(__name__)
MAILS: Final = Counter("agent_mails_total", "Mails by what became of a try.", ["outcome"])

LOOK_S: Final = 60.0
"""The outbox is looked at as often as this, whatever was heard."""
STORE_AWAY_S: Final = 1.0
AWAY_S: Final = (5.0, 15.0, 60.0, 300.0)
"""The waits for a mail server that is away; the last one from then on."""
_QUERY_S: Final = 5.0


class Sender:
    """Sends what is in the outbox of the store at ``dsn``. ``pool`` is on the same store."""

    def __init__(self, settings: Mail, post: Post, key: MailKey, *, pool: Pool, dsn: str, clock: Clock) -> None:
        self._post = post
        self._key = key
        self._pool = pool
        self._dsn = dsn
        self._clock = clock
        self._retry = tuple(timedelta(seconds=wait_s) for wait_s in settings.retry_s)
        self._woken = asyncio.Event()
        self._finished = asyncio.Event()
        self._is_stopping = False
        self._away = 0  # how often in a row the mail server was
        self._away_until = 0.0
        self._unstored: tuple[Claimed, Outcome] | None = None

    def wake(self) -> None:
        """Let it look now: there may be a mail."""
        self._woken.set()

    async def stop(self, within_s: float) -> None:
        """Begin no more mails, and return when the one under way has ended, at the latest after ``within_s``."""
        self._is_stopping = True
        self._woken.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._finished.wait()

    async def run(self) -> None:
        """Send for ever, until :meth:`stop` or being cancelled."""
        try:
            while not self._is_ending or self._unstored is not None:
                wait_s = await self._look()
                if _was_cancelled():
                    raise asyncio.CancelledError
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._woken.wait()
                self._woken.clear()
        finally:
            self._finished.set()

    @property
    def _is_ending(self) -> bool:
        return self._is_stopping or _was_cancelled()

    async def _look(self) -> float:
        """Send what is due, and return for how long there is nothing to do."""
        try:
            wait_s = await self._until_next()
            if wait_s > 0:
                return min(wait_s, LOOK_S)
            async with claims(self._dsn, self._retry) as claimed:
                await self._send_all(claimed)
        except Away as away:
            return self._now_away(away.reason)
        except AnotherSends:
            return STORE_AWAY_S
        except (
            AppError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError,
            asyncpg.InternalClientError,  # of a connection that was cut while it was idle
        ) as error:  # fmt: skip
            # that the store is away is told by its pool
            log(_log, "mail_interrupted", level=logging.DEBUG, cause=error.__class__.__name__)
            return STORE_AWAY_S
        return 0.0

    async def _until_next(self) -> float:
        if self._unstored is not None:
            return 0.0
        if (away_s := self._away_until - self._clock.monotonic()) > 0:
            return away_s
        next_at = await self._pool.fetchval(QUERIES["next_mail"], deadline=self._clock.monotonic() + _QUERY_S)
        if next_at is None:
            return LOOK_S
        wait_s: float = (next_at - utc(self._clock.time())).total_seconds()
        is_too_far = wait_s > (max(self._retry, default=MOVED) + MOVED).total_seconds()  # a clock moved
        return 0.0 if is_too_far else max(wait_s, 0.0)

    async def _send_all(self, right: Claims) -> None:
        if self._unstored is not None:  # what we know is more than what the store says
            await self._store(right, *self._unstored)
        await right.recover(utc(self._clock.time()))
        await right.expire(utc(self._clock.time()))
        connection: Connection | None = None
        try:
            while not self._is_ending:
                if connection is None or not connection.is_usable:
                    if connection is not None:
                        await connection.close()
                    connection = await self._post.open()
                    self._now_back()
                mail = await right.claim(utc(self._clock.time()))
                if mail is None:
                    break
                await self._send(right, connection, mail)
        finally:
            if connection is not None:
                await connection.close()

    async def _send(self, right: Claims, connection: Connection, mail: Claimed) -> None:
        try:
            content = self._key.open(mail.sealed, mail.id, mail.recipient)
        except SealBroken:
            await self._store(right, mail, Outcome("never", "it was sealed with another key than mail.key_file has"))
            return
        try:
            outcome = await connection.hand_over(mail.recipient, content)
        except Away as away:
            await right.give_back(mail)
            if not away.is_stale:
                raise
            return
        await self._store(right, mail, outcome)

    async def _store(self, right: Claims, mail: Claimed, outcome: Outcome) -> None:
        """Commit what became of a mail; where that fails, it is remembered and done before anything else."""
        self._unstored = (mail, outcome)
        now = utc(self._clock.time())
        became: str = outcome.kind
        match outcome.kind:
            case "sent":
                await right.sent(mail, outcome.reason, now)
            case "never":
                await right.parked(mail, outcome.reason)
                became = "parked"
            case "later":
                became = "deferred" if await right.later(mail, outcome.reason, now) else "parked"
        self._unstored = None
        MAILS.labels(became).inc()
        # not the reason: servers quote the recipient
        level = logging.WARNING if became == "parked" else logging.INFO
        log(_log, f"mail_{became}", level=level, mail=str(mail.id), template=mail.template, tries=mail.tries + 1)

    def _now_away(self, reason: str) -> float:
        wait_s = AWAY_S[min(self._away, len(AWAY_S) - 1)]
        if self._away == 0:
            log(_log, "mail_server_lost", level=logging.WARNING, reason=reason)
        self._away += 1
        self._away_until = self._clock.monotonic() + wait_s
        return wait_s

    def _now_back(self) -> None:
        if self._away:
            log(_log, "mail_server_found", after_tries=self._away)
        self._away = 0


def _was_cancelled() -> bool:
    """Return whether this task was.

    ``wait_for`` of Python 3.11, in aiosmtplib, loses a cancellation that comes just as what it waits for is there
    (https://github.com/python/cpython/issues/81839).
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
