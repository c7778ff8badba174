"""``GET /audit-logs`` for administrators and ``GET /account/seen`` for everybody, as JSON."""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo

from aiohttp import web

from bridge.contracts.audit import LIST, LOOKS, ListLooks
from bridge.contracts.operation import Operation, P, R
from gateway.audit.parameters import QUERY, list_parameters
from gateway.web.calls import Bridge, call
from gateway.web.context import CONTEXT
from gateway.web.described import Description, Query, described
from gateway.web.inputs import query_values, validate
from gateway.web.replies import json_response

_PAGE: Final = frozenset({"limit", "cursor"})


class AuditApi:
    """The handlers. Dates are in ``zone``. Who is an administrator, and whose records one may see, the agent says."""

    def __init__(self, *, bridge: Bridge, zone: ZoneInfo) -> None:
        self._bridge = bridge
        self._zone = zone

    @described(
        Description(
            "The audit trail, the newest first",
            LIST,
            query=QUERY,
            example_query={"action": "accounts.sign_in", "limit": 20},
        )
    )
    async def list(self, request: web.Request) -> web.Response:
        """``GET /audit-logs?from=&to=&user=&entity_type=&entity_id=&action=&limit=&cursor=``: the newest first."""
        request[CONTEXT].require_user()
        return await self._answer(request, LIST, list_parameters(request, self._zone))

    @described(Description("Who looked at your records", LOOKS, query=Query(ListLooks), example_query={"limit": 20}))
    async def looks(self, request: web.Request) -> web.Response:
        """``GET /api/v1/account/seen?limit=&cursor=``: who looked at the records that the caller is linked to."""
        request[CONTEXT].require_user()
        return await self._answer(request, LOOKS, validate(ListLooks, query_values(request, _PAGE)))

    async def _answer(self, request: web.Request, operation: Operation[P, R], params: P) -> web.Response:
        reply = await call(self._bridge, request[CONTEXT], operation, params)
        return json_response(request, reply)


def add_routes(app: web.Application, api: AuditApi) -> None:
    for prefix in ("", "/api/v1"):
        app.router.add_get(f"{prefix}/audit-logs", api.list)
    app.router.add_get("/api/v1/account/seen", api.looks)
