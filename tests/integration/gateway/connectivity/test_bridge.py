"""The bridge's rung, asked of a real gateway in front of an agent that it reaches over real mTLS."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from bridge.process.clock import SystemClock
from gateway.connectivity.checks import bridge, database
from gateway.connectivity.config import Config
from gateway.connectivity.findings import Finding
from gateway.connectivity.line import Line
from gateway.connectivity.verbs import SECTIONS
from gateway.settings import GatewaySettings
from gateway.settings.plain import as_json
from tests.gateway_door import Issuer
from tests.integration.gateway.test_app import Machines


def _line(machines: Machines, port: int) -> Line:
    given = {"connectivity": {"gateway_sockets": [machines.socket]}, "bridge": {"port": port}}
    config = Config.from_json(json.loads(as_json(GatewaySettings.model_validate(given), SECTIONS)))
    return Line(config, SystemClock())


async def _until_known(line: Line) -> Finding:
    while (found := await bridge.check(line)).code == "bridge_refused":  # until the gateway has connected
        pass
    return found


@pytest.fixture
def machines(tmp_path: Path) -> Machines:
    return Machines(tmp_path)


async def test_bridge_and_database_are_up_when_the_agent_answers(machines: Machines) -> None:
    async with machines.agent(Issuer()) as agent, machines.gateway(agent.port):
        line = _line(machines, agent.port)
        assert (await _until_known(line)).state == "up"
        found = await database.check(line)
    assert (found.state, found.evidence) == ("up", {"store": "up"})


async def test_bridge_says_that_the_agent_is_down_when_nobody_listens_at_the_keep(machines: Machines) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        async with machines.gateway(port):
            line = _line(machines, port)
            found = await bridge.check(line)
            below = await database.check(line)
    assert (found.code, found.evidence) == ("agent_down", {"gateway@1": "bridge down", f"127.0.0.1:{port}": "refused"})
    assert below.state == "unknown"


async def test_bridge_says_that_the_gateways_are_down_when_none_answers(machines: Machines) -> None:
    found = await bridge.check(_line(machines, 1))
    assert (found.code, found.evidence) == ("gateways_down", {"gateway@1": "enoent"})
