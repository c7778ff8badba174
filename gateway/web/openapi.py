"""The API's description in OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1.html), made from routes and contracts.

A handler that is reached by several paths is described once, by the one under ``/api/v1`` where it has one. The text is
written to ``openapi.json`` beside this by ``make docs``, so that no gateway has to make it; it is served as it is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from aiohttp import hdrs, web
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from pydantic_core import to_json

from bridge.contracts.operation import EVERY_ROLE, Nothing, User
from bridge.errors import Code
from bridge.problem import PROBLEM_TYPE
from bridge.process.version import VERSION
from gateway.web.described import Description, Query, described, description_of
from gateway.web.inputs import JSON
from gateway.web.pages import render
from gateway.web.rate_limits import Counted, counted

Json = dict[str, Any]

FILE: Final = Path(__file__).with_name("openapi.json")
_PREFIX: Final = "/api/v1"
_REFERENCE: Final = "#/components/schemas/{model}"
_BODY_REFUSALS: Final = (400, 413, 415)
_OF_OPERATIONS: Final = (503, 504)
_ALWAYS: Final = (403, 429, 500)  # a banned address, another site's page; too much; our own fault
_OF_EDITIONS: Final = (400, 409)
_STALE: Final = 412
_NO_CONTENT: Final = 204
_RETRIED_LATER: Final = frozenset({429, 503})
_OF_THE_BRIDGE: Final = frozenset(
    {Code.SIGNATURE_REFUSED, Code.CLOCK_SKEWED, Code.BOOT_UNKNOWN, Code.REPLAYED, Code.IDEMPOTENCY_IN_PROGRESS,
     Code.IDEMPOTENCY_MISMATCH, Code.PRECONDITION_FAILED, Code.METHOD_NOT_ALLOWED}
)  # fmt: skip
"""What no described request is answered with; a failed precondition is answered with what there is now."""

_SECURITY: Final[list[Json]] = [{"bearer": []}, {"session": []}]
_UUID: Final = {"type": "string", "format": "uuid"}

_ABOUT: Final = """\
Records, accounts and the audit trail of one Drawbridge appliance.

Sign in with `POST /api/v1/auth/login`, and send the `access_token` of its answer as `Authorization: Bearer …`. Renew it
with `POST /api/v1/auth/refresh` before it ends; each refresh token is good once.

