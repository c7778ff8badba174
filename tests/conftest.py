"""What every test gets. Shared parts are plugins, one concern a module; fixtures live beside the tests they serve."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pytest

pytest_plugins = [
    "pytester",
    "tests.plugins.floors",
    "tests.plugins.groups",
    "tests.plugins.logs",
    "tests.plugins.loopback",
    "tests.plugins.skips",
    "tests.plugins.stories",
    "tests.postgres",
]

SLOW_TIMEOUT_S: Final = 60


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SLOW_TIMEOUT_S))
