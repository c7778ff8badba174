"""Each of these tests runs on asyncio's loop and on uvloop's: their TLS is not the same code."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import uvloop

from tests.certificates import Folders


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.SelectorEventLoop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)
