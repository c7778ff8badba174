"""Against aiohttp, which is what answers on the Pi, and against servers that do not behave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from bridge.process.http_unix import NoAnswer, ask


@asynccontextmanager
async def gateway(path: Path, handler: Callable[[web.BaseRequest], web.StreamResponse]) -> AsyncIterator[None]:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        return handler(request)

    server = web.Server(handle, access_log=None)
    listener = await asyncio.get_running_loop().create_unix_server(server, str(path))
    try:
        yield
    finally:
        listener.close()
        await server.shutdown(0.1)


@asynccontextmanager
async def peer(path: Path, answer: bytes, *, close: bool = True) -> AsyncIterator[None]:
    ending = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        if not close:
            await ending.wait()
        writer.close()

    server = await asyncio.start_unix_server(talk, str(path))
    try:
        yield
    finally:
        ending.set()
        server.close()


async def test_answer_is_the_gateways_when_it_is_asked(tmp_path: Path) -> None:
    seen: list[tuple[str, str]] = []

    def answer(request: web.BaseRequest) -> web.Response:
        seen.append((request.raw_path, request.headers["X-Forwarded-For"]))
        return web.Response(status=503, body=b"x" * 70_000)

    async with gateway(tmp_path / "s", answer):
        got = await ask(tmp_path / "s", "/health/ready")

    assert (got.status, got.body) == (503, b"x" * 70_000)
    assert seen == [("/health/ready", "127.0.0.1")]


async def test_body_arrives_when_there_is_one(tmp_path: Path) -> None:
    seen: list[tuple[str, str | None, int | None]] = []

    def answer(request: web.BaseRequest) -> web.Response:
        seen.append((request.method, request.headers.get("Content-Type"), request.content_length))
        return web.Response(text="")

    async with gateway(tmp_path / "s", answer):
        got = await ask(tmp_path / "s", "/taken", method="POST", json=b"{}")

    assert (got.status, got.body) == (200, b"")
    assert seen == [("POST", "application/json", 2)]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "it ended before its head did"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000, "its head is too long"),
        (b"SSH-2.0-x\r\n\r\n", "its first line is none"),
        (b"HTTP/1.1 200 OK\r\n\r\nx", "no length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx", "its length is none"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", "or too long"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", "cut off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "a transfer coding"),
    ],
    ids=["nothing", "endless head", "another protocol", "no length", "wrong length", "too long", "cut off", "chunked"],
)
async def test_answer_is_refused_when_it_is_none(tmp_path: Path, answer: bytes, reason: str) -> None:
    async with peer(tmp_path / "s", answer):
        with pytest.raises(NoAnswer, match=reason):
            await ask(tmp_path / "s", "/", answer_max_bytes=100)


async def test_nobody_waits_for_ever_when_the_peer_is_silent(tmp_path: Path) -> None:
    async with peer(tmp_path / "s", b"HTTP/1.1 200 OK\r\n", close=False):
        with pytest.raises(NoAnswer, match=r"within 0\.05 s"):
            await ask(tmp_path / "s", "/", timeout_s=0.05)


async def test_no_answer_says_why_when_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(NoAnswer, match="No such file"):
        await ask(tmp_path / "s", "/")
