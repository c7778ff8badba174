"""Who may still do what, in memory, and true within a second of any change in the store.

Every call of a user needs this, so asking the store each time would cost a query a call. Instead all accounts (an
appliance has few) and the recently ended sessions are held here, and the store's triggers tell of each change. While
that cannot be heard (:mod:`agent.db.listen`), the store is asked for each call; where it does not answer either,
the call is refused: nobody's word is taken from a memory that may be wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

import asyncpg

from agent.accounts.statements import QUERIES
from agent.db.listen import Hearing
from agent.db.pools import Pool
from bridge.contracts.operation import Role
from bridge.errors import AppError
from bridge.process.clock import Clock, utc

QUERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Standing:
    """What an account's tokens are checked against, and its links: app → person, None where there is only one."""

    role: Role
    is_active: bool
    token_version: int
    persons: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who else wants to know: that changes are heard from now on, that they are not, and each change."""

    on_resume: Callable[[], None] = field(default=lambda: None)
    on_suspend: Callable[[], None] = field(default=lambda: None)
    on_user: Callable[[str], None] = field(default=lambda _user_id: None)
    on_session: Callable[[str], None] = field(default=lambda _session_id: None)


class Directory:
    """``access_s`` is the life of an access token: a session that ended longer ago needs no remembering."""

    def __init__(self, pool: Pool, clock: Clock, *, access_s: float, listeners: Listeners | None = None) -> None:
        self._pool = pool
        self._clock = clock
        self._access_s = access_s
        self._listeners = listeners or Listeners()
        self._standings: dict[UUID, Standing] = {}
        self._ended: dict[UUID, float] = {}  # when that was heard, by the clock that nobody sets
        self._is_live = False
        # what is read of the store is remembered before the next is read, so that the last remembered is the newest
        self._reading = asyncio.Lock()

    @property
    def hearing(self) -> Hearing:
        return Hearing(on_start=self._load, on_change=self._apply, on_lost=self._lose)

    @property
    def is_live(self) -> bool:
        """Whether the memory is kept true; otherwise each question goes to the store."""
        return self._is_live

    async def standing(self, user_id: UUID, *, version: int = 0) -> Standing | None:
        """Return the account's standing, or None where there is no such account. Raises Unavailable.

        ``version`` is the token version that the caller has proof of: what is remembered of an earlier one, or nothing,
        is a change that was not heard yet, and the store is asked.
        """
        known = self._standings.get(user_id) if self._is_live else None
        if known is None or known.token_version < version:
            return await self._fetch_standing(user_id)
        return known

    async def has_ended(self, session_id: UUID) -> bool:
        """Return whether the session was ended. Raises Unavailable."""
        if self._is_live:
            return session_id in self._ended
        return bool(await self._pool.fetchval(QUERIES["session_has_ended"], session_id, deadline=self._deadline()))

    def end_session(self, session_id: UUID) -> None:
        """Take an end that was just committed as heard, so that it holds before the answer leaves."""
        self._ended[session_id] = self._clock.monotonic()

    async def look_again(self, user_id: UUID) -> None:
        """Take a change of an account that was just committed as heard, so that it holds before the answer leaves.

        Where the store does not answer now, the change is heard a moment later all the same.
        """
        with suppress(AppError):
            await self._remember(user_id)

    async def _load(self) -> None:
        not_before = utc(self._clock.time()) - timedelta(seconds=self._access_s)
        async with self._reading:
            rows = await self._pool.fetch(QUERIES["users_state"], None, deadline=self._deadline())
            ended = await self._pool.fetch(QUERIES["sessions_ended"], not_before, deadline=self._deadline())
            self._standings = {row["id"]: _as_standing(row) for row in rows}
            self._ended = dict.fromkeys((row["id"] for row in ended), self._clock.monotonic())
            self._is_live = True
        self._listeners.on_resume()

    async def _apply(self, change: str) -> None:
        kind, _, text = change.partition(" ")
        subject = UUID(text)
        if kind == "session":
            self._remember_end(subject)
            self._listeners.on_session(text)
            return
        await self._remember(subject)
        self._listeners.on_user(text)

    def _lose(self) -> None:
        self._is_live = False
        self._listeners.on_suspend()

    async def _remember(self, user_id: UUID) -> None:
        async with self._reading:
            standing = await self._fetch_standing(user_id)
            if standing is None:
                self._standings.pop(user_id, None)
            else:
                self._standings[user_id] = standing

    def _remember_end(self, session_id: UUID) -> None:
        now = self._clock.monotonic()
        self._ended[session_id] = now
        for expired in [session for session, ended_at in self._ended.items() if ended_at <= now - self._access_s]:
            del self._ended[expired]

    async def _fetch_standing(self, user_id: UUID) -> Standing | None:
        row = await self._pool.fetchrow(QUERIES["users_state"], user_id, deadline=self._deadline())
        return None if row is None else _as_standing(row)

    def _deadline(self) -> float:
        return self._clock.monotonic() + QUERY_S


def _as_standing(row: asyncpg.Record) -> Standing:
    return Standing(
        role=Role(row["role"]),
        is_active=row["is_active"],
        token_version=row["token_version"],
        persons=dict(zip(row["apps"] or (), row["persons"] or (), strict=True)),
    )
