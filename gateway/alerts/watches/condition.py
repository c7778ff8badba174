"""What a watch says: what is wrong now. A watch looks at facts and nothing else, so it is a function."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.alerts.report import Host, Severity
from gateway.alerts.watches.facts import Facts
from gateway.alerts.watches.settings import Settings


@dataclass(frozen=True, slots=True)
class Condition:
    """Something is wrong. It is reported when it has lasted ``after_s``, and is over when it is away ``clear_after_s``.

    ``cause`` is ``<area>.<what>`` or ``<area>.<what>:<subject>``.
    """

    cause: str
    severity: Severity
    summary: str
    detail: str = ""
    host: Host = "door"
    because_of: str | None = None
    after_s: float = 0.0
    clear_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Watch:
    """``causes`` are all that it may say, without their subjects.

    What it does not say any more is over, if it ``knows``: where the facts for a cause are missing, it stays as it was.
    """

    causes: tuple[str, ...]
    look: Callable[[Facts, Settings], Iterable[Condition]]
    knows: Callable[[Facts, str], bool]


def always(facts: Facts, cause: str) -> bool:
    """Know whatever there is to know."""
    del facts, cause
    return True


def of_host(facts: Facts, cause: str) -> bool:
    """Know what there is to know of the host that a cause's subject begins with: ``disk.low:keep``."""
    subject = cause.partition(":")[2]
    return facts.keep is not None if subject.startswith("keep") else facts.door is not None


def of_keep(facts: Facts, cause: str) -> bool:
    """Know what the keep alone says."""
    del cause
    return facts.keep is not None


def of_gateways(facts: Facts, cause: str) -> bool:
    """Know what the gateways count, as long as one of them tells."""
    del cause
    return facts.traffic is not None
