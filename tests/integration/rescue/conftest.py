"""Both hosts with their rescue path, for the tests of one file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.rescue.hosts import Hosts, can_make_hosts, hosts


@pytest.fixture(scope="module")
def rescue() -> Iterator[Hosts]:
    if lack := can_make_hosts():
        pytest.skip(lack)
    with tempfile.TemporaryDirectory(prefix="drawbridge-rescue-") as folder, hosts(Path(folder)) as both:
        yield both
