"""From the mapping and the catalogue to one relation that looks like the model, whatever the tables look like.

The relation is a plain sub-select, which PostgreSQL flattens: a field that is a column as it is costs nothing, and an
index on it serves. Where a field is converted, the raw column rides along for a condition that is wider than the exact
one and that an index serves (:class:`~agent.apps.health.mapping.fields.Bound`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from agent.apps.health.mapping import fields, sql
from agent.apps.health.mapping.columns import Catalogue, Kind
from agent.apps.health.mapping.fields import Bound, Expression, Place
from agent.apps.health.mapping.model import MappingError, SourceMapping

_COLUMNS: Final = ("id", "symptom", "category", "severity", "recorded_at", "duration_minutes", "notes")
_ID_MAX_BYTES: Final = 200  # it has to fit into a page cursor


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a field comes from: its ``columns`` as ``table.column``, or none for a constant, and how they are read.

    ``raw`` are the columns as they are, in SQL; ``expression`` reads them, and is NULL for what it cannot read.
    """

    columns: tuple[str, ...]
    raw: tuple[str, ...]
    expression: str
    readable: str | None

    @property
    def is_of_table(self) -> bool:
        """Whether it comes from the records' own table alone, so that an index on that can hold it."""
        return bool(self.raw) and all(column.startswith("t.") for column in self.raw)


@dataclass(frozen=True, slots=True)
class Records:
    """All of it SQL, for statements whose first parameter is the person.

    ``relation`` has the columns of the model (``id text``, ``symptom text``, ``category text``, ``severity integer``,
    ``recorded_at timestamptz``, ``duration_minutes integer``, ``notes text``), ``is_readable`` (true, or false or
    NULL), and ``person`` and ``raw_time`` where there are such. ``person`` is the condition for ``$1`` over a relation
    named ``record``. ``tables`` is the relation's FROM, in which ``origins`` and ``is_readable`` can be asked alone.
    """

    relation: str
    person: str
    has_person: bool
    bound: Bound | None
    tables: str
    is_readable: str
    origins: Mapping[str, Origin]


def tables_of(mapping: SourceMapping) -> tuple[tuple[str, str], ...]:
    """Return the (schema, name) of every table and view that the mapping reads."""
    return (mapping.table, *(join.table for join in mapping.joins.values()))


def compile_records(mapping: SourceMapping, catalogue: Catalogue) -> Records:
    """Return the relation. Raises :class:`MappingError` with a line for everything that does not fit."""
    return _Compiler(mapping, catalogue).records()


