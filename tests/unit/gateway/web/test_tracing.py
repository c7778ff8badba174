from __future__ import annotations

import re

import pytest

from bridge.trace import parse
from gateway.web.tracing import new_request_id
from tests.gateway_door import Door

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
LIST = "/api/v1/health/symptoms"


@pytest.mark.story("hub/IH-018.3")
async def test_request_keeps_its_trace_when_it_brings_one(door: Door) -> None:
    headers = {"traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-01", **door.bearer()}

    response = await door.client.get(LIST, headers=headers)

    sent = parse(door.bridge.asked[0].context.traceparent)
    assert response.headers["X-Request-Id"] == TRACE_ID
    assert door.log[0]["request_id"] == TRACE_ID
    assert sent is not None
    assert (sent.trace_id, sent.is_sampled) == (TRACE_ID, True)
    assert sent.span_id != "00f067aa0ba902b7"


@pytest.mark.story("hub/IH-018.3")
@pytest.mark.parametrize("sent", ["", "rubbish", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", 'x","a":"b'])
async def test_request_gets_a_trace_when_it_brings_none(door: Door, sent: str) -> None:
    response = await door.client.get(LIST, headers={"traceparent": sent, **door.bearer()})

    request_id = response.headers["X-Request-Id"]
    asked = parse(door.bridge.asked[0].context.traceparent)
    assert re.fullmatch("[0-9a-f]{32}", request_id)
    assert asked is not None
    assert asked.trace_id == request_id


async def test_deadline_is_the_settings_when_a_request_begins(door: Door) -> None:
    before = door.clock.monotonic()

    await door.client.get(LIST, headers=door.bearer())

    assert 5.0 <= door.bridge.asked[0].context.deadline - before < 6.0


def test_request_ids_differ() -> None:
    assert len({new_request_id() for _ in range(1000)}) == 1000
