"""A response that is all there: head and body leave in one write, without aiohttp's preparations for other kinds."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}


class WholeResponse(web.StreamResponse):
    """``headers`` are what a signature covers and the signature itself: printable ASCII, which signing has checked.

    Nothing is added but the framing: what nobody signs, nobody reads.
    """

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:  # aiohttp's own sets 20 more
        self._status = status
        self._keep_alive: bool | None = None
        self._lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        self._content = body

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        self._request = request
        if self._keep_alive is None:
            self._keep_alive = request.keep_alive
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Send it all, and wait while the peer is slow to take it. Raises ConnectionError when it has gone."""
        del data
        transport = self._request.transport
        if transport is None or transport.is_closing():
            msg = "the peer has gone"
            raise ConnectionResetError(msg)
        close = "" if self._keep_alive else "connection: close\r\n"
        head = (
            f"HTTP/1.1 {self._status} {_REASONS.get(self._status, '')}\r\n"
            f"content-length: {len(self._content)}\r\n{close}{''.join(self._lines)}\r\n"
        )
        transport.write(head.encode("ascii") + self._content)
        await self._request.writer.drain()
