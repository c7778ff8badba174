"""The chat's answers, from the question to PostgreSQL, against the same computed by SQL that shares no code with it.

Records lie at random around the days when clocks change; the local day is PostgreSQL's own idea of it.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from pydantic import BaseModel

from bridge.client.call import Reply
from bridge.contracts.operation import Operation
from bridge.errors import Outcome
from gateway.apps.health.chat.chat import Chat
from gateway.apps.health.chat.frame import ALL_TIME, DateRange, Intent, QueryFrame
from gateway.apps.health.chat.question import question_words
from gateway.apps.health.chat.reply import ChatReply
from tests.clocks import TurnedClock
from tests.integration.agent.health.conftest import App

P = TypeVar("P", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)

PERSON: Final = "9"
NAMES: Final = ("Migraine", "Knee pain", "Cough")
ROUNDS: Final = 12
NOW: Final = datetime(2026, 1, 15, 12, tzinfo=UTC)
ZONES: Final = (
    "Europe/Berlin", "America/New_York", "Pacific/Auckland",
    "America/Santiago",  # its clocks change at midnight: a day in September begins at one
    "Australia/Lord_Howe",  # its clocks change by half an hour
    "Asia/Kathmandu",  # its clocks never change, and are 45 minutes off
)  # fmt: skip


def clocks_change(zone: str) -> list[datetime]:
    """Return when the clocks of ``zone`` change in 2025, to the half hour; noon of New Year's Day where they do not."""
    year = [datetime(2025, 1, 1, 12, tzinfo=UTC) + timedelta(minutes=30 * step) for step in range(360 * 48)]
    offsets = [moment.astimezone(ZoneInfo(zone)).utcoffset() for moment in year]
    changes = [moment for moment, one, other in zip(year[1:], offsets, offsets[1:], strict=False) if one != other]
    return changes or year[:1]


ASKED: Final = """
    CREATE FUNCTION asked(zone text, names text[], first date, behind date, lowest integer)
    RETURNS TABLE (symptom text, severity integer, day date) LANGUAGE sql AS $$
        SELECT * FROM (
            SELECT symptom, severity, (recorded_at AT TIME ZONE zone)::date AS day FROM symptoms
            WHERE patient_id = 9 AND (names IS NULL OR symptom = ANY(names)) AND (lowest IS NULL OR severity >= lowest)
        ) AS mine WHERE (first IS NULL OR day >= first) AND (behind IS NULL OR day < behind)
    $$"""
FIGURES: Final = """
    SELECT count(*) AS count, count(severity) AS said, avg(severity)::float8 AS average,
           max(severity) AS highest, min(day) AS first, max(day) AS last FROM asked($1, $2, $3, $4, $5)"""
BY_NAME: Final = """
    SELECT symptom, count(*) AS count FROM asked($1, $2, $3, $4, $5) GROUP BY symptom ORDER BY count DESC, symptom"""
LISTED: Final = """
    SELECT symptom, severity, day FROM asked($1, $2, $3, $4, $5)"""
SLOPE: Final = """
    WITH bucket AS (
        SELECT date_trunc($6, day)::date AS start, count(*) AS records, avg(severity)::float8 AS severity
        FROM asked($1, $2, $3, $4, $5) GROUP BY 1 HAVING count(severity) > 0
    ), weighed AS (SELECT start, severity FROM bucket, generate_series(1, records))
    SELECT regr_slope(severity, (start - date '2025-01-01') / 30.44) AS slope, count(DISTINCT start) AS buckets,
           count(*) AS records FROM weighed"""
BY_DAY: Final = "SELECT day, count(*) AS count FROM asked($1, $2, $3, $4, $5) GROUP BY day"


@dataclass
class Diary:
    """One person's random records behind the real operations, and SQL beside them."""

    app: App
    sql: asyncpg.Connection[asyncpg.Record]
    zone: str

    async def ask(self, frame: QueryFrame) -> ChatReply:
        async def call(operation: Operation[P, R], params: P) -> Reply:
            answer = await self.app.answer(operation, params, PERSON)
            return Reply(answer.body, Outcome.OK, NOW.timestamp(), 0.0, answer.next_cursor, "")

        chat = Chat(seal_key=b"k" * 32, emergency_number="112", clock=TurnedClock(NOW.timestamp()))
        question = question_words(frame, NOW.date())
        heard = chat.hear(question, self.zone)
        reply = await chat.reply(heard, None, user_id="ada", time_zone=self.zone, call=call)
        assert reply.frame == frame.as_json(), question
        return reply

    async def figures(self, frame: QueryFrame, period: DateRange, names: tuple[str, ...]) -> asyncpg.Record:
        row = await self.sql.fetchrow(FIGURES, *self._arguments(frame, period, names))
        assert row is not None
        return row

    async def rows(self, statement: str, frame: QueryFrame, *more: object) -> list[asyncpg.Record]:
        return await self.sql.fetch(statement, *self._arguments(frame, frame.period, frame.symptoms), *more)

    def _arguments(self, frame: QueryFrame, period: DateRange, names: tuple[str, ...]) -> tuple[Any, ...]:
        recorded = [name for name in NAMES if name.casefold() in names] or None
        if frame.excluded and not names:
            recorded = [name for name in NAMES if name.casefold() not in frame.excluded]
        return self.zone, recorded, period.start, period.end, frame.min_severity


