"""How each field is read: from a column as it is, to the type of the model.

Every expression gives NULL for what it cannot read and raises for nothing: one odd row must not fail everybody's query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agent.apps.health.mapping import formats, sql
from agent.apps.health.mapping.columns import Column, Kind
from agent.apps.health.mapping.model import (
    SEVERITY_MAX,
    DurationField,
    Epoch,
    MappingError,
    SeverityField,
    TextField,
    TimeField,
    Unit,
)

_NUMBER_TEXT: Final = "^[-+]?[0-9]{1,9}(?:[.,][0-9]{1,6})?$"
_DURATION_MAX_MINUTES: Final = 10 * 366 * 24 * 60
_MINUTES: Final = {Unit.SECONDS: "{} / 60.0", Unit.MINUTES: "{}", Unit.HOURS: "{} * 60"}
_DAY: Final = "interval '1 day'"


@dataclass(frozen=True, slots=True)
class Place:
    """A column of one of the tables in the query: ``sql`` names it there, ``table`` says whose it is."""

    sql: str
    column: Column
    table: str = ""

    @property
    def text(self) -> str:
        return self.sql if self.column.type == "text" else f"{self.sql}::text"


@dataclass(frozen=True, slots=True)
class Expression:
    """``value`` is the field as SQL. ``readable`` holds for rows whose value it can read (else it is false or NULL).

    It is None if it can read any.
    """

    value: str
    readable: str | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """How a range of time narrows the raw column, so that an index on it serves.

    ``raw`` is the column; ``since`` and ``until`` turn a ``timestamptz`` into the least and greatest raw value that can
    belong to it, with a margin wider than any change of the clocks. The exact comparison still decides.
    """

    raw: str
    since: str
    until: str


def text(field: TextField, place: Place | None) -> Expression:
    if place is None:
        return Expression(f"{sql.literal(field.constant or '')}::text")
    _require(place, "text", Kind.TEXT, Kind.INTEGER, Kind.UUID)
    value = f"btrim({place.text})" if field.trim or field.names or field.missing else place.text
    if field.missing:
        value = f"CASE WHEN {value} NOT IN ({sql.texts(field.missing)}) THEN {value} END"
    if not field.names:
        return Expression(value)
    named = _case(value, [(code, sql.literal(name)) for code, name in field.names.items()])
    return Expression(named, f"({value} IS NULL OR {named} IS NOT NULL)")


def severity(field: SeverityField, place: Place) -> Expression:
    if field.words:
        _require(place, "words", Kind.TEXT, Kind.INTEGER)
        words = [(word.lower().strip(), str(number)) for word, number in field.words.items()]
        value = _case(f"lower(btrim({place.text}))", words)
    else:
        _require(place, "a number (or give its words)", Kind.INTEGER, Kind.NUMBER, Kind.TEXT)
        number = _number(place)
        if place.column.type in {"int2", "int4"} and field.scale is None and not field.missing:
            in_range = f"{place.sql} BETWEEN 0 AND {SEVERITY_MAX}"
            return Expression(f"{place.sql}::integer", _holds(in_range, place))
        none, worst = (0.0, float(SEVERITY_MAX)) if field.scale is None else (field.scale.none, field.scale.worst)
        scaled = number
        if (none, worst) != (0, SEVERITY_MAX):
            factor = f"{SEVERITY_MAX}.0 / ({sql.number(worst)} - {sql.number(none)})"
            scaled = f"({number}::numeric - {sql.number(none)}) * {factor}"
        value = _between(number, min(none, worst), max(none, worst), _rounded(scaled, place))
    return _optional(value, place, field.missing)


def duration(field: DurationField, place: Place) -> Expression:
    if place.column.kind is Kind.INTERVAL:
        minutes = f"(extract(epoch FROM {place.sql}) / 60)"
    else:
        _require(place, "a number or an interval", Kind.INTEGER, Kind.NUMBER, Kind.TEXT)
        minutes = f"({_MINUTES[field.unit].format(f'{_number(place)}::numeric')})"
        if place.column.type in {"int2", "int4"} and field.unit is Unit.MINUTES and not field.missing:
            in_range = f"{place.sql} BETWEEN 0 AND {_DURATION_MAX_MINUTES}"
            return Expression(f"{place.sql}::integer", _holds(in_range, place))
    value = _between(minutes, 0, _DURATION_MAX_MINUTES, _rounded(minutes, place))
    return _optional(value, place, field.missing)


def recorded_at(field: TimeField, place: Place, time_place: Place | None) -> tuple[Expression, Bound | None]:
    """Return the time as ``timestamptz``, and how to narrow a range to it."""
    kind = place.column.kind
    if kind is Kind.TIMESTAMPTZ:
        _refuse(field, "already says its zone", "time_zone", "time_column", "time_of_day", "format", "epoch")
        return Expression(place.sql, _is_representable(place.sql)), None
    if kind in {Kind.INTEGER, Kind.NUMBER} and field.epoch is not None:
        return _epoch(place, field.epoch)
    _require(place, "a date and time (a number needs epoch)", Kind.TIMESTAMP, Kind.DATE, Kind.TEXT)
    if field.time_zone is None:
        msg = f"{place.column.name}: say which time zone its times are in: time_zone"
        raise MappingError(msg)
    zone = sql.literal(field.time_zone)
    if kind is Kind.TIMESTAMP:
        _refuse(field, "already has a time of day", "time_column", "time_of_day", "format", "epoch")
        value = f"({place.sql} AT TIME ZONE {zone})"
        since, until = f"(%s AT TIME ZONE {zone}) - {_DAY}", f"(%s AT TIME ZONE {zone}) + {_DAY}"
        return Expression(value, _is_representable(value)), Bound(place.sql, since, until)
    value = f"(({_local(field, place, time_place)}) AT TIME ZONE {zone})"
    expression = Expression(value, f"{value} IS NOT NULL")
    if kind is Kind.TEXT:
        return expression, None
    since, until = f"((%s AT TIME ZONE {zone}) - {_DAY})::date", f"((%s AT TIME ZONE {zone}) + {_DAY})::date"
    return expression, Bound(place.sql, since, until)


def person_is(place: Place, parameter: str) -> str:
    """Return the condition that ``place`` is the person in the text ``parameter``; an index on the column serves it."""
    match place.column.kind:
        case Kind.INTEGER:
            person = _guarded(parameter, "^-?[0-9]{1,18}$", "bigint")
        case Kind.NUMBER:
            person = _guarded(parameter, "^-?[0-9]{1,18}$", "numeric")
        case Kind.UUID:
            person = _guarded(parameter, "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$", "uuid")
        case Kind.TEXT if place.column.type in {"text", "varchar"}:
            return f"{place.sql} = {parameter}::text"
        case Kind.TEXT if place.column.type == "bpchar":
            return f"{place.sql} = {parameter}::text::bpchar"
        case _:
            return f"{place.sql}::text = {parameter}::text"
    return f"{place.sql} = {person}"


def _local(field: TimeField, place: Place, time_place: Place | None) -> str:
    """Return the local ``timestamp`` of a date, or of text, with the time of day from wherever it is."""
    name = place.column.name
    default = f"time {sql.literal(field.time_of_day.isoformat())}" if field.time_of_day is not None else None
    if place.column.kind is Kind.DATE:
        _refuse(field, "is a date, not text", "format", "epoch")
        date = f"CASE WHEN {place.sql} BETWEEN '0001-01-02' AND '9999-12-30' THEN {place.sql} END"
        return f"({date}) + {_time_of_day(name, field, time_place, default)}"
    if not field.format:
        msg = f'{name}: say how its text is to be read: format, such as "DD.MM.YYYY HH24:MI"'
        raise MappingError(msg)
    value = f"btrim({place.text})"
    choices: list[str] = []
    for parsed in map(formats.parse, field.format):
        if not parsed.has_date:
            msg = f"{name}: a format without year, month and day"
            raise MappingError(msg)
        time = parsed.time(value) if parsed.has_time else _time_of_day(name, field, time_place, default)
        choices.append(f"({parsed.date(value)}) + ({time})")
    return _first(choices)


def _time_of_day(name: str, field: TimeField, place: Place | None, default: str | None) -> str:
    choices: list[str] = []
    if place is not None and place.column.kind is Kind.TEXT:
        if not field.time_format:
            msg = f'{place.column.name}: say how its text is to be read: time_format, such as "HH24:MI"'
            raise MappingError(msg)
        value = f"btrim({place.text})"
        choices += [parsed.time(value) for parsed in map(formats.parse, field.time_format)]
        if default is not None:  # for no time at all; a time that cannot be read is no midday
            choices.append(f"CASE WHEN coalesce({value}, '') = '' THEN {default} END")
    elif place is not None:
        _require(place, "a time of day", Kind.TIME)
        choices.append(place.sql)
        if default is not None:
            choices.append(default)
    elif default is not None:
        choices.append(default)
    else:
        msg = f"{name}: say at which time of day: time_column or time_of_day"
        raise MappingError(msg)
    return _first(choices)


def _epoch(place: Place, epoch: Epoch) -> tuple[Expression, Bound]:
    unit = 1 if epoch is Epoch.SECONDS else 1000
    in_range = f"{place.sql} BETWEEN {-62135510400 * unit} AND {253402214400 * unit}"  # years 1 to 9999
    seconds = place.sql if unit == 1 else f"{place.sql} / {unit}.0"
    value = f"(CASE WHEN {in_range} THEN to_timestamp({seconds}) END)"
    bound = f"floor(extract(epoch FROM %s) * {unit})::bigint"
    return Expression(value, f"{value} IS NOT NULL"), Bound(place.sql, f"{bound} - {unit}", f"{bound} + {unit}")


def _number(place: Place) -> str:
    if place.column.kind is not Kind.TEXT:
        return place.sql
    trimmed = f"btrim({place.text})"
    return f"(CASE WHEN {trimmed} ~ {sql.literal(_NUMBER_TEXT)} THEN replace({trimmed}, ',', '.')::numeric END)"


def _rounded(number: str, place: Place) -> str:
    """Return ``number`` to the nearest integer, halves away from zero."""
    return number if number == place.sql and place.column.kind is Kind.INTEGER else f"round(({number})::numeric)"


def _between(number: str, least: float, most: float, value: str) -> str:
    return f"(CASE WHEN {number} BETWEEN {sql.number(least)} AND {sql.number(most)} THEN {value} END)::integer"


def _is_representable(value: str) -> str:
    """Return whether Python's datetime can hold the ``timestamptz`` in any time zone; infinity it cannot."""
    return f"({value} >= '0001-01-02 00:00Z' AND {value} < '9999-12-31 00:00Z')"


