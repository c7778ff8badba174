"""One trace from nginx to PostgreSQL: every process is the real one, and a collector gets both machines' spans."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import ClientSession

from gateway.settings import PREFIX
from tests.adversity.appliance import PASSWORD, Keep, Stage, keep
from tests.adversity.process import Process, overrides
from tests.collector import Collector, attributes, collecting
from tests.integration.nginx.gateways import socket_of
from tests.integration.nginx.server import BINARY, serve

LIST: Final = "/api/v1/health/symptoms"
BROWSERS_SPAN: Final = "b7ad6b7169203331"
WRITTEN: Final = "Zwieselfink"
_LOOK_S: Final = 0.2
SERVER, CLIENT = 2, 3
"""Kinds of spans, as OTLP numbers them."""


@pytest.mark.story("hub/AC-066")
@pytest.mark.slow  # four processes start
@pytest.mark.skipif(BINARY is None, reason="nginx is missing: apt-get install nginx")
async def test_one_trace_spans_request_bridge_operation_and_statement_when_nginx_is_in_front(
    stage: Stage, tmp_path: Path
) -> None:
    async with (
        collecting() as collector,
        keep(stage, settings={"tracing.endpoint": collector.url}) as agent,
        _door(agent, tmp_path, collector) as browser,
    ):
        email = await stage.add_user()
        token = await _sign_in(browser, email)
        asked = {
            _trace_id(1): (
                "GET",
                f"{LIST}?symptom=Headache&from=2020-02-03T04:05:06Z",
                None,
                LIST,
                "health.symptoms.list",
            ),
            _trace_id(2): ("PUT", "/users/profile", {"name": WRITTEN}, "/users/profile", "users.profile.change"),
        }
        for trace_id, (method, target, body, route, operation) in asked.items():
            headers = {"Authorization": f"Bearer {token}", "traceparent": f"00-{trace_id}-{BROWSERS_SPAN}-01"}
            async with browser.request(method, target, json=body, headers=headers) as answer:
                assert (answer.status, answer.headers["X-Request-Id"]) == (200, trace_id), await answer.text()
            wanted = ((f"{method} {route}", SERVER), (operation, CLIENT), (operation, SERVER))
            found = await collector.trace(trace_id, *wanted, within_s=20)
            _expect_one_way_down(found, wanted)
    told = json.dumps(collector.spans)
    for secret in (email, PASSWORD, token, WRITTEN, "2020-02-03", "Headache", "127.0.0.1"):
        assert secret not in told


def _expect_one_way_down(found: list[dict[str, Any]], wanted: tuple[tuple[str, int], ...]) -> None:
    request, call, answer = ({(span["name"], span["kind"]): span for span in found}[each] for each in wanted)
    assert request["parentSpanId"] == BROWSERS_SPAN
    assert call["parentSpanId"] == request["spanId"]
    assert answer["parentSpanId"] == call["spanId"]
    services = [span["service"] for span in (request, call, answer)]
    assert services == ["drawbridge-gateway", "drawbridge-gateway", "drawbridge-agent"]
    statements = [span for span in found if span["service"] == "drawbridge-agent" and span is not answer]
    assert statements
    for span in statements:
        assert (span["kind"], span["parentSpanId"]) == (CLIENT, answer["spanId"])
        assert attributes(span)["db.system.name"] == "postgresql"
    assert len(found) == len(statements) + 3


@asynccontextmanager
async def _door(agent: Keep, folder: Path, collector: Collector) -> AsyncIterator[ClientSession]:
    """Give a browser before nginx, before a gateway, before ``agent``."""
    installation = agent.installation
    installation.write_gateway(port=1, agent_port=agent.port)
    settings = installation.gateway / "gateway.toml"
    settings.write_text(re.sub("(?m)^(certificate|kind|host|port) = .*\n", "", settings.read_text("utf-8"), count=4))
    with serve(folder) as nginx, ExitStack() as stack:
        listen = {"listen.kind": "unix", "listen.path": socket_of(folder / "run", 1)}
        gateway = Process(
            name="the gateway",
            arguments=["gateway", "serve", "--config", str(settings)],
            variables={
                "CREDENTIALS_DIRECTORY": str(installation.gateway / "credentials"),
                **overrides(PREFIX, {**listen, "tracing.endpoint": collector.url, "tracing.ratio": 1.0}),
            },
            log_file=folder / "gateway.log",
            stack=stack,
        )
        gateway.start()
        async with nginx.client() as browser:
            yield browser


async def _sign_in(browser: ClientSession, email: str) -> str:
    """Return a token, once the gateway hears from the agent which of them are good."""
    async with browser.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD}) as answer:
        assert answer.status == 200, await answer.text()
        token = str((await answer.json())["access_token"])
    async with asyncio.timeout(20):
        status = 0
        while status != 200:
            async with browser.get(LIST, headers={"Authorization": f"Bearer {token}"}) as answer:
                status = answer.status
            await asyncio.sleep(_LOOK_S)  # every question counts against the browser's limit
    return token


def _trace_id(number: int) -> str:
    return f"0af7651916cd43dd8448eb211c8031{number:02}"
