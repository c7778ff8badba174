"""The real limiter on the real event loop, whose time passes only when a test says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bridge.client.pacing import Pacing, PacingRule
from bridge.errors import Busy, Code

LATE = 1e9
RULE = PacingRule(calls_per_s=1.0, burst=1)


class LoopClock:
    """The loop's time, and the pacing's."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now

    time = monotonic

    async def advance(self, seconds: float) -> None:
        """Let time pass, and everything happen that was due."""
        self.now += seconds
        for _ in range(10):
            await asyncio.sleep(0)


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LoopClock]:
    clock = LoopClock()
    with monkeypatch.context() as patch:
        patch.setattr(asyncio.get_running_loop(), "time", clock.monotonic)
        yield clock


class Calls:
    """Calls that wait for their turn, each in a task of its own, and the order in which they got it."""

    def __init__(self, pacing: Pacing, tasks: asyncio.TaskGroup) -> None:
        self.pacing = pacing
        self.tasks = tasks
        self.started: list[str] = []

    async def begin(self, name: str) -> asyncio.Task[None]:
        task = self.tasks.create_task(self._call(name))
        await asyncio.sleep(0)
        return task

    async def _call(self, name: str) -> None:
        await self.pacing.turn(LATE)
        self.started.append(name)


async def test_pacing_lets_a_burst_start_at_once_whatever_the_deadline(clock: LoopClock) -> None:
    pacing = Pacing(PacingRule(calls_per_s=1.0, burst=3), clock)

    for _ in range(3):
        await pacing.turn(clock.now)

    with pytest.raises(Busy):
        await pacing.turn(clock.now)


async def test_pacing_gives_one_turn_an_interval_in_order_when_the_burst_is_over(clock: LoopClock) -> None:
    async with asyncio.TaskGroup() as tasks:
        calls = Calls(Pacing(RULE, clock), tasks)
        for name in "abcd":
            await calls.begin(name)
        assert (calls.started, calls.pacing.waiting) == (["a"], 3)

        for seen in ("ab", "abc", "abcd"):
            await clock.advance(0.99)
            assert calls.started == list(seen[:-1])
            await clock.advance(0.01)
            assert calls.started == list(seen)
    assert calls.pacing.waiting == 0


async def test_pacing_puts_a_newcomer_last_when_a_turn_is_free_that_nobody_took_yet(clock: LoopClock) -> None:
    async with asyncio.TaskGroup() as tasks:
        calls = Calls(Pacing(RULE, clock), tasks)
        for name in "abc":
            await calls.begin(name)
        clock.now += 1.0
        await calls.begin("newcomer")
        for _ in range(3):
            await clock.advance(1.0)

    assert calls.started == ["a", "b", "c", "newcomer"]


async def test_pacing_refuses_at_once_when_the_turn_would_come_after_the_deadline(clock: LoopClock) -> None:
    async with asyncio.TaskGroup() as tasks:
        calls = Calls(Pacing(RULE, clock), tasks)
        for name in "ab":
            await calls.begin(name)
        with pytest.raises(Busy) as refusal:
            await calls.pacing.turn(clock.now + 1.99)
        await clock.advance(1.0)

    assert refusal.value.code is Code.OVERLOADED
    assert refusal.value.retry_after_s == pytest.approx(2.0)
    assert calls.started == ["a", "b"]


async def test_pacing_refuses_at_once_when_too_many_wait(clock: LoopClock) -> None:
    async with asyncio.TaskGroup() as tasks:
        calls = Calls(Pacing(PacingRule(calls_per_s=1.0, burst=1, waiting_max=2), clock), tasks)
        for name in "abc":
            await calls.begin(name)
        with pytest.raises(Busy) as refusal:
            await calls.pacing.turn(LATE)
        await clock.advance(1.0)
        await clock.advance(1.0)

    assert refusal.value.retry_after_s == pytest.approx(3.0)
    assert calls.started == ["a", "b", "c"]


async def test_pacing_gives_a_cancelled_calls_turn_to_the_next(clock: LoopClock) -> None:
    async with asyncio.TaskGroup() as tasks:
        calls = Calls(Pacing(RULE, clock), tasks)
        for name in "a":
            await calls.begin(name)
        cancelled = [await calls.begin(name) for name in "bc"]
        await calls.begin("d")
        for task in cancelled:
            task.cancel()
        await clock.advance(1.0)

        assert calls.started == ["a", "d"]
    assert calls.pacing.waiting == 0
