from __future__ import annotations

import asyncio
from ipaddress import ip_network
from typing import Any, Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bridge.client.call import Reply
from bridge.contracts.system import FeedEvent
from bridge.errors import Code, Unavailable
from gateway.settings import GatewaySettings, Web
from gateway.web.health import join_metrics
from tests.gateway_door import STATUS, Door, open_door
from tests.waiting import until

ELSEWHERE = GatewaySettings(web=Web(metrics_networks=(ip_network("192.0.2.0/24"),)))
AGENTS = """# HELP process_cpu_seconds_total CPU
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 7.0
# HELP bridge_retries_total Said by both
# TYPE bridge_retries_total counter
bridge_retries_total 3.0
# HELP agent_feed_streams Feed streams held open.
# TYPE agent_feed_streams gauge
agent_feed_streams 1.0
"""


@pytest.mark.story("hub/IH-024.1", "hub/DOD.6")
async def test_health_is_ok_when_the_agent_is_away(door: Door) -> None:
    door.bridge.answers.clear()

    response = await door.client.get("/health")

    assert response.status == 200
    assert await response.json() == {"status": "ok"}


@pytest.mark.story("hub/IH-024.2")
async def test_version_is_told(door: Door) -> None:
    assert await (await door.client.get("/version")).json() == {"version": "1.2.3", "api": "v1"}


@pytest.mark.story("hub/DOD.6")
async def test_ready_lists_each_dependency_when_all_are_up(door: Door) -> None:
    response = await door.client.get("/health/ready")

    body = await response.json()
    assert response.status == 200
    assert body["status"] == "ready"
    assert [(each["name"], each["state"]) for each in body["dependencies"]] == [("bridge", "up"), ("store", "up")]
    assert body["dependencies"][1]["since"] == "2026-01-01T00:00:00Z"


async def test_ready_is_503_when_a_dependency_is_down(door: Door) -> None:
    store = {"name": "store", "state": "down", "since": "2026-05-01T00:00:00Z", "reason": "planted-secret"}
    door.bridge.answers["system.status"] = STATUS | {"dependencies": [store]}

    response = await door.client.get("/health/ready")

    assert response.status == 503
    assert "planted-secret" not in await response.text()


async def test_ready_is_200_when_an_app_is_switched_off(door: Door) -> None:
    health = {"name": "health", "state": "disabled", "since": "2026-05-01T00:00:00Z"}
    door.bridge.answers["system.status"] = STATUS | {"dependencies": [health]}

    assert (await door.client.get("/health/ready")).status == 200


async def test_ready_says_since_when_when_the_bridge_is_down(door: Door) -> None:
    door.health.on_feed_gap()
    door.clock.advance(60)
    door.bridge.answers["system.status"] = Unavailable(Code.UNREACHABLE)

    response = await door.client.get("/health/ready")

    [bridge] = (await response.json())["dependencies"]
    assert response.status == 503
    assert bridge == {"name": "bridge", "state": "down", "since": "2026-05-28T20:27:40Z"}


async def test_readiness_is_kept_for_a_second_when_many_ask(door: Door) -> None:
    door.health.on_feed_event(FeedEvent(kind="tags_invalidated"))

    for _ in range(3):
        await door.client.get("/health/ready")

    assert len(door.bridge.asked) == 1


async def test_agent_is_asked_once_when_many_ask_for_readiness_at_once(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_answer = asyncio.Event()
    ask = door.bridge.call

    async def ask_slowly(*args: Any, **kwargs: Any) -> Reply:  # noqa: ANN401 - whatever a call takes
        await may_answer.wait()
        return await ask(*args, **kwargs)

    monkeypatch.setattr(door.bridge, "call", ask_slowly)
    async with asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(door.client.get("/health/ready")) for _ in range(3)]
        await until(lambda: len(door.health._looking._waiters or ()) == 2)
        may_answer.set()

    assert [task.result().status for task in asking] == [200, 200, 200]
    assert len(door.bridge.asked) == 1


@pytest.mark.story("hub/IH-024.3", "hub/DOD.6")
async def test_metrics_join_both_processes_when_read_nearby(door: Door) -> None:
    door.bridge.answers["system.metrics"] = {"text": AGENTS}

    response = await door.client.get("/metrics")

    names = [family.name for family in text_string_to_metric_families(await response.text())]
    assert response.status == 200
    assert len(names) == len(set(names))
    assert {"agent_process_cpu_seconds", "agent_feed_streams", "bridge_retries"} <= set(names)


