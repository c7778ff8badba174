"""Regular expressions kept as data: lists of alternatives in a TOML file, each between word boundaries."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parent


def any_of(alternatives: Iterable[str]) -> re.Pattern[str]:
    """Return the pattern that finds any of ``alternatives`` as whole words."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(f'(?:{alternative})' for alternative in alternatives)})(?!\w)")
