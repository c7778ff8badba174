"""Hear what changes in the store, on a connection of its own, and know when nothing would be heard.

PostgreSQL sends NOTIFY within milliseconds of a commit; a connection that is cut says so at once, and one that is
silently stuck is found by a query each second. While nothing can be heard, ``on_lost`` has been called, and whoever
relies on hearing must ask the store instead.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from agent.db.pools import Connection, connect
from bridge.errors import AppError
from bridge.process.logs import log

_log = logging.getLogger(__name__)

CHANNEL: Final = "drawbridge"


@dataclass(frozen=True, slots=True)
class Hearing:
    """What to do. ``on_start`` runs once nothing more can be missed: load everything there, it may raise.

    ``on_change`` gets each notification's payload in order; when it raises, hearing starts over. It raises ValueError
    for what it cannot read: whoever may connect to the store may notify. ``wakes`` are called for notifications on
    other channels, by the channel's name, and when hearing starts, for what was missed.
    """

    on_start: Callable[[], Awaitable[None]]
    on_change: Callable[[str], Awaitable[None]]
    on_lost: Callable[[], None]
    wakes: Mapping[str, Callable[[], None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ListenRule:
    """``check_s``: how long a silent connection is believed. ``retry_s``: the wait between two attempts to connect."""

    check_s: float = 0.5
    retry_s: float = 0.25
    timeout_s: float = 0.5
    connect_s: float = 5.0


async def listen(dsn: str, hearing: Hearing, rule: ListenRule | None = None) -> None:
    """Hear for ever, connecting again after each loss. Ends when it is cancelled."""
    rule = rule or ListenRule()
    while True:
        try:
            await _hear(dsn, hearing, rule)
        except (
            AppError,
            OSError,
            TimeoutError,
            ValueError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,  # of a connection that was cut while a notification came
        ) as error:
            log(_log, "listening_interrupted", level=logging.DEBUG, cause=error.__class__.__name__)
        await asyncio.sleep(rule.retry_s)


async def _hear(dsn: str, hearing: Hearing, rule: ListenRule) -> None:
    connection = await connect(dsn, application_name="drawbridge-listen", timeout_s=rule.connect_s)
    try:
        changes: asyncio.Queue[str | None] = asyncio.Queue()
        await connection.add_listener(CHANNEL, lambda _connection, _pid, _channel, payload: changes.put_nowait(payload))
        for channel, wake in hearing.wakes.items():
            await connection.add_listener(channel, lambda *_notification, wake=wake: wake())
        connection.add_termination_listener(lambda _connection: changes.put_nowait(None))
        await hearing.on_start()
        for wake in hearing.wakes.values():
            wake()
        await _dispatch(connection, changes, hearing, rule)
    finally:
        hearing.on_lost()
        connection.terminate()


async def _dispatch(
    connection: Connection, changes: asyncio.Queue[str | None], hearing: Hearing, rule: ListenRule
) -> None:
    while True:
        try:
            async with asyncio.timeout(rule.check_s):
                payload = await changes.get()
        except TimeoutError:
            await connection.execute("SELECT 1", timeout=rule.timeout_s)
            continue
        if payload is None:
            raise ConnectionResetError
        await hearing.on_change(payload)
