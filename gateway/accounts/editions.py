"""Editions of what can be edited: a strong ``ETag`` on it, and ``If-Match`` on its change (RFC 9110, 8.8.3 and 13.1.1).

An edition is a number that grows with each change, ``version`` in the body and ``"7"`` in the headers. A change may
name the one that it was made from: in ``If-Match`` it is refused with 412 and what is current, in the body with 409.
"""

from __future__ import annotations

import re
from typing import Any, Final

from aiohttp import hdrs, web
from pydantic_core import from_json

from bridge.client.call import Reply
from bridge.errors import Code, Conflict
from gateway.web.inputs import JSON, invalid

_ETAG: Final = re.compile(r'"([1-9][0-9]{0,8})"')


def wanted_edition(request: web.Request, given: int | None) -> int | None:
    """Return the edition that the change has to be of: ``If-Match``'s, else ``given``, the body's; None for any.

    Raises Invalid for an ``If-Match`` that is none of our tags.
    """
    header = request.headers.get(hdrs.IF_MATCH, "*").strip()
    if header == "*":
        return given
    match = _ETAG.fullmatch(header)
    if match is None:
        raise invalid(name="If-Match", message='must be one ETag of ours, such as "7"')
    return int(match[1])


def is_stale(request: web.Request, error: Conflict) -> bool:
    """Say whether ``error`` is that the edition in ``If-Match`` is no longer the current one."""
    return hdrs.IF_MATCH in request.headers and any(field.name == "version" for field in error.fields)


def edition_response(reply: Reply, *, status: int = 200) -> web.Response:
    """Return the agent's bytes with the ``ETag`` of what they hold."""
    body: Any = from_json(reply.body)
    headers = {hdrs.ETAG: f'"{body["version"]}"'}
    return web.Response(body=reply.body, status=status, content_type=JSON, headers=headers)


def stale_response(current: Reply) -> web.Response:
    """Return the refusal of a change to an edition that is gone: what there is now."""
    return edition_response(current, status=Code.PRECONDITION_FAILED.status)
