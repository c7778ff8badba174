"""The tables of an existing database with a sample of their rows: all that ``inspect`` reasons from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from agent.apps.health.mapping import sql
from agent.apps.health.mapping.columns import Column
from agent.apps.health.schema.session import SCHEMA, Session

SAMPLE_ROWS: Final = 5_000
_WORD: Final = re.compile(r"[A-ZÄÖÜ]?[a-zäöüß]+|[A-ZÄÖÜ]+(?![a-zäöüß])|[0-9]+")


def words_of(name: str) -> list[str]:
    """Return the words of a name, however it joins them: ``SymptomName``, ``symptom_name`` and ``"Symptom Name"``."""
    return [word.lower() for word in _WORD.findall(name)]


@dataclass(frozen=True, slots=True)
class ForeignKey:
    column: str
    table: tuple[str, str]
    other_column: str


@dataclass(frozen=True, slots=True)
class Shape:
    """A table or view. ``samples`` has the texts of each column, None for NULL, of the same rows in the same order."""

    name: tuple[str, str]
    rows: int
    columns: Mapping[str, Column]
    keys: Sequence[Sequence[str]]
    foreign_keys: Sequence[ForeignKey]
    samples: Mapping[str, Sequence[str | None]]

    def values(self, column: str) -> list[str]:
        """Return the sampled texts of a column that are not NULL, without outer blanks, and not empty."""
        return [value.strip() for value in self.samples[column] if value is not None and value.strip()]

    def is_complete(self, column: str) -> bool:
        return len(self.values(column)) == len(self.samples[column])


async def read_shapes(session: Session) -> dict[tuple[str, str], Shape]:
    """Return every table that we may read, by (schema, name), without samples."""
    tables = {(row["schema"], row["name"]): row["rows"] for row in await session.fetch(SCHEMA["tables"])}
    return {
        name: Shape(
            name=name,
            rows=tables[name],
            columns=columns,
            keys=[row["columns"] for row in await session.fetch(SCHEMA["keys"], *name)],
            foreign_keys=[
                ForeignKey(row["column_name"], (row["schema"], row["name"]), row["other_column"])
                for row in await session.fetch(SCHEMA["foreign_keys"], *name)
            ],
            samples={},
        )
        for name, columns in (await session.catalogue(tables)).items()
    }


async def sampled(session: Session, shape: Shape) -> Shape:
    """Return the same with the texts of up to 5,000 of its rows."""
    texts = ", ".join(f"{sql.identifier(column)}::text" for column in shape.columns)
    query = SCHEMA["sample"].expand(columns=texts, table=sql.table(shape.name))
    rows = await session.fetch(query, SAMPLE_ROWS)
    return replace(shape, samples={column: [row[place] for row in rows] for place, column in enumerate(shape.columns)})
