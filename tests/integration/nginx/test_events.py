"""The status page's live events on their way through nginx."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import ClientResponse

from bridge.contracts.system import FeedEvent
from gateway.status import page
from tests.gateway_door import Door
from tests.integration.nginx.conftest import StartNginx
from tests.integration.nginx.gateways import real_gateways


async def next_event(response: ClientResponse) -> dict[str, object]:
    async with asyncio.timeout(3):
        while not (line := await response.content.readline()).startswith(b"data: "):
            assert line, "the stream ended"
    found: dict[str, object] = json.loads(line.removeprefix(b"data: "))
    return found


async def hear_beats(response: ClientResponse, count: int) -> None:
    async with asyncio.timeout(5):
        while count:
            line = await response.content.readline()
            assert line, "the stream ended"
            count -= line == b": beat\n"


def one_issuer(first: Door, second: Door) -> dict[str, str]:
    """Let both gateways trust the keys of one agent, and return an administrator's credentials."""
    second.verifier.on_feed_event(FeedEvent(kind="hello", keys=(first.issuer.public_key,)))
    return first.bearer(role="admin")


async def test_event_arrives_at_once_and_the_stream_outlives_the_time_out(
    start_nginx: StartNginx, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "LOOK_S", 0.02)
    monkeypatch.setattr(page, "BEAT_S", 0.2)
    with start_nginx(nginx_gateway_timeout="1s") as nginx:
        async with real_gateways(nginx.folder / "run") as (first, second), nginx.client() as client:
            headers = one_issuer(first, second)
            async with client.get("/status/events", headers=headers) as response:
                assert response.status == 200
                assert response.headers["Content-Type"] == "text/event-stream"
                assert await next_event(response)
                await hear_beats(response, 8)  # 1.6 s in which nothing else is said
                first.breaker = second.breaker = "open"

                assert list((await next_event(response))["sections"]) == ["gateways"]  # type: ignore[call-overload]
