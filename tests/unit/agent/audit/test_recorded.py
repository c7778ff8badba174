"""The guide says of every write whether it is recorded, so that a new one is not forgotten."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bridge.contracts import OPERATIONS
from bridge.contracts.operation import Effect

GUIDE = (Path(__file__).parents[4] / "docs" / "audit.md").read_text("utf-8")


@pytest.mark.parametrize("name", [name for name, operation in OPERATIONS.items() if operation.effect is Effect.WRITE])
def test_write_is_in_the_guide_when_it_is_declared(name: str) -> None:
    recorded = GUIDE.partition("## What is recorded")[2].partition("## What an entry is")[0]
    assert name in re.findall(r"`([a-z_.]+)`", recorded)
