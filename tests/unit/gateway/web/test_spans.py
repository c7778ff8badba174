"""What is traced is tested where a collector gets it: tests/integration/agent/test_traces.py. Here, what is not."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from bridge.client.call import Credentials
from bridge.contracts.operation import Nothing
from bridge.contracts.users import GET_PROFILE
from bridge.process.clock import SystemClock
from bridge.spans.recording import Spans
from gateway.web.context import RequestContext
from gateway.web.spans import RequestSpans, TracedBridge
from gateway.web.tracing import begin_request
from tests.gateway_door import ChosenBridge

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SAMPLED = f"00-{TRACE_ID}-b7ad6b7169203331-01"


def begin(ratio: float | None, **headers: str) -> RequestContext:
    return begin_request(clock=SystemClock(), deadline_s=5, ratio=ratio)(make_mocked_request("GET", "/", headers))


async def test_call_is_passed_on_as_it_is_when_its_request_is_not_traced() -> None:
    asked, spans = ChosenBridge(answers={"users.profile.get": {}}), Spans(SystemClock())
    context = begin(0.0, traceparent=SAMPLED).call_context
    await TracedBridge(asked, spans).call(GET_PROFILE, Nothing(), credentials=Credentials(), context=context)
    assert [each.context for each in asked.asked] == [context]
    assert spans.take() == []


async def test_no_span_is_kept_when_a_request_is_not_traced() -> None:
    spans = Spans(SystemClock())
    request = make_mocked_request("GET", "/")
    RequestSpans(spans, SystemClock()).leave(request, begin(0.0), web.Response())
    assert spans.take() == []


@pytest.mark.parametrize(("ratio", "flags"), [(1.0, "01"), (0.0, "00")])
def test_gateway_decides_what_is_traced_whatever_the_client_says(ratio: float, flags: str) -> None:
    for said in (SAMPLED, SAMPLED[:-1] + "0", "", "nonsense"):
        context = begin(ratio, traceparent=said)
        assert context.traceparent.endswith(f"-{flags}")
        assert context.parent_span == ("b7ad6b7169203331" if said == SAMPLED else "")


def test_client_decides_what_is_sampled_when_nothing_is_traced_here() -> None:
    assert begin(None, traceparent=SAMPLED).traceparent.endswith("-01")