class _Compiler:
    def __init__(self, mapping: SourceMapping, catalogue: Catalogue) -> None:
        self._mapping = mapping
        self._catalogue = catalogue
        self._tables: dict[str | None, tuple[str, str]] = {None: mapping.table}
        self._tables |= {name: join.table for name, join in mapping.joins.items()}
        self._origins: dict[str, Origin] = {}
        self._problems: list[str] = []

    def records(self) -> Records:
        tables = self._from()
        fields_ = self._mapping.fields
        bound: Bound | None = None
        person: Place | None = None
        with self._noting("fields.id"):
            self._add("id", self._id(), self._places(fields_.id.join, *fields_.id.columns))
        with self._noting("fields.recorded_at"):
            time = fields_.recorded_at
            place = self._place(time.join, time.column)
            time_place = self._place(time.join, time.time_column) if time.time_column else None
            expression, bound = fields.recorded_at(time, place, time_place)
            self._add("recorded_at", expression, (place, time_place) if time_place else (place,))
        if fields_.person is not None:
            with self._noting("fields.person"):
                person = self._place(fields_.person.join, fields_.person.column)
                self._add("person", Expression(person.sql), (person,))
        self._optional_fields()
        if self._problems:
            raise MappingError("\n".join(self._problems))
        is_readable = self._readable()
        columns = [f"{self._origins[name].expression} AS {name}" for name in _COLUMNS]
        columns.append(f"{is_readable} AS is_readable")
        if person is not None:
            columns.append(f"{person.sql} AS person")
        if bound is not None:
            columns.append(f"{bound.raw} AS raw_time")
        return Records(
            relation=f"(SELECT {', '.join(columns)} FROM {tables})",  # noqa: S608 - quoted names of the owner's mapping
            person=fields.person_is(Place("record.person", person.column), "$1") if person else "$1::text IS NULL",
            has_person=person is not None,
            bound=bound,
            tables=tables,
            is_readable=is_readable,
            origins=self._origins,
        )

    def _optional_fields(self) -> None:
        given = self._mapping.fields
        for name, text in (("symptom", given.symptom), ("category", given.category), ("notes", given.notes)):
            with self._noting(f"fields.{name}"):
                if text is None:
                    self._add(name, Expression("NULL::text"), ())
                elif text.column is None:
                    self._add(name, fields.text(text, None), ())
                else:
                    place = self._place(text.join, text.column)
                    self._add(name, fields.text(text, place), (place,))
        for name in ("severity", "duration_minutes"):
            self._add(name, Expression("NULL::integer"), ())
        if (severity := given.severity) is not None:
            with self._noting("fields.severity"):
                place = self._place(severity.join, severity.column)
                self._add("severity", fields.severity(severity, place), (place,))
        if (duration := given.duration) is not None:
            with self._noting("fields.duration"):
                place = self._place(duration.join, duration.column)
                self._add("duration_minutes", fields.duration(duration, place), (place,))

    def _readable(self) -> str:
        """Return the condition that a row is a record of the model: what must be there is, and all of it converts."""
        conditions = [origin.readable for origin in self._origins.values() if origin.readable is not None]
        conditions.append(f"{self._origins['symptom'].expression} <> ''")
        return f"({' AND '.join(conditions)})"

    def _id(self) -> Expression:
        places = self._places(self._mapping.fields.id.join, *self._mapping.fields.id.columns)
        value = " || '/' || ".join(place.text for place in places)  # `agent schema check` proves that they are distinct
        fits = None
        if not all(place.column.kind in {Kind.INTEGER, Kind.UUID} and place.column.is_required for place in places):
            fits = f"octet_length({value}) <= {_ID_MAX_BYTES}"
        return Expression(f'({value}) COLLATE "C"', fits)

    def _from(self) -> str:
        """Return the records' table with every lookup table; a record without its lookup row stays."""
        clauses = [f"{sql.table(self._mapping.table)} AS {_alias(None)}"]
        for name, join in self._mapping.joins.items():
            with self._noting(f"joins.{name}"):
                equals = [
                    f"{self._place(join.base, ours).sql} = {self._place(name, theirs).sql}"
                    for ours, theirs in join.on.items()
                ]
                clauses.append(f"LEFT JOIN {sql.table(join.table)} AS {_alias(name)} ON {' AND '.join(equals)}")
        return " ".join(clauses)

    def _places(self, join: str | None, *names: str) -> tuple[Place, ...]:
        return tuple(self._place(join, name) for name in names)

    def _place(self, join: str | None, name: str) -> Place:
        table = self._tables[join]
        if table not in self._catalogue:
            msg = f"there is no table {'.'.join(table)}, or no permission to read it"
            raise MappingError(msg)
        if (column := self._catalogue[table].get(name)) is None:
            msg = f"{'.'.join(table)} has no column {name!r}, or no permission to read it"
            raise MappingError(msg)
        return Place(f"{_alias(join)}.{sql.identifier(name)}", column, table[1])

    def _add(self, name: str, expression: Expression, places: tuple[Place, ...]) -> None:
        columns = tuple(f"{place.table}.{place.column.name}" for place in places)
        raw = tuple(place.sql for place in places)
        self._origins[name] = Origin(columns, raw, expression.value, expression.readable)

    @contextmanager
    def _noting(self, key: str) -> Iterator[None]:
        """Collect what is wrong instead of stopping at the first."""
        try:
            yield
        except MappingError as error:
            self._problems.append(f"{key}: {error}")


def _alias(join: str | None) -> str:
    return "t" if join is None else sql.identifier(f"j {join}")
