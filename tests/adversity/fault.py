"""What a fault is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from bridge.contracts.health import LIST
from bridge.contracts.operation import CacheRule
from tests.adversity.door import Rules
from tests.adversity.scene import Scene, Setup


class Where(StrEnum):
    BROWSER = "browser to PostgreSQL"
    BRIDGE = "gateway ↔ agent"
    AGENT = "agent"
    DATABASE = "agent ↔ PostgreSQL"
    POSTGRES = "PostgreSQL"
    MAIL = "mail to people"
    CLOCKS = "clocks"
    TRUST = "keys and certificates"
    LOAD = "load"


@dataclass(frozen=True, slots=True)
class Fault:
    """One row. ``play`` lets it happen and raises Unmet where ``expected`` does not hold.

    ``mitigation`` is what makes it hold: set up as in ``without`` it is off, and ``play`` must raise.
    ``needs_disk``: it can be played where the databases have a disk of their own, as root.
    """

    id: str
    where: Where
    fault: str
    expected: str
    mitigation: str
    play: Callable[[Scene], Awaitable[None]]
    without: Setup
    setup: Setup = field(default_factory=Setup)
    needs_disk: bool = False


NO_CACHE: Final = Rules(
    cache={LIST.name: CacheRule(frozenset(), fresh_s=0.0, stale_while_revalidate_s=0.0, stale_if_error_s=0.0)}
)
