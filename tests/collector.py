"""A collector of traces on loopback, which takes OTLP over HTTP as JSON."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Collector:
    """Takes spans of both machines; each by its name, with its service under ``service``."""

    url: str = ""
    spans: list[dict[str, Any]] = field(default_factory=list)
    more: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, request: web.Request) -> web.Response:
        for resource in (await request.json())["resourceSpans"]:
            told = {each["key"]: each["value"]["stringValue"] for each in resource["resource"]["attributes"]}
            for span in resource["scopeSpans"][0]["spans"]:
                self.spans.append(span | {"service": told["service.name"]})
        async with self.more:
            self.more.notify_all()
        return web.json_response({})

    async def trace(self, trace_id: str, *wanted: tuple[str, int], within_s: float = 8.0) -> list[dict[str, Any]]:
        """Return the spans of a trace once these are there, by name and kind."""

        def found() -> list[dict[str, Any]]:
            return [span for span in self.spans if span["traceId"] == trace_id]

        async with asyncio.timeout(within_s), self.more:
            await self.more.wait_for(lambda: {*wanted} <= {(span["name"], span["kind"]) for span in found()})
        return found()


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """Give one that listens."""
    made = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", made.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()


def attributes(span: dict[str, Any]) -> dict[str, str]:
    return {each["key"]: next(iter(each["value"].values())) for each in span["attributes"]}
