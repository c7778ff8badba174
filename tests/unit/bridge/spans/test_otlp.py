"""Against a receiver on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from bridge.process.clock import SystemClock
from bridge.spans.otlp import SpanExporter, encode
from bridge.spans.recording import Kind, Span, Spans
from bridge.trace import TraceContext
from demo.door import free_port

OWN = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", is_sampled=True)


@dataclass
class Receiver:
    """Takes what comes at ``/v1/traces``, or answers ``status``."""

    url: str = ""
    status: int = 200
    batches: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)

    async def take(self, request: web.Request) -> web.Response:
        assert (request.path, request.content_type) == ("/v1/traces", "application/json")
        self.batches.put_nowait(await request.json())
        return web.Response(status=self.status)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_post("/v1/traces", made.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


def test_spans_are_otlp_when_they_are_encoded() -> None:
    times = (1_800_000_000.5, 0.25)
    told_too: dict[str, str | int] = {"a": "b", "n": 503}
    span = Span(OWN.trace_id, OWN.span_id, "", "GET /a", Kind.SERVER, *times, is_failed=True, attributes=told_too)

    [resource] = json.loads(encode([span], service="drawbridge-agent", host="keep"))["resourceSpans"]

    told = {each["key"]: each["value"]["stringValue"] for each in resource["resource"]["attributes"]}
    assert (told["service.name"], told["host.name"]) == ("drawbridge-agent", "keep")
    assert resource["scopeSpans"][0]["spans"] == [
        {
            "traceId": OWN.trace_id, "spanId": OWN.span_id, "parentSpanId": "", "name": "GET /a", "kind": 2,
            "startTimeUnixNano": "1800000000500000000", "endTimeUnixNano": "1800000000750000000",
            "attributes": [
                {"key": "a", "value": {"stringValue": "b"}}, {"key": "n", "value": {"intValue": "503"}}
            ],
            "status": {"code": 2},
        }
    ]  # fmt: skip


def exporter(spans: Spans, url: str, send_s: float = 0.01) -> SpanExporter:
    return SpanExporter(spans, endpoint=url, service="s", host="h", send_s=send_s)


def add(spans: Spans) -> None:
    spans.add(OWN, "", "x", Kind.SERVER, duration_s=0.0, attributes={})


async def test_spans_are_sent_in_one_body_when_it_is_time(receiver: Receiver) -> None:
    spans, stopping = Spans(SystemClock()), asyncio.Event()
    add(spans)
    add(spans)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(exporter(spans, receiver.url).run(stopping))
        batch = await receiver.batches.get()
        stopping.set()
    assert [span["status"] for span in batch["resourceSpans"][0]["scopeSpans"][0]["spans"]] == [{}, {}]
    assert receiver.batches.empty()


async def test_what_waits_is_sent_when_it_stops(receiver: Receiver) -> None:
    spans, stopping = Spans(SystemClock()), asyncio.Event()
    add(spans)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(exporter(spans, receiver.url, send_s=60).run(stopping))
        await asyncio.sleep(0)
        stopping.set()
    assert receiver.batches.qsize() == 1


async def test_endpoint_is_told_of_once_when_it_takes_nothing(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "bridge.spans.otlp")
    spans, stopping = Spans(SystemClock()), asyncio.Event()
    receiver.status = 503
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(exporter(spans, receiver.url).run(stopping))
        for status in (503, 503, 200, 200):
            receiver.status = status
            add(spans)
            await receiver.batches.get()
        stopping.set()
    assert [record.getMessage() for record in caplog.records] == ["traces_not_taken", "traces_taken_again"]


async def test_spans_are_lost_and_nothing_else_when_nobody_listens(caplog: pytest.LogCaptureFixture) -> None:
    spans, stopping = Spans(SystemClock()), asyncio.Event()
    add(spans)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(exporter(spans, f"http://127.0.0.1:{free_port()}", send_s=60).run(stopping))
        await asyncio.sleep(0)
        stopping.set()
    assert [record.getMessage() for record in caplog.records] == ["traces_not_taken"]
    assert spans.take() == []