Lists come in pages: ask again with the `cursor` that `next` holds, or follow `Link: rel="next"`. What can be edited has
an `ETag`; send it as `If-Match` with a change, and a change to an edition that is gone is refused (412) with what there
is now. Every failure is a problem document (RFC 9457) whose `code` never changes its meaning; `X-Request-Id` names the
request in the logs. `RateLimit` says what is left of your quota. A field or parameter that is not listed is refused by
name. Most paths also work without `/api/v1`.
"""


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


class Document(BaseModel):
    """An OpenAPI document."""

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]


UNDESCRIBED: Final = {
    "/": "a page",
    "/accept-invitation": "a page that a mailed link leads to",
    "/account": "a page",
    "/account/activity": "a page",
    "/account/data": "a page",
    "/account/delete": "a page's form",
    "/account/email": "a page's form",
    "/account/password": "a page's form",
    "/account/preferences": "a page's form",
    "/account/profile": "a page's form",
    "/account/security": "a page",
    "/account/seen": "a page",
    "/account/sessions/end": "a page's form",
    "/account/sessions/end-others": "a page's form",
    "/accounts": "a page",
    "/accounts/create": "a page's form",
    "/accounts/invitations": "a page",
    "/accounts/invitations/withdraw": "a page's form",
    "/accounts/invite": "a page's form",
    "/accounts/new": "a page",
    "/accounts/{id}": "a page",
    "/accounts/{id}/change": "a page's form",
    "/accounts/{id}/delete": "a page's form",
    "/accounts/{id}/disable": "a page's form",
    "/accounts/{id}/enable": "a page's form",
    "/accounts/{id}/sign-out": "a page's form",
    "/accounts/{id}/unlock": "a page's form",
    "/audit": "a page",
    "/auth/refresh": "by GET: a browser on its way to a page",
    "/chat": "a page's form",
    "/confirm-address": "a page that a mailed link leads to",
    "/csp-reports": "for browsers alone",
    "/docs": "a page: this description",
    "/health/keep": "for programs of the door itself",
    "/health/keep/taken": "for programs of the door itself",
    "/manifest.webmanifest": "what makes the page installable",
    "/reset-password": "a page that a mailed link leads to",
    "/reset-password/link": "a page's form",
    "/sign-in": "a page",
    "/sign-up": "a page",
    "/static/{name}": "the look of the pages",
    "/status": "a page",
    "/status/bans/lift": "a page's form",
    "/status/events": "what a page shows live",
}
"""Routes that say nothing of themselves, and why. Any other has to."""


def described_routes(app: web.Application) -> dict[tuple[str, str], Description]:
    """Return what each described handler says, by its method in capitals and its path, one path a handler."""
    found: dict[tuple[str, object], tuple[str, Description]] = {}
    for route in app.router.routes():
        description = description_of(route.handler)
        if description is None or route.resource is None or route.method == hdrs.METH_HEAD:
            continue
        path, key = route.resource.canonical, (route.method, route.handler)
        if key not in found or path.startswith(f"{_PREFIX}/"):
            found[key] = (path, description)
    return {(method, path): description for (method, _), (path, description) in found.items()}


def document_of(app: web.Application) -> Json:
    """Return the description of every described route of ``app``."""
    routes = described_routes(app)
    schemas = _Schemas(routes.values())
    paths: dict[str, Json] = {}
    for (method, path), description in sorted(routes.items(), key=lambda item: (item[0][1], item[0][0])):
        paths.setdefault(path, {})[method.lower()] = _operation(path, description, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Drawbridge", "version": VERSION, "description": _ABOUT, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "session": {"type": "apiKey", "in": "cookie", "name": "__Host-session", "description": "A browser’s."},
            },
            "responses": dict(_problems(schemas)),
            "schemas": schemas.components(),
        },
    }


def document_text(app: web.Application) -> str:
    """Return the description as it is kept in :data:`FILE`."""
    return to_json(document_of(app), indent=1).decode() + "\n"


class OpenApi:
    """Serves the file."""

    def __init__(self, file: Path = FILE) -> None:
        self._content = file.read_bytes()
        self._etag = f'"{hashlib.sha256(self._content).hexdigest()[:16]}"'

    @counted(Counted.ASSET)
    @described(Description("This description", name="api.description", result=Document))
    async def serve(self, request: web.Request) -> web.Response:
        """``GET /api/v1/openapi.json``."""
        headers = {hdrs.ETAG: self._etag, hdrs.CACHE_CONTROL: "no-cache"}
        if request.headers.get(hdrs.IF_NONE_MATCH) == self._etag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=self._content, content_type=JSON, headers=headers)

    @staticmethod
    async def show(request: web.Request) -> web.Response:
        """``GET /docs``: Swagger UI, in which each route can be tried."""
        return render("api.html", request, {})


def add_routes(app: web.Application, api: OpenApi) -> None:
    for prefix in ("", _PREFIX):
        app.router.add_get(f"{prefix}/openapi.json", api.serve)
    app.router.add_get("/docs", api.show)


class _Schemas:
    """The JSON schemas of every model that the descriptions name."""

    def __init__(self, descriptions: Any) -> None:  # noqa: ANN401 - a view of a dict's values
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
            yield _in_query(name, query.schemas.get(name, own), is_required=field in required)
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


def result_of(description: Description) -> type[BaseModel] | None:
    """Return the model of the answer's body, or None where it has none."""
    if description.status == _NO_CONTENT:
        return None
    own = description.result or (description.operation.result if description.operation else None)
    return None if own is Nothing else own


def _operation(path: str, description: Description, schemas: _Schemas) -> Json:
    operation = description.operation
    is_for_users = operation is not None and isinstance(operation.principal, User)
    said: Json = {
        "operationId": description.name or (operation.name if operation else ""),
        "tags": [_tag(path, description)],
        "summary": description.summary,
    }
    if details := " ".join(filter(None, (description.details, _who(description)))):
        said["description"] = details
    said["security"] = _SECURITY if is_for_users else []
    if parameters := list(_parameters(path, description, schemas)):
        said["parameters"] = parameters
    if description.body is not None:
        content: Json = {"schema": schemas.reference(description.body, "validation")}
        if description.example is not None:
            content["example"] = dict(description.example)
        said["requestBody"] = {"required": True, "content": {JSON: content}}
    said["responses"] = dict(_responses(path, description, schemas, is_for_users=is_for_users))
    return said


