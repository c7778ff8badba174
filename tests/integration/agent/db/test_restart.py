"""PostgreSQL goes away and comes back, under a pool in use and an ear that listens."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.db.listen import Hearing, ListenRule, listen
from agent.db.pools import Pool, PoolOptions
from agent.db.queries import Query
from bridge.errors import AppError, Code
from bridge.process.clock import SystemClock
from tests.postgres import PostgresServer

CLOCK = SystemClock()
PING = Query("test.ping", "SELECT 1", "Whether it answers.")
RULE = ListenRule(check_s=0.1, retry_s=0.05, timeout_s=0.2, connect_s=1.0)


@pytest.fixture
def own_server(postgres_server: PostgresServer) -> Iterator[PostgresServer]:
    """Give a server that no other test uses."""
    assert postgres_server.home.exists()  # where there is no PostgreSQL, its fixture says so and skips
    with tempfile.TemporaryDirectory(prefix="drawbridge-postgres-") as folder:
        server = PostgresServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


def soon(seconds: float = 1.0) -> float:
    return CLOCK.monotonic() + seconds


@pytest.mark.story("health/US-BE-10.5", "health/US-BE-37.3", "health/US-BE-39.4")
async def test_pool_and_ear_are_whole_again_when_the_server_is_back(own_server: PostgresServer) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def start() -> None:
        heard.put_nowait("start")

    async def change(payload: str) -> None:
        heard.put_nowait(payload)

    pool = Pool(PoolOptions("store", own_server.dsn("postgres")), CLOCK)
    await pool.warm(soon())
    async with asyncio.TaskGroup() as tasks:
        hearing = Hearing(start, change, lambda: heard.put_nowait("lost"))
        ear = tasks.create_task(listen(own_server.dsn("postgres"), hearing, RULE))
        assert await heard.get() == "start"

        await asyncio.to_thread(own_server.stop)
        assert await heard.get() == "lost"
        for _ in range(6):  # more often than the pool has places
            with pytest.raises(AppError) as caught:
                await pool.fetchval(PING, deadline=soon())
            assert caught.value.code is Code.DATABASE_UNAVAILABLE
        assert not pool.availability.is_up

        await asyncio.to_thread(own_server.start)
        back = CLOCK.monotonic()
        assert await pool.fetchval(PING, deadline=soon()) == 1
        async with asyncio.timeout(3):
            assert await heard.get() == "start"
        assert CLOCK.monotonic() - back < 3
        await pool.warm(soon())
        assert len(pool._idle) == 4
        ear.cancel()
    await pool.close(soon())
