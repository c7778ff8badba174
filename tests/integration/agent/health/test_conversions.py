"""Single fields in every way that a mapping knows, read by PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from agent.apps.health.mapping import formats, sql
from agent.apps.health.mapping.compile import compile_records, tables_of
from agent.apps.health.mapping.model import MappingError, parse
from agent.apps.health.schema.session import read_only_session
from tests.integration.agent.health.conftest import run_sql

MAPPING = """
table = "public.entry"
{top}
[fields.id]
columns = {id}
[fields.symptom]
{symptom}
[fields.recorded_at]
{recorded_at}
{rest}
"""
USUAL = {
    "top": "single_person = true",
    "id": '"id"',
    "symptom": 'constant = "Cough"',
    "recorded_at": 'column = "at"\ntime_zone = "UTC"',
    "rest": "",
}
MODEL = ("id", "symptom", "category", "severity", "recorded_at", "duration_minutes", "notes")
UNREADABLE = object()


async def read_entries(
    dsn: str, columns: str, values: Sequence[str], person: str | None = None, **parts: str
) -> list[Any]:
    """Make a table of ``id, at, columns`` with ``values`` (SQL) as ``v``; return its rows as the mapping reads them.

    The model's fields are NULL where ``is_readable`` is false.
    """
    await run_sql(
        dsn,
        "DROP TABLE IF EXISTS entry",
        f"CREATE TABLE entry (id integer, at timestamp DEFAULT '2024-05-01 10:00', {columns})",
        *(f"INSERT INTO entry (id, v) VALUES ({number}, {value})" for number, value in enumerate(values)),  # noqa: S608
    )
    mapping = parse(MAPPING.format(**(USUAL | parts)))
    async with read_only_session(dsn) as session:
        records = compile_records(mapping, await session.catalogue(tables_of(mapping)))
        fields = ", ".join(f"CASE WHEN is_readable THEN {name} END AS {name}" for name in MODEL)
        query = f"SELECT is_readable, {fields} FROM {records.relation} AS record WHERE {records.person}"  # noqa: S608
        return await session.connection.fetch(query, person)


async def converted(dsn: str, field: str, columns: str, values: Sequence[str], **parts: str) -> list[object]:
    rows = await read_entries(dsn, columns, values, **parts)
    return [row[field] if row["is_readable"] else UNREADABLE for row in rows]


@pytest.mark.story("health/US-BE-09.6")
@pytest.mark.parametrize(
    ("columns", "severity", "cases"),
    [
        ("v smallint", "", {"0": 0, "10": 10, "11": UNREADABLE, "-1": UNREADABLE, "NULL": None}),
        ("v bigint", "", {"7": 7, "9223372036854775807": UNREADABLE}),
        ("v numeric", "", {"2.5": 3, "2.4": 2, "'NaN'": UNREADABLE, "10.4": UNREADABLE, "1e300": UNREADABLE}),
        ("v float8", "", {"7.5": 8, "'NaN'": UNREADABLE, "'Infinity'": UNREADABLE, "'-Infinity'": UNREADABLE}),
        (
            "v text",
            "",
            {"'7'": 7, "' 6,5 '": 7, "''": None, "'7/10'": UNREADABLE, "'1e1'": UNREADABLE, "'٣'": UNREADABLE},
        ),
        ("v integer", "scale = { none = 0, worst = 100 }", {"55": 6, "54": 5, "101": UNREADABLE}),
        ("v integer", "scale = { none = 5, worst = 1 }", {"5": 0, "1": 10, "3": 5, "0": UNREADABLE}),
        ("v numeric", "scale = { none = 0, worst = 2.5 }", {"2.5": 10, "1.25": 5}),
        ("v integer", 'missing = ["-1", "99"]', {"-1": None, "99": None, "3": 3, "98": UNREADABLE}),
        ("v text", 'missing = "n/a"', {"'n/a'": None, "'N/A'": UNREADABLE}),
        ("v text", "words = { mild = 3, Severe = 8 }", {"' MILD '": 3, "'severe'": 8, "'?'": UNREADABLE, "NULL": None}),
        ("v char(9)", "words = { mild = 3 }", {"'mild'": 3, "''": None}),
        ("v integer", 'words = { "1" = 2, "2" = 9 }', {"1": 2, "2": 9, "3": UNREADABLE}),
        ("v text", 'words = { "it\'s $1 {{x}} \\\\" = 4 }', {"'it''s $1 {{x}} \\'": 4}),
    ],
)
async def test_severity_is_read(database: str, columns: str, severity: str, cases: dict[str, object]) -> None:
    rest = f'[fields.severity]\ncolumn = "v"\n{severity}'
    assert await converted(database, "severity", columns, list(cases), rest=rest) == list(cases.values())


@pytest.mark.parametrize(
    ("columns", "duration", "cases"),
    [
        ("v integer", "", {"0": 0, "90": 90, "-1": UNREADABLE, "2147483647": UNREADABLE, "NULL": None}),
        ("v integer NOT NULL", "", {"5": 5, "-5": UNREADABLE}),
        ("v bigint", 'unit = "seconds"', {"90": 2, "89": 1, "9223372036854775807": UNREADABLE}),
        ("v numeric", 'unit = "hours"', {"1.5": 90, "0.01": 1, "1e20": UNREADABLE}),
        ("v interval", "", {"'1 hour 30 seconds'": 61, "'-1 minute'": UNREADABLE, "'1000 years'": UNREADABLE}),
        ("v text", 'missing = "-"', {"'45'": 45, "'-'": None, "'an hour'": UNREADABLE, "'  '": None}),
    ],
)
async def test_duration_is_read(database: str, columns: str, duration: str, cases: dict[str, object]) -> None:
    rest = f'[fields.duration]\ncolumn = "v"\n{duration}'
    assert await converted(database, "duration_minutes", columns, list(cases), rest=rest) == list(cases.values())


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.story("health/US-BE-09.6")
@pytest.mark.parametrize(
    ("columns", "recorded_at", "cases"),
    [
        ("v timestamptz", "", {"'2024-05-01 10:00+02'": at("2024-05-01T08:00"), "'-infinity'": UNREADABLE,
                               "NULL": UNREADABLE, "'0044-03-15 BC'": UNREADABLE, "'20000-01-01'": UNREADABLE}),
        ("v timestamp", 'time_zone = "Europe/Berlin"', {
            "'2024-10-27 02:30'": at("2024-10-27T01:30"),  # twice: the second
            "'2024-03-31 02:30'": at("2024-03-31T01:30"),  # skipped: as if the clocks had not been put forward yet
            "'2024-07-01 00:00'": at("2024-06-30T22:00"), "'infinity'": UNREADABLE}),
        ("v date", 'time_zone = "UTC"\ntime_of_day = 08:30:00', {
            "'2024-02-29'": at("2024-02-29T08:30"), "'infinity'": UNREADABLE,
            "'5874897-12-31'": UNREADABLE}),
        ("v date, w time", 'time_column = "w"\ntime_zone = "UTC"', {"'2024-02-29'": UNREADABLE}),
        ("v date, w time DEFAULT '24:00'", 'time_column = "w"\ntime_zone = "UTC"',
         {"'2024-02-29'": at("2024-03-01T00:00")}),
        ("v date, w text DEFAULT '9:05 pm'", 'time_column = "w"\ntime_format = "HH12:MI AM"\ntime_zone = "UTC"',
         {"'2024-02-29'": at("2024-02-29T21:05")}),
        ("v bigint", 'epoch = "seconds"', {"0": at("1970-01-01T00:00"), "9223372036854775807": UNREADABLE}),
        ("v bigint", 'epoch = "milliseconds"', {"1500": datetime(1970, 1, 1, 0, 0, 1, 500_000, UTC)}),
        ("v float8", 'epoch = "seconds"', {"1.5": datetime(1970, 1, 1, 0, 0, 1, 500_000, UTC), "'NaN'": UNREADABLE}),
        ("v text", 'format = ["YYYY-MM-DD HH24:MI", "D Mon YY"]\ntime_of_day = 12:00:00\ntime_zone = "UTC"', {
            "'2024-05-01 10:15'": at("2024-05-01T10:15"), "'3 mar 24'": at("2024-03-03T12:00"),
            "'31 Feb 24'": UNREADABLE, "'3 Foo 24'": UNREADABLE, "E'2024-05-01 10:15\\n'": UNREADABLE}),
    ],
)  # fmt: skip
async def test_time_is_read(database: str, columns: str, recorded_at: str, cases: dict[str, object]) -> None:
    found = await converted(database, "recorded_at", columns, list(cases), recorded_at=f'column = "v"\n{recorded_at}')
    assert found == list(cases.values())


@pytest.mark.story("health/US-BE-09.3")
@pytest.mark.parametrize(
    ("columns", "symptom", "cases"),
    [
        ("v text", "", {"'Cough'": "Cough", "''": UNREADABLE, "NULL": UNREADABLE, "' Cough'": " Cough"}),
        ("v text", "trim = true", {"' Cough '": "Cough", "'  '": UNREADABLE}),
        ("v char(8)", "", {"'Cough'": "Cough"}),
        ("v integer", 'names = { "1" = "Cough", "2" = "Fever" }', {"2": "Fever", "3": UNREADABLE, "NULL": UNREADABLE}),
        ("v text", 'missing = "-"', {"'-'": UNREADABLE, "'Cough'": "Cough"}),
    ],
)
async def test_symptom_is_read(database: str, columns: str, symptom: str, cases: dict[str, object]) -> None:
    found = await converted(database, "symptom", columns, list(cases), symptom=f'column = "v"\n{symptom}')
    assert found == list(cases.values())


async def test_category_is_read_as_a_constant_and_by_its_codes(database: str) -> None:
    rest = '[fields.category]\nconstant = "Chest"'
    assert await converted(database, "category", "v text", ["NULL"], rest=rest) == ["Chest"]
    rest = '[fields.category]\ncolumn = "v"\nnames = { K = "Kopf" }'
    cases = {"'K'": "Kopf", "NULL": None, "'X'": UNREADABLE}
    assert await converted(database, "category", "v text", list(cases), rest=rest) == list(cases.values())


async def test_id_is_made_of_several_columns_and_refused_when_long(database: str) -> None:
    rows = await read_entries(database, "v text", ["'a'", "NULL", "repeat('x', 200)"], id='["v", "id"]')
    assert [(row["id"], row["is_readable"]) for row in rows] == [("a/0", True), (None, None), (None, False)]


@pytest.mark.parametrize(
    ("columns", "person", "other"),
    [
        ("v smallint", "7", "8"),
        ("v numeric", "7", "8"),
        ("v text", "'it''s'", "'IT''S'"),
        ("v varchar(10)", "'ann'", "'anne'"),
        ("v char(10)", "'ann'", "'anne'"),
        ("v uuid", "'00000000-0000-4000-8000-00000000000a'", "'00000000-0000-4000-8000-00000000000b'"),
        ("v date", "'2001-02-03'", "'2001-02-04'"),
    ],
)
async def test_person_is_found_by_the_text_of_the_grant(database: str, columns: str, person: str, other: str) -> None:
    parts = {"top": "", "rest": '[fields.person]\ncolumn = "v"'}
    grant = person.strip("'").replace("''", "'")
    assert len(await read_entries(database, columns, [person, other, other], grant, **parts)) == 1
    for stranger in ("", "nobody", "7 ", "%", "' OR 1=1 --"):
        assert await read_entries(database, columns, [person, other], stranger, **parts) == []


@pytest.mark.story("health/US-BE-09.6")
async def test_odd_names_are_quoted(database: str) -> None:
    name = "a\"b $1 {{records}} \\ '; DROP TABLE entry; --"
    await run_sql(database, f"CREATE TABLE {sql.identifier(name)} (at timestamp, {sql.identifier(name)} text)")
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    text = MAPPING.format(**(USUAL | {"id": f'"{quoted}"'})).replace('"public.entry"', f'["public", "{quoted}"]')
    mapping = parse(text)
    async with read_only_session(database) as session:
        records = compile_records(mapping, await session.catalogue(tables_of(mapping)))
        assert await session.connection.fetch(f"SELECT * FROM {records.relation} AS record") == []  # noqa: S608


@pytest.mark.parametrize(
    ("columns", "recorded_at", "problem"),
    [
        ("v timestamptz", 'time_zone = "UTC"', "v: already says its zone; leave out time_zone"),
        ("v timestamp", 'time_zone = "UTC"\ntime_of_day = 12:00:00', "v: already has a time of day"),
        ("v date", 'time_zone = "UTC"', "v: say at which time of day: time_column or time_of_day"),
        ("v date", 'time_zone = "UTC"\nformat = "DD.MM.YYYY"', "v: is a date, not text; leave out format"),
        ("v date, w text", 'time_zone = "UTC"\ntime_column = "w"', "w: say how its text is to be read: time_format"),
        ("v date, w integer", 'time_zone = "UTC"\ntime_column = "w"', "w: expected a time of day"),
        ("v boolean", 'time_zone = "UTC"', "v: expected a date and time (a number needs epoch)"),
    ],
)
async def test_time_is_refused_when_it_does_not_fit(
    database: str, columns: str, recorded_at: str, problem: str
) -> None:
    with pytest.raises(MappingError) as refusal:
        await read_entries(database, columns, ["NULL"], recorded_at=f'column = "v"\n{recorded_at}')
    assert problem in str(refusal.value)


STRPTIME = {
    "YYYY-MM-DD HH24:MI:SS": "%Y-%m-%d %H:%M:%S",
    "DD.MM.YYYY HH24.MI": "%d.%m.%Y %H.%M",
    'Mon D, YYYY "at" HH12:MIAM': "%b %d, %Y at %I:%M%p",
    "M/D/YY H:MI": "%m/%d/%y %H:%M",
    "YYYYMMDD HH24MI": "%Y%m%d %H%M",
}


@pytest.mark.parametrize(("text", "strptime"), STRPTIME.items())
async def test_text_is_read_as_strptime_does(database: str, text: str, strptime: str) -> None:
    rng = random.Random(text)
    moments = [datetime(2000, 1, 1) + timedelta(seconds=rng.randrange(24_000 * 86_400)) for _ in range(300)]  # noqa: DTZ001 - local
    written = [moment.strftime(strptime) for moment in moments]
    broken = []
    for word in written:
        place = rng.randrange(len(word))
        broken.append(f"{word[:place]}{rng.choice('012345./ -')}{word[place + 1 :]}")
    words = [*written, *broken]
    parsed = formats.parse(text)
    expression = f"({parsed.date('word')}) + ({parsed.time('word')})"
    connection = await asyncpg.connect(database, timeout=5)
    try:
        query = f"SELECT {expression} FROM unnest($1::text[]) WITH ORDINALITY AS u (word, n) ORDER BY n"  # noqa: S608
        found = [row[0] for row in await connection.fetch(query, words)]
    finally:
        await connection.close(timeout=5)
    assert None not in found[: len(written)]
    assert None in found[len(written) :]
    for word, moment in zip(words, found, strict=True):
        assert moment is None or moment == datetime.strptime(word, strptime), word  # noqa: DTZ007 - local
