"""``agent schema inspect`` and ``agent schema check`` on three existing databases, and on broken ones."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path

import asyncpg
import pytest

from agent.apps.health import Source, handlers
from agent.apps.health.mapping.model import SourceMapping, parse, read
from agent.apps.health.schema import run_check, run_inspect
from agent.apps.health.schema.check import Report, check
from agent.apps.health.schema.inspect import inspect
from agent.apps.health.schema.session import read_only_session
from agent.db.pools import Pool, PoolOptions
from bridge.contracts.health import LIST, NAMES, STATS, Bucket, ListNames, ListSymptoms, StatsOfSymptoms
from bridge.process.clock import SystemClock
from tests.integration.agent.health.conftest import App, Existing, deadline, run_sql

ANSWERS = {
    "flat": {},
    "lookup": {"fields.recorded_at.time_zone": '"America/New_York"'},
    "diary": {"single_person": "true", "fields.recorded_at.time_zone": '"Europe/Berlin"'},
}


async def checked(dsn: str, mapping: SourceMapping) -> Report:
    async with read_only_session(dsn) as session:
        return await check(session, mapping)


def replaced(existing: Existing, old: str, new: str) -> SourceMapping:
    text = existing.mapping.read_text()
    assert old in text
    return parse(text.replace(old, new))


@pytest.mark.story("health/US-BE-09.1")
async def test_draft_passes_check_when_its_questions_are_answered(
    reader_dsn: str, existing: Existing, tmp_path: Path
) -> None:
    out = io.StringIO()
    assert await run_inspect(reader_dsn, out=out) == 0
    draft = out.getvalue()
    async with read_only_session(reader_dsn) as session:
        drafted = await inspect(session)
    assert drafted is not None
    answers = ANSWERS[existing.name]
    assert set(drafted.questions) == answers.keys()
    for key, answer in answers.items():
        draft = draft.replace(f'{key.rpartition(".")[2]} = "?"', f"{key.rpartition('.')[2]} = {answer}")
    path = tmp_path / "source.toml"
    path.write_text(draft)
    report = io.StringIO()
    assert await run_check(reader_dsn, path, out=report) == 0, report.getvalue()
    assert report.getvalue().endswith("the mapping serves\n")
    # and it says the same as the mapping that was written by hand
    ours, theirs = await checked(reader_dsn, read(existing.mapping)), await checked(reader_dsn, parse(draft))
    assert (theirs.rows, theirs.readable, theirs.persons) == (ours.rows, ours.readable, ours.persons)
    assert {name: origin.columns for name, origin in theirs.origins.items()} == {
        name: origin.columns for name, origin in ours.origins.items()
    }


async def test_draft_is_refused_when_its_questions_are_open(
    reader_dsn: str, existing: Existing, tmp_path: Path
) -> None:
    path = tmp_path / "source.toml"
    out = io.StringIO()
    await run_inspect(reader_dsn, out=out)
    path.write_text(out.getvalue())
    report = io.StringIO()
    assert await run_check(reader_dsn, path, out=report) == bool(ANSWERS[existing.name])
    for key in ANSWERS[existing.name]:
        assert f"error: {key}: answer the question that the draft asks" in report.getvalue()


async def test_check_counts_and_shows_what_does_not_convert(app: App) -> None:
    report = await checked(app.dsn, read(app.existing.mapping))
    rows = [row for rows in (await app.raw()).values() for row in rows]
    assert report.errors == []
    assert report.warnings == []
    assert report.rows == len(rows)
    expected = {
        "flat": {"recorded_at": (1, "infinity"), "severity": (4, "11"), "duration_minutes": (1, "-5")},
        "lookup": {"symptom": (50, "NULL"), "severity": (3, "see letter")},
        "diary": {"recorded_at": (10, "01.05.2024 | noonish"), "severity": (2, "8/10"), "symptom": (2, "  ")},
    }
    found = {item.name: (item.rows, {value for value, _ in item.examples}) for item in report.unreadable}
    assert {name: count for name, (count, _) in found.items()} == {
        name: count for name, (count, _) in expected[app.existing.name].items()
    }
    for name, (_, example) in expected[app.existing.name].items():
        assert example in found[name][1]


BIG = {
    "flat": "DROP INDEX symptoms_by_patient; INSERT INTO symptoms (patient_id, symptom, recorded_at)"
    " SELECT 1, 'Cough', now() - n * interval '1 hour' FROM generate_series(1, 10000) AS n",
    "lookup": "DROP INDEX clinic.complaint_by_member; INSERT INTO clinic.complaint (ref, member_id, complaint_date)"
    " SELECT 'X' || n, '00000000-0000-4000-8000-00000000000a', '2024-01-01' FROM generate_series(1, 10000) AS n",
    "diary": 'INSERT INTO "Tagebuch"."Symptom Log" ("No.", "user", "Symptom Name", "Date")'
    " SELECT n, 'anna', 'Cough', '01.01.2024' FROM generate_series(10001, 20000) AS n",
}


@pytest.mark.story("hub/AC-060")
async def test_check_names_the_index_that_helps_when_a_table_is_big(
    reader_dsn: str, existing_database: str, existing: Existing
) -> None:
    mapping = read(existing.mapping)
    await run_sql(existing_database, BIG[existing.name], "ANALYZE")
    before = await checked(reader_dsn, mapping)
    advice = {plan.advice for plan in before.plans if plan.advice}
    assert advice
    assert all(plan.advice or plan.must_read_all for plan in before.plans)
    await run_sql(existing_database, *(statement.replace("CONCURRENTLY ", "") for statement in advice), "ANALYZE")
    after = await checked(reader_dsn, mapping)
    assert [plan.question for plan in after.plans if plan.advice] == []
    assert {plan.question for plan in after.plans if plan.must_read_all} == {
        plan.question for plan in before.plans if plan.must_read_all
    }
    assert any(plan.must_read_all for plan in after.plans) == (existing.name == "diary")


@pytest.mark.story("health/US-BE-09.3")
@pytest.mark.parametrize("existing", ["lookup"], indirect=True)
async def test_check_refuses_a_lookup_with_several_rows_for_one_record(
    reader_dsn: str, existing_database: str, existing: Existing
) -> None:
    await run_sql(
        existing_database,
        "ALTER TABLE clinic.complaint DROP CONSTRAINT complaint_type_id_fkey",
        "ALTER TABLE clinic.complaint_type DROP CONSTRAINT complaint_type_pkey",
        "INSERT INTO clinic.complaint_type VALUES (10, 'Headache, too', 1)",
    )
    report = await checked(reader_dsn, read(existing.mapping))
    [error] = report.errors
    assert "a lookup table has several rows for one record" in error


@pytest.mark.parametrize("existing", ["lookup"], indirect=True)
async def test_check_names_the_index_of_a_lookup_when_that_is_big(
    reader_dsn: str, existing_database: str, existing: Existing
) -> None:
    await run_sql(
        existing_database,
        "ALTER TABLE clinic.complaint DROP CONSTRAINT complaint_type_id_fkey",
        "ALTER TABLE clinic.complaint_type DROP CONSTRAINT complaint_type_pkey",
        "INSERT INTO clinic.complaint_type SELECT n, 'kind ' || n FROM generate_series(100, 11000) AS n",
        "ANALYZE",
    )
    before = await checked(reader_dsn, read(existing.mapping))
    advice = 'CREATE INDEX CONCURRENTLY ON "clinic"."complaint_type" ("id");'
    assert {plan.advice for plan in before.plans} == {advice}
    await run_sql(existing_database, advice.replace("CONCURRENTLY ", ""), "ANALYZE")
    assert not any(plan.advice for plan in (await checked(reader_dsn, read(existing.mapping))).plans)


@pytest.mark.parametrize("existing", ["lookup"], indirect=True)
async def test_check_names_the_index_on_the_symptom_when_it_is_looked_up_for_one_person(
    reader_dsn: str, existing_database: str, existing: Existing
) -> None:
    await run_sql(existing_database, BIG["lookup"], "ANALYZE")
    alone = existing.mapping.read_text().replace('person = { column = "member_id" }', "")
    report = await checked(reader_dsn, parse(f"single_person = true\n{alone}"))
    by_symptom = report.plans[-1]
    assert by_symptom.advice == 'CREATE INDEX CONCURRENTLY ON "clinic"."complaint" ("type_id");'


@pytest.mark.parametrize("existing", ["flat"], indirect=True)
async def test_check_refuses_a_mapping_that_reads_nothing(
    reader_dsn: str, existing_database: str, existing: Existing
) -> None:
    await run_sql(existing_database, "UPDATE symptoms SET symptom = ''")
    assert (await checked(reader_dsn, read(existing.mapping))).errors == ["no row can be read"]


@pytest.mark.parametrize("existing", ["flat"], indirect=True)
async def test_view_serves_as_a_table_does(reader_dsn: str, existing_database: str, existing: Existing) -> None:
    await run_sql(
        existing_database,
        "CREATE TYPE ache AS ENUM ('Headache', 'Cough')",
        "CREATE DOMAIN grade AS smallint CHECK (VALUE < 100)",
        "CREATE VIEW shown AS"
        " SELECT id, patient_id, 'Cough'::ache AS symptom, severity::grade, recorded_at FROM symptoms",
        "GRANT SELECT ON shown TO source_reader",
    )
    async with read_only_session(reader_dsn) as session:
        draft = await inspect(session, table="public.shown")
    assert draft is not None
    assert draft.questions == ()
    report = await checked(reader_dsn, parse(draft.text))
    assert (report.errors, report.rows, report.persons) == ([], 6000, 3)


@pytest.mark.parametrize("existing", ["flat"], indirect=True)
async def test_check_refuses_ids_that_are_not_distinct(reader_dsn: str, existing: Existing) -> None:
    report = await checked(reader_dsn, replaced(existing, 'columns = "id"', 'columns = "severity"'))
    [error] = report.errors
    assert re.fullmatch(r"fields\.id: \d+ rows have the id of another; add a column to it", error)


@pytest.mark.parametrize("existing", ["flat"], indirect=True)
async def test_check_warns_when_the_role_may_write_and_rows_belong_to_nobody_or_lie_ahead(
    existing_database: str, existing: Existing
) -> None:
    await run_sql(
        existing_database,
        "ALTER TABLE symptoms ALTER patient_id DROP NOT NULL",
        "UPDATE symptoms SET patient_id = NULL WHERE id = 1",
        "UPDATE symptoms SET recorded_at = now() + interval '2 days' WHERE id = 2",
    )
    report = await checked(existing_database, read(existing.mapping))
    assert report.errors == []
    assert len(report.warnings) == 3
    assert "may also write" in report.warnings[0]
    assert report.warnings[1] == "1 rows belong to no person and are shown to nobody"
    assert report.warnings[2].startswith("1 records lie in the future")


@pytest.mark.story("health/US-BE-09.1")
@pytest.mark.parametrize(
    ("existing", "old", "new", "line"),
    [
        ("flat", '"public.symptoms"', '"public.nothing"', "fields.id: there is no table public.nothing, or"),
        ("flat", '"duration_minutes"', '"patience"', "fields.duration: public.symptoms has no column 'patience'"),
        ("flat", 'column = "severity"', 'column = "recorded_at"', "fields.severity: recorded_at: expected a number"),
        ("flat", '"recorded_at"', '"severity"', "fields.recorded_at: severity: expected a date and time"),
        ("lookup", 'time_zone = "America/New_York"', "", "fields.recorded_at: complaint_date: say which time zone"),
        (
            "lookup",
            'base = "type", on = { body_system_id',
            "on = { body_system_id",
            "joins.system: clinic.complaint has no",
        ),
        ("diary", 'format = "DD.MM.YYYY"', "", "fields.recorded_at: Date: say how its text is to be read: format"),
        ("diary", '"DD.MM.YYYY"', '"HH24:MI"', "fields.recorded_at: Date: a format without year, month and day"),
    ],
    indirect=["existing"],
)
async def test_check_says_what_does_not_fit(
    reader_dsn: str, existing: Existing, tmp_path: Path, old: str, new: str, line: str
) -> None:
    path = tmp_path / "source.toml"
    text = existing.mapping.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    out = io.StringIO()
    assert await run_check(reader_dsn, path, out=out) == 1
    assert f"error: {line}" in out.getvalue()


async def test_inspect_and_check_say_so_when_the_database_is_away(tmp_path: Path, existing: Existing) -> None:
    dsn = f"postgresql:///clinic?host={tmp_path}"
    out = io.StringIO()
    assert await run_inspect(dsn, out=out) == 1
    assert await run_check(dsn, existing.mapping, out=out) == 1
    assert out.getvalue().count("the database cannot be read") == 2


async def test_inspect_says_so_when_nothing_looks_like_records(database: str) -> None:
    await run_sql(database, "CREATE TABLE invoice (id int, at timestamptz)")
    out = io.StringIO()
    assert await run_inspect(database, out=out) == 1
    assert "no table here looks like symptom records" in out.getvalue()
    assert await run_inspect(database, table="public.invoice", out=out) == 0


async def test_inspect_asks_for_whatever_it_cannot_find(database: str) -> None:
    await run_sql(database, "CREATE TABLE entry (a text, b integer)", "INSERT INTO entry VALUES ('x', 1), ('x', 1)")
    async with read_only_session(database) as session:
        draft = await inspect(session, table="public.entry")
    assert draft is not None
    assert set(draft.questions) == {
        "single_person", "fields.id.columns", "fields.symptom.column", "fields.recorded_at.column"
    }  # fmt: skip


async def test_inspect_asks_whether_day_or_month_comes_first_and_chooses_noon(database: str) -> None:
    await run_sql(
        database,
        "CREATE TABLE symptom_diary (id integer PRIMARY KEY, patient text, symptom text, entry_date text)",
        "CREATE TABLE symptoms_of_pets (symptom text, at timestamptz)",
        "INSERT INTO symptom_diary VALUES (1, 'Ann', 'Cough', '03/04/2024'), (2, 'Ben', 'Cough', '05/06/2024')",
    )
    async with read_only_session(database) as session:
        draft = await inspect(session)
    assert draft is not None
    assert set(draft.questions) == {"fields.recorded_at.format", "fields.recorded_at.time_zone"}
    assert "time_of_day = 12:00:00" in draft.text
    assert "# other tables that look like records: public.symptoms_of_pets" in draft.text


@pytest.mark.parametrize("sql", ["INSERT INTO t VALUES (1)", "CREATE TABLE u ()", "SELECT nextval('s')"])
async def test_session_cannot_write_when_its_role_could(database: str, sql: str) -> None:
    await run_sql(database, "CREATE TABLE t (id int)", "CREATE SEQUENCE s")
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with read_only_session(database) as session:
            await session.connection.execute(sql)


async def content_of(dsn: str) -> dict[str, str]:
    """Return a digest of every table's rows with the transactions that made them, and of the catalogue."""
    connection = await asyncpg.connect(dsn, timeout=5)
    try:
        relations = await connection.fetch(
            "SELECT oid::regclass::text AS name FROM pg_class WHERE relkind IN ('r', 'S')"
            " AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
        )
        rows = "SELECT xmin::text, xmax::text, t.* FROM {} AS t"
        queries = {row["name"]: rows.format(row["name"]) for row in relations}
        queries["catalogue"] = "SELECT oid, relname, relfilenode, relacl::text FROM pg_class ORDER BY oid"
        return {
            name: hashlib.sha256(repr(await connection.fetch(sql)).encode()).hexdigest()
            for name, sql in queries.items()
        }
    finally:
        await connection.close(timeout=5)


@pytest.mark.story("health/US-BE-07.6", "health/US-BE-08.6")
async def test_nothing_is_written_when_everything_is_asked_by_a_role_that_could(
    app: App, existing_database: str
) -> None:
    before = await content_of(existing_database)
    person = next(iter(await app.raw()))
    pool = Pool(PoolOptions("source", existing_database), SystemClock())
    app.handlers = handlers(Source(pool, app.existing.mapping, SystemClock()), app.linked, app.looks)
    await app.ask(LIST, ListSymptoms(text="a", min_severity=3, symptoms=("headache",)), person)
    await app.ask(NAMES, ListNames(), person)
    await app.ask(STATS, StatsOfSymptoms(bucket=Bucket.DAY), person)
    await pool.close(deadline())
    assert await run_inspect(existing_database, out=io.StringIO()) == 0
    assert await run_check(existing_database, app.existing.mapping, out=io.StringIO()) == 0
    assert await content_of(existing_database) == before
