"""The health app goes off when its mapping does not fit, alone, and comes back by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import asyncpg
import pytest

from agent.apps.health import Source, handlers
from agent.apps.health.mapping.model import read
from agent.apps.health.source import OFF_S
from agent.db.pools import Pool, PoolOptions
from bridge.contracts.health import LIST, ListSymptoms, Total
from bridge.errors import Code, Unavailable
from bridge.process.clock import SystemClock
from tests.integration.agent.health.conftest import App, SteppedClock, caller, deadline, run_sql

BREAK = {
    "flat": ("ALTER TABLE symptoms RENAME notes TO remarks", "ALTER TABLE symptoms RENAME remarks TO notes"),
    "lookup": (
        "ALTER TABLE clinic.complaint_type RENAME TO elsewhere",
        "ALTER TABLE clinic.elsewhere RENAME TO complaint_type",
    ),
    "diary": (
        'REVOKE SELECT ON "Tagebuch"."Symptom Log" FROM source_reader',
        'GRANT SELECT ON "Tagebuch"."Symptom Log" TO source_reader',
    ),
}


@pytest.fixture
def clock(app: App) -> SteppedClock:
    clock = SteppedClock()
    app.source = Source(app.pool, app.existing.mapping, clock)
    app.handlers = handlers(app.source, app.linked, app.looks)
    app.patience_s = 1000.0  # its callers' deadlines are ahead of the clock that is put forward
    return clock


async def code_of(app: App, person: str | None) -> Code | None:
    try:
        await app.ask(LIST, ListSymptoms(total=Total.NONE), person)
    except Unavailable as error:
        return error.code
    return None


async def test_app_goes_off_and_comes_back_when_the_tables_change(
    app: App, clock: SteppedClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    person = next(iter(await app.raw()))
    broken, mended = BREAK[app.existing.name]
    assert await code_of(app, person) is None
    await run_sql(app.owner_dsn, broken)
    assert [await code_of(app, person) for _ in range(3)] == [Code.APP_DISABLED] * 3
    condition = app.source.availability.condition
    assert condition.state == "disabled"
    assert condition.reason
    clock.ahead_s += OFF_S
    assert await code_of(app, person) is Code.APP_DISABLED  # looked at again: still broken, and said what is
    await run_sql(app.owner_dsn, mended)
    assert await code_of(app, person) is Code.APP_DISABLED  # not due yet
    clock.ahead_s += OFF_S
    assert await code_of(app, person) is None
    assert app.source.availability.is_up
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert 1 <= len(lines) <= 2  # once by what PostgreSQL said, and once by the mapping's own reason


async def test_app_is_off_with_the_reason_when_the_mapping_is_wrong(app: App, tmp_path: Path) -> None:
    path = tmp_path / "source.toml"
    path.write_text(app.existing.mapping.read_text() + "\n[fields.mood]\ncolumn = 'x'\n")
    source = Source(app.pool, path, SystemClock())
    with pytest.raises(Unavailable) as refusal:
        await handlers(source, app.linked, app.looks)[LIST](caller(app.account("1")), ListSymptoms())
    assert refusal.value.code is Code.APP_DISABLED
    assert "mood" not in refusal.value.public_message
    assert source.availability.condition.reason == "fields.mood: Extra inputs are not permitted"


async def test_app_is_off_when_the_file_is_missing(app: App, tmp_path: Path) -> None:
    source = Source(app.pool, tmp_path / "source.toml", SystemClock())
    with pytest.raises(Unavailable):
        await source.statements(deadline())
    assert source.availability.condition.state == "disabled"
    assert source.availability.condition.reason.endswith("No such file or directory")


async def test_app_is_not_off_when_the_database_is_away(app: App, tmp_path: Path) -> None:
    pool = Pool(PoolOptions("source", f"postgresql:///clinic?host={tmp_path}"), SystemClock())
    source = Source(pool, app.existing.mapping, SystemClock())
    for _ in range(2):
        with pytest.raises(Unavailable) as refusal:
            await source.statements(deadline())
        assert refusal.value.code is Code.DATABASE_UNAVAILABLE
    assert source.availability.condition.state == "down"


async def test_callers_wait_for_one_check_when_they_come_together(app: App) -> None:
    async with asyncio.TaskGroup() as tasks:
        callers = [tasks.create_task(app.source.statements(deadline())) for _ in range(20)]
    assert len({id(task.result()) for task in callers}) == 1


async def test_caller_is_told_in_time_when_the_check_takes_longer(app: App) -> None:
    blocker = await asyncpg.connect(app.owner_dsn, timeout=5)
    schema, table = read(app.existing.mapping).table
    try:
        async with blocker.transaction():
            await blocker.execute(f'LOCK TABLE "{schema}"."{table}" IN ACCESS EXCLUSIVE MODE')
            async with asyncio.TaskGroup() as tasks:
                callers = [tasks.create_task(code_within(app.source, seconds)) for seconds in (0.5, 0.2)]
            assert [task.result() for task in callers] == [Code.TIMEOUT, Code.TIMEOUT]
    finally:
        await blocker.close(timeout=5)
    assert await app.source.statements(deadline()) is not None


async def code_within(source: Source, seconds: float) -> Code | None:
    try:
        await source.statements(deadline(seconds))
    except Unavailable as error:
        return error.code
    return None


async def test_watch_finds_what_was_corrected_without_a_call(app: App, tmp_path: Path) -> None:
    path = tmp_path / "source.toml"
    source = Source(app.pool, path, SystemClock(), off_s=0.01)
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(source.watch())
        await until(lambda: source.availability.condition.state == "disabled")
        path.write_text(app.existing.mapping.read_text())
        await until(lambda: source.availability.is_up)
        watching.cancel()
    assert source.availability.is_up
    assert await source.statements(deadline()) is not None


async def test_watch_finds_a_database_that_is_back_without_a_call(app: App, tmp_path: Path) -> None:
    (folder,) = parse_qs(urlsplit(app.dsn).query)["host"]
    near = tmp_path / "postgresql"
    dsn = app.dsn.replace(quote(folder), quote(str(near)))
    pool = Pool(PoolOptions("source", dsn), SystemClock())
    source = Source(pool, app.existing.mapping, SystemClock(), away_s=0.01)
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(source.watch())
        await until(lambda: pool.availability.condition.reason == "FileNotFoundError")
        near.symlink_to(folder)
        await until(lambda: source.availability.is_up)
        watching.cancel()
    assert pool.availability.is_up
    await pool.close(deadline())


async def test_watch_finds_a_database_that_went_away_without_a_call(app: App, tmp_path: Path) -> None:
    (folder,) = parse_qs(urlsplit(app.dsn).query)["host"]
    near = tmp_path / "postgresql"
    near.symlink_to(folder)
    pool = Pool(PoolOptions("source", app.dsn.replace(quote(folder), quote(str(near)))), SystemClock())
    source = Source(pool, app.existing.mapping, SystemClock(), alive_s=0.01)
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(source.watch())
        await until(lambda: source.availability.is_up)
        near.unlink()
        owner = await asyncpg.connect(app.owner_dsn, timeout=5)
        await owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                            " AND application_name = 'drawbridge-source'")  # fmt: skip
        await owner.close(timeout=5)
        await until(lambda: pool.availability.condition.state == "down")
        watching.cancel()
    await pool.close(deadline())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - a condition of the product, which has no event for a test
            await asyncio.sleep(0.01)
