"""The API's description in OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1.html), made from routes and contracts.

A handler that is reached by several paths is described once, by the one under ``/api/v1`` where it has one. ``make
docs`` writes it to ``openapi.json``, so that no gateway has to make it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from aiohttp import hdrs, web
from pydantic import BaseModel
from pydantic_core import to_json

from bridge.contracts.operation import EVERY_ROLE, User
from bridge.errors import Code
from bridge.problem import PROBLEM_TYPE
from bridge.process.version import VERSION
from gateway.web.described import Description, Link, description_of
from gateway.web.inputs import JSON
from gateway.web.openapi_schemas import CURSOR, Json, Problem, Schemas, result_of

_PREFIX: Final = "/api/v1"
_BODY_REFUSALS: Final = (400, 413, 415)
_OF_OPERATIONS: Final = (503, 504)
_ALWAYS: Final = (403, 429, 500)  # a banned address, another site's page; too much; our own fault
_OF_EDITIONS: Final = (400, 409)
_STALE: Final = 412
_RETRIED_LATER: Final = frozenset({429, 503})
_OF_THE_BRIDGE: Final = frozenset(
    {Code.SIGNATURE_REFUSED, Code.CLOCK_SKEWED, Code.BOOT_UNKNOWN, Code.REPLAYED, Code.IDEMPOTENCY_IN_PROGRESS,
     Code.IDEMPOTENCY_MISMATCH, Code.PRECONDITION_FAILED, Code.METHOD_NOT_ALLOWED}
)  # fmt: skip
"""What no described request is answered with; a failed precondition is answered with what there is now."""

_NEXT: Final = {CURSOR: "/next"}

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
    schemas = Schemas(routes.values())
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
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The `access_token` of `POST /api/v1/auth/login`, good for 24 hours. "
                    "`POST /api/v1/auth/refresh` gives the next one for the `refresh_token`.",
                },
                "session": {"type": "apiKey", "in": "cookie", "name": "__Host-session", "description": "A browser’s."},
            },
            "responses": dict(_problems(schemas)),
            "schemas": schemas.components(),
        },
    }


def document_text(app: web.Application) -> str:
    """Return the description as it is kept in ``openapi.json``."""
    return to_json(document_of(app), indent=1).decode() + "\n"


def _operation(path: str, description: Description, schemas: Schemas) -> Json:
    operation = description.operation
    is_for_users = operation is not None and isinstance(operation.principal, User)
    said: Json = {
        "operationId": _name(description),
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


def _name(description: Description) -> str:
    return description.name or (description.operation.name if description.operation else "")


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


def _parameters(path: str, description: Description, schemas: Schemas) -> Iterator[Json]:
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
    path: str, description: Description, schemas: Schemas, *, is_for_users: bool
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


def _answer(description: Description, model: type[BaseModel] | str | None, schemas: Schemas) -> Json:
    headers: Json = {"X-Request-Id": {"schema": {"type": "string"}}, "RateLimit": {"schema": {"type": "string"}}}
    if description.has_edition or description.takes_edition:
        headers[hdrs.ETAG] = {"schema": {"type": "string"}}
    if description.location:
        headers[hdrs.LOCATION] = {"schema": {"type": "string"}}
    links = {link.operation: link for link in description.links}
    if description.query is not None and CURSOR in description.query.model.model_fields:
        links["next"] = Link(_name(description), _NEXT)
        headers[hdrs.LINK] = {"schema": {"type": "string"}, "description": "The following page, where there is one."}
    said: Json = {"description": model if isinstance(model, str) else "Done.", "headers": headers}
    if isinstance(model, type):
        said["content"] = {description.media_type: {"schema": schemas.reference(model, "serialization")}}
    elif description.media_type != JSON:
        said["content"] = {description.media_type: {"schema": {"type": "string"}}}
    if links and isinstance(model, type):
        said["links"] = {name: _link(link) for name, link in links.items()}
    return said


def _link(link: Link) -> Json:
    found = {name: f"$response.body#{pointer}" for name, pointer in link.parameters.items()}
    return {"operationId": link.operation, "parameters": found}


def _problems(schemas: Schemas) -> Iterator[tuple[str, Json]]:
    """Yield a response for every status that a problem can have, with the codes that go with it."""
    reference = schemas.reference(Problem, "serialization")
    for status in sorted({code.status for code in Code if code not in _OF_THE_BRIDGE}):
        codes = [code for code in Code if code.status == status and code not in _OF_THE_BRIDGE]
        about = "; ".join(f"`{code.wire}`: {code.title}" for code in codes)
        headers = {hdrs.RETRY_AFTER: {"schema": {"type": "integer"}}} if status in _RETRIED_LATER else {}
        said: Json = {"description": about, "content": {PROBLEM_TYPE: {"schema": reference}}}
        yield str(status), {**said, "headers": headers} if headers else said
