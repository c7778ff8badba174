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
from bridge.contracts.health import ListSymptoms, Sort, StatsOfSymptoms

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


@dataclass(frozen=True, slots=True)
class _Question:
    """A statement with its arguments; an index should lead to the field ``wanted``, its condition holding ``by``.

    Both are empty where no index can help: for the one person of a ``single_person`` mapping, some questions are about
    every row. With ``by`` alone empty, walking an index in order is enough: it ends early.
    """

    name: str
    query: Query
    args: tuple[object, ...]
    wanted: str
    by: str


async def plans_of(session: Session, mapping: SourceMapping, records: Records, person: str | None) -> list[Plan]:
    """Return the plan of every kind of question, asked by ``person``."""
    table = mapping.table[1]
    sizes = {row["name"]: row["rows"] for row in await session.fetch(SCHEMA["tables"])}
    sizes[table] = await session.fetchval(SCHEMA["table_rows"].expand(table=sql.table(mapping.table)))
    await session.connection.execute("SET LOCAL enable_seqscan = off")
    plans = []
    for question in _questions(mapping, records, person):
        [[text]] = await session.connection.fetch(f"EXPLAIN (FORMAT JSON) {question.query.sql}", *question.args)
        nodes = [*_nodes(json.loads(text)[0]["Plan"])]
        indexes = tuple(sorted({node["Index Name"] for node in nodes if "Index Name" in node}))
        if not question.wanted:
            plans.append(Plan(question.name, (), indexes, "", must_read_all=sizes[table] >= MANY_ROWS))
            continue
        full = {
            node["Relation Name"] for node in nodes if _reads_all(node, question.by if table in node.values() else "")
        }
        scanned = tuple(sorted(name for name in full if sizes.get(name, 0) >= MANY_ROWS))
        advice = _advice(mapping, records, scanned, question.wanted)
        plans.append(Plan(question.name, scanned, indexes, advice, must_read_all=False))
    return plans


def _questions(mapping: SourceMapping, records: Records, person: str | None) -> Iterator[_Question]:
    statements, field = Statements(records), mapping.fields.person
    mine = ("recorded_at", field.column if field.join is None else "") if field is not None else None
    month, every = mine or ("recorded_at", "2024-"), mine or ("", "")
    for name, question, wanted in (
        ("list, newest first", ListSymptoms(), mine or ("recorded_at", "")),
        ("list of a month", ListSymptoms(**_RANGE), month),
        ("list, worst first", ListSymptoms(sort=Sort.WORST), every),
        ("list by words in the notes", ListSymptoms(text="ache"), every),
    ):
        query = statements.page(given_in(question), question.sort, is_first=True, is_counted=False)
        yield _Question(name, query, (person, *arguments(question), _PAGE, None, None, None), *wanted)
    yield _Question("names", statements.names, (person, 200), *every)
    for name, stats, wanted in (
        ("stats of a month", StatsOfSymptoms(**_RANGE), month),
        ("stats of all", StatsOfSymptoms(), every),
    ):
        yield _Question(name, statements.figures("stats", given_in(stats)), (person, *arguments(stats)), *wanted)
    if mine is None:  # a person's few records are found by the person
        query = SCHEMA["by_symptom"].expand(tables=records.tables, symptom=records.origins["symptom"].expression)
        is_own = records.origins["symptom"].is_of_table
        yield _Question("those of one symptom", query, ("headache",), "symptom", "lower(" if is_own else "")


def _reads_all(node: dict[str, Any], by: str) -> bool:
    """Return whether a node of the plan reads a whole table, be it by walking an index from end to end."""
    if "Relation Name" not in node:
        return False
    condition = f"{node.get('Index Cond', '')}{node.get('Recheck Cond', '')}"
    return node["Node Type"].endswith("Seq Scan") or by not in condition


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
    elif wanted == "symptom" and (name := mapping.fields.symptom.join) is not None:
        while (base := mapping.joins[name].base) is not None:
            name = base
        columns += [sql.identifier(column) for column in mapping.joins[name].on]
    return _create_index(mapping.table, columns) if columns else ""


def _create_index(table: tuple[str, str], columns: list[str]) -> str:
    return f"CREATE INDEX CONCURRENTLY ON {sql.table(table)} ({', '.join(columns)});"


def _alone(origin: Origin) -> str:
    """Return its expression as an index wants it: the columns without the table's alias."""
    bare = origin.expression
    for column in origin.raw:
        bare = bare.replace(column, column.removeprefix("t."))
    return bare if origin.expression in origin.raw else f"({bare})"
