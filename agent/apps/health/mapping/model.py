"""The mapping file: where, in an existing database, each field of a symptom record is, and how it is written there.

The file is TOML; ``docs/mapping.md`` explains every key with examples. What cannot be known from the file alone (do
the columns exist, are their types fit) is :mod:`agent.apps.health.mapping.compile`'s part.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from bridge.invalid import wrong_fields

UNANSWERED: Final = "?"
"""What a draft holds where only a person can know; a mapping with such a value is refused."""

SEVERITY_MAX: Final = 10


class MappingError(ValueError):
    """A mapping that cannot be used; the message has a line for each problem, and never a value of a record."""


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not there, not a name, a folder
        msg = "is not the name of a time zone, such as Europe/Berlin"
        raise ValueError(msg) from None
    return name


def _split_table(value: object) -> object:
    """Turn ``"schema.table"`` into its two names; a list is taken as it is, for names that hold a dot."""
    names = value.split(".") if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or len(names) != 2:  # noqa: PLR2004 - schema and table
        msg = "must be written as schema.table, or as a list of the two names"
        raise ValueError(msg)
    return tuple(names)


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Identifier = Annotated[str, StringConstraints(min_length=1, max_length=63)]
"""A name as the catalogue has it: case and blanks count, and the program quotes it."""

Table = Annotated[tuple[Identifier, Identifier], BeforeValidator(_split_table)]
"""Schema and name of a table or view."""

TimeZone = Annotated[str, AfterValidator(_time_zone)]
Severity = Annotated[int, Field(ge=0, le=SEVERITY_MAX)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_one_or_many)]


class Part(BaseModel):
    """A table of the file: immutable, and refusing keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Join(Part):
    """A lookup table: at most one row of ``table`` for each record, where ``on``'s columns are equal.

    ``on`` maps a column of the records' table (of the join named ``base`` if given) to a column of ``table``.
    """

    table: Table
    on: Annotated[dict[Identifier, Identifier], Field(min_length=1)]
    base: str | None = None


class Placed(Part):
    """A field in a ``column`` of the records' table, or of the lookup table that ``join`` names."""

    column: Identifier
    join: str | None = None


class IdField(Part):
    """One column, or several that together tell records apart."""

    columns: Annotated[tuple[Identifier, ...], BeforeValidator(_one_or_many), Field(min_length=1, max_length=4)]
    join: str | None = None


class PersonField(Placed):
    """Whose record it is. Its values are what ``agent grants`` links accounts to."""


class TextField(Part):
    """Text in a ``column``, or the same ``constant`` for every record.

    ``names`` gives the name for each code that the column holds. ``missing`` are texts that mean no value.
    """

    column: Identifier | None = None
    join: str | None = None
    constant: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    names: dict[str, Annotated[str, StringConstraints(min_length=1, max_length=200)]] = {}
    trim: bool = False
    missing: Texts = ()

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        if (self.column is None) == (self.constant is None):
            msg = "needs either a column or a constant"
            raise ValueError(msg)
        return self


class Scale(Part):
    """A linear scale: the source's number for severity 0, and its number for 10 (the smaller one, if it runs down)."""

    none: float
    worst: float

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.none == self.worst:
            msg = "none and worst must differ"
            raise ValueError(msg)
        return self


class SeverityField(Placed):
    """Severity as a number 0–10, as a number of another ``scale``, or as ``words`` (case and outer blanks ignored)."""

    scale: Scale | None = None
    words: dict[str, Severity] = {}
    missing: Texts = ()

    @model_validator(mode="after")
    def _is_words_or_numbers(self) -> Self:
        if self.words and self.scale is not None:
            msg = "has words or a scale, not both"
            raise ValueError(msg)
        return self


class Epoch(StrEnum):
    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"


class TimeField(Placed):
    """When it was. ``column`` is a timestamp, a date, a text in one of ``format``, or a count since 1970 (``epoch``).

    ``time_column`` (in the same table) holds the time of day where ``column`` has none, and ``time_of_day`` stands
    where there is neither. ``time_zone`` is required for what has no zone of its own. A time that the clocks went
    through twice in autumn counts as the second; one that they skipped in spring as if they had not been put
    forward yet (PostgreSQL's rule, appendix B.2).
    """

    time_column: Identifier | None = None
    format: Texts = ()
    time_format: Texts = ()
    time_of_day: time | None = None
    time_zone: TimeZone | None = None
    epoch: Epoch | None = None


class Unit(StrEnum):
    SECONDS = "seconds"
    MINUTES = "minutes"
    HOURS = "hours"


class DurationField(Placed):
    """How long it lasted: a number of ``unit``, or an interval."""

    unit: Unit = Unit.MINUTES
    missing: Texts = ()


class Fields(Part):
    id: IdField
    person: PersonField | None = None
    symptom: TextField
    category: TextField | None = None
    severity: SeverityField | None = None
    recorded_at: TimeField
    duration: DurationField | None = None
    notes: TextField | None = None


class SourceMapping(Part):
    """Where the records are. Whose they are is said in one of two ways: a person field, or ``single_person``."""

    table: Table
    single_person: bool = False
    joins: dict[Identifier, Join] = {}
    fields: Fields

    @model_validator(mode="after")
    def _says_whose_records(self) -> Self:
        if (self.fields.person is None) != self.single_person:
            msg = "say whose records they are: either [fields.person] or single_person = true"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _knows_its_joins(self) -> Self:
        known: set[str] = set()
        for name, join in self.joins.items():
            if join.base is not None and join.base not in known:
                msg = f"joins.{name}: base must be the name of a join above it"
                raise ValueError(msg)
            known.add(name)
        for name, field in self.fields:
            join_name = getattr(field, "join", None)
            if join_name is not None and join_name not in known:
                msg = f"fields.{name}: there is no join named {join_name!r}"
                raise ValueError(msg)
        return self


def parse(text: str) -> SourceMapping:
    """Return the mapping that TOML ``text`` describes. Raises :class:`MappingError`."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"not TOML: {error}"
        raise MappingError(msg) from None
    if open_questions := [*_unanswered(values)]:
        raise MappingError("\n".join(f"{key}: answer the question that the draft asks" for key in open_questions))
    try:
        return SourceMapping.model_validate(values)
    except ValidationError as error:
        lines = (f"{key}: {what}" if key else what for key, what in wrong_fields(error))
        raise MappingError("\n".join(lines)) from None


def read(path: Path) -> SourceMapping:
    """Return the mapping in the file. Raises :class:`MappingError`."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}: {error.strerror if isinstance(error, OSError) else 'not UTF-8'}"
        raise MappingError(msg) from None
    return parse(text)


def _unanswered(values: Mapping[str, object], parents: tuple[str, ...] = ()) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _unanswered(value, (*parents, key))
        elif value == UNANSWERED:
            yield ".".join((*parents, key))
