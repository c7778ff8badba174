from __future__ import annotations

import asyncio

import pytest

from gateway.settings import GatewaySettings, Web
from tests.gateway_door import open_door


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/auth/login", "application/json"),
        ("/auth/login", "application/x-www-form-urlencoded"),
        ("/csp-reports", "application/csp-report"),
    ],
)
async def test_request_is_refused_when_the_rest_of_its_body_never_comes(path: str, content_type: str) -> None:
    async with open_door(GatewaySettings(web=Web(deadline_s=0.05))) as door:
        reader, writer = await asyncio.open_connection(door.client.host, door.client.port)
        head = f"POST {path} HTTP/1.1\r\nHost: door\r\nContent-Type: {content_type}\r\nContent-Length: 9\r\n\r\n{{"
        writer.write(head.encode())
        async with asyncio.timeout(3):
            answer = await reader.readuntil(b"}")
        writer.close()

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"must arrive faster" in answer
    assert door.log[0]["error_code"] == "invalid_request"
