"""The query of ``/audit-logs`` and ``/audit``, as the operation wants it.

``from`` and ``to`` are dates (from its beginning, to its end) or times with an offset (from it on, up to but without
it); ``user`` is an account's id or e-mail address; ``entity_type`` and ``entity_id`` what it was done to; ``action``
the operation's name; ``limit`` and ``cursor`` the page. Each may be given once; unknown ones are refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from types import MappingProxyType
from typing import Final

from aiohttp import web

from bridge.contracts.audit import ListEntries
from bridge.errors import Code, FieldError, Invalid
from gateway.web.described import Query
from gateway.web.inputs import invalid, query_values, validate
from gateway.web.moments import MOMENT, moment

KNOWN: Final = frozenset({"from", "to", "user", "entity_type", "entity_id", "action", "limit", "cursor"})
_FIELD_BY_PARAMETER: Final = MappingProxyType({"from": "start", "to": "end"})
_PARAMETER_BY_FIELD: Final = {
    **{field: name for name, field in _FIELD_BY_PARAMETER.items()}, "user_id": "user", "user_email": "user"
}  # fmt: skip

QUERY: Final = Query(
    ListEntries,
    renamed=_PARAMETER_BY_FIELD,
    schemas={
        "from": MOMENT,
        "to": MOMENT,
        "user": {
            "description": "An account’s id, or its address.",
            "anyOf": (
                {"type": "string", "format": "uuid"},
                {"type": "string", "maxLength": 100, "pattern": r"^[^\x00-\x1f\x7f]*@[^\x00-\x1f\x7f]*$"},
            ),
        },
    },
    without=frozenset({"user_email"}),
)


def list_parameters(request: web.Request, zone: tzinfo) -> ListEntries:
    """Return what the query asks for. Raises Invalid, under the names that the client wrote."""
    return parameters(query_values(request, KNOWN), zone)


def parameters(query: Mapping[str, object], zone: tzinfo) -> ListEntries:
    """Return what known parameters ask for. Raises Invalid."""
    values: dict[str, object] = {}
    for name, given in query.items():
        if name in {"from", "to"}:
            try:
                values[_FIELD_BY_PARAMETER[name]] = moment(str(given), zone, is_end=name == "to")
            except ValueError as error:
                raise invalid(name=name, message=str(error)) from None
        elif name == "user":
            values["user_email" if "@" in str(given) else "user_id"] = given
        else:
            values[_FIELD_BY_PARAMETER.get(name, name)] = given
    try:
        return validate(ListEntries, values)
    except Invalid as error:
        fields = tuple(
            FieldError(_PARAMETER_BY_FIELD.get(field.name, field.name), field.message) for field in error.fields
        )
        raise Invalid(Code.INVALID_REQUEST, fields=fields) from None
