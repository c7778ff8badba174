"""What the keep says of itself, from its folders to the gateway's socket: a real agent, without its databases."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from bridge.client.call import Credentials
from bridge.contracts.operation import Operation
from bridge.contracts.system import METRICS, REPORT, REPORT_ACK, STATUS
from bridge.errors import AppError, Code
from bridge.process.http_unix import ask
from bridge.server import Answer, CallerContext
from tests.bridge_pair import Certificates, FixedKeys, agent, gateway
from tests.integration.gateway.keep_and_door import Hosts


async def test_keep_says_how_it_is_when_its_databases_are_away(hosts: Hosts) -> None:
    state = {"backup": {"ok": True, "at_unix_s": 100.0, "remote": "none"}, "drill": {"ok": True, "at_unix_s": 50.0}}
    (hosts.folder / "state.json").write_text(json.dumps(state))
    backup = {"target": "file:///backups", "state_file": str(hosts.folder / "state.json")}
    async with hosts.machine.running(report=hosts.report, backup=backup) as running, hosts.gateway(running.port):
        said = await hosts.keep()

    host = said["host"]
    assert (host["host"], host["release"], host["clock_synchronized"]) == ("keep", "1.2.3", True)
    assert [(unit["name"], unit["active"], unit["restarts"]) for unit in host["units"]] == [
        ("agent.service", "active", 1)
    ]
    assert said["backup"] == {"last": 100.0, "last_ok": True, "drill": 50.0, "drill_ok": True, "detail": ""}
    assert [each["name"] for each in said["certificates"]] == ["agent", "intermediate", "root"]
    assert said["certificates"][0]["ends"] < said["certificates"][1]["ends"] < said["certificates"][2]["ends"]
    assert (said["bans"], said["events"], said["waiting"]) == (None, [], 0)


async def test_nothing_is_told_of_mail_when_the_store_is_away(hosts: Hosts) -> None:
    mail = {"host": "m.example.org", "sender": "a@example.org", "site": "https://b.example.org",
            "key_file": str(hosts.folder / "mail-key")}  # fmt: skip
    async with hosts.machine.running(report=hosts.report, mail=mail) as running, hosts.gateway(running.port):
        assert (await hosts.keep())["mail"] is None


async def test_no_backup_is_told_of_when_there_are_none(hosts: Hosts) -> None:
    async with hosts.machine.running(report=hosts.report) as running, hosts.gateway(running.port):
        assert (await hosts.keep())["backup"] is None


async def test_reports_are_given_again_until_they_are_taken_when_answers_are_lost(hosts: Hosts) -> None:
    names = [hosts.leave(1), hosts.leave(2)]
    async with hosts.machine.running(report=hosts.report) as running, hosts.gateway(running.port):
        first, again = await hosts.keep(), await hosts.keep()
        taken = await hosts.take(names[0])
        rest = await hosts.keep()
        repeated = await hosts.take(*names)  # the first answer was lost, say
        nothing = await hosts.keep()

    assert [event["id"] for event in first["events"]] == names
    assert again["events"] == first["events"]
    assert (taken.status, repeated.status) == (200, 200)
    assert [event["id"] for event in rest["events"]] == names[1:]
    assert nothing["events"] == []
    assert list(hosts.outbox.iterdir()) == []


async def test_answer_stays_small_when_the_outbox_is_gigantic(hosts: Hosts) -> None:
    for number in range(1_000):
        hosts.leave(number, size=15_000 if number < 25 else 0)
    async with hosts.machine.running(report=hosts.report) as running, hosts.gateway(running.port):
        answer = await ask(hosts.socket, "/health/keep")

    said = json.loads(answer.body)
    assert (len(said["events"]), said["waiting"]) == (20, 1_000)
    assert len(answer.body) < 64 * 1024


async def test_keep_is_503_when_it_is_away_and_answers_when_it_is_back(hosts: Hosts) -> None:
    async with hosts.machine.running(report=hosts.report) as running:
        port = running.port
    async with hosts.gateway(port):
        away = await ask(hosts.socket, "/health/keep")
        bridge = hosts.machine.values()["bridge"] | {"port": port}
        async with hosts.machine.running(report=hosts.report, bridge=bridge):
            async with asyncio.timeout(5):
                while (back := await ask(hosts.socket, "/health/keep")).status != 200:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)

    assert away.status == 503
    assert json.loads(away.body)["code"] in {"unreachable", "breaker_open"}
    assert json.loads(back.body)["host"]["host"] == "keep"


async def test_gateway_tells_when_its_certificates_end(hosts: Hosts) -> None:
    async with hosts.machine.running(report=hosts.report) as running, hosts.gateway(running.port):
        answer = await ask(hosts.socket, "/metrics?name[]=drawbridge_certificate_end_seconds")

    lines = [line for line in answer.body.decode().splitlines() if not line.startswith("#")]
    assert {line.partition("}")[0].partition("=")[2] for line in lines} == {'"gateway"', '"intermediate"', '"root"'}


async def test_programs_are_started_once_when_many_ask_at_once(hosts: Hosts) -> None:
    """Whoever asks without end, a gateway in wrong hands too, starts no more of them."""
    asked = hosts.folder / "asked"
    (hosts.folder / "systemctl").write_text(f"#!/bin/sh\necho asked >> {asked}\n")
    async with hosts.machine.running(report=hosts.report | {"kept_s": 60.0}) as running:
        for _ in range(5):
            await running.call(REPORT)

    assert asked.read_text() == "asked\n"


async def test_older_gateway_is_served_as_before_when_the_agent_reports(hosts: Hosts) -> None:
    """It asks for what it knows; what it does not know is an operation more."""
    async with hosts.machine.running(report=hosts.report) as running:
        assert (await running.call(STATUS)).boot == running.agent.boot
        assert (await running.call(METRICS)).text


async def test_newer_gateway_is_told_so_when_the_agent_does_not_report(hosts: Hosts) -> None:
    async with hosts.machine.running(report=hosts.report) as running, hosts.gateway(running.port):
        del running.agent._server._handlers[REPORT.name]
        answer = await ask(hosts.socket, "/health/keep")

    assert answer.status == 404


@pytest.mark.parametrize("operation", [REPORT, REPORT_ACK], ids=lambda operation: operation.name)
async def test_operation_is_refused_when_a_unit_asks_that_may_not(operation: Operation[Any, Any]) -> None:
    async def answer(_context: CallerContext, _params: object) -> Answer:
        pytest.fail("it was answered")

    certificates, keys = Certificates(), FixedKeys("relay")
    async with agent({operation: answer}, certificates, keys=keys, unit_of_peer="relay") as there:
        async with gateway(there.port, certificates, keys=keys) as door:
            params = operation.params.model_validate({"ids": ["1-1-0000000a"]} if operation is REPORT_ACK else {})
            with pytest.raises(AppError) as refused:
                await door.client.call(operation, params, credentials=Credentials(), context=door.context())
    assert refused.value.code is Code.FORBIDDEN
