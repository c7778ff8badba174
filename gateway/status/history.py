"""Thirty days of outages as a picture: one strip a day, from midnight to midnight where the owner lives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Final

from gateway.status.model import Outage

DAYS: Final = 30
MINUTES: Final = 1440
"""How long a strip is. Where a clock change makes a day longer or shorter, a place still is what the clock showed."""

SHORTEST: Final = 20
"""The least that is drawn, minutes: an outage of a few seconds has to be seen."""


class Kind(StrEnum):
    """What did not work. Each has a height of its own in the picture, so that nobody needs its colour."""

    LINE = "line"
    OUTSIDE = "outside"
    KEEP = "keep"


_KINDS: Final = {"name": Kind.OUTSIDE, "port": Kind.OUTSIDE, "bridge": Kind.KEEP, "database": Kind.KEEP}


@dataclass(frozen=True, slots=True)
class Block:
    """A part of one strip, in minutes from its left end."""

    start: int
    width: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Day:
    """``until``: the minute where the future begins, on the last day. ``down_s``: seconds of the day in outages."""

    date: date
    blocks: tuple[Block, ...]
    count: int
    down_s: float
    until: int = MINUTES


def kind(outage: Outage) -> Kind:
    return _KINDS.get(outage.rung, Kind.LINE)


def days(outages: Sequence[Outage], *, now: float, zone: tzinfo | None) -> tuple[Day, ...]:
    """Return the last :data:`DAYS` days, today first."""
    today = datetime.fromtimestamp(now, zone).date()
    return tuple(_day(today - timedelta(days=ago), outages, now, zone) for ago in range(DAYS))


def _day(day: date, outages: Sequence[Outage], now: float, zone: tzinfo | None) -> Day:
    begins, ends = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
    parts = [
        (outage, max(outage.began, begins), min(now if outage.ended is None else outage.ended, ends))
        for outage in outages
    ]
    parts = [part for part in parts if part[1] < part[2] or (part[1] == part[2] and begins <= part[1] < ends)]
    blocks = tuple(
        Block(start, max(_minute(until, day, zone) - start, SHORTEST), kind(outage))
        for outage, since, until in parts
        for start in (min(_minute(since, day, zone), MINUTES - SHORTEST),)
    )
    is_today = begins <= now < ends
    down_s = sum(until - since for since, until in _merged((since, until) for _, since, until in parts))
    return Day(day, blocks, len(parts), down_s, _minute(now, day, zone) if is_today else MINUTES)


def _merged(spans: Iterator[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Yield the same time in spans that do not overlap."""
    reached = 0.0
    for since, until in sorted(spans):
        if until > reached:
            yield max(since, reached), until
            reached = until


def _minute(unix_s: float, day: date, zone: tzinfo | None) -> int:
    local = datetime.fromtimestamp(unix_s, zone)
    return MINUTES if local.date() > day else local.hour * 60 + local.minute


def _midnight(day: date, zone: tzinfo | None) -> float:
    local = datetime.combine(day, time(), zone)
    return (local if zone is not None else local.astimezone()).timestamp()
