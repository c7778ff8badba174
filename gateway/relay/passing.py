"""Two connections made one: what comes on either goes out on the other, untouched, until both have ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from bridge.process.clock import Clock

_CHUNK_BYTES: Final = 32 * 1024


@dataclass(frozen=True, slots=True)
class End:
    """One of the two."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def cut(self) -> None:
        self.writer.transport.abort()

    async def close(self, within_s: float) -> None:
        """Let what was written leave, and close."""
        self.writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(within_s):
                await self.writer.wait_closed()
        self.cut()


class _Idle(Exception):
    """Nothing has passed for too long."""


async def join(near: End, far: End, *, idle_s: float, life_s: float, clock: Clock) -> tuple[int, int, str]:
    """Pass bytes both ways; return how many came from ``near`` and from ``far``, and how it ended.

    That is ``closed``, ``idle``, ``too_long`` or ``broken``. Neither end is closed here but for the half of it that
    the other has ended.
    """
    moved_at = clock.monotonic()
    passed = {near: 0, far: 0}

    def note(source: End, count: int) -> None:
        nonlocal moved_at
        moved_at = clock.monotonic()
        passed[source] += count

    async def watch() -> None:
        while (left_s := moved_at + idle_s - clock.monotonic()) > 0:  # noqa: ASYNC110 - an event a chunk would cost more
            await asyncio.sleep(left_s)
        raise _Idle

    async def run() -> str:
        outcome = "closed"
        try:
            async with asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(watch())
                passing = [tasks.create_task(_pass(*way, note)) for way in ((near, far), (far, near))]
                await asyncio.wait(passing)
                watching.cancel()
        except* _Idle:
            outcome = "idle"
        except* OSError:
            outcome = "broken"
        return outcome

    try:
        async with asyncio.timeout(life_s):
            outcome = await run()
    except TimeoutError:
        outcome = "too_long"
    return passed[near], passed[far], outcome


async def _pass(source: End, sink: End, note: Callable[[End, int], None]) -> None:
    while chunk := await source.reader.read(_CHUNK_BYTES):
        note(source, len(chunk))
        sink.writer.write(chunk)
        await sink.writer.drain()
    if sink.writer.can_write_eof():
        sink.writer.write_eof()
