"""Shedding: few calls at once, few waiting, none waiting long."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from bridge.errors import Busy, Code


@dataclass(frozen=True, slots=True)
class SlotRule:
    """At most ``in_flight`` calls run, ``queue`` more wait, each for at most ``wait_s`` seconds."""

    in_flight: int = 4
    queue: int = 8
    wait_s: float = 0.1
    retry_after_s: float = 1.0


class Slots:
    """The places of one lane, first come first served: ``async with slots:`` holds one while the block runs.

    Raises Busy (``overloaded``) when there is none in time.
    """

    def __init__(self, rule: SlotRule) -> None:
        self._rule = rule
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.in_flight = 0

    async def __aenter__(self) -> None:
        if self.in_flight < self._rule.in_flight:
            self.in_flight += 1
        else:
            await self._wait()

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def _wait(self) -> None:
        if len(self._waiting) >= self._rule.queue:
            raise Busy(Code.OVERLOADED, retry_after_s=self._rule.retry_after_s)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._rule.wait_s):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._leave()  # the place was handed over as we gave up
            elif turn in self._waiting:
                self._waiting.remove(turn)
            if isinstance(error, TimeoutError):
                raise Busy(Code.OVERLOADED, retry_after_s=self._rule.retry_after_s) from None
            raise

    def _leave(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)  # the place goes over; in_flight stays
                return
        self.in_flight -= 1