@pytest.fixture(params=ZONES)
async def diary(request: pytest.FixtureRequest, app: App) -> AsyncIterator[Diary]:
    rng = random.Random(request.param)
    sql = await asyncpg.connect(app.owner_dsn, timeout=5)
    await sql.execute("INSERT INTO patients VALUES (9, 'Zoe')")
    await sql.execute(ASKED)
    near = [
        moment + timedelta(minutes=rng.randint(-4000, 4000))
        for moment in clocks_change(request.param)
        for _ in range(50)
    ]
    far = [NOW - timedelta(minutes=rng.randint(0, 500_000)) for _ in range(100)]
    rows = [(rng.choice(NAMES), rng.choice([None, *range(11)]), moment) for moment in (*near, *far)]
    await sql.executemany(
        "INSERT INTO symptoms (patient_id, symptom, severity, recorded_at) VALUES (9, $1, $2, $3)", rows
    )
    yield Diary(app, sql, request.param)
    await sql.close(timeout=5)


pytestmark = pytest.mark.parametrize("existing", ["flat"], indirect=True)


def drawn(intent: Intent, zone: str) -> list[QueryFrame]:
    """Draw questions, the days on which clocks change among their first and last ones."""
    rng = random.Random(f"{intent} {zone}")
    changes = [moment.astimezone(ZoneInfo(zone)).date() for moment in clocks_change(zone)]
    frames = []
    for number in range(ROUNDS):
        edge = rng.choice(changes) + timedelta(days=rng.randint(-2, 2))
        period = DateRange(start=edge, end=min(edge + timedelta(days=rng.choice([1, 2, 7, 60])), date(2026, 1, 16)))
        names = tuple(sorted(name.casefold() for name in rng.sample(NAMES, 1)))
        frames.append(
            QueryFrame(
                intent=intent,
                symptoms=() if intent is Intent.MOST_FREQUENT else names,
                period=ALL_TIME if number == 0 else period,
                min_severity=rng.choice([None, None, 4, 7]),
            )
        )
    return frames


def number_in(text: str) -> float:
    found = re.search(r"\d[\d,]*(?:\.\d+)?", text)
    return float(found.group().replace(",", "")) if found else 0.0


@pytest.mark.story("health/US-BE-02.3", "health/US-BE-38.4")
async def test_count_and_its_course_are_what_sql_counts(diary: Diary) -> None:
    for frame in drawn(Intent.COUNT, diary.zone):
        reply, truth = await diary.ask(frame), await diary.figures(frame, frame.period, frame.symptoms)
        assert number_in(reply.answer) == truth["count"] or (truth["count"] == 0 and "no entries" in reply.answer)
        assert reply.result is not None
        assert reply.result["total"] == truth["count"]
        by_day = {row["day"].isoformat(): row["count"] for row in await diary.rows(BY_DAY, frame)}
        if reply.chart is not None and reply.chart.unit == "day":
            drawn_days = {point.start.isoformat(): point.count for point in reply.chart.series[0].points}
            assert {day: count for day, count in drawn_days.items() if count} == by_day


async def test_average_and_highest_severity_are_what_sql_says(diary: Diary) -> None:
    for intent, figure in ((Intent.AVERAGE_SEVERITY, "average"), (Intent.MAX_SEVERITY, "highest")):
        for frame in drawn(intent, diary.zone):
            reply, truth = await diary.ask(frame), await diary.figures(frame, frame.period, frame.symptoms)
            if truth["count"] == 0:
                assert "no entries" in reply.answer
            elif truth["said"] == 0:
                assert "severity" in reply.answer
            else:
                assert number_in(reply.answer) == pytest.approx(truth[figure], abs=0.051)


async def test_latest_first_and_days_since_are_of_the_day_that_sql_says(diary: Diary) -> None:
    for intent, edge in ((Intent.LATEST, "last"), (Intent.FIRST, "first"), (Intent.DURATION_SINCE, "last")):
        for frame in drawn(intent, diary.zone):
            reply, truth = await diary.ask(frame), await diary.figures(frame, frame.period, frame.symptoms)
            if truth["count"] == 0:
                assert "no entries" in reply.answer
                continue
            day: date = truth[edge]
            assert f"{day.day} {day:%B %Y}" in reply.answer
            today = await diary.sql.fetchval("SELECT ($1::timestamptz AT TIME ZONE $2)::date", NOW, diary.zone)
            if intent is Intent.DURATION_SINCE and (today - day).days > 1:
                assert number_in(reply.answer) == (today - day).days


