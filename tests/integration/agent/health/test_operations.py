"""Every operation on three existing databases, against the same computed in Python from the raw rows."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from agent.apps.health import Source, cursors, handlers
from agent.apps.health.cursors import Position
from agent.apps.health.operations import SERIES_MAX, UNCONVERTED_KEPT_S
from bridge.contracts.health import (
    LIST,
    NAMES,
    STATS,
    Bucket,
    ListNames,
    ListSymptoms,
    Sort,
    StatsOfSymptoms,
    SymptomPage,
    Total,
)
from bridge.contracts.operation import Operation
from bridge.errors import Code, Denied, Invalid, Unavailable
from tests.integration.agent.health import oracle
from tests.integration.agent.health.conftest import App, SteppedClock, caller, run_sql
from tests.integration.agent.health.oracle import Record

ROUNDS = 25


async def persons_of(app: App) -> dict[str | None, tuple[list[Record], int]]:
    return {person: oracle.read_all(rows, app.existing.read) for person, rows in (await app.raw()).items()}


def draw_filter(rng: random.Random, records: Sequence[Record]) -> dict[str, Any]:
    """Draw conditions that some of the records meet, most of the time."""
    some = rng.choice(records)
    start = some.recorded_at - timedelta(hours=rng.choice([0, 1, 24, 24 * 90]))
    cases = (str.lower, str.upper, str.title, str)
    symptoms = {rng.choice(cases)(rng.choice(records).symptom) for _ in range(rng.randint(1, 3))}
    choices: dict[str, Any] = {
        "symptoms": tuple(sorted(symptoms)) + rng.choice([(), ("no such symptom",)]),
        "text": rng.choice(["ache", "%", "_", "\\", "A_B", 'WITH "Q', "é", "nothing like it", some.symptom[1:4]]),
        "category": rng.choice(["neurological", "Head", some.category or "General"]),
        "start": start,
        "end": start + timedelta(hours=rng.choice([1, 24, 24 * 7, 24 * 200])),
        "min_severity": rng.randint(0, 10),
    }
    names = rng.sample(sorted(choices), rng.choice([0, 1, 1, 2, 2, 3]))
    return {name: choices[name] for name in names}


async def all_pages(app: App, question: ListSymptoms, person: str | None) -> list[SymptomPage]:
    pages: list[SymptomPage] = []
    cursor = None
    while not pages or cursor is not None:
        answer = await app.answer(LIST, question.model_copy(update={"cursor": cursor}), person)
        pages.append(SymptomPage.model_validate_json(answer.body))
        cursor = pages[-1].next
        assert answer.next_cursor == (cursor or "")
    return pages


def as_record(item: Any) -> Record:  # noqa: ANN401 - a SymptomRecord
    return Record(**item.model_dump())


@pytest.mark.story("health/US-BE-01.2", "health/US-BE-09.2", "health/US-BE-09.4", "health/US-BE-34.3")
async def test_list_is_what_python_finds_when_asked_at_random(app: App) -> None:
    rng = random.Random(app.existing.name)
    persons = await persons_of(app)
    for _ in range(ROUNDS):
        person = rng.choice(sorted(persons, key=str))
        records, unreadable = persons[person]
        limit = rng.choice([1, 7, 50, 200])
        question = ListSymptoms(
            **draw_filter(rng, records), sort=rng.choice(list(Sort)), limit=limit, total=rng.choice(list(Total))
        )
        expected = oracle.listed(records, question)
        page: SymptomPage = await app.ask(LIST, question, person)
        assert [as_record(item) for item in page.items] == expected[:limit], question
        assert (page.next is None) == (len(expected) <= limit)
        assert page.unconverted == unreadable
        if question.total is Total.NONE:
            assert (page.total, page.total_is_exact) == (None, False)
        elif question.total is Total.EXACT:
            assert (page.total, page.total_is_exact) == (len(expected), True)
        else:
            assert (page.total, page.total_is_exact) == (min(len(expected), 1000), len(expected) <= 1000)


@pytest.mark.story("hub/IH-021.4", "todo/US-5.4")
@pytest.mark.parametrize("sort", Sort)
async def test_pages_hold_every_record_once_and_in_order_when_followed_to_the_end(app: App, sort: Sort) -> None:
    persons = await persons_of(app)
    person = max(persons, key=lambda name: len(persons[name][0]))
    records, _ = persons[person]
    question = ListSymptoms(sort=sort, limit=170, start=datetime(2024, 1, 1, tzinfo=UTC))
    pages = await all_pages(app, question, person)
    assert [as_record(item) for page in pages for item in page.items] == oracle.listed(records, question)
    assert len(pages) > 5
    assert {page.total for page in pages} == {1000}


async def test_page_counts_all_when_the_records_after_the_cursor_are_gone(app: App) -> None:
    persons = await persons_of(app)
    person = min(persons, key=str)
    question = ListSymptoms(limit=1, sort=Sort.OLDEST, total=Total.EXACT)
    *_, last = oracle.listed(persons[person][0], question)
    nothing_after = last.recorded_at + timedelta(hours=1)
    narrow = question.model_copy(update={"start": last.recorded_at})
    cursor = cursors.encode(Position(0, nothing_after, ""), narrow)
    page = await app.ask(LIST, narrow.model_copy(update={"cursor": cursor}), person)
    assert page.items == ()
    assert page.total == len(oracle.listed(persons[person][0], narrow)) > 0


async def test_names_are_what_python_counts_when_asked(app: App) -> None:
    for person, (records, _) in (await persons_of(app)).items():
        expected = oracle.names(records)
        for limit in (2, 200):
            answer = await app.ask(NAMES, ListNames(limit=limit), person)
            items = [tuple(item.model_dump().values()) for item in answer.items]
            assert items == expected[:limit]
            assert answer.total == len(expected)


async def test_stats_are_what_python_computes_when_asked_at_random(app: App) -> None:
    rng = random.Random(app.existing.name)
    persons = await persons_of(app)
    zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"]
    for _ in range(ROUNDS):
        person = rng.choice(sorted(persons, key=str))
        records, unreadable = persons[person]
        question = StatsOfSymptoms(
            **draw_filter(rng, records), bucket=rng.choice(list(Bucket)), time_zone=rng.choice(zones)
        )
        answer = await app.ask(STATS, question, person)
        expected = oracle.stats(records, question) | {"unconverted": unreadable}
        assert answer.model_dump() | {"series": list(answer.model_dump()["series"])} == expected, question


@pytest.mark.story("health/US-BE-09.2")
async def test_times_are_utc_with_z_when_listed(app: App) -> None:
    answer = await app.answer(LIST, ListSymptoms(limit=1), next(iter(await app.raw())))
    item = json.loads(answer.body)["items"][0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", item["recorded_at"])


async def test_stats_are_refused_when_the_time_zone_is_unknown(app: App) -> None:
    for name in ("Mars/Olympus", "../../etc/passwd", "Europe", "UTC+3"):
        with pytest.raises(Invalid) as refusal:
            await app.ask(STATS, StatsOfSymptoms(bucket=Bucket.DAY, time_zone=name), None)
        assert [field.name for field in refusal.value.fields] == ["time_zone"]


@pytest.mark.parametrize("operation", [LIST, NAMES, STATS], ids=lambda operation: operation.name)
async def test_nothing_is_told_when_the_account_is_not_linked(app: App, operation: Operation[Any, Any]) -> None:
    with pytest.raises(Denied) as refusal:
        await app.handlers[operation](caller(uuid4()), operation.params())
    assert refusal.value.code is Code.NOT_LINKED


async def test_nothing_is_told_when_the_grant_is_of_the_other_kind(app: App) -> None:
    """A mapping that becomes single_person must not open everybody's records to an account linked to one person."""
    person = "1" if app.existing.name == "diary" else None
    with pytest.raises(Denied) as refusal:
        await app.ask(LIST, ListSymptoms(), person)
    assert refusal.value.code is Code.NOT_LINKED


