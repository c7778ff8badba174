from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.processes import DemoError
from tests.adversity.appliance import Stage


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """Give the PostgreSQL that these tests stop and start, with both databases."""
    with tempfile.TemporaryDirectory(prefix="drawbridge-adversity-") as folder:
        made = Stage(Path(folder))
        try:
            made.__enter__()
        except DemoError as error:
            pytest.skip(str(error))
        try:
            yield made
        finally:
            made.__exit__()
