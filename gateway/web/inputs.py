"""Reading what a client sent into a typed value, or saying which part is wrong. No value is ever repeated back."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Final, TypeVar
from urllib.parse import parse_qsl

from aiohttp import web
from pydantic import BaseModel, ValidationError

from bridge.errors import Code, FieldError, Invalid
from bridge.problem import field_errors
from gateway.web.context import CONTEXT

M = TypeVar("M", bound=BaseModel)

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
_FIELDS_MAX: Final = 100
_OWN_PATH: Final = re.compile(r"/(?![/\\])[!-~]*")


def invalid(*, name: str, message: str) -> Invalid:
    """Return the error for one wrong input."""
    return Invalid(Code.INVALID_REQUEST, fields=(FieldError(name, message),))


def validate(model: type[M], values: Mapping[str, object]) -> M:
    """Return ``values`` as ``model``. Raises Invalid, naming each wrong or unknown field."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Invalid(Code.INVALID_REQUEST, fields=field_errors(error)) from None


async def read_body(request: web.Request) -> bytes:
    """Return the body. Raises Invalid where it is not all there by the request's deadline: nobody holds us up."""
    try:
        async with asyncio.timeout_at(request[CONTEXT].deadline):
            return await request.read()
    except TimeoutError:
        raise invalid(name="body", message="must arrive faster") from None


async def read_json(request: web.Request, model: type[M]) -> M:
    """Return the JSON body as ``model``. A number in quotes is no number: what is described is what is taken.

    Raises Invalid: not JSON (415), too large (413); too slow, malformed, too deep, wrong or unknown fields (400).
    """
    if request.content_type != JSON:
        raise Invalid(Code.UNSUPPORTED_MEDIA_TYPE, f"Content-Type must be {JSON}")
    try:
        return model.model_validate_json(await read_body(request), strict=True)
    except ValidationError as error:
        raise Invalid(Code.INVALID_REQUEST, fields=field_errors(error)) from None


async def read_form(request: web.Request, model: type[M]) -> M:
    """Return the body of a plain HTML form as ``model``. Raises Invalid as :func:`read_json`."""
    return validate(model, await read_fields(request))


async def read_fields(request: web.Request) -> dict[str, str]:
    """Return what a plain HTML form holds, field by field, the last of each name.

    Raises Invalid: no form (415), too large (413); too slow, malformed (400).
    """
    if request.content_type != FORM:
        raise Invalid(Code.UNSUPPORTED_MEDIA_TYPE, f"Content-Type must be {FORM}")
    try:
        body = (await read_body(request)).decode("ascii")
    except UnicodeDecodeError:
        raise invalid(name="body", message="must be percent-encoded") from None
    return {name: values[-1] for name, values in _pairs(body, "body").items()}


def parse_query(query: str) -> dict[str, list[str]]:
    """Return a raw query's values by name, in their order. Raises Invalid when it is no valid UTF-8 or too long."""
    return _pairs(query, "query") if query else {}


def query_values(request: web.Request, known: frozenset[str]) -> dict[str, object]:
    """Return the query's parameters, each of which may be given once. Raises Invalid for any other."""
    query = parse_query(request.rel_url.raw_query_string)
    wrong = [FieldError(name, "there is no such parameter") for name in query if name not in known]
    wrong += [FieldError(name, "may be given once") for name, given in query.items() if name in known and given[1:]]
    if wrong:
        raise Invalid(Code.INVALID_REQUEST, fields=tuple(wrong))
    return {name: given[0] for name, given in query.items()}


def _pairs(text: str, what: str) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    try:
        for name, value in parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_MAX):
            values.setdefault(name, []).append(value)
    except ValueError:  # not UTF-8, or more than the fields allowed
        raise invalid(name=what, message=f"must be UTF-8, with at most {_FIELDS_MAX} fields") from None
    return values


def own_path(text: str) -> str:
    """Return ``text`` where it is a path on this site, else ``/``: nobody is sent elsewhere after signing in."""
    return text if _OWN_PATH.fullmatch(text) else "/"
