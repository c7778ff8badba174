"""The health operations: a question in the contract's terms, one statement, and the answer as JSON bytes.

Results are written with ``to_json`` from literals in the contract's order, not through its models: that is most of the
work of a page. The tests hold every answer to the contract's model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
from cachetools import TTLCache
from pydantic_core import to_json

from agent.accounts.grants import Grant
from agent.apps.health import cursors
from agent.apps.health.cursors import Position
from agent.apps.health.source import Source
from agent.apps.health.statements import Statements, arguments, given_in
from bridge.contracts.health import (
    LIST,
    NAMES,
    STATS,
    TOTAL_COUNTED_TO,
    Bucket,
    ListNames,
    ListSymptoms,
    StatsOfSymptoms,
    Total,
)
from bridge.contracts.operation import Operation
from bridge.errors import Code, Denied, FieldError, Invalid
from bridge.server import Answer, CallerContext, Handler

APP: Final = "health"
SERIES_MAX: Final = 4_000
"""Most buckets of one series: ten years of days."""

UNCONVERTED_KEPT_S: Final = 60.0
_UNCONVERTED_PERSONS: Final = 1_000


class Grants(Protocol):
    async def person_of(self, user_id: UUID, app: str) -> Grant | None:
        """Return the account's grant for the app, or None without one."""
        ...


class Looks(Protocol):
    async def record(
        self, context: CallerContext, operation: Operation[Any, Any], *, app: str, person: str | None
    ) -> None:
        """Record that the caller looks at a person's records. Raises where it cannot be recorded."""
        ...


def handlers(source: Source, grants: Grants, looks: Looks) -> Mapping[Operation[Any, Any], Handler]:
    health = _Health(source, grants, looks)
    return {LIST: health.list_symptoms, NAMES: health.names, STATS: health.stats}


class _Health:
    def __init__(self, source: Source, grants: Grants, looks: Looks) -> None:
        self._source = source
        self._grants = grants
        self._looks = looks
        self._unconverted: TTLCache[tuple[Statements, str | None], int] = TTLCache(
            _UNCONVERTED_PERSONS, UNCONVERTED_KEPT_S, timer=source.clock.monotonic
        )

    async def list_symptoms(self, context: CallerContext, question: ListSymptoms) -> Answer:
        after = None if question.cursor is None else cursors.decode(question.cursor, question)
        statements, person = await self._open(context, LIST)
        asked = (person, *arguments(question))
        place = (None, None, None) if after is None else (after.rank, after.recorded_at, after.id)
        is_counted = question.total is not Total.NONE
        count_to = (None if question.total is Total.EXACT else TOTAL_COUNTED_TO + 1,) if is_counted else ()
        given = given_in(question)
        page = statements.page(given, question.sort, is_first=after is None, is_counted=is_counted)
        rows = await self._source.fetch(page, *asked, question.limit + 1, *place, *count_to, deadline=context.deadline)
        total: int | None = None
        if is_counted:
            counted = rows
            if not rows and after is not None:
                counted = await self._source.fetch(
                    statements.figures("total", given), *asked, *count_to, deadline=context.deadline
                )
            total = counted[0]["total"] if counted else 0
        is_exact = total is not None and (question.total is Total.EXACT or total <= TOTAL_COUNTED_TO)
        next_cursor: str | None = None
        if len(rows) > question.limit:
            del rows[question.limit :]
            next_cursor = cursors.encode(Position(rows[-1]["rank"], rows[-1]["recorded_at"], rows[-1]["id"]), question)
        body = to_json(
            {
                "items": _records(rows),
                "total": total if total is None or is_exact else TOTAL_COUNTED_TO,
                "total_is_exact": is_exact,
                "limit": question.limit,
                "next": next_cursor,
                "unconverted": await self._count_unconverted(statements, person, context.deadline),
            }
        )
        return Answer(body, next_cursor or "")

    async def names(self, context: CallerContext, question: ListNames) -> Answer:
        statements, person = await self._open(context, NAMES)
        rows = await self._source.fetch(statements.names, person, question.limit, deadline=context.deadline)
        items = [
            {"symptom": symptom, "category": category, "count": count, "first": first, "last": last}
            for symptom, category, count, first, last, _ in rows
        ]
        total = rows[0]["total"] if rows else 0
        return Answer(to_json({"items": items, "total": total, "limit": question.limit, "next": None}))

    async def stats(self, context: CallerContext, question: StatsOfSymptoms) -> Answer:
        _check_time_zone(question.time_zone)
        statements, person = await self._open(context, STATS)
        asked = (person, *arguments(question))
        given = given_in(question)
        series: list[dict[str, object]] = []
        if question.bucket is Bucket.NONE:
            rows = await self._source.fetch(statements.figures("stats", given), *asked, deadline=context.deadline)
            count, severity_count, first, last, average, worst = rows[0]
        else:
            rows = await self._source.fetch(
                statements.figures("series", given),
                *asked,
                question.bucket.value,
                question.time_zone,
                SERIES_MAX + 2,
                deadline=context.deadline,
            )
            _check_length(rows)
            _, count, severity_count, first, last, average, worst = rows[0]
            series = [
                {"start": start, "count": count, "average_severity": average, "max_severity": worst}
                for start, count, _, _, _, average, worst in rows[1:]
            ]
        body = to_json(
            {
                "count": count,
                "severity_count": severity_count,
                "first": first,
                "last": last,
                "average_severity": average,
                "max_severity": worst,
                "series": series,
                "unconverted": await self._count_unconverted(statements, person, context.deadline),
            }
        )
        return Answer(body)

    async def _open(self, context: CallerContext, operation: Operation[Any, Any]) -> tuple[Statements, str | None]:
        """Return the statements and whose records they are for: the one way to a person's records, and it is recorded.

        Raises :class:`~bridge.errors.Denied` (``not_linked``) for an account without a grant, and for one whose grant
        is of the other kind than the mapping: an account linked to one person must not see everything because the
        mapping became ``single_person``.
        """
        grant = await self._grants.person_of(context.user.user_id, APP)
        if grant is None:
            raise Denied(Code.NOT_LINKED)
        statements = await self._source.statements(context.deadline)
        if statements.records.has_person != (grant.person is not None):
            raise Denied(Code.NOT_LINKED)
        await self._looks.record(context, operation, app=APP, person=grant.person)
        return statements, grant.person

    async def _count_unconverted(self, statements: Statements, person: str | None, deadline: float) -> int:
        if (known := self._unconverted.get((statements, person))) is not None:
            return known
        rows = await self._source.fetch(statements.unconverted, person, deadline=deadline)
        count: int = rows[0]["count"]
        self._unconverted[statements, person] = count
        return count


def _records(rows: list[asyncpg.Record]) -> list[dict[str, object]]:
    return [
        {
            "id": record_id,
            "symptom": symptom,
            "category": category,
            "severity": severity,
            "recorded_at": recorded_at,
            "duration_minutes": duration_minutes,
            "notes": notes,
        }
        for record_id, symptom, category, severity, recorded_at, duration_minutes, notes, *_ in rows
    ]


def _check_time_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not there, not a name, a folder
        field = FieldError("time_zone", "must be the name of a time zone, such as Europe/Berlin")
        raise Invalid(Code.INVALID_REQUEST, fields=(field,)) from None


def _check_length(series: list[asyncpg.Record]) -> None:
    if len(series) > SERIES_MAX + 1:  # the first row is of them all
        field = FieldError("bucket", f"must be longer, or the range shorter: a series has at most {SERIES_MAX} entries")
        raise Invalid(Code.INVALID_REQUEST, fields=(field,))
