"""Which trouble follows from which: who is told of the first need not be told of the second."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

_AWAY: Final = ("bridge.*", "breaker.*", "database.*", "gateway.errors*", "gateway.slow*", "web.errors*", "web.slow*",
                "backup.*", "keep.*")  # fmt: skip
_OFFLINE: Final = ("ddns.*", "port.*", "mapping.*", "certificate.renewal*", "mirror.*", "clock.*", "alerts.*",
                   "mail.waiting")  # fmt: skip

FOLLOWS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("line.keep_*", _AWAY),
    ("line.agent_*", _AWAY),
    ("line.bridge_*", _AWAY),
    ("line.gateways_*", ("gateway.*", "breaker.*", "keep.*", "backup.*")),
    ("line.database_*", ("database.*", "breaker.*", "gateway.errors*", "web.errors*", "backup.*")),
    # where our name points and whether our port is open are no reason that a name cannot be updated, but the other
    # way round: an update that is refused leaves the name where it was
    ("ddns.*", ("line.name_*",)),
    ("port.*", ("line.port_*",)),
    ("mapping.*", ("line.port_*",)),
    ("line.name_*", ("mirror.*", "certificate.renewal*")),
    ("line.port_*", ("mirror.*", "certificate.renewal*")),
    ("line.*", _OFFLINE),
)
"""A cause, and those that follow from it, as patterns. The first line that a cause matches is its only one."""


def follows(consequence: str, root: str) -> bool:
    """Say whether ``consequence`` is what is to be expected while ``root`` lasts. Subjects do not matter."""
    return _follows(consequence.partition(":")[0], root.partition(":")[0])


@lru_cache(maxsize=1024)
def _follows(consequence: str, root: str) -> bool:
    for pattern, consequences in FOLLOWS:
        if fnmatchcase(root, pattern):
            return any(fnmatchcase(consequence, one) for one in consequences)
    return False
