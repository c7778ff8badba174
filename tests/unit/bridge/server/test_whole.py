from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from bridge.server.whole import WholeResponse

HEADERS = {"content-type": "application/json", "bridge-next": ""}


async def answer(request: web.BaseRequest) -> WholeResponse:
    response = WholeResponse(503, HEADERS, b'{"a":1}')
    if request.path == "/last":
        response.force_close()
    return response


async def exchange(path: str, size: int = -1) -> bytes:
    """Ask twice on one connection, and return the first ``size`` bytes that come, or all until its end."""
    server = web.Server(answer, access_log=None)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
    try:
        writer.write(2 * f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        return await (reader.read() if size < 0 else reader.readexactly(size))
    finally:
        writer.close()
        listener.close()
        await server.shutdown()


async def test_response_says_status_length_and_headers_alone_when_sent() -> None:
    whole = (
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 7\r\n"
        b'content-type: application/json\r\nbridge-next: \r\n\r\n{"a":1}'
    )
    assert await exchange("/", 2 * len(whole)) == 2 * whole


async def test_response_ends_the_connection_when_it_is_the_last() -> None:
    content = await exchange("/last")
    assert content.startswith(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 7\r\nconnection: close\r\n")
    assert content.endswith(b'\r\n\r\n{"a":1}')
    assert content.count(b"HTTP/1.1") == 1


async def test_response_is_not_sent_when_the_peer_has_gone() -> None:
    request = make_mocked_request("POST", "/")
    request._protocol.transport = None
    response = WholeResponse(200, HEADERS, b"")
    await response.prepare(request)
    with pytest.raises(ConnectionResetError):
        await response.write_eof()
