"""Which of the lab's tests follow each other, and which run side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

ORDER: Final = (
    "provisioning", "playbook", "arm64", "web", "hardening", "again", "network", "relay", "protection", "trust",
    "takeover", "rating", "rescue", "reach", "line", "services", "backup", "upgrade", "restore", "outage",
)  # fmt: skip
"""What breaks the hosts comes last."""
_NO_HOSTS: Final = ("playbook", "arm64")
GROUPS: Final[Mapping[str, Sequence[str]]] = {
    "hosts": [area for area in ORDER if area not in _NO_HOSTS],
    "no hosts": _NO_HOSTS,
}
"""Two groups touch nothing in common."""
MOSTLY_WAITS: Final = "line"
"""While these run the processor is idle: what needs no host begins beside them, and not beside the playbook."""


def area(nodeid: str) -> str:
    """Return what a test is about."""
    return Path(nodeid.partition("::")[0]).stem.removeprefix("test_")


def group(nodeid: str) -> str:
    """Return the group that a test belongs to."""
    return next(name for name, areas in GROUPS.items() if area(nodeid) in areas)
