"""Hearing the store: at once, in order, and never believing a connection that is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.db.listen import Hearing, ListenRule, listen
from agent.db.pools import Pool
from agent.db.queries import Parameter, Query
from bridge.errors import Code, Unavailable
from bridge.process.clock import SystemClock
from tests.integration.agent.conftest import StoreDsns

RULE = ListenRule(check_s=0.05, retry_s=0.01, timeout_s=0.2, connect_s=1.0)
NOTIFY = Query("test.notify", "SELECT pg_notify('drawbridge', $1)", "Tell.", (Parameter("payload", "text"),))
CUT = Query(
    "test.cut",
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'drawbridge-listen'",
    "Cut the listener.",
)


def soon() -> float:
    return SystemClock.monotonic() + 2


class Ear:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.fails_to_start = 0

    @property
    def hearing(self) -> Hearing:
        return Hearing(self._start, self._change, lambda: self.heard.put_nowait("lost"))

    async def _start(self) -> None:
        if self.fails_to_start:
            self.fails_to_start -= 1
            raise Unavailable(Code.DATABASE_UNAVAILABLE)
        self.heard.put_nowait("start")

    async def _change(self, payload: str) -> None:
        if not payload.startswith("user "):
            raise ValueError
        self.heard.put_nowait(payload)

    async def next(self) -> str:
        async with asyncio.timeout(3):
            return await self.heard.get()


@asynccontextmanager
async def listening(dsn: str, ear: Ear) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(listen(dsn, ear.hearing, RULE))
        yield
        task.cancel()


async def test_listen_hears_in_order_when_the_store_tells(store_dsns: StoreDsns, store: Pool) -> None:
    ear = Ear()
    async with listening(store_dsns.agent, ear):
        assert await ear.next() == "start"
        for payload in ("user 1", "user 2"):
            await store.fetchval(NOTIFY, payload, deadline=soon())
        assert [await ear.next(), await ear.next()] == ["user 1", "user 2"]
        with pytest.raises(TimeoutError):  # silence: the connection is asked, and believed
            async with asyncio.timeout(0.2):
                await ear.heard.get()
    assert await ear.next() == "lost"


async def test_listen_says_lost_and_starts_over_when_its_connection_is_cut(store_dsns: StoreDsns, owner: Pool) -> None:
    ear = Ear()
    async with listening(store_dsns.agent, ear):
        assert await ear.next() == "start"
        assert await owner.fetchval(CUT, deadline=soon()) == 1
        assert [await ear.next(), await ear.next()] == ["lost", "start"]


async def test_listen_starts_over_when_it_is_told_what_nobody_can_read(store_dsns: StoreDsns, store: Pool) -> None:
    ear = Ear()
    async with listening(store_dsns.agent, ear):
        assert await ear.next() == "start"
        await store.fetchval(NOTIFY, "", deadline=soon())
        assert [await ear.next(), await ear.next()] == ["lost", "start"]


async def test_listen_tries_again_when_loading_fails(store_dsns: StoreDsns) -> None:
    ear = Ear()
    ear.fails_to_start = 1
    async with listening(store_dsns.agent, ear):
        assert [await ear.next(), await ear.next()] == ["lost", "start"]


@pytest.mark.story("health/US-BE-25.5")
async def test_listen_waits_for_the_server_when_there_is_none(tmp_path: Path) -> None:
    ear = Ear()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await listen(f"postgresql://nobody@/nothing?host={tmp_path}", ear.hearing, RULE)
    assert ear.heard.empty()
