"""Which trouble follows from which: who is told of the first need not be told of the second."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

_AWAY: Final = ("breaker.*", "gateway.errors", "gateway.slow", "backup.*", "keep.*")
_OFFLINE: Final = ("ddns.*", "mapping.*", "certificate.renewal", "clock.*", "alerts.*", "mail.waiting")

FOLLOWS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("line.keep_*", _AWAY),
    ("line.agent_*", _AWAY),
    ("line.bridge_*", _AWAY),
    ("line.gateways_*", ("gateway.*", "breaker.*", "keep.*", "backup.*")),
    ("line.database_*", ("breaker.*", "gateway.errors", "backup.*")),
    # where our name points is no reason that it cannot be updated, but the other way round: an update that is refused
    # leaves the name where it was. A family that has no address to publish says nothing of where the other one's name
    # points
    ("ddns.address", ()),
    ("ddns.*", ("line.name_*",)),
    ("line.name_*", ("certificate.renewal",)),
    # a port may be open all the same, forwarded by hand: that it is not mapped is no reason to hear less of it
    ("line.port_*", ("mapping.*", "certificate.renewal")),
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