async def test_list_holds_every_record_that_sql_finds(diary: Diary) -> None:
    for frame in drawn(Intent.LIST, diary.zone):
        reply, truth = await diary.ask(frame), await diary.figures(frame, frame.period, frame.symptoms)
        assert reply.result is not None
        rows = reply.result["rows"]
        assert isinstance(rows, list)
        assert reply.result["total"] == truth["count"]
        assert len(rows) == min(truth["count"], 50)
        assert ("These are the latest 50." in reply.answer) is (truth["count"] > 50)
        days = [row["recorded_at"][:10] for row in rows]
        assert days == sorted(days, reverse=True)
        shown = Counter((row["symptom"], row["severity"], row["recorded_at"][:10]) for row in rows)
        found = await diary.rows(LISTED, frame)
        all_of_them = Counter((row["symptom"], row["severity"], row["day"].isoformat()) for row in found)
        assert shown <= all_of_them
        last_days = sorted((row["day"].isoformat() for row in found), reverse=True)
        assert days == last_days[:50]


async def test_what_is_left_out_and_several_symptoms_are_counted_as_sql_counts(diary: Diary) -> None:
    for number, one in enumerate(drawn(Intent.COUNT, diary.zone)):
        two = tuple(sorted(name.casefold() for name in NAMES[1:]))
        names, excluded = (two, ()) if number % 2 else ((), one.symptoms)
        for intent in (Intent.COUNT, Intent.LIST, Intent.LATEST):
            frame = one.model_copy(update={"intent": intent, "symptoms": names, "excluded": excluded})
            reply, truth = await diary.ask(frame), await diary.figures(frame, frame.period, frame.symptoms)
            if truth["count"] == 0:
                assert "no entries" in reply.answer
            elif intent is Intent.LATEST:
                assert f"{truth['last'].day} {truth['last']:%B %Y}" in reply.answer
            else:
                assert reply.result is not None
                assert reply.result["total"] == truth["count"]


async def test_most_frequent_symptom_is_the_one_that_sql_ranks_first(diary: Diary) -> None:
    for frame in drawn(Intent.MOST_FREQUENT, diary.zone):
        reply, truth = await diary.ask(frame), await diary.rows(BY_NAME, frame)
        if not truth:
            assert "no entries" in reply.answer
            continue
        assert reply.result is not None
        ranking = reply.result["ranking"]
        assert isinstance(ranking, list)
        assert sorted((row["symptom"], row["count"]) for row in ranking) == sorted(map(tuple, truth))
        assert ranking[0]["count"] == truth[0]["count"]


async def test_trend_rests_on_the_records_that_sql_counts(diary: Diary) -> None:
    for frame in drawn(Intent.TREND, diary.zone):
        reply, truth = await diary.ask(frame), await diary.figures(frame, frame.period, frame.symptoms)
        assert f"{truth['count']:,} entr" in reply.answer or "no entries" in reply.answer
        if reply.chart is not None:
            assert sum(point.count for point in reply.chart.series[0].points) == truth["count"]
        moves = re.search(r"a (rise|fall) of ([\d.]+) points a month", reply.answer)
        if reply.chart is not None and reply.chart.unit is not None and reply.chart.measure == "severity":
            [row] = await diary.rows(SLOPE, frame, reply.chart.unit.value)
            is_enough = row["buckets"] >= 3 and row["records"] >= 5
            assert is_enough is ("too few to tell" not in reply.answer)
            said = 0.0 if moves is None else float(moves[2]) * (1 if moves[1] == "rise" else -1)
            assert not is_enough or said == pytest.approx(row["slope"], abs=0.051 if moves else 0.1)


async def test_sides_of_a_comparison_are_what_sql_counts(diary: Diary) -> None:
    for number, one in enumerate(drawn(Intent.COMPARE, diary.zone)[1:]):
        if number % 2:
            names = tuple(sorted(name.casefold() for name in NAMES[:2]))
            frame = one.model_copy(update={"symptoms": names})
            truths = [await diary.figures(frame, frame.period, (name,)) for name in names]
        else:
            assert one.period.start is not None
            before = DateRange(start=one.period.start - timedelta(days=40), end=one.period.start - timedelta(days=9))
            frame = one.model_copy(update={"second": before})
            truths = [await diary.figures(frame, period, frame.symptoms) for period in (frame.period, before)]
        reply = await diary.ask(frame)
        assert reply.result is not None
        sides = reply.result["sides"]
        assert isinstance(sides, list)
        assert [side["count"] for side in sides] == [truth["count"] for truth in truths]
        averages = [side["average_severity"] for side in sides]
        assert averages == pytest.approx([truth["average"] for truth in truths])