async def test_metrics_are_our_own_when_the_agent_is_away(door: Door) -> None:
    door.bridge.answers["system.metrics"] = Unavailable(Code.UNREACHABLE)

    response = await door.client.get("/metrics")

    assert response.status == 200
    assert "gateway_csp_violations_total" in await response.text()


async def test_metrics_are_the_named_ones_and_the_agent_is_not_asked_when_names_are_given(door: Door) -> None:
    response = await door.client.get(
        "/metrics",
        params=[("name[]", "bridge_cache_bytes"), ("name[]", "gateway_csp_violations_total"), ("name[]", "x")],
    )

    names = {line.partition(" ")[0] for line in (await response.text()).splitlines() if not line.startswith("#")}
    assert names == {"gateway_csp_violations_total", "bridge_cache_bytes"}
    assert response.content_type == "text/plain"
    assert not door.bridge.asked


async def test_metrics_are_for_nobody_when_read_from_elsewhere() -> None:
    async with open_door(ELSEWHERE) as door:
        nobody = await door.client.get("/metrics")
        administrator = await door.client.get("/metrics", headers=door.bearer(role="admin"))

        assert (nobody.status, administrator.status) == (403, 403)
        assert not door.bridge.asked


REPORT: Final = {"host": {"host": "keep"}, "events": []}
TAKEN: Final = {"ids": ["1-1-0000000a"]}


async def test_keeps_report_is_given_as_it_came_and_kept_for_a_moment(door: Door) -> None:
    door.bridge.answers["system.report"] = REPORT

    answers = [await (await door.client.get("/health/keep")).json() for _ in range(3)]

    assert answers == [REPORT] * 3
    assert [asked.operation for asked in door.bridge.asked] == ["system.report"]


async def test_keeps_report_is_503_when_it_is_away_and_asked_anew_when_it_is_back(door: Door) -> None:
    door.bridge.answers["system.report"] = Unavailable(Code.UNREACHABLE)
    away = await door.client.get("/health/keep")
    door.bridge.answers["system.report"] = REPORT
    back = await door.client.get("/health/keep")

    assert (away.status, away.content_type, back.status) == (503, "application/problem+json", 200)
    assert (await away.json())["code"] == "unreachable"


async def test_keeps_report_is_read_anew_when_reports_were_taken(door: Door) -> None:
    door.bridge.answers |= {"system.report": REPORT, "system.report_ack": {}}
    await door.client.get("/health/keep")

    taken = await door.client.post("/health/keep/taken", json=TAKEN)
    await door.client.get("/health/keep")

    assert taken.status == 200
    assert [asked.operation for asked in door.bridge.asked] == ["system.report", "system.report_ack", "system.report"]
    assert door.bridge.asked[1].params.ids == ("1-1-0000000a",)


@pytest.mark.parametrize("ids", [["../keys"], ["x"], ["1-1-0000000a"] * 101, "1"], ids=["path", "word", "many", "text"])
async def test_reports_are_not_taken_when_their_ids_are_none(door: Door, ids: object) -> None:
    assert (await door.client.post("/health/keep/taken", json={"ids": ids})).status == 400
    assert not door.bridge.asked


async def test_keeps_report_is_for_nobody_when_asked_from_elsewhere() -> None:
    """Not the house's other machines either, which may read metrics; as nginx says that they ask."""
    settings = GatewaySettings(web=Web(trusted_hops=(ip_network("127.0.0.0/8"),)))
    async with open_door(settings) as door:
        door.bridge.answers["system.metrics"] = {"text": ""}
        elsewhere = {"X-Forwarded-For": "192.168.1.20"} | door.bearer(role="admin")

        metrics = await door.client.get("/metrics", headers=elsewhere)
        report = await door.client.get("/health/keep", headers=elsewhere)
        taken = await door.client.post("/health/keep/taken", headers=elsewhere, json=TAKEN)

        assert (metrics.status, report.status, taken.status) == (200, 403, 403)
        assert [asked.operation for asked in door.bridge.asked] == ["system.metrics"]


def test_joined_metrics_hold_no_family_twice() -> None:
    own = "# HELP bridge_retries_total Ours\n# TYPE bridge_retries_total counter\nbridge_retries_total 1.0\n"

    joined = join_metrics(own, AGENTS)

    assert joined.count("\nbridge_retries_total ") == 1
    assert "bridge_retries_total 1.0" in joined
    assert "agent_process_cpu_seconds_total 7.0" in joined
