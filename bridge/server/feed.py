r"""The feed's lines: what changed, as it changes, and a heartbeat in between.

A line is ``<FeedEvent as JSON> <base64 MAC>\\n``; the MAC covers the stream's request signature, the line's number and
its JSON, so that no line can be altered, dropped, repeated or moved to another stream.
"""

from __future__ import annotations

import asyncio
import binascii
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, Protocol

from bridge.contracts.system import FeedEvent

_HEARTBEAT: Final = FeedEvent(kind="heartbeat")
_BACKLOG_MAX: Final = 256


class FeedSource(Protocol):
    """What the agent knows of changes."""

    def subscribe(self) -> AsyncIterator[FeedEvent]:
        """Yield a ``hello`` and then every event from now on; end where this reader fell too far behind."""


class Seal(Protocol):
    def __call__(self, *, sequence: int, line: bytes) -> bytes:
        """Return the MAC of the stream's ``sequence``-th line."""


async def stream_feed(
    write: Callable[[bytes], Awaitable[None]],
    source: FeedSource,
    *,
    seal: Seal,
    heartbeat_s: float,
    ending: asyncio.Event,
) -> None:
    """Write events, and a heartbeat after ``heartbeat_s`` without one, until ``ending`` is set or the source ends."""
    queue: asyncio.Queue[FeedEvent | None] = asyncio.Queue(_BACKLOG_MAX)
    async with asyncio.TaskGroup() as tasks:
        pump = tasks.create_task(_pump(source, queue))
        stop = tasks.create_task(_stop(ending, queue))
        sequence = 0
        while True:
            try:
                async with asyncio.timeout(heartbeat_s):
                    event = await queue.get()
            except TimeoutError:
                event = _HEARTBEAT
            if event is None:
                break
            line = event.model_dump_json(exclude_defaults=True).encode()
            mac = binascii.b2a_base64(seal(sequence=sequence, line=line), newline=False)
            await write(line + b" " + mac + b"\n")
            sequence += 1
        pump.cancel()
        stop.cancel()


async def _pump(source: FeedSource, queue: asyncio.Queue[FeedEvent | None]) -> None:
    async for event in source.subscribe():
        await queue.put(event)
    await queue.put(None)


async def _stop(ending: asyncio.Event, queue: asyncio.Queue[FeedEvent | None]) -> None:
    await ending.wait()
    await queue.put(None)
