"""The query parameters of the symptom API, as the operations want them.

``symptom`` (may be repeated), ``text``, ``category``, ``from``, ``to``, ``min_severity``; for lists ``sort``,
``limit``, ``cursor``, ``total``; for statistics ``bucket``; ``time_zone``. Unknown parameters are refused by name.

``from`` and ``to`` are dates (``2026-05-31``: from its beginning, or to its end, in ``time_zone``) or times with an
offset (``2026-05-31T12:00:00+02:00``, RFC 3339: from it on, or up to but without it).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from bridge.contracts.health import ListNames, ListSymptoms, StatsOfSymptoms
from bridge.errors import Code, FieldError, Invalid
from bridge.problem import field_errors
from gateway.web.described import Query as QuerySaid
from gateway.web.inputs import invalid
from gateway.web.moments import MOMENT, moment

M = TypeVar("M", bound=BaseModel)
Query = Mapping[str, list[str]]

_FILTER: Final = frozenset({"symptom", "text", "category", "from", "to", "min_severity"})
_LIST: Final = _FILTER | {"sort", "limit", "cursor", "total", "time_zone"}
_STATS: Final = _FILTER | {"bucket", "time_zone"}
_FIELD_BY_PARAMETER: Final = MappingProxyType({"symptom": "symptoms", "from": "start", "to": "end"})
_PARAMETER_BY_FIELD: Final = {field: name for name, field in _FIELD_BY_PARAMETER.items()} | {"body": "to"}

_RENAMED: Final = {field: name for name, field in _FIELD_BY_PARAMETER.items()}
_MOMENTS: Final = {"from": MOMENT, "to": {**MOMENT, "description": f"{MOMENT['description']} Later than `from`."}}
_ZONE: Final = MappingProxyType(
    {
        "type": "string",
        "format": "iana-time-zone",
        "minLength": 1,
        "maxLength": 64,
        "description": "An IANA time zone: where days begin.",
    }
)
LIST_QUERY: Final = QuerySaid(ListSymptoms, renamed=_RENAMED, schemas=_MOMENTS, more={"time_zone": _ZONE})
STATS_QUERY: Final = QuerySaid(StatsOfSymptoms, renamed=_RENAMED, schemas={**_MOMENTS, "time_zone": _ZONE})
NAMES_QUERY: Final = QuerySaid(ListNames)


def list_parameters(query: Query, default_zone: ZoneInfo) -> ListSymptoms:
    """Return the parameters of ``health.symptoms.list``. Raises Invalid."""
    zone = _zone(query, default_zone)
    values = {name: values for name, values in query.items() if name != "time_zone"}
    return _parameters(ListSymptoms, values, zone, _LIST)


def stats_parameters(query: Query, default_zone: ZoneInfo) -> StatsOfSymptoms:
    """Return the parameters of ``health.symptoms.stats``. Raises Invalid."""
    zone = _zone(query, default_zone)
    return _parameters(StatsOfSymptoms, {**query, "time_zone": [zone.key]}, zone, _STATS)


def names_parameters(query: Query) -> ListNames:
    """Return the parameters of ``health.symptoms.names``. Raises Invalid."""
    return _parameters(ListNames, query, ZoneInfo("UTC"), frozenset({"limit"}))


def _parameters(model: type[M], query: Query, zone: ZoneInfo, known: frozenset[str]) -> M:
    values: dict[str, object] = {}
    wrong = [FieldError(name, "there is no such parameter") for name in query if name not in known]
    for name, given in query.items():
        if name not in known:
            continue
        if name == "symptom":
            values["symptoms"] = given
        elif len(given) > 1:
            wrong.append(FieldError(name, "may be given once"))
        elif name in {"from", "to"}:
            try:
                values[_FIELD_BY_PARAMETER[name]] = moment(given[0], zone, is_end=name == "to")
            except ValueError as error:
                wrong.append(FieldError(name, str(error)))
        else:
            values[name] = given[0]
    if wrong:
        raise Invalid(Code.INVALID_REQUEST, fields=tuple(wrong))
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Invalid(Code.INVALID_REQUEST, fields=tuple(_by_parameter(field_errors(error)))) from None


def _by_parameter(errors: tuple[FieldError, ...]) -> list[FieldError]:
    """Return the errors under the names that the client wrote: ``symptoms.0`` is one of its ``symptom``."""
    found = []
    for error in errors:
        field = error.name.partition(".")[0]
        found.append(FieldError(_PARAMETER_BY_FIELD.get(field, field), error.message))
    return found


def _zone(query: Query, default: ZoneInfo) -> ZoneInfo:
    if "time_zone" not in query:
        return default
    return time_zone(query["time_zone"][-1])


def time_zone(name: str) -> ZoneInfo:
    """Return the time zone called ``name`` by IANA. Raises Invalid."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # no such zone, a path, a folder
        raise invalid(name="time_zone", message="must be an IANA time zone such as Europe/London") from None
