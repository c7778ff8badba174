"""Server-sent events: one response that tells of changes for as long as it lasts.

https://html.spec.whatwg.org/multipage/server-sent-events.html::

    retry: 3000                     how soon the browser should come back, milliseconds
    event: sections
    data: {"headline": …}           one line: JSON has no line breaks

    : beat                          a comment, so that everybody on the way knows that the stream lives
"""

from __future__ import annotations

import asyncio
import json
from typing import Final, Self

from aiohttp import hdrs, web

from gateway.web.context import CONTEXT
from gateway.web.response_headers import SECURITY_HEADERS

_WRITE_S: Final = 10.0
_RETRY_MS: Final = 3_000


class StreamEnded(ConnectionError):
    """The client has gone, or takes nothing any more."""


class EventStream:
    """One client's stream. :meth:`tell` and :meth:`beat` raise StreamEnded; a client that takes nothing gets 10 s."""

    def __init__(self, response: web.StreamResponse) -> None:
        self.response: Final = response

    @classmethod
    async def open(cls, request: web.Request) -> Self:
        """Begin the response. Its headers leave at once, so they are put on here and not by the middleware."""
        context = request[CONTEXT]
        context.is_stream = True
        response = web.StreamResponse(headers=SECURITY_HEADERS)
        response.content_type = "text/event-stream"
        response.headers[hdrs.CACHE_CONTROL] = "no-store"
        response.headers["X-Accel-Buffering"] = "no"  # for a proxy that heeds it; ours is told by its own configuration
        response.headers["X-Request-Id"] = context.request_id
        response.headers.update(context.response_headers)
        stream = cls(response)
        try:
            async with asyncio.timeout(_WRITE_S):
                await response.prepare(request)
        except (ConnectionError, TimeoutError) as error:
            raise StreamEnded from error
        await stream._send(f"retry: {_RETRY_MS}\n\n")
        return stream

    async def tell(self, event: str, data: object) -> None:
        await self._send(f"event: {event}\ndata: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n")

    async def beat(self) -> None:
        await self._send(": beat\n\n")

    async def _send(self, text: str) -> None:
        try:
            async with asyncio.timeout(_WRITE_S):
                await self.response.write(text.encode())
        except (ConnectionError, TimeoutError) as error:
            raise StreamEnded from error
