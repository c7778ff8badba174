"""Which backups stay: the newest of each of the last days, weeks and months that have any."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from agent.backup.names import System, first_wal, started_at


@dataclass(frozen=True, slots=True)
class Retention:
    daily: int = 7
    weekly: int = 4
    monthly: int = 6


def kept(bases: Iterable[str], retention: Retention) -> set[str]:
    """Return the backups that stay. A day without a backup costs no place, so time off never empties the target."""
    newest_first = sorted(bases, reverse=True)
    stay: set[str] = set(newest_first[:1])
    periods: tuple[tuple[int, Callable[[datetime], object]], ...] = (
        (retention.daily, lambda at: at.date()),
        (retention.weekly, lambda at: at.isocalendar()[:2]),
        (retention.monthly, lambda at: (at.year, at.month)),
    )
    for places, period in periods:
        seen: set[object] = set()
        for base in newest_first:
            key = period(started_at(base))
            if key not in seen and len(seen) < places:
                seen.add(key)
                stay.add(base)
    return stay


def unneeded_wal(system: System, stay: Iterable[str]) -> list[str]:
    """Return the segments older than the oldest of the backups that stay; none where no backup stays.

    The timeline does not matter, as in pg_archivecleanup(1): a segment's place in the log only ever grows.
    """
    places = [first_wal(base)[8:] for base in stay]
    if not places:
        return []
    return sorted(wal for wal in system.segments if wal[8:] < min(places))
