"""Pacing: a flood of calls waits here, for a bounded time and in bounded numbers, and not on the agent's database."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiolimiter import AsyncLimiter

from bridge.errors import Busy, Code
from bridge.process.clock import Clock


@dataclass(frozen=True, slots=True)
class PacingRule:
    """``burst`` calls start at once, then ``calls_per_s``; ``waiting_max`` wait for their turn, and no more."""

    calls_per_s: float = 500.0
    burst: int = 100
    waiting_max: int = 200


class Pacing:
    """Turns to call the agent, first come, first served. Belongs to one event loop."""

    def __init__(self, rule: PacingRule, clock: Clock) -> None:
        self._rule = rule
        self._clock = clock
        self._limiter = AsyncLimiter(rule.burst, rule.burst / rule.calls_per_s)
        self._in_order = asyncio.Lock()
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return self._waiting

    async def turn(self, deadline: float) -> None:
        """Return when the call may start.

        ``deadline`` in monotonic seconds. Raises :class:`Busy` at once where too many wait already or the turn would
        come after the deadline. A cancelled wait costs nobody a turn.
        """
        if not self._waiting and self._limiter.has_capacity():
            await self._limiter.acquire()
            return
        wait_s = (self._waiting + 1) / self._rule.calls_per_s
        if self._waiting >= self._rule.waiting_max or self._clock.monotonic() + wait_s > deadline:
            raise Busy(Code.OVERLOADED, retry_after_s=wait_s)
        self._waiting += 1
        try:
            async with self._in_order:  # the limiter itself would let a newcomer pass who comes at the right moment
                await self._limiter.acquire()
        finally:
            self._waiting -= 1
