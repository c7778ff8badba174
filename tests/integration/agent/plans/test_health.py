"""Whoever asks for records, by whatever filter and order: nobody else's are looked at, among 100,000.

The tables are not ours, so neither are their indexes: these have the one that every such table would have, by person
and time (``agent schema check`` says so where there is none).
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final

import asyncpg
import pytest
import pytest_asyncio

from agent.apps.health.mapping.columns import Column
from agent.apps.health.mapping.compile import compile_records, tables_of
from agent.apps.health.mapping.model import read
from agent.apps.health.statements import QUERIES, Statements
from agent.db.queries import Query
from bridge.contracts.health import Sort
from tests.integration.agent.health.conftest import SCHEMAS
from tests.integration.agent.plans.explained import explain, rows_read, whole_tables
from tests.postgres import PostgresServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

EACH: Final = 400
"""Records of most persons; one has half of all."""

FILL: Final = {
    "flat": """
        INSERT INTO patients SELECT n, 'Somebody' FROM generate_series(4, 200) AS n;
        INSERT INTO symptoms (patient_id, symptom, category, severity, recorded_at, notes)
            SELECT CASE WHEN n % 2 = 0 THEN 4 ELSE 5 + n / 2 % 125 END, 'Headache', 'Neurological', n % 11,
                   timestamptz '2020-01-01Z' + n * interval '10 min', 'x'
            FROM generate_series(1, 100000) AS n;
        ANALYZE;
    """,
    "lookup": """
        INSERT INTO clinic.member SELECT lpad(n::text, 32, '0')::uuid, 'Somebody' FROM generate_series(4, 200) AS n;
        INSERT INTO clinic.complaint (ref, member_id, type_id, complaint_date, complaint_time, grade)
            SELECT 'D' || lpad(n::text, 8, '0'),
                   lpad((CASE WHEN n % 2 = 0 THEN 4 ELSE 5 + n / 2 % 125 END)::text, 32, '0')::uuid,
                   10 + n % 6, date '2020-01-01' + n / 100, '12:00', 'mild'
            FROM generate_series(1, 100000) AS n;
        ANALYZE;
    """,
}  # fmt: skip
SOMEBODY: Final = {"flat": "7", "lookup": "00000000-0000-0000-0000-000000000007"}
BUSY: Final = "4"
TABLES: Final = {"symptoms", "complaint"}

ASKED: Final = {
    "symptoms": "ARRAY['Headache', 'cough']", "text": "'%head%'", "category": "'Neurological'",
    "start": "timestamptz '2021-01-01Z'", "end": "timestamptz '2021-02-01Z'", "min_severity": "3",
}  # fmt: skip
PLACES: Final = dict(zip(ASKED, range(2, 8), strict=True))
ROWS: Final = 51
LATER: Final[dict[str, dict[int, object]]] = {  # what comes after the filters in each statement
    "list": {8: ROWS}, "list_counted": {8: ROWS, 12: 1001}, "total": {8: 1001},
    "stats": {}, "series": {8: "'day'", 9: "'UTC'", 10: 1000}, "names": {2: 100}, "unconverted": {}, "probe": {},
}  # fmt: skip
FIRST: Final = {9: "NULL", 10: "NULL", 11: "NULL"}
AFTER: Final = {9: 0, 10: "timestamptz '2021-01-20Z'", 11: "'5'"}


@dataclass(frozen=True)
class Records:
    name: str
    statements: Statements
    connection: asyncpg.Connection[asyncpg.Record]

    async def plan(self, query: Query, person: str, given: frozenset[str], more: dict[int, object]) -> tuple[int, bool]:
        """Return how many rows a statement looked at, and whether it went through a whole table for them."""
        values: dict[int, object] = {PLACES[name]: ASKED[name] if name in given else "NULL" for name in ASKED}
        values |= LATER[query.name.rpartition(".")[2]] | more
        sql = query.sql
        for position in range(len(query.parameters), 1, -1):
            sql = sql.replace(f"${position}", str(values[position]))
        plan = await explain(self.connection, sql.replace("$1", f"'{person}'"))
        return rows_read(plan), bool(whole_tables(plan) & TABLES)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=FILL)
async def records(request: pytest.FixtureRequest, postgres_server: PostgresServer) -> AsyncIterator[Records]:
    name: str = request.param
    with postgres_server.fresh_database() as dsn:
        connection = await asyncpg.connect(dsn, timeout=5)
        await connection.execute((SCHEMAS / f"{name}.sql").read_text() + FILL[name], timeout=50)
        mapping = read(SCHEMAS / f"{name}.toml")
        catalogue = {
            table: {
                row["name"]: Column(**row)
                for row in await connection.fetch(QUERIES["columns"].sql, *table, timeout=5)
            }
            for table in tables_of(mapping)
        }  # fmt: skip
        yield Records(name, Statements(compile_records(mapping, catalogue)), connection)
        await connection.close(timeout=5)


def combinations() -> Iterator[frozenset[str]]:
    """Yield no filter, each, each two, and all."""
    for count in (0, 1, 2, len(ASKED)):
        yield from map(frozenset, itertools.combinations(ASKED, count))


def questions(statements: Statements) -> Iterator[tuple[Query, frozenset[str], dict[int, object]]]:
    """Yield every statement of the app with each combination of what may be asked of it."""
    for query in (statements.probe, statements.names, statements.unconverted):
        yield query, frozenset(), {}
    for given in combinations():
        for name in ("total", "stats", "series"):
            yield statements.figures(name, given), given, {}
        for sort, is_counted in itertools.product(Sort, (False, True)):
            for place in (FIRST, AFTER):
                query = statements.page(given, sort, is_first=place is FIRST, is_counted=is_counted)
                yield query, given, dict(place)


async def test_every_statement_is_asked_when_there_are_many_records(records: Records) -> None:
    asked = {query.name.rpartition(".")[2] for query, _, _ in questions(records.statements)}
    assert asked == QUERIES.keys() - {"columns", "alive"}  # which ask for no records


async def test_question_looks_at_one_persons_records_when_there_are_100_000(records: Records) -> None:
    own = EACH + 1
    wrong = {}
    for query, given, more in questions(records.statements):
        lookups = 0 if records.name == "flat" else 3  # rows of a joined table for each record
        read_, is_whole = await records.plan(query, SOMEBODY[records.name], given, more)
        if is_whole or read_ > own * (1 + lookups) * (2 if query.name.endswith("list_counted") else 1):
            wrong[query.name, *sorted(given)] = (read_, is_whole)
    assert wrong == {}


@pytest.mark.parametrize("records", ["flat"], indirect=True)  # a time made of two columns has no index in its order
@pytest.mark.parametrize("sort", [Sort.NEWEST, Sort.OLDEST])
@pytest.mark.parametrize("given", [(), ("start",), ("end",), ("start", "end")])
async def test_page_by_time_looks_at_the_page_when_one_person_has_50_000_records(
    records: Records, sort: Sort, given: tuple[str, ...]
) -> None:
    for place in (FIRST, AFTER):
        query = records.statements.page(frozenset(given), sort, is_first=place is FIRST, is_counted=False)
        read_, is_whole = await records.plan(query, BUSY, frozenset(given), dict(place))
        assert (read_ < 3 * ROWS, is_whole) == (True, False), read_