@pytest.mark.parametrize("operation", [LIST, NAMES, STATS], ids=lambda operation: operation.name)
async def test_read_is_recorded_before_it_is_answered(app: App, operation: Operation[Any, Any]) -> None:
    person = None if app.existing.name == "diary" else "1"
    question = operation.params()
    await app.ask(operation, question, person)
    assert app.looks.looks == [(operation.name, person)]
    app.looks.error = Unavailable(Code.DATABASE_UNAVAILABLE)
    with pytest.raises(Unavailable):
        await app.ask(operation, question, person)


async def test_read_is_not_recorded_when_nothing_is_told(app: App) -> None:
    with pytest.raises(Denied):
        await app.ask(LIST, ListSymptoms(), "1" if app.existing.name == "diary" else None)
    assert app.looks.looks == []


async def test_a_person_sees_nothing_when_the_name_is_no_key_of_theirs(app: App) -> None:
    if app.existing.name == "diary":
        return
    for person in ("", "x", "1 OR 1=1", "99", "9" * 40, "00000000-0000-4000-8000-0000000000ff", "' --", "%"):
        page = await app.ask(LIST, ListSymptoms(), person)
        assert (page.items, page.total, page.unconverted) == ((), 0, 0)


@pytest.mark.parametrize("existing", ["flat"], indirect=True)
async def test_series_is_refused_when_it_would_be_too_long(app: App) -> None:
    days = f"generate_series(1, {SERIES_MAX}) AS n"
    await run_sql(
        app.owner_dsn,
        "INSERT INTO symptoms (patient_id, symptom, recorded_at)"  # noqa: S608 - a number of ours
        " SELECT 3, 'Cough', timestamptz '2000-01-01' - n * interval '1 day' FROM " + days,
    )
    question = StatsOfSymptoms(bucket=Bucket.DAY, end=datetime(2000, 1, 1, tzinfo=UTC))
    assert len((await app.ask(STATS, question, "3")).series) == SERIES_MAX
    with pytest.raises(Invalid) as refusal:
        await app.ask(STATS, question.model_copy(update={"end": None}), "3")
    assert [field.name for field in refusal.value.fields] == ["bucket"]


@pytest.mark.parametrize("existing", ["flat"], indirect=True)
async def test_unconverted_rows_are_counted_again_when_a_minute_is_over(app: App) -> None:
    clock = SteppedClock()
    app.source = Source(app.pool, app.existing.mapping, clock)
    app.handlers = handlers(app.source, app.linked, app.looks)
    app.patience_s = 1000.0
    counted = []
    for step_s in (0.0, 0.0, UNCONVERTED_KEPT_S):
        clock.ahead_s += step_s
        counted.append((await app.ask(LIST, ListSymptoms(), "1")).unconverted)
        await run_sql(app.owner_dsn, "UPDATE symptoms SET severity = 99 WHERE id IN (SELECT min(id) FROM symptoms"
                                     " WHERE patient_id = 1 AND severity BETWEEN 0 AND 10)")  # fmt: skip
    assert counted == [counted[0], counted[0], counted[0] + 2]
