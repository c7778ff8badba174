"""``GET /api/v1/health/symptoms``, ``…/names``, ``…/stats``: a person's own records, as JSON.

The agent's bytes go to the client as they came. An answer kept from before an outage says so: ``as_of`` is put in
front of its other fields.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from aiohttp import hdrs, web
from multidict import CIMultiDict

from bridge.client.call import Reply
from bridge.contracts.health import LIST, NAMES, STATS, ListSymptoms
from bridge.errors import Outcome
from bridge.process.clock import rfc3339
from gateway.apps.health.parameters import (
    LIST_QUERY,
    NAMES_QUERY,
    STATS_QUERY,
    list_parameters,
    names_parameters,
    stats_parameters,
)
from gateway.web.calls import Bridge, call
from gateway.web.context import CONTEXT
from gateway.web.described import Description, described
from gateway.web.inputs import JSON, parse_query
from gateway.web.paging import next_page_link
from gateway.web.relayed import RelayedResponse, can_relay

_QUERIES_REMEMBERED: Final = 256
PREFIXES: Final = ("/api/v1/health/symptoms", "/api/health/symptoms")


class SymptomApi:
    """The handlers. Dates without a time zone of the client's own are in ``zone``."""

    def __init__(self, *, bridge: Bridge, zone: ZoneInfo) -> None:
        self._bridge = bridge
        self._zone = zone

    @described(
        Description("Your symptoms", LIST, query=LIST_QUERY, example_query={"sort": "-recorded_at", "limit": 20})
    )
    async def list(self, request: web.Request) -> web.StreamResponse:
        context = request[CONTEXT]
        context.require_user()
        params = _list_parameters(request.rel_url.raw_query_string, self._zone)
        return reply_response(request, await call(self._bridge, context, LIST, params))

    @described(
        Description(
            "The symptoms that occur, the most frequent first", NAMES, query=NAMES_QUERY, example_query={"limit": 20}
        )
    )
    async def names(self, request: web.Request) -> web.StreamResponse:
        context = request[CONTEXT]
        context.require_user()
        params = names_parameters(parse_query(request.rel_url.raw_query_string))
        return reply_response(request, await call(self._bridge, context, NAMES, params))

    @described(
        Description(
            "How often, and how bad", STATS, query=STATS_QUERY, example_query={"bucket": "month", "time_zone": "UTC"}
        )
    )
    async def stats(self, request: web.Request) -> web.StreamResponse:
        context = request[CONTEXT]
        context.require_user()
        params = stats_parameters(parse_query(request.rel_url.raw_query_string), self._zone)
        return reply_response(request, await call(self._bridge, context, STATS, params))


def add_routes(app: web.Application, api: SymptomApi) -> None:
    for prefix in PREFIXES:
        app.router.add_get(prefix, api.list)
        app.router.add_get(f"{prefix}/names", api.names)
        app.router.add_get(f"{prefix}/stats", api.stats)


@lru_cache(_QUERIES_REMEMBERED)
def _list_parameters(query: str, zone: ZoneInfo) -> ListSymptoms:
    """Return the parameters that a query means. The same for everybody, so a page asked for again costs no parsing."""
    return list_parameters(parse_query(query), zone)


def reply_response(request: web.Request, reply: Reply) -> web.StreamResponse:
    """Return the agent's answer as a response, with ``Age``, ``Cache-Status`` and the ``Link`` to the next page."""
    headers = CIMultiDict({hdrs.AGE: str(int(reply.age_s)), "Cache-Status": reply.cache_status})
    if reply.next_cursor:
        headers[hdrs.LINK] = next_page_link(request, reply.next_cursor)
    body = reply.body
    if reply.outcome is Outcome.STALE:
        as_of = rfc3339(reply.as_of, timespec="seconds")
        body = b'{"as_of":"%b",%b' % (as_of.encode(), body[1:])
    if can_relay(request):
        return RelayedResponse(body, headers)
    headers[hdrs.CONTENT_TYPE] = JSON
    return web.Response(body=body, headers=headers)
