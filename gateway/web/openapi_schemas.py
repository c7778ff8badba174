"""The JSON schemas in the API's description: one for each model that a route takes or answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from bridge.contracts.operation import Nothing
from gateway.web.described import Description, Query

Json = dict[str, Any]

_REFERENCE: Final = "#/components/schemas/{model}"
_NO_CONTENT: Final = 204
_CURSOR: Final = "The `next` of the page before, asked with the same filter."

CURSOR: Final = "cursor"
"""The parameter of a list that begins where the page before ended."""


class Fault(BaseModel):
    """One input that is wrong."""

    name: str
    message: str


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    title: str
    status: int
    code: str
    detail: str
    fields: tuple[Fault, ...] | None = None
    retry_after_s: float | None = None
    request_id: str | None = None


def result_of(description: Description) -> type[BaseModel] | None:
    """Return the model of the answer's body, or None where it has none."""
    if description.status == _NO_CONTENT:
        return None
    own = description.result or (description.operation.result if description.operation else None)
    return None if own is Nothing else own


class Schemas:
    """The JSON schemas of every model that the descriptions name."""

    def __init__(self, descriptions: Iterable[Description]) -> None:
        wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(Problem, "serialization"): None}
        stale: set[type[BaseModel]] = set()
        for each in descriptions:
            if each.body is not None:
                wanted[each.body, "validation"] = None
            if each.query is not None:
                wanted[each.query.model, "validation"] = None
            for model in (result_of(each), *each.also.values()):
                if isinstance(model, type):
                    wanted[model, "serialization"] = None
            if each.operation is not None and each.operation.cache is not None:
                stale.add(each.operation.result)
        found, rest = models_json_schema(list(wanted), ref_template=_REFERENCE)
        self._references = found
        self._components: dict[str, Json] = rest["$defs"]
        for model in stale:
            properties = self._component(model, "serialization")["properties"]
            properties["as_of"] = {
                "type": "string", "format": "date-time",
                "description": "Only in an answer that was kept from before an outage: when it was true.",
            }  # fmt: skip
        self._queries: set[str] = set()

    def reference(self, model: type[BaseModel], mode: JsonSchemaMode) -> Json:
        return dict(self._references[model, mode])

    def parameters(self, query: Query) -> Iterator[Json]:
        found_in = self._component(query.model, "validation")
        self._queries.add(self._name(query.model, "validation"))
        required = found_in.get("required", ())
        for field, found in found_in.get("properties", {}).items():
            if field in query.without:
                continue
            name = query.renamed.get(field, field)
            own = _not_null({key: value for key, value in found.items() if key not in {"title", "default"}})
            if (default := found.get("default")) is not None and default != []:
                own["default"] = default
            about = {"description": _CURSOR} if name == CURSOR else {}
            yield _in_query(name, query.schemas.get(name, {**own, **about}), is_required=field in required)
        for name, schema in query.more.items():
            yield _in_query(name, schema, is_required=False)

    def components(self) -> dict[str, Json]:
        """Return what is referred to; the models of queries are not."""
        return {name: schema for name, schema in sorted(self._components.items()) if name not in self._queries}

    def _name(self, model: type[BaseModel], mode: JsonSchemaMode) -> str:
        return str(self._references[model, mode]["$ref"]).rpartition("/")[2]

    def _component(self, model: type[BaseModel], mode: JsonSchemaMode) -> Json:
        return self._components[self._name(model, mode)]


def _in_query(name: str, schema: Mapping[str, Any], *, is_required: bool) -> Json:
    return {"name": name, "in": "query", "required": is_required, "schema": dict(schema)}


def _not_null(schema: Json) -> Json:
    """Return the schema of a parameter: one that is left out is not there, never null."""
    given = [each for each in schema.pop("anyOf", ()) if each != {"type": "null"}]
    return {**schema, **given[0]} if len(given) == 1 else {**schema, **({"anyOf": given} if given else {})}
