from __future__ import annotations

import asyncio

import pytest

from agent.events import BACKLOG_MAX, FeedHub
from bridge.contracts.system import FeedEvent, PublicKey

KEY = PublicKey(kid="k", x="x")


@pytest.fixture
def hub() -> FeedHub:
    hub = FeedHub(lambda: (KEY,))
    hub.resume()
    return hub


async def collect(hub: FeedHub) -> list[FeedEvent]:
    return [event async for event in hub.subscribe()]


async def test_feed_gives_hello_and_then_each_event_to_every_reader_when_it_is_open(hub: FeedHub) -> None:
    async with asyncio.TaskGroup() as tasks:
        readers = [tasks.create_task(collect(hub)) for _ in range(2)]
        await asyncio.sleep(0)
        hub.users_changed(users=("u",))
        hub.users_changed(sessions=("s",))
        hub.tags_invalidated(("t",))
        hub.keys_changed()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        hub.suspend()
    for reader in readers:
        assert reader.result() == [
            FeedEvent(kind="hello", keys=(KEY,)),
            FeedEvent(kind="users_changed", users=("u",)),
            FeedEvent(kind="users_changed", sessions=("s",)),
            FeedEvent(kind="tags_invalidated", tags=("t",)),
            FeedEvent(kind="keys_changed", keys=(KEY,)),
        ]


async def test_feed_ends_at_once_when_it_is_suspended(hub: FeedHub) -> None:
    hub.suspend()
    assert await collect(hub) == []
    hub.resume()
    stream = hub.subscribe()
    assert (await anext(stream)).kind == "hello"


async def test_feed_cuts_a_reader_off_when_it_falls_behind(hub: FeedHub) -> None:
    slow, quick = hub.subscribe(), hub.subscribe()
    assert (await anext(slow)).kind == "hello"
    assert (await anext(quick)).kind == "hello"
    for number in range(BACKLOG_MAX + 1):
        hub.users_changed(users=(str(number),))
        assert (await anext(quick)).users == (str(number),)
    with pytest.raises(StopAsyncIteration):
        await anext(slow)


async def test_feed_forgets_a_reader_when_it_leaves(hub: FeedHub) -> None:
    stream = hub.subscribe()
    await anext(stream)
    assert len(hub._readers) == 1
    await stream.aclose()  # type: ignore[attr-defined]
    assert hub._readers == set()
