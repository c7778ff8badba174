"""The environment of this process, read in one place."""

from __future__ import annotations

import os
from collections.abc import Mapping


def environment() -> Mapping[str, str]:
    """Return this process's environment; nothing else reads it."""
    return os.environ
