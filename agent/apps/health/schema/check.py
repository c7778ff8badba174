"""``agent schema check``: prove a mapping against the live database, without writing a byte.

An error means that the app would not start or would show records wrongly; a warning is something to know, such as rows
that do not convert, which stay out of every answer and are counted in each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

import asyncpg

from agent.apps.health.mapping import sql
from agent.apps.health.mapping.compile import Origin, Records, compile_records, tables_of
from agent.apps.health.mapping.model import MappingError, SourceMapping, read
from agent.apps.health.schema.plans import MANY_ROWS, Plan, plans_of
from agent.apps.health.schema.session import SCHEMA, Session, read_only_session

EXAMPLES: Final = 5


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Rows that hold something else in one field, with the most frequent of it: (text, rows)."""

    name: str
    rows: int
    examples: tuple[tuple[str, int], ...]


@dataclass(slots=True)
class Report:
    """What was found. The mapping serves when there are no ``errors``."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    origins: dict[str, Origin] = field(default_factory=dict)
    rows: int = 0
    readable: int = 0
    persons: int | None = None
    unreadable: list[Unreadable] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)


async def run_check(dsn: str, mapping_path: Path, *, out: TextIO) -> int:
    """Write the report to ``out``; return the exit code: 0, or 1 with errors."""
    try:
        mapping = read(mapping_path)
        async with read_only_session(dsn) as session:
            report = await check(session, mapping)
    except MappingError as error:
        report = Report(errors=str(error).splitlines())
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        report = Report(errors=[f"the database cannot be read: {error}"])
    out.writelines(f"{line}\n" for line in render(report))
    return 1 if report.errors else 0


async def check(session: Session, mapping: SourceMapping) -> Report:
    """Look at everything. Raises :class:`MappingError` when the mapping does not fit the tables at all."""
    records = compile_records(mapping, await session.catalogue(tables_of(mapping)))
    report = Report(origins=dict(records.origins))
    role = (await session.fetch(SCHEMA["role"], sql.table(mapping.table)))[0]
    if role["may_write"]:
        report.warnings.append(f"the role {role['name']} may also write; let the agent have one that may only read")
    await _count(session, mapping, records, report)
    for name, origin in records.origins.items():
        if origin.readable is not None or name == "symptom":
            await _find_unreadable(session, records, name, report)
    person = None
    if records.has_person:
        person = await session.fetchval(SCHEMA["busiest_person"].expand(records=records.relation))
    report.plans = await plans_of(session, mapping, records, person)
    return report


async def _count(session: Session, mapping: SourceMapping, records: Records, report: Report) -> None:
    person = "record.person" if records.has_person else "NULL::text"
    summary = (await session.fetch(SCHEMA["summary"].expand(records=records.relation, person=person)))[0]
    table_rows = await session.fetchval(SCHEMA["table_rows"].expand(table=sql.table(mapping.table)))
    report.rows, report.readable = summary["rows"], summary["readable"]
    if records.has_person:
        report.persons = summary["persons"]
        if summary["without_person"]:
            report.warnings.append(f"{summary['without_person']} rows belong to no person and are shown to nobody")
    if report.rows != table_rows:
        report.errors.append(
            f"the joins make {report.rows} rows of {table_rows}: a lookup table has several rows for one record"
        )
    elif summary["repeated_ids"]:
        report.errors.append(f"fields.id: {summary['repeated_ids']} rows have the id of another; add a column to it")
    if report.rows and not report.readable:
        report.errors.append("no row can be read")
    if summary["ahead"]:
        report.warnings.append(f"{summary['ahead']} records lie in the future (last {summary['last']})")


async def _find_unreadable(session: Session, records: Records, name: str, report: Report) -> None:
    origin = records.origins[name]
    conditions = [origin.readable] if origin.readable else []
    if name == "symptom":
        conditions.append(f"{origin.expression} <> ''")
    readable = " AND ".join(conditions)
    rows = await session.fetchval(SCHEMA["unreadable"].expand(tables=records.tables, readable=readable))
    if not rows:
        return
    raw = " || ' | ' || ".join(f"coalesce({column}::text, 'NULL')" for column in origin.raw)
    query = SCHEMA["unreadable_examples"].expand(tables=records.tables, readable=readable, raw=raw)
    examples = tuple((row["value"], row["count"]) for row in await session.fetch(query, EXAMPLES))
    report.unreadable.append(Unreadable(name, rows, examples))


def render(report: Report) -> Iterator[str]:
    """Yield the lines of the report for a terminal."""
    for name, origin in report.origins.items():
        yield f"{name:17} <- {', '.join(origin.columns) or 'nothing, or a constant'}"
    if report.origins:
        of = "" if report.persons is None else f" of {report.persons} persons"
        yield f"{report.rows} rows{of}; {report.readable} records, {report.rows - report.readable} do not convert"
    for unreadable in report.unreadable:
        examples = ", ".join(f"{value!r} ({rows})" for value, rows in unreadable.examples)
        yield f"  {unreadable.name}: {unreadable.rows} rows, such as {examples}"
    for plan in report.plans:
        yield f"{plan.question}: {_verdict(plan)}"
    for warning in report.warnings:
        yield f"warning: {warning}"
    for error in report.errors:
        yield f"error: {error}"
    yield "the mapping does not serve" if report.errors else "the mapping serves"


def _verdict(plan: Plan) -> str:
    if plan.must_read_all:
        return "reads every record, as the question asks"
    if plan.scanned:
        cure = f"add  {plan.advice}" if plan.advice else "add an index on what leads to the person and the time"
        return f"reads all of {', '.join(plan.scanned)} (over {MANY_ROWS} rows); {cure}"
    return f"by index {', '.join(plan.indexes)}" if plan.indexes else "reads a small table"
