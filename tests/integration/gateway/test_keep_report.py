"""What the keep says of itself, from its folders to the gateway's socket: a real agent, without its databases."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from bridge.client.call import Credentials
from bridge.contracts.operation import Operation
from bridge.contracts.system import METRICS, REPORT, REPORT_ACK, STATUS
from bridge.errors import AppError, Code
from bridge.process.http_unix import HttpAnswer, ask
from bridge.server import Answer, CallerContext
from gateway.alerts.report import Report
from gateway.app import Gateway
from gateway.settings import Bridge, Feed, GatewaySettings, Listen
from tests.bridge_pair import Certificates, FixedKeys, agent, gateway
from tests.integration.agent.conftest import StoreDsns
from tests.integration.agent.machine import Machine
from tests.waiting import until

NOWHERE: Final = "postgresql://nobody@/none?host=/nonexistent"
SHOW: Final = "\\n".join(
    ("Id=agent.service", "LoadState=loaded", "ActiveState=active", "SubState=running", "Result=success", "NRestarts=1")
)
EVENT: Final = Report("rescue.used:restart", "event", "info", "The rescue console was used", host="keep", at=5.0)


@dataclass(frozen=True)
class Hosts:
    """The keep's folders, and the gateway's socket."""

    machine: Machine
    folder: Path

    @property
    def outbox(self) -> Path:
        return self.folder / "outbox"

    @property
    def socket(self) -> Path:
        return self.folder / "gateway.sock"

    def leave(self, number: int, *, size: int = 0) -> str:
        name = f"{number}-7-0000000a"
        values = json.loads(EVENT.as_json()) | {"detail": "x" * size}
        (self.outbox / f"{name}.json").write_text(json.dumps(values))
        return name

    @property
    def report(self) -> dict[str, str | float]:
        """The agent's section of settings."""
        programs = ("systemctl", "timedatectl")
        return {
            "outbox": str(self.outbox),
            "release": str(self.folder / "current"),
            "bans_socket": str(self.folder / "bans.sock"),
            "kept_s": 0.001,
            **{name: str(self.folder / name) for name in programs},
        }

    @asynccontextmanager
    async def gateway(self, port: int) -> AsyncIterator[None]:
        settings = GatewaySettings(
            listen=Listen(kind="unix", path=self.socket, drain_s=1.0),
            bridge=Bridge(
                port=port,
                tls_dir=self.folder / "gateway-tls",
                keys_dir=self.folder / "gateway-keys",
                connect_timeout_s=0.5,
                feed=Feed(retry_s=0.01, retry_max_s=0.05),
            ),
        )
        stop = asyncio.Event()
        gateway = Gateway(settings)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(gateway.run(stop))
            try:
                await until(lambda: bool(gateway.addresses))
                yield
            finally:
                stop.set()

    async def keep(self) -> dict[str, Any]:
        answer = await ask(self.socket, "/health/keep")
        assert answer.status == 200, answer.body
        said: dict[str, Any] = json.loads(answer.body)
        return said

    async def take(self, *ids: str) -> HttpAnswer:
        return await ask(self.socket, "/health/keep/taken", method="POST", json=json.dumps({"ids": ids}).encode())


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hosts:
    monkeypatch.setattr("gateway.web.health._REPORT_KEPT_S", 0.0)
    machine = Machine.set_up(tmp_path, StoreDsns(NOWHERE, NOWHERE), NOWHERE)
    hosts = Hosts(machine, tmp_path)
    hosts.outbox.mkdir()
    for name, script in (("systemctl", f"printf '{SHOW}'"), ("timedatectl", "echo yes")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o700)
    (tmp_path / "current").symlink_to("releases/1.2.3")
    return hosts


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
    for number in range(3_000):
        hosts.leave(number, size=15_000 if number < 25 else 0)
    async with hosts.machine.running(report=hosts.report) as running, hosts.gateway(running.port):
        answer = await ask(hosts.socket, "/health/keep")

    said = json.loads(answer.body)
    assert (len(said["events"]), said["waiting"]) == (20, 3_000)
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
        answer = await ask(hosts.socket, "/metrics")

    lines = [line for line in answer.body.decode().splitlines() if line.startswith("drawbridge_certificate_end_")]
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
