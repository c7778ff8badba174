"""JSON files of other services, read whole and bounded, and one of ours, replaced whole."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_SIZE_MAX_BYTES: Final = 1 << 20


def read_object(path: Path) -> dict[str, Any] | None:
    """Return the JSON object in ``path``; None where there is none to be read."""
    try:
        with path.open("rb") as file:
            value = json.loads(file.read(_SIZE_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def write_object(path: Path, value: Mapping[str, object], *, mode: int = 0o644) -> None:
    """Put ``value`` in the place of ``path``: a reader sees the old or the new. For a tmpfs, so nothing is synced."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor, not a path
        os.fchmod(descriptor, mode)  # whatever the umask says
        json.dump(value, file, ensure_ascii=False, separators=(",", ":"))
    draft.replace(path)
