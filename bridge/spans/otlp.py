"""Sending spans: OTLP over HTTP in JSON, to ``<endpoint>/v1/traces``.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

import aiohttp
from pydantic_core import to_json

from bridge.process.logs import log
from bridge.process.version import VERSION
from bridge.spans.recording import Span, Spans

_log = logging.getLogger(__name__)

SEND_S: Final = 2.0
_TIMEOUT_S: Final = 5.0
_ERROR: Final = 2


def encode(spans: Sequence[Span], *, service: str, host: str) -> bytes:
    """Return an ``ExportTraceServiceRequest``."""
    resource = {"service.name": service, "service.version": VERSION, "host.name": host}
    scope = {"scope": {"name": "drawbridge"}, "spans": [_span(span) for span in spans]}
    return to_json({"resourceSpans": [{"resource": {"attributes": _attributes(resource)}, "scopeSpans": [scope]}]})


def _span(span: Span) -> dict[str, object]:
    start_ns = int(span.started_at * 1e9)
    return {
        "traceId": span.trace_id, "spanId": span.span_id, "parentSpanId": span.parent_id, "name": span.name,
        "kind": span.kind.value, "startTimeUnixNano": str(start_ns),
        "endTimeUnixNano": str(start_ns + int(span.duration_s * 1e9)), "attributes": _attributes(span.attributes),
        "status": {"code": _ERROR} if span.is_failed else {},
    }  # fmt: skip


def _attributes(values: Mapping[str, str | int]) -> list[dict[str, object]]:
    return [
        {"key": key, "value": {"stringValue": value} if isinstance(value, str) else {"intValue": str(value)}}
        for key, value in values.items()
    ]


class SpanExporter:
    """Sends what waits, every ``send_s`` (:data:`SEND_S` where it is None).

    What the endpoint does not take is lost, and told of once.
    """

    def __init__(self, spans: Spans, *, endpoint: str, service: str, host: str, send_s: float | None = None) -> None:
        self._spans = spans
        self._url = f"{endpoint}/v1/traces"
        self._service = service
        self._host = host
        self._send_s = SEND_S if send_s is None else send_s
        self._is_away = False

    async def run(self, stopping: asyncio.Event) -> None:
        """Return once ``stopping`` is set and what waited then was sent."""
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
            while not stopping.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._send_s):
                        await stopping.wait()
                await self._send(session)

    async def _send(self, session: aiohttp.ClientSession) -> None:
        spans = self._spans.take()
        if not spans:
            return
        body = encode(spans, service=self._service, host=self._host)
        headers = {"Content-Type": "application/json"}
        try:
            async with session.post(self._url, data=body, headers=headers, allow_redirects=False) as response:
                reason = "" if response.ok else str(response.status)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            reason = error.__class__.__name__
        if reason and not self._is_away:
            log(_log, "traces_not_taken", level=logging.WARNING, reason=reason)
        elif self._is_away and not reason:
            log(_log, "traces_taken_again")
        self._is_away = bool(reason)