def _holds(condition: str, place: Place) -> str:
    """Return ``condition``, or that there is no value; written so that PostgreSQL estimates it from its statistics."""
    return f"({condition})" if place.column.is_required else f"({place.sql} IS NULL OR {condition})"


def _optional(value: str, place: Place, missing: Sequence[str]) -> Expression:
    is_missing = f"{place.sql} IS NULL"
    if place.column.kind is Kind.TEXT:
        is_missing += f" OR btrim({place.text}) = ''"
    if missing:
        is_missing += f" OR btrim({place.text}) IN ({sql.texts(tuple(missing))})"
        value = f"(CASE WHEN btrim({place.text}) NOT IN ({sql.texts(tuple(missing))}) THEN {value} END)"
    return Expression(value, f"({is_missing} OR {value} IS NOT NULL)")


def _case(value: str, choices: list[tuple[str, str]]) -> str:
    whens = " ".join(f"WHEN {sql.literal(key)} THEN {result}" for key, result in choices)
    return f"(CASE {value} {whens} END)"


def _first(choices: list[str]) -> str:
    return choices[0] if len(choices) == 1 else f"coalesce({', '.join(choices)})"


def _guarded(parameter: str, pattern: str, type_name: str) -> str:
    return f"(CASE WHEN {parameter}::text ~ {sql.literal(pattern)} THEN {parameter}::text::{type_name} END)"


def _require(place: Place, what: str, *kinds: Kind) -> None:
    if place.column.kind not in kinds:
        msg = f"{place.column.name}: expected {what}, and the column's type is {place.column.type}"
        raise MappingError(msg)


def _refuse(field: TimeField, why: str, *names: str) -> None:
    if given := [name for name in names if getattr(field, name)]:
        msg = f"{field.column}: {why}; leave out {', '.join(given)}"
        raise MappingError(msg)
