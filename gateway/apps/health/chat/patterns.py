"""Regular expressions kept as data: lists of alternatives in a TOML file, each between word boundaries."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

FOLDER = Path(__file__).parent
_GROUP: Final = re.compile(r"(?<!\\)\((?!\?)")


def any_of(alternatives: Iterable[str]) -> re.Pattern[str]:
    """Return the pattern that finds any of ``alternatives`` as whole words, and captures nothing."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(f'(?:{uncaptured(each)})' for each in alternatives)})(?!\w)")


def recognised(pattern: str) -> re.Pattern[str]:
    """Return what matches as ``pattern`` does, and captures nothing."""
    return re.compile(uncaptured(pattern))


def uncaptured(pattern: str) -> str:
    """Return ``pattern`` with plain groups that nothing is kept of: of hundreds, keeping takes most of the time."""
    return _GROUP.sub("(?:", pattern)
