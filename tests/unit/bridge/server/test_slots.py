from __future__ import annotations

import asyncio

import pytest

from bridge.errors import Busy, Code
from bridge.server.slots import SlotRule, Slots
from tests.waiting import until


async def hold(slots: Slots, until_set: asyncio.Event, order: list[int] | None = None, number: int = 0) -> None:
    async with slots:
        if order is not None:
            order.append(number)
        await until_set.wait()


async def test_place_is_given_at_once_while_there_are_some() -> None:
    slots = Slots(SlotRule(in_flight=2))
    async with slots, slots:
        assert slots.in_flight == 2
    assert slots.in_flight == 0


async def test_places_go_over_in_the_order_of_asking() -> None:
    slots, done, order = Slots(SlotRule(in_flight=1, wait_s=5)), asyncio.Event(), list[int]()
    async with asyncio.TaskGroup() as tasks:
        for number in range(5):
            tasks.create_task(hold(slots, done, order, number))
        await until(lambda: slots.waiting == 4)
        done.set()
    assert order == [0, 1, 2, 3, 4]
    assert (slots.in_flight, slots.waiting) == (0, 0)


async def test_place_is_refused_at_once_when_the_queue_is_full() -> None:
    slots, done = Slots(SlotRule(in_flight=1, queue=1, wait_s=5, retry_after_s=3)), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(hold(slots, done))
        tasks.create_task(hold(slots, done))
        await until(lambda: slots.waiting == 1)
        with pytest.raises(Busy) as refused:
            await hold(slots, done)
        done.set()
    assert (refused.value.code, refused.value.retry_after_s) == (Code.OVERLOADED, 3)


async def test_place_is_refused_when_it_does_not_come_in_time() -> None:
    slots, done = Slots(SlotRule(in_flight=1, queue=4, wait_s=0.02)), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(hold(slots, done))
        await until(lambda: slots.in_flight == 1)
        with pytest.raises(Busy):
            await hold(slots, done)
        done.set()
    assert (slots.in_flight, slots.waiting) == (0, 0)


async def test_no_place_is_lost_when_those_who_wait_are_cancelled() -> None:
    slots, done = Slots(SlotRule(in_flight=1, queue=8, wait_s=5)), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(hold(slots, done))
        waiting = [tasks.create_task(hold(slots, done)) for _ in range(4)]
        await until(lambda: slots.waiting == 4)
        waiting[0].cancel()
        first.cancel()  # its place goes to the next, who is cancelled as it comes
        waiting[1].cancel()
        await until(waiting[1].done)
        done.set()
    assert (slots.in_flight, slots.waiting) == (0, 0)


async def test_place_handed_over_to_one_who_gives_up_goes_on_to_the_next() -> None:
    slots = Slots(SlotRule(in_flight=1, queue=8, wait_s=5))
    done = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(hold(slots, done))
        second = tasks.create_task(hold(slots, done))
        third = tasks.create_task(hold(slots, done))
        await until(lambda: slots.waiting == 2)
        done.set()
        await asyncio.sleep(0)  # first leaves: second has been handed its place, and not run yet
        second.cancel()
        await third
    assert first.done()
    assert (slots.in_flight, slots.waiting) == (0, 0)
