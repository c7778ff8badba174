"""Parameters made from a model alone, so that a test which walks every operation needs no list kept by hand.

Where a field's own rule says more than its JSON schema (a checksum, another field's value) and none of the values here
meet it, say one beside the rule: ``Field(examples=[…])``. It is tried first, and the documentation gains it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from hypothesis import find
from hypothesis.strategies import from_regex
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

M = TypeVar("M", bound=BaseModel)

_TRIES: Final = 200
_UUID: Final = "33333333-3333-4333-8333-333333333333"
_BY_FORMAT: Final[Mapping[str, Sequence[str]]] = {
    "date": ("2026-05-01", "2026-05-02"),
    "date-time": ("2026-05-01T10:00:00Z", "2026-05-02T10:00:00Z"),
    "duration": ("PT1H",),
    "email": ("somebody@example.org",),
    "ipvanyaddress": ("192.0.2.1",),
    "password": ("Another horse 2", "somebody"),
    "time": ("10:00:00",),
    "uri": ("https://example.org/",),
    "uuid": (_UUID,),
}
_STRINGS: Final = ("somebody", "somebody@example.org", "Another horse 2", "UTC", "en", "192.0.2.1", _UUID, "2026-05-01")


class NoExample(Exception):
    """No parameters were found; the message names the model, and what is wrong with the last that were tried."""


def example(model: type[M]) -> M:
    """Return one valid value of ``model``, the same each time: required fields alone. Raises :class:`NoExample`."""
    schema = model.model_json_schema()
    required = schema.get("required", [])
    candidates = [_candidates(schema["properties"][name], schema) for name in required]
    said = ""
    for values in itertools.islice(_together(candidates), _TRIES):
        try:
            return model.model_validate_json(to_json(dict(zip(required, values, strict=True))))
        except ValidationError as error:
            said = str(error)
    msg = f"{model.__name__}: give its fields examples; the last that were tried: {said}"
    raise NoExample(msg)


def naming(model: type[M], names: Sequence[object]) -> Iterator[M]:
    """Yield :func:`example`, then a value of ``model`` for each field that takes one of ``names``, optional ones too.

    ``names`` are what somebody would ask for by name: ids, addresses.
    """
    whole = example(model)
    yield whole
    sent = whole.model_dump(mode="json", exclude_unset=True)
    for field, name in itertools.product(model.model_json_schema().get("properties", {}), names):
        for value in (name, [name]):
            try:
                yield model.model_validate_json(to_json(sent | {field: value}))
            except ValidationError:
                continue
            break


def _together(candidates: Sequence[Sequence[object]]) -> Iterator[tuple[object, ...]]:
    """Yield every field's first candidate, then its second and so on, then every combination."""
    longest = max(map(len, candidates), default=1)
    for index in range(longest):
        yield tuple(each[index % len(each)] for each in candidates)
    yield from itertools.product(*candidates)


def _candidates(schema: Mapping[str, Any], root: Mapping[str, Any]) -> list[object]:
    """Return values to try for one field, likely ones first."""
    if "$ref" in schema:
        return _candidates(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    given = [*schema.get("examples", ())]
    for whole in ("enum", "const"):
        if whole in schema:
            return [*given, *(schema[whole] if whole == "enum" else [schema[whole]])]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema and "type" not in schema:  # beside a type they only narrow it
            return [*given, *(value for part in schema[several] for value in _candidates(part, root))]
    return [*given, *_of_type(schema, root)]


def _of_type(schema: Mapping[str, Any], root: Mapping[str, Any]) -> list[object]:
    match schema.get("type"):
        case "string":
            return [*_strings(schema)]
        case "integer" | "number":
            return [schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)]
        case "boolean":
            return [True, False]
        case "array":
            least = schema.get("minItems", 0)
            items = _candidates(schema["items"], root) if least else []
            return [[item] * least for item in items] or [[]]
        case "object":
            required = schema.get("required", [])
            parts = [_candidates(schema["properties"][name], root) for name in required]
            return [dict(zip(required, values, strict=True)) for values in itertools.islice(_together(parts), _TRIES)]
        case _:
            return [None]


def _strings(schema: Mapping[str, Any]) -> Iterator[str]:
    least, most, pattern = schema.get("minLength", 0), schema.get("maxLength", 1 << 20), schema.get("pattern", "")
    likely = (*_BY_FORMAT.get(schema.get("format", ""), ()), *_STRINGS, "x" * least)
    fitting = [text for text in likely if least <= len(text) <= most and re.search(pattern, text)]
    yield from fitting
    if not fitting:
        yield find(from_regex(pattern), lambda text: least <= len(text) <= most)
