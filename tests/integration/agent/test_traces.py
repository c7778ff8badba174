"""One trace from the browser's request over the bridge to the statements, as a collector gets it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.collector import Collector, attributes, collecting
from tests.integration.agent.accounts.house import ANN, House, open_house
from tests.integration.agent.conftest import StoreDsns


@pytest.fixture
async def collector(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    monkeypatch.setattr("bridge.spans.otlp.SEND_S", 0.05)
    async with collecting() as made:
        yield made


@pytest.fixture
async def traced(tmp_path: Path, store_dsns: StoreDsns, collector: Collector) -> AsyncIterator[House]:
    async with open_house(tmp_path, store_dsns, tracing={"endpoint": collector.url}) as home:
        await home.people(ANN)
        yield home


@pytest.mark.story("hub/AC-066")
@pytest.mark.timeout(20)  # an agent and a gateway start
async def test_one_trace_spans_request_bridge_operation_and_statement_when_an_endpoint_is_set(
    traced: House, collector: Collector
) -> None:
    ann = await traced.sign_in(ANN)
    trace_id = "0af7651916cd43dd8448eb211c80319c"

    said = await ann.ask(
        "PUT", "/users/profile", {"name": "Zwieselfink"}, traceparent=f"00-{trace_id}-b7ad6b7169203331-01"
    )

    assert said.status == 200
    wanted = (("PUT /users/profile", 2), ("users.profile.change", 3), ("users.profile.change", 2))
    found = await collector.trace(trace_id, *wanted)
    by_id = {span["spanId"]: span for span in found}
    by_name = {(span["name"], span["kind"]): span for span in found}
    request, call, answer = (by_name[each] for each in wanted)
    assert request["parentSpanId"] == "b7ad6b7169203331"  # the browser's own, who said that it traces
    assert call["parentSpanId"] == request["spanId"]
    assert answer["parentSpanId"] == call["spanId"]
    assert (request["service"], call["service"], answer["service"]) == (
        "drawbridge-gateway", "drawbridge-gateway", "drawbridge-agent"
    )  # fmt: skip
    statements = [span for span in found if span["service"] == "drawbridge-agent" and span is not answer]
    assert {"accounts.change_profile", "accounts.lock_account", "audit.append"} <= {span["name"] for span in statements}
    assert {span["parentSpanId"] for span in statements} == {answer["spanId"]}
    for span in found:
        if (parent := by_id.get(span["parentSpanId"])) is not None and parent["service"] == span["service"]:
            assert int(parent["startTimeUnixNano"]) <= int(span["startTimeUnixNano"]) + 5_000_000
    assert attributes(request) == {
        "http.request.method": "PUT", "http.route": "/users/profile", "http.response.status_code": "200",
        "outcome": "ok",
    }  # fmt: skip
    assert "Zwieselfink" not in json.dumps(collector.spans)


@pytest.mark.timeout(20)
async def test_span_names_the_route_and_never_the_path_when_there_is_none(traced: House, collector: Collector) -> None:
    said = await traced.nobody.ask("PROPFIND", "/zwieselfink")
    [span] = await collector.trace(said.headers["X-Request-Id"], ("_OTHER none", 2))
    assert span["parentSpanId"] == ""
    assert "zwieselfink" not in json.dumps(collector.spans).lower()
