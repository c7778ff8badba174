from __future__ import annotations

import asyncio
import gzip
import traceback

import pytest
import trustme
from aiohttp import web

from bridge.process.clock import SystemClock
from gateway.ddns.https import HttpsClient, NoReply, https_client
from tests.clocks import TurnedClock
from tests.ddns_servers import ProviderServer, Said, tls_server, trusting


async def test_server_is_not_asked_when_its_certificate_is_of_a_stranger(server: ProviderServer) -> None:
    stranger = trustme.CA()
    async with https_client(SystemClock(), tls=trusting(stranger)) as client:
        with pytest.raises(NoReply, match="certificate cannot be trusted"):
            await client.fetch("GET", server.url)

    assert server.asked == []


async def test_server_is_not_asked_when_its_certificate_has_another_name(
    client: HttpsClient, server: ProviderServer
) -> None:
    with pytest.raises(NoReply, match="certificate cannot be trusted"):
        await client.fetch("GET", server.url.replace("localhost", "127.0.0.1"))

    assert server.asked == []


async def test_question_is_given_up_when_the_server_is_silent(client: HttpsClient, server: ProviderServer) -> None:
    server.delay = asyncio.Event()
    server.will(Said("good"))

    with pytest.raises(NoReply, match=r"did not answer within 0\.2 s"):
        await client.fetch("GET", server.url, timeout_s=0.2)

    server.delay.set()


async def test_answer_is_not_decompressed_when_it_is_a_bomb(client: HttpsClient, ca: trustme.CA) -> None:
    async def bomb(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=gzip.compress(bytes(1 << 24)), headers={"Content-Encoding": "gzip"})

    async with tls_server(ca, bomb) as url:
        reply = await client.fetch("GET", url)

    assert len(reply.text) < 1 << 18


async def test_failure_shows_nothing_of_the_question_when_it_is_printed(client: HttpsClient) -> None:
    with pytest.raises(NoReply) as caught:
        await client.fetch(
            "GET", "https://localhost:1/update", params={"token": "s3cret"}, headers={"Authorization": "Bearer s3cret"}
        )

    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


async def test_header_cannot_be_smuggled_when_a_secret_has_a_line_break(
    client: HttpsClient, server: ProviderServer
) -> None:
    with pytest.raises(NoReply):
        await client.fetch("GET", server.url, headers={"Authorization": "Token a\r\nX-Evil: 1"})

    assert server.asked == []


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        ("120", 120.0),
        ("Thu, 28 May 2026 20:27:40 GMT", 60.0),
        ("Thu, 28 May 2020 00:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
    ],
    ids=["seconds", "date", "past-date", "word", "negative"],
)
async def test_retry_after_is_understood_when_it_is_seconds_or_a_date(
    ca: trustme.CA, server: ProviderServer, field: str, seconds: float | None
) -> None:
    server.will(Said("", 429, {"Retry-After": field}))
    async with https_client(TurnedClock(1_780_000_000.0), tls=trusting(ca)) as client:
        reply = await client.fetch("GET", server.url)

    assert reply.retry_after_s == seconds
