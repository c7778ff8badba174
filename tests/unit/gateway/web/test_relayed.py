from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp import HttpVersion10
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from gateway.settings import GatewaySettings, Web
from gateway.web.relayed import RelayedResponse, can_relay
from gateway.web.response_headers import SECURITY_HEADERS
from tests.gateway_door import Door, open_door

LIST = "/api/v1/health/symptoms"
ORIGIN = "https://app.example.org"


async def exchange(door: Door, method: str, version: str, *, more: str = "") -> tuple[dict[str, str], bytes]:
    """Send one request byte by byte as written here, and return the response's headers and body."""
    assert door.client.port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", door.client.port)
    request = f"{method} {LIST} HTTP/{version}\r\nHost: x\r\n{more}Authorization: Bearer {door.token()}\r\n\r\n"
    writer.write(request.encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    lines = [line.split(": ", 1) for line in head.split("\r\n")[1:-2]]
    headers = {name.lower(): value for name, value in lines}
    assert len(headers) == len(lines)
    body = b"" if method == "HEAD" else await reader.readexactly(int(headers["content-length"]))
    writer.close()
    return headers, body


async def test_relayed_answer_is_the_same_as_any_others_when_compared(door: Door) -> None:
    relayed, body = await exchange(door, "GET", "1.1")
    ordinary, same_body = await exchange(door, "GET", "1.0", more="Connection: keep-alive\r\n")
    head, _ = await exchange(door, "HEAD", "1.1")

    varying = {"date", "ratelimit", "x-request-id", "connection"}
    for other in (ordinary, head):
        assert {name: value for name, value in relayed.items() if name not in varying} == {
            name: value.removesuffix("; charset=utf-8") for name, value in other.items() if name not in varying
        }
        assert set(relayed) - varying == set(other) - varying
    assert body == same_body
    assert {name.lower() for name in SECURITY_HEADERS} <= set(relayed)


@pytest.mark.parametrize("more", ["Connection: close\r\n", ""])
async def test_relayed_answer_closes_the_connection_when_asked_or_stopping(door: Door, more: str) -> None:
    door.drain.has_begun = not more

    headers, _ = await exchange(door, "GET", "1.1", more=more)

    assert headers["connection"] == "close"


async def test_relayed_answer_has_one_resource_policy_when_a_listed_origin_asks() -> None:
    async with open_door(GatewaySettings(web=Web(cors_origins=(ORIGIN,)))) as door:
        headers, _ = await exchange(door, "GET", "1.1", more=f"Origin: {ORIGIN}\r\n")

        assert headers["cross-origin-resource-policy"] == "cross-origin"
        assert headers["x-content-type-options"] == "nosniff"


async def test_relayed_answers_follow_each_other_when_the_connection_is_kept(door: Door) -> None:
    for _ in range(3):
        response = await door.client.get(LIST, headers=door.bearer())
        assert (await response.json())["total"] == 1


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: x=1", "a\nb", "a\rb"])
async def test_header_is_refused_when_it_holds_a_line_break(value: str) -> None:
    response = RelayedResponse(b"{}", CIMultiDict({"X": value}))
    await response.prepare(make_mocked_request("GET", "/"))

    with pytest.raises(ValueError, match="line break"):
        await response.write_eof()


async def test_answer_is_lost_when_the_client_has_gone() -> None:
    request = make_mocked_request("GET", "/")
    request.transport.is_closing.return_value = True  # type: ignore[union-attr]
    response = RelayedResponse(b"{}", CIMultiDict())
    await response.prepare(request)

    with pytest.raises(ConnectionResetError):
        await response.write_eof()


def test_only_the_usual_kind_of_request_is_answered_so() -> None:
    assert can_relay(make_mocked_request("GET", "/"))
    assert not can_relay(make_mocked_request("HEAD", "/"))
    assert not can_relay(make_mocked_request("GET", "/", version=HttpVersion10))


async def test_answer_waits_when_the_client_is_slow_to_take_it(door: Door) -> None:
    door.bridge.answers["health.symptoms.list"] = b"[" + b" " * 8_000_000 + b"]"
    assert door.client.port is not None
    with socket.create_connection(("127.0.0.1", door.client.port)) as slow:
        slow.settimeout(0)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(
            slow, f"GET {LIST} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {door.token()}\r\n\r\n".encode()
        )
        received = 0
        while received < 8_000_000:
            received += len(await loop.sock_recv(slow, 1_000_000))

    assert received >= 8_000_000
