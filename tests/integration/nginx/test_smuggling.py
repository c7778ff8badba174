"""Requests that two servers could read differently: nginx refuses them, or what goes on is one request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.nginx.gateways import Doors, real_gateways, socket_of, wires
from tests.integration.nginx.rendering import DOMAIN
from tests.integration.nginx.server import Nginx

HOST = f"Host: {DOMAIN}\r\n"
CLOSE = "Connection: close\r\n"  # else what follows is a request of its own, and a good one
CHUNKED = "Transfer-Encoding: chunked\r\n"
INNER = f"GET /smuggled HTTP/1.1\r\n{HOST}\r\n"

REFUSED = {
    "CL.TE": f"POST / HTTP/1.1\r\n{HOST}Content-Length: 6\r\n{CHUNKED}\r\n0\r\n\r\n{INNER}",
    "TE.CL": f"POST / HTTP/1.1\r\n{HOST}{CHUNKED}Content-Length: 4\r\n\r\n5c\r\n{INNER}\r\n0\r\n\r\n",
    "TE.TE": f"POST / HTTP/1.1\r\n{HOST}{CHUNKED}Transfer-Encoding: x\r\n\r\n0\r\n\r\n{INNER}",
    "unknown coding": f"POST / HTTP/1.1\r\n{HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{INNER}",
    "coding with a tab": f"POST / HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\x0b\r\n\r\n0\r\n\r\n{INNER}",
    "two codings": f"POST / HTTP/1.1\r\n{HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n{INNER}",
    "coding in HTTP/1.0": f"POST / HTTP/1.0\r\n{HOST}{CHUNKED}\r\n0\r\n\r\n{INNER}",
    "two lengths": f"POST / HTTP/1.1\r\n{HOST}Content-Length: 0\r\nContent-Length: {len(INNER)}\r\n\r\n{INNER}",
    "equal lengths": f"POST / HTTP/1.1\r\n{HOST}Content-Length: 0\r\nContent-Length: 0\r\n\r\n{INNER}",
    "listed lengths": f"POST / HTTP/1.1\r\n{HOST}Content-Length: 0, 0\r\n\r\n{INNER}",
    "signed length": f"POST / HTTP/1.1\r\n{HOST}Content-Length: +0\r\n\r\n{INNER}",
    "negative length": f"POST / HTTP/1.1\r\n{HOST}Content-Length: -1\r\n\r\n{INNER}",
    "hexadecimal length": f"POST / HTTP/1.1\r\n{HOST}Content-Length: 0x0\r\n\r\n{INNER}",
    "chunk that is no number": f"POST / HTTP/1.1\r\n{HOST}{CHUNKED}\r\nzz\r\n{INNER}",
    "negative chunk": f"POST / HTTP/1.1\r\n{HOST}{CHUNKED}\r\n-1\r\n{INNER}",
    "endless chunk": f"POST / HTTP/1.1\r\n{HOST}{CHUNKED}\r\nffffffffffffffff\r\n{INNER}",
    "chunk without its end": f"POST / HTTP/1.1\r\n{HOST}{CHUNKED}\r\n1\r\naa0\r\n\r\n{INNER}",
    "folded field": f"GET / HTTP/1.1\r\n{HOST}X: a\r\n b\r\n\r\n{INNER}",
    "folded coding": f"POST / HTTP/1.1\r\n{HOST}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n{INNER}",
    "space before a colon": f"POST / HTTP/1.1\r\n{HOST}Content-Length : 0\r\n\r\n{INNER}",
    "space before the first name": f"GET / HTTP/1.1\r\n X: a\r\n{HOST}\r\n{INNER}",
    "two hosts": f"GET / HTTP/1.1\r\n{HOST}Host: evil.example.org\r\n\r\n{INNER}",
    "two equal hosts": f"GET / HTTP/1.1\r\n{HOST}{HOST}\r\n{INNER}",
    "no host": f"GET / HTTP/1.1\r\n\r\n{INNER}",
    "another host in the line": f"GET https://evil.example.org/ HTTP/1.1\r\n{HOST}{CLOSE}\r\n{INNER}",
    "another host in the field": f"GET https://{DOMAIN}/ HTTP/1.1\r\nHost: evil.example.org\r\n\r\n{INNER}",
    "host with a path": f"GET / HTTP/1.1\r\nHost: {DOMAIN}/x\r\n\r\n{INNER}",
    "host with an at": f"GET / HTTP/1.1\r\nHost: {DOMAIN}@evil.example.org\r\n{CLOSE}\r\n{INNER}",
    "null byte in a value": f"GET / HTTP/1.1\r\n{HOST}X: a\0b\r\n\r\n{INNER}",
    "null byte in a name": f"GET / HTTP/1.1\r\n{HOST}X\0: a\r\n\r\n{INNER}",
    "null byte in the path": f"GET /\0 HTTP/1.1\r\n{HOST}\r\n{INNER}",
    "encoded null byte": f"GET /%00 HTTP/1.1\r\n{HOST}\r\n{INNER}",
    "control character in a name": f"GET / HTTP/1.1\r\n{HOST}X\x01: a\r\n\r\n{INNER}",
    "lone CR in a name": f"GET / HTTP/1.1\r\n{HOST}X\rY: a\r\n\r\n{INNER}",
    "CONNECT": f"CONNECT {DOMAIN}:443 HTTP/1.1\r\n{HOST}\r\n{INNER}",
    "TRACE": f"TRACE / HTTP/1.1\r\n{HOST}\r\n{INNER}",
    "lower-case method": f"get / HTTP/1.1\r\n{HOST}\r\n{INNER}",
    "HTTP/2 without TLS's word for it": f"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{INNER}",
    "unknown version": f"GET / HTTP/3.7\r\n{HOST}\r\n{INNER}",
}


@pytest.fixture
async def doors(nginx: Nginx) -> AsyncIterator[Doors]:
    async with real_gateways(nginx.folder / "run") as both:
        yield both


@pytest.fixture
def nginx(shared_nginx: Nginx) -> Nginx:
    return shared_nginx


@pytest.mark.parametrize("request_text", REFUSED.values(), ids=REFUSED)
async def test_nothing_reaches_a_gateway_when_a_request_is_ambiguous(nginx: Nginx, request_text: str) -> None:
    async with wires(nginx.folder / "run") as behind:
        answer = await nginx.send(request_text.encode("latin-1"))

    assert [wire.received for wire in behind] == [[], []]
    assert answer == b"" or answer[9:10] in {b"4", b"5"}
    assert answer.count(b"HTTP/1.1 ") <= 1


async def test_chunked_body_goes_on_with_its_length_when_it_is_well_formed(nginx: Nginx) -> None:
    async with wires(nginx.folder / "run") as behind:
        await nginx.send(
            f"POST /chat HTTP/1.1\r\n{HOST}{CHUNKED}Connection: close, X-Gone\r\nX-Gone: a\r\n"
            "TE: trailers\r\nUpgrade: h2c\r\n\r\n"
            "3;ext=1\r\nabc\r\n0\r\nX-Trailer: a\r\n\r\n".encode()
        )

    [request] = [each for wire in behind for each in wire.received]
    head, _, body = request.partition(b"\r\n\r\n")
    assert body == b"abc"
    assert b"\r\ncontent-length: 3" in head.lower()
    for name in (b"transfer-encoding", b"te:", b"upgrade", b"x-trailer"):
        assert name not in head.lower()


async def test_pipelined_requests_are_told_apart_when_they_are_well_formed(nginx: Nginx, doors: Doors) -> None:
    answer = await nginx.send(
        f"GET /version HTTP/1.1\r\n{HOST}\r\nGET /health HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n".encode()
    )

    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert sorted(str(line["route"]) for door in doors for line in door.log) == ["/health", "/version"]


async def test_field_with_an_underscore_is_dropped_when_it_looks_like_another(nginx: Nginx) -> None:
    async with wires(nginx.folder / "run") as behind:
        await nginx.send(
            f"GET / HTTP/1.1\r\n{HOST}{CLOSE}Transfer_Encoding: chunked\r\nContent_Length: 5\r\n\r\n".encode()
        )

    [request] = [each for wire in behind for each in wire.received]
    assert b"_" not in request.replace(b"gateway_", b"")


async def test_nothing_is_smuggled_to_the_real_gateways_when_nginx_is_in_front(nginx: Nginx, doors: Doors) -> None:
    for request_text in REFUSED.values():
        await nginx.send(request_text.encode("latin-1"))

    assert [line for door in doors for line in door.log] == []


AMBIGUOUS = {
    name: text
    for name, text in REFUSED.items()
    if "Transfer-Encoding" in text or "Content-Length" in text or "folded" in name or "space" in name
}


@pytest.mark.parametrize("request_text", AMBIGUOUS.values(), ids=AMBIGUOUS)
async def test_gateway_takes_no_second_request_when_nginx_is_not_there(tmp_path: Path, request_text: str) -> None:
    """What nginx refuses, the gateway refuses by itself, or takes for one request and hangs up."""
    async with real_gateways(tmp_path) as (door, _):
        reader, writer = await asyncio.open_unix_connection(str(socket_of(tmp_path, 1)))
        writer.write(request_text.encode("latin-1"))
        writer.write_eof()
        async with asyncio.timeout(5):
            answer = await reader.read()
        writer.close()

    assert b" 200 " not in answer
    assert 404 not in {line["status"] for line in door.log}  # what GET /smuggled would be answered with
