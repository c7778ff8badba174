"""``/audit`` for administrators, ``/account/seen`` for everybody: pages, whole without a script."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from bridge.contracts.accounts import CONFIRM_ADMIN
from bridge.contracts.audit import LIST, LOOKS, AuditEntries, AuditEntry, ListLooks, Looks
from bridge.contracts.operation import Nothing
from bridge.errors import Invalid
from gateway.audit.parameters import KNOWN, parameters
from gateway.web.calls import Bridge, call
from gateway.web.context import CONTEXT
from gateway.web.inputs import query_values, validate
from gateway.web.own_time import own_time
from gateway.web.pages import render

_LOOK_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "health.symptoms.list": "the records themselves",
        "health.symptoms.names": "which symptoms there are",
        "health.symptoms.stats": "counts and averages",
    }
)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_CURSOR: Final = frozenset({"cursor"})


class AuditPages:
    """The handlers. Dates are read and times shown in the time zone of whoever is signed in."""

    def __init__(self, *, bridge: Bridge) -> None:
        self._bridge = bridge

    async def show(self, request: web.Request) -> web.Response:
        """``GET /audit``: the newest entries that match the form above them; what was left empty is not asked for."""
        context = request[CONTEXT]
        context.require_user()
        filled = {name: value for name, value in query_values(request, KNOWN).items() if value != ""}
        await call(self._bridge, context, CONFIRM_ADMIN, Nothing())  # before anything is asked for them
        own = await own_time(self._bridge, context)
        wrong: dict[str, str] = {}
        page: AuditEntries | None = None
        try:
            asked = parameters(filled, own.zone)
        except Invalid as error:
            wrong = {field.name: field.message for field in error.fields}
        else:
            reply = await call(self._bridge, context, LIST, asked)
            page = AuditEntries.model_validate_json(reply.body)
        values = {
            "entries": page.items if page else (),
            "filled": filled,
            "wrong": wrong,
            "older": "/audit?" + urlencode({**filled, "cursor": page.next}) if page and page.next else "",
            "when": own.digits,
            "zone": own.name,
            "changes": changes,
            "is_date": _is_date,
        }
        return render("audit/page.html", request, values, status=400 if wrong else 200)

    async def seen(self, request: web.Request) -> web.Response:
        """``GET /account/seen``: who looked at the records that the caller is linked to."""
        context = request[CONTEXT]
        context.require_user()
        asked = validate(ListLooks, query_values(request, _CURSOR))
        own = await own_time(self._bridge, context)
        reply = await call(self._bridge, context, LOOKS, asked)
        page = Looks.model_validate_json(reply.body)
        older = "" if page.next is None else "/account/seen?" + urlencode({"cursor": page.next})
        values = {"looks": page.items, "older": older, "when": own.words, "zone": own.name, "words": _words}
        values |= {"here": "seen", "said": ""}
        return render("audit/seen.html", request, values)


def changes(entry: AuditEntry) -> list[tuple[str, str | None, str | None]]:
    """Return what was changed: the name, and as text the value before and after; None where there was none."""
    old, new = entry.old_values or {}, entry.new_values or {}
    return [
        (name, _text(old[name]) if name in old else None, _text(new[name]) if name in new else None)
        for name in {**old, **new}
    ]


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_date(text: str) -> bool:
    return not text or _DATE.fullmatch(text) is not None


def _words(operation: str) -> str:
    return _LOOK_WORDS.get(operation, operation)


def add_routes(app: web.Application, pages: AuditPages) -> None:
    app.router.add_get("/audit", pages.show)
    app.router.add_get("/account/seen", pages.seen)
