"""The health app goes off when its mapping does not fit, alone, and comes back by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.apps.health import Source, handlers
from agent.apps.health.source import RECHECK_S
from agent.db.pools import Pool, PoolOptions
from bridge.contracts.health import LIST, ListSymptoms, Total
from bridge.errors import Code, Unavailable
from bridge.process.clock import SystemClock
from tests.integration.agent.health.conftest import App, caller, deadline, run_sql

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


@dataclass
class LaterClock:
    """The system's clock, put forward at will."""

    ahead_s: float = 0.0

    def monotonic(self) -> float:
        return SystemClock.monotonic() + self.ahead_s

    def time(self) -> float:
        return SystemClock.time() + self.ahead_s


@pytest.fixture
def clock(app: App) -> LaterClock:
    clock = LaterClock()
    app.source = Source(app.pool, app.existing.mapping, clock)
    app.handlers = handlers(app.source, app.linked)
    app.patience_s = 1000.0  # its callers' deadlines are ahead of the clock that is put forward
    return clock


async def code_of(app: App, person: str | None) -> Code | None:
    try:
        await app.ask(LIST, ListSymptoms(total=Total.NONE), person)
    except Unavailable as error:
        return error.code
    return None


async def test_app_goes_off_and_comes_back_when_the_tables_change(
    app: App, clock: LaterClock, caplog: pytest.LogCaptureFixture
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
    clock.ahead_s += RECHECK_S
    assert await code_of(app, person) is Code.APP_DISABLED  # looked at again: still broken, and said what is
    await run_sql(app.owner_dsn, mended)
    assert await code_of(app, person) is Code.APP_DISABLED  # not due yet
    clock.ahead_s += RECHECK_S
    assert await code_of(app, person) is None
    assert app.source.availability.is_up
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert 1 <= len(lines) <= 2  # once by what PostgreSQL said, and once by the mapping's own reason


async def test_app_is_off_with_the_reason_when_the_mapping_is_wrong(app: App, tmp_path: Path) -> None:
    path = tmp_path / "source.toml"
    path.write_text(app.existing.mapping.read_text() + "\n[fields.mood]\ncolumn = 'x'\n")
    source = Source(app.pool, path, SystemClock())
    with pytest.raises(Unavailable) as refusal:
        await handlers(source, app.linked)[LIST](caller(app.account("1")), ListSymptoms())
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


async def test_watch_finds_what_was_corrected_without_a_call(app: App, tmp_path: Path) -> None:
    path = tmp_path / "source.toml"
    source = Source(app.pool, path, SystemClock(), recheck_s=0.01)
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(source.watch())
        await until(lambda: source.availability.condition.state == "disabled")
        path.write_text(app.existing.mapping.read_text())
        await until(lambda: source.availability.is_up)
        watching.cancel()
    assert source.availability.is_up
    assert await source.statements(deadline()) is not None


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - a condition of the product, which has no event for a test
            await asyncio.sleep(0.01)
