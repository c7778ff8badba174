"""A keep that backs up to a door, for each test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

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
