"""Asking the bridge what a frame wants to know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from bridge.client.call import Reply
from bridge.contracts.health import (
    LIST,
    NAMES,
    STATS,
    Bucket,
    ListNames,
    Sort,
    StatsOfSymptoms,
    SymptomName,
    SymptomPage,
    SymptomRecord,
    SymptomStats,
)  # fmt: skip
from bridge.contracts.operation import Operation
from bridge.errors import Outcome
from bridge.process.clock import utc
from gateway.apps.health.chat.frame import DateRange, Intent, QueryFrame
from gateway.apps.health.chat.query import Scope
from gateway.apps.health.chat.symptoms import Lexicon

P = TypeVar("P", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)

_ONE_ROW = {Intent.LATEST: Sort.NEWEST, Intent.DURATION_SINCE: Sort.NEWEST, Intent.FIRST: Sort.OLDEST}


class Call(Protocol):
    """Calls an operation for the person who asks. Raises AppError."""

    async def __call__(self, operation: Operation[P, R], params: P, /) -> Reply: ...


@dataclass(frozen=True, slots=True)
class Ranked:
    symptom: str
    count: int


@dataclass(frozen=True, slots=True)
class Findings:
    """What came back; a frame's intent says which parts there are.

    ``sides`` are those of a comparison: the later period first, or the symptoms in their order. Where nothing was
    found, ``before`` and ``after`` are the nearest records outside the period.
    """

    page: SymptomPage | None = None
    stats: SymptomStats | None = None
    sides: tuple[SymptomStats, ...] = ()
    ranking: tuple[Ranked, ...] = ()
    bucket: Bucket = Bucket.NONE
    before: SymptomRecord | None = None
    after: SymptomRecord | None = None

    @property
    def is_empty(self) -> bool:
        counts = [stats.count for stats in (self.stats, *self.sides) if stats is not None]
        return not ((self.page and self.page.items) or any(counts) or self.ranking)


class Records:
    """The person's records, as one question sees them.

    ``as_of`` is the time of the oldest answer kept from before an outage, None if all are fresh.
    """

    def __init__(self, call: Call, zone: ZoneInfo) -> None:
        self._call = call
        self.zone = zone
        self.as_of: datetime | None = None

    async def names(self) -> tuple[SymptomName, ...]:
        """Return the symptoms that occur, most frequent first."""
        reply = await self._ask(NAMES, ListNames())
        return NAMES.result.model_validate_json(reply.body).items

    async def find(self, frame: QueryFrame, lexicon: Lexicon, known: Sequence[SymptomName], today: date) -> Findings:
        """Return what ``frame`` asks for. Every named symptom must have records (see ``Lexicon.names_of``)."""
        found = await self._find(frame, lexicon, known, today)
        if not found.is_empty or frame.intent is Intent.COMPARE or frame.period.is_all_time:
            return found
        outside = DateRange(end=frame.period.start), DateRange(start=frame.period.end)
        before, after = [
            await self._nearest(self._scope(frame, lexicon, frame.symptoms, period), sort)
            for period, sort in zip(outside, (Sort.NEWEST, Sort.OLDEST), strict=True)
        ]
        return replace(found, before=before, after=after)

    async def _nearest(self, scope: Scope, sort: Sort) -> SymptomRecord | None:
        if scope.period.is_all_time:  # nothing lies on that side of an open period
            return None
        return next(iter((await self._page(scope, sort, limit=1)).items), None)

    async def _find(self, frame: QueryFrame, lexicon: Lexicon, known: Sequence[SymptomName], today: date) -> Findings:
        scope = self._scope(frame, lexicon, frame.symptoms, frame.period)
        if frame.intent in _ONE_ROW:
            return Findings(page=await self._page(scope, _ONE_ROW[frame.intent], limit=1))
        if frame.intent is Intent.MAX_SEVERITY:
            stats = await self._stats(scope.stats())
            return Findings(page=await self._page(scope, Sort.WORST, limit=1), stats=stats)
        if frame.intent is Intent.MOST_FREQUENT:
            return Findings(ranking=await self._ranking(frame, _held(known, frame, lexicon)))
        if frame.intent is Intent.COMPARE:
            return Findings(sides=await self._sides(frame, lexicon))
        if frame.intent is Intent.LIST:
            return Findings(page=await self._page(scope, Sort.NEWEST))
        first = min((name.first for name in known), default=None)
        bucket = scope.bucket(first.astimezone(self.zone).date() if first else today, today)
        bucket = bucket if frame.intent in {Intent.TREND, Intent.COUNT} else Bucket.NONE
        return Findings(stats=await self._stats(scope.stats(bucket)), bucket=bucket)

    async def _sides(self, frame: QueryFrame, lexicon: Lexicon) -> tuple[SymptomStats, ...]:
        if frame.second is not None:
            scopes = [self._scope(frame, lexicon, frame.symptoms, period) for period in (frame.period, frame.second)]
        else:
            scopes = [self._scope(frame, lexicon, (symptom,), frame.period) for symptom in frame.symptoms]
        return tuple([await self._stats(scope.stats()) for scope in scopes])

    async def _ranking(self, frame: QueryFrame, known: Sequence[SymptomName]) -> tuple[Ranked, ...]:
        """Return the most frequent symptoms of the period, three at least where there are as many.

        ``known`` comes most frequent first, so once a symptom's count of all time is below the third best of the
        period, nothing behind it can be better.
        """
        places = 3
        if frame.period.is_all_time and frame.min_severity is None:
            return tuple(Ranked(name.symptom, name.count) for name in known[:places])
        found: list[Ranked] = []
        for name in known:
            if len(found) >= places and name.count < found[places - 1].count:
                break
            if not _may_overlap(name, frame.period, self.zone):
                continue
            stats = await self._stats(Scope((name.symptom,), frame.period, self.zone, frame.min_severity).stats())
            if stats.count:
                found.append(Ranked(name.symptom, stats.count))
                found.sort(key=lambda ranked: -ranked.count)
        return tuple(found[:places])

    def _scope(self, frame: QueryFrame, lexicon: Lexicon, symptoms: Sequence[str], period: DateRange) -> Scope:
        names = dict.fromkeys(name for symptom in symptoms for name in lexicon.names_of(symptom))
        if frame.excluded and not symptoms:
            names = dict.fromkeys(lexicon.names_without(frame.excluded))
        return Scope(tuple(names), period, self.zone, frame.min_severity)

    async def _page(self, scope: Scope, sort: Sort, *, limit: int | None = None) -> SymptomPage:
        reply = await self._ask(LIST, scope.list(sort) if limit is None else scope.list(sort, limit))
        return LIST.result.model_validate_json(reply.body)

    async def _stats(self, params: StatsOfSymptoms) -> SymptomStats:
        reply = await self._ask(STATS, params)
        return STATS.result.model_validate_json(reply.body)

    async def _ask(self, operation: Operation[P, R], params: P) -> Reply:
        reply = await self._call(operation, params)
        if reply.outcome is Outcome.STALE:
            as_of = utc(reply.as_of)
            self.as_of = as_of if self.as_of is None else min(self.as_of, as_of)
        return reply


def _held(known: Sequence[SymptomName], frame: QueryFrame, lexicon: Lexicon) -> Sequence[SymptomName]:
    """Return the symptoms of ``known`` that the frame does not leave out."""
    if not frame.excluded:
        return known
    names = lexicon.names_without(frame.excluded)
    return [name for name in known if name.symptom in names]


def _may_overlap(name: SymptomName, period: DateRange, zone: ZoneInfo) -> bool:
    begins_in_time = period.end is None or name.first.astimezone(zone).date() < period.end
    return begins_in_time and (period.start is None or name.last.astimezone(zone).date() >= period.start)
