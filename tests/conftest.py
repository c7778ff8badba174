"""What every test gets. Shared parts are plugins, one concern a module; fixtures live beside the tests they serve."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pytest
from hypothesis import settings

settings.register_profile("untimed", settings(), deadline=None)  # no test measures time: the machine may be busy
settings.load_profile("untimed")

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

SLOW_TIMEOUT_S: Final = 120


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SLOW_TIMEOUT_S))
