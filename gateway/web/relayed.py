"""An answer whose bytes go to the client as they came: a response without what aiohttp prepares for every other kind.

Making, completing and serialising aiohttp's own takes a fifth of a cached answer's time. Here the headers that never
change are text already, and head and body leave in one piece.
"""

from __future__ import annotations

from typing import Final

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from multidict import CIMultiDict

_CLOSE: Final = "Connection: close\r\n"


def can_relay(request: web.Request) -> bool:
    """Say whether ``request`` is of the usual kind, a GET over HTTP/1.1, which a RelayedResponse answers."""
    return request.method == hdrs.METH_GET and request.version == HttpVersion11


class RelayedResponse(web.StreamResponse):
    """``200`` with ``body``, JSON. ``fixed_headers`` are lines, each with its end, that ``headers`` need not repeat."""

    def __init__(self, body: bytes, headers: CIMultiDict[str]) -> None:  # in place of aiohttp's, which sets 20 more
        self._status = 200
        self._headers = headers
        self._keep_alive: bool | None = None
        self._content = body
        self.fixed_headers = ""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        self._request = request
        if self._keep_alive is None:
            self._keep_alive = request.keep_alive
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Send it all, and wait while the client is slow to take it. Raises ConnectionError when it has gone."""
        del data
        request = self._request
        headers = "".join([f"{name}: {value}\r\n" for name, value in self._headers.items()])
        if headers.count("\n") != len(self._headers) or headers.count("\r") != len(self._headers):
            msg = "a line break in a header"
            raise ValueError(msg)
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(self._content)}\r\n"
            f"Date: {rfc822_formatted_time()}\r\n{'' if self._keep_alive else _CLOSE}"
            f"{headers}{self.fixed_headers}\r\n"
        )
        transport = request.transport
        if transport is None or transport.is_closing():
            msg = "the client has gone"
            raise ConnectionResetError(msg)
        transport.write(head.encode() + self._content)
        await request.writer.drain()
