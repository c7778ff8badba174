"""What the suite logs: no secret of any test is in a line of ours, and each test leaves the log as it found it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Final

import pytest

from bridge.process.logs import JsonFormatter

OURS: Final = ("agent", "bridge", "gateway", "rescue", "demo")
SECRETS: Final = re.compile(
    r"eyJ[\w-]+\.eyJ[\w-]+\."  # any JSON Web Token
    r"|(?i:correct|another|wrong|right)[ -]horse|Passw0rd-for|Adversity-1|open-sesame|planted"
)
"""The passwords of the tests' accounts, whatever they call planted, and every token."""

_FORMATTER: Final = JsonFormatter(host="", app="")
_handle = logging.Logger.handle
_told: list[str] = []


def _look_and_handle(logger: logging.Logger, record: logging.LogRecord) -> None:
    if record.name.partition(".")[0] in OURS and SECRETS.search(line := _FORMATTER.format(record)):
        _told.append(line)
    _handle(logger, record)


def pytest_configure() -> None:
    """Look at every record that a logger passes on, whoever is to write it."""
    logging.Logger.handle = _look_and_handle  # type: ignore[assignment, method-assign]


@pytest.fixture(autouse=True)
def _no_secret_is_logged() -> Iterator[None]:
    yield
    told = _told[:]
    _told.clear()
    assert told == [], "a secret is in the log"


@pytest.fixture(autouse=True)
def _log_is_put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
