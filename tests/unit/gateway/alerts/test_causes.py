"""What is reported, what follows from what, and what the documentation lists, held together."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import pytest

from gateway.alerts.causes import FOLLOWS
from gateway.alerts.watches.watching import WATCHES
from gateway.connectivity.diagnosis import ADVICE
from gateway.ddns.answers import FINAL

LISTED: Final = Path(__file__).parents[4] / "docs/alerts.md"
REPORTED: Final = {
    *(cause for watch in WATCHES for cause in watch.causes),
    *(f"line.{code}" for code in ADVICE),
    *(f"ddns.{kind.value}" for kind in FINAL),
    "ddns.address", "ddns.state", "ddns.unpublished", "ddns.unverified", "mapping.failed",
    "alerts.damaged", "alerts.flood", "alerts.refused", "bans.new", "rescue.selftest", "rescue.used",
}  # fmt: skip


def listed() -> list[str]:
    rows = re.findall(r"^\| (`[a-z]+\..*?`) \|", LISTED.read_text(), re.MULTILINE)
    return [cause.partition(":")[0] for row in rows for cause in re.findall(r"`(.+?)`", row)]


@pytest.mark.parametrize("cause", sorted(REPORTED))
def test_cause_is_documented_when_it_is_reported(cause: str) -> None:
    assert any(fnmatchcase(cause, pattern) for pattern in listed())


@pytest.mark.parametrize(
    "pattern", sorted({*listed(), *(one for root, others in FOLLOWS for one in (root, *others))})
)  # fmt: skip
def test_pattern_is_of_something_reported_when_it_is_documented_or_ruled(pattern: str) -> None:
    assert any(fnmatchcase(cause, pattern) for cause in REPORTED)
