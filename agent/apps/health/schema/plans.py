"""Whether each question can be answered without reading a whole table, and if not, which index to add.

PostgreSQL is asked for its plan with full scans forbidden: one that stays is one that no index can replace, and not the
choice of reading half a table when half of it is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from agent.apps.health.mapping import sql
from agent.apps.health.mapping.compile import Origin, Records
from agent.apps.health.mapping.model import SourceMapping
from agent.apps.health.schema.session import SCHEMA, Session
from agent.apps.health.statements import Statements, arguments, given_in
from agent.db.queries import Query
from bridge.contracts.health import ListSymptoms, Sort, StatsOfSymptoms, SymptomFilter

MANY_ROWS: Final = 10_000

_PAGE: Final = 51
_RANGE: Final = {"start": datetime(2024, 3, 1, tzinfo=UTC), "end": datetime(2024, 4, 1, tzinfo=UTC)}


@dataclass(frozen=True, slots=True)
class Plan:
    """How one question is answered: which tables with many rows it reads whole, and by which indexes the others.

    ``advice`` is the statement that makes the index it misses, or "" where there is none to tell: the tables are a
    view's, or ``must_read_all`` because the question is about every record.
    """

    question: str
    scanned: tuple[str, ...]
    indexes: tuple[str, ...]
    advice: str
    must_read_all: bool


async def plans_of(session: Session, mapping: SourceMapping, records: Records, person: str | None) -> list[Plan]:
    """Return the plan of every kind of question, asked by ``person``."""
    sizes = {row["name"]: row["rows"] for row in await session.fetch(SCHEMA["tables"])}
    sizes[mapping.table[1]] = await session.fetchval(SCHEMA["table_rows"].expand(table=sql.table(mapping.table)))
    await session.connection.execute("SET LOCAL enable_seqscan = off")
    plans = []
    for question, query, args, wanted in _questions(Statements(records), records, person):
        [[text]] = await session.connection.fetch(f"EXPLAIN (FORMAT JSON) {query.sql}", *args)
        nodes = [*_nodes(json.loads(text)[0]["Plan"])]
        full = {node["Relation Name"] for node in nodes if node["Node Type"].endswith("Seq Scan")}
        scanned = tuple(sorted(name for name in full if sizes.get(name, 0) >= MANY_ROWS))
        indexes = tuple(sorted({node["Index Name"] for node in nodes if "Index Name" in node}))
        advice = _advice(mapping, records, scanned, wanted)
        plans.append(Plan(question, scanned, indexes, advice, must_read_all=bool(scanned) and not wanted))
    return plans


Question = tuple[str, Query, tuple[object, ...], str]


def _questions(statements: Statements, records: Records, person: str | None) -> Iterator[Question]:
    """Yield each question with its statement, its arguments, and the field that an index should lead to.

    For the one person of a ``single_person`` mapping some questions are about every row, and no index can help.
    """
    newest = "recorded_at"
    of_all = "" if not records.has_person else newest
    for name, question, wanted in (
        ("list, newest first", ListSymptoms(), newest),
        ("list of a month", ListSymptoms(**_RANGE), newest),
        ("list of one symptom", ListSymptoms(symptoms=("headache",)), newest if records.has_person else "symptom"),
        ("list, worst first", ListSymptoms(sort=Sort.WORST), of_all),
        ("list by words in the notes", ListSymptoms(text="ache"), of_all),
    ):
        query = statements.page(given_in(question), question.sort, is_first=True, is_counted=False)
        yield name, query, (person, *arguments(question), _PAGE, None, None, None), wanted
    yield "names", statements.names, (person, 200), of_all
    figures: tuple[tuple[str, SymptomFilter, str], ...] = (
        ("stats of a month", StatsOfSymptoms(**_RANGE), newest),
        ("stats of all", StatsOfSymptoms(), of_all),
    )
    for name, stats, wanted in figures:
        yield name, statements.figures("stats", given_in(stats)), (person, *arguments(stats)), wanted


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _advice(mapping: SourceMapping, records: Records, scanned: tuple[str, ...], wanted: str) -> str:
    """Return the statement that makes the index for a question about ``wanted``, or "" where there is none."""
    for join in mapping.joins.values():
        if join.table[1] in scanned:
            return _create_index(join.table, [sql.identifier(name) for name in join.on.values()])
    if mapping.table[1] not in scanned or not wanted:
        return ""
    columns = [_alone(records.origins["person"])] if "person" in records.origins else []
    if (origin := records.origins[wanted]).is_of_table:
        columns.append(f"lower({_alone(origin)})" if wanted == "symptom" else _alone(origin))
    return _create_index(mapping.table, columns) if columns else ""


def _create_index(table: tuple[str, str], columns: list[str]) -> str:
    return f"CREATE INDEX CONCURRENTLY ON {sql.table(table)} ({', '.join(columns)});"


def _alone(origin: Origin) -> str:
    """Return its expression as an index wants it: the columns without the table's alias."""
    bare = origin.expression
    for column in origin.raw:
        bare = bare.replace(column, column.removeprefix("t."))
    return bare if origin.expression in origin.raw else f"({bare})"
