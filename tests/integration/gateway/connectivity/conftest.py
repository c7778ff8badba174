from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.gateway.connectivity import world as worlds
from tests.integration.gateway.connectivity.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Make a box, its router, the keep and an Internet."""
    with worlds.world(tmp_path) as made:
        yield made
