from __future__ import annotations

import json
import logging
from io import StringIO

import pytest
from prometheus_client import CollectorRegistry

from bridge.process.logs import JsonFormatter
from gateway.web.access_log import AccessLog
from gateway.web.metrics import RequestDurations
from tests.clocks import TurnedClock
from tests.gateway_door import USER, Door

LIST = "/api/v1/health/symptoms"


@pytest.mark.story("hub/IH-025.2", "hub/IH-019.4", "hub/DOD.15", "hub/AC-050")
async def test_request_leaves_one_line_when_it_was_answered(door: Door) -> None:
    response = await door.client.get(f"{LIST}?text=planted-secret", headers=door.bearer())

    [line] = door.log
    assert line | {"duration_ms": 0} == {
        "at": "2026-05-28T20:26:40.000Z",
        "level": "info",
        "host": "door",
        "app": "gateway",
        "event": "request_finished",
        "request_id": response.headers["X-Request-Id"],
        "method": "GET",
        "route": LIST,
        "status": 200,
        "outcome": "ok",
        "operation": "health.symptoms.list",
        "user_id": USER,
        "address": "127.0.0.1",
        "duration_ms": 0,
    }
    assert line["duration_ms"] > 0


async def test_line_begins_like_every_other_when_compared_with_the_formatters(door: Door) -> None:
    await door.client.get("/health")
    record = logging.makeLogRecord({"msg": "request_finished", "levelname": "INFO", "created": door.clock.time()})

    other = json.loads(JsonFormatter(host="door", app="gateway").format(record))

    assert {name: value for name, value in door.log[0].items() if name in other} == {
        name: value for name, value in other.items() if name != "logger"
    }


async def test_line_names_no_path_when_no_route_fits(door: Door) -> None:
    await door.client.get("/planted-secret?planted-secret")

    assert door.log[0]["route"] == "none"
    assert door.log[0]["error_code"] == "not_found"
    assert "planted-secret" not in "".join(door.log_lines)


async def test_each_request_is_one_whole_line_when_there_are_several(door: Door) -> None:
    await door.client.get("/health")
    await door.client.get("/health")

    assert len(door.log) == 2
    assert all(line.endswith("\n") and line.count("\n") == 1 for line in door.log_lines)


async def test_nothing_is_written_when_the_level_is_higher() -> None:
    written = StringIO()
    log = AccessLog(
        clock=TurnedClock(),
        write=written.write,
        durations=RequestDurations(CollectorRegistry()),
        host="door",
        level=logging.WARNING,
    )
    assert not log._is_on


@pytest.mark.story("hub/AC-064")
async def test_duration_is_observed_by_route_when_answered(door: Door) -> None:
    await door.client.get("/health")
    await door.client.get("/health")

    [family] = door.durations.collect()
    labels = {"route": "/health", "status": "200", "outcome": "ok"}
    [count] = [each.value for each in family.samples if each.name.endswith("_count") and each.labels == labels]
    buckets = [each for each in family.samples if each.name.endswith("_bucket")]
    assert count == 2
    assert buckets[-1].labels["le"] == "+Inf"
    assert [each.value for each in buckets] == sorted(each.value for each in buckets)


@pytest.mark.story("hub/IH-025.1")
@pytest.mark.parametrize("method", ["GET", "POST", "PROPFIND"])
async def test_line_is_json_when_the_method_is_any(door: Door, method: str) -> None:
    await door.client.request(method, "/health")

    assert door.log[0]["method"] == method
