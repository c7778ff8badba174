"""These tests need root and some minutes: they run where they are asked for by name (``make compose-test``)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose.engine import engine
from tests.compose.stack import MEASURED, Stack

HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    del collection_path
    asked = (Path(config.invocation_params.dir, argument.partition("::")[0]) for argument in config.args)
    return None if any(path.resolve() == HERE or HERE in path.resolve().parents for path in asked) else True


@pytest.fixture(scope="session")
def built() -> Iterator[Stack]:
    """Give the project on an engine of its own, built and not started."""
    with engine() as running:
        stack = Stack(running)
        stack.build()
        yield stack


@pytest.fixture
def stack(built: Stack) -> Stack:
    """Give the project as it answers, whatever the test before did to it."""
    built.up()
    built.wait_until_ready()
    return built


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in MEASURED:
        terminalreporter.write_line(line)
