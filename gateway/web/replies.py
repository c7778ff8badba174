"""The agent's answers as the API gives them."""

from __future__ import annotations

from aiohttp import hdrs, web

from bridge.client.call import Reply
from gateway.web.inputs import JSON
from gateway.web.paging import next_page_link


def json_response(request: web.Request, reply: Reply, *, status: int = 200) -> web.Response:
    """Return the agent's bytes as they came; those of a list with the ``Link`` to its next page, where there is one."""
    response = web.Response(body=reply.body, status=status, content_type=JSON)
    if reply.next_cursor:
        response.headers[hdrs.LINK] = next_page_link(request, reply.next_cursor)
    return response
