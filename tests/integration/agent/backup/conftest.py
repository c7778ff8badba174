"""A keep that backs up to a door, for each test; or a copy of one that did, to a disk."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from agent.backup.create import back_up
from bridge.process.clock import SystemClock
from tests.integration.agent.backup.keep import Door, Keep, make_cluster, running


@pytest.fixture(scope="session")
def cluster() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="drawbridge-cluster-") as folder:
        yield make_cluster(Path(folder))


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    door = Door(tmp_path / "door")
    door.start()
    yield door
    door.stop()


@pytest.fixture
def keep(tmp_path: Path, cluster: Path, door: Door) -> Iterator[Keep]:
    """Give a keep whose door is another machine."""
    home = tmp_path / "keep"
    home.mkdir()
    with running(Keep(home, cluster, door.url, door)) as keep:
        yield keep


@dataclass(frozen=True)
class Past:
    """A keep that had a backup made, wrote on, and was switched off; the notes it wrote, and a time in between."""

    keep: Keep
    middle: datetime


@pytest.fixture(scope="session")
def past(cluster: Path) -> Iterator[Past]:
    async def live(keep: Keep) -> datetime:
        await keep.write("one")
        await back_up(keep.parsed, SystemClock(), print)
        await keep.write("two")
        middle: datetime = (await keep.sql("SELECT clock_timestamp() AS now"))[0]["now"]
        await keep.archived()
        await keep.write("three")
        await keep.archived()
        await keep.write("four")
        await keep.archived()
        return middle

    with tempfile.TemporaryDirectory(prefix="drawbridge-past-") as folder:
        home = Path(folder) / "keep"
        (home / "disk").mkdir(parents=True)
        with running(Keep(home, cluster, (home / "disk").as_uri())) as keep:
            keep.configure(source_dsn=keep.dsn())  # any database does for one
            with ThreadPoolExecutor(1) as thread:  # a session's fixture may be asked for inside a test's event loop
                middle = thread.submit(asyncio.run, live(keep)).result()
        yield Past(keep, middle)


@pytest.fixture
def saved(past: Past, tmp_path: Path) -> Iterator[Keep]:
    """Give a copy of that keep, switched off."""
    keep = past.keep.copy_to(tmp_path / "copy")
    keep.sockets.mkdir(exist_ok=True)
    yield keep
    keep.close()