def _who(description: Description) -> str:
    principal = description.operation.principal if description.operation else None
    if isinstance(principal, User) and principal.roles != EVERY_ROLE:
        return f"For accounts with the role {' or '.join(sorted(principal.roles))}."
    return ""


def _tag(path: str, description: Description) -> str:
    principal = description.operation.principal if description.operation else None
    if isinstance(principal, User) and principal.roles != EVERY_ROLE:
        return "administration"
    head = path.removeprefix(_PREFIX).split("/")[1]
    known = {"auth": "signing in", "users": "your account", "account": "your account", "chat": "records"}
    is_of_records = head == "health" and path.startswith(_PREFIX)
    return "records" if is_of_records else known.get(head, "appliance")


def _parameters(path: str, description: Description, schemas: _Schemas) -> Iterator[Json]:
    for name in re.findall(r"{(\w+)}", path):
        yield {"name": name, "in": "path", "required": True, "schema": _UUID}
    if description.query is not None:
        for parameter in schemas.parameters(description.query):
            example = description.example_query.get(parameter["name"])
            yield parameter if example is None else {**parameter, "example": example}
    if description.takes_edition:
        schema = {"type": "string", "pattern": r'^"[1-9][0-9]{0,8}"$'}
        about = "The `ETag` of the edition that the change is made to."
        yield {"name": hdrs.IF_MATCH, "in": "header", "required": False, "schema": schema, "description": about}


def _responses(
    path: str, description: Description, schemas: _Schemas, *, is_for_users: bool
) -> Iterator[tuple[str, Json]]:
    good = {description.status: result_of(description), **description.also}
    for status, model in sorted(good.items()):
        yield str(status), _answer(description, model, schemas)
    refused = {*_ALWAYS, *description.refuses}
    refused |= {401} if is_for_users else set()
    refused |= {*_BODY_REFUSALS} if description.body is not None else set()
    refused |= {400} if description.query is not None else set()
    refused |= {*_OF_OPERATIONS} if description.operation is not None else set()
    refused |= {404} if "{" in path else set()
    refused |= {*_OF_EDITIONS} if description.takes_edition else set()
    refused |= {_STALE} if description.takes_edition else set()
    for status in sorted(refused - good.keys()):
        if status == _STALE:
            now = _answer(description, result_of(description), schemas)
            yield str(status), {**now, "description": "It was changed since; this is what it is now."}
        else:
            yield str(status), {"$ref": f"#/components/responses/{status}"}


def _answer(description: Description, model: type[BaseModel] | str | None, schemas: _Schemas) -> Json:
    headers: Json = {"X-Request-Id": {"schema": {"type": "string"}}, "RateLimit": {"schema": {"type": "string"}}}
    if description.has_edition or description.takes_edition:
        headers[hdrs.ETAG] = {"schema": {"type": "string"}}
    if description.location:
        headers[hdrs.LOCATION] = {"schema": {"type": "string"}}
    if description.query is not None and "cursor" in description.query.model.model_fields:
        headers[hdrs.LINK] = {"schema": {"type": "string"}, "description": "The following page, where there is one."}
    said: Json = {"description": model if isinstance(model, str) else "Done.", "headers": headers}
    if isinstance(model, type):
        said["content"] = {description.media_type: {"schema": schemas.reference(model, "serialization")}}
    elif description.media_type != JSON:
        said["content"] = {description.media_type: {"schema": {"type": "string"}}}
    return said


def _problems(schemas: _Schemas) -> Iterator[tuple[str, Json]]:
    """Yield a response for every status that a problem can have, with the codes that go with it."""
    reference = schemas.reference(Problem, "serialization")
    for status in sorted({code.status for code in Code if code not in _OF_THE_BRIDGE}):
        codes = [code for code in Code if code.status == status and code not in _OF_THE_BRIDGE]
        about = "; ".join(f"`{code.wire}`: {code.title}" for code in codes)
        headers = {hdrs.RETRY_AFTER: {"schema": {"type": "integer"}}} if status in _RETRIED_LATER else {}
        said: Json = {"description": about, "content": {PROBLEM_TYPE: {"schema": reference}}}
        yield str(status), {**said, "headers": headers} if headers else said
