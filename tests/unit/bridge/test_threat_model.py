"""The threat model names tests that exist, one at least for each threat."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
ROWS: Final = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "bridge" / "THREAT_MODEL.md").read_text("utf-8").splitlines()
    if re.fullmatch(r"\|[^|]+\|[^|]+\|[^|]*`tests/[^|]*\|", line)
]


def test_threats_are_read_when_there_are_tables() -> None:
    text = (ROOT / "bridge" / "THREAT_MODEL.md").read_text("utf-8")

    assert text.count("| threat | what stands against it | test |") == 6
    assert len(ROWS) == len(re.findall(r"^\| (?!threat |\||has|\*)", text, re.MULTILINE))


@pytest.mark.story("health/US-BE-42.2")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_threat_is_tested_when_it_is_listed(row: list[str]) -> None:
    named = re.findall(r"`(tests/[a-z0-9_/]+\.py)::(test_[a-z0-9_]+)`", row[2])

    assert re.sub(r"`[^`]+`", "", row[2]).strip(" ,") == ""
    assert named
    for path, test in named:
        assert f"def {test}(" in (ROOT / path).read_text("utf-8"), f"{path}::{test}"
