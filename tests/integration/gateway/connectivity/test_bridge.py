"""The bridge's rung, asked of a real gateway in front of an agent that it reaches over real mTLS."""

from __future__ import annotations

import asyncio
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


async def test_gateways_are_asked_at_once_when_there_are_two(tmp_path: Path) -> None:
    """Each answers when both were asked: while the keep is away, an answer may take a second."""
    both = asyncio.Barrier(2)
    body = json.dumps({"dependencies": [{"name": "bridge", "state": "up"}]}).encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await both.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        writer.close()

    sockets = [tmp_path / f"gateway-{number}.sock" for number in (1, 2)]
    given = {"connectivity": {"gateway_sockets": sockets}, "bridge": {"port": 1}}
    config = Config.from_json(json.loads(as_json(GatewaySettings.model_validate(given), SECTIONS)))
    async with (
        await asyncio.start_unix_server(answer, sockets[0]),
        await asyncio.start_unix_server(answer, sockets[1]),
    ):
        found = await bridge.check(Line(config, SystemClock()))
    assert (found.state, found.evidence) == ("up", {"gateway@1": "bridge up", "gateway@2": "bridge up"})
