"""Asks our gateways whether they reach the keep: they hold the bridge's keys, and this process does not.

If they do not, a bare TCP connection tells the machine from the agent: the keep's kernel refuses the port at once where
nobody listens, and nobody answers where the machine is away.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Final

from bridge.process.http_client import Malformed, Reply, exchange
from gateway.connectivity.findings import Finding, down, unknown, up
from gateway.connectivity.line import Line
from gateway.connectivity.streams import REFUSED, SILENT, UNREACHABLE, Failed, connected, connected_locally

_ANSWER_S: Final = 3.0
_BRIDGE: Final = "bridge"


async def check(line: Line) -> Finding:
    line.dependencies = {}
    states: dict[str, str] = {}
    async with asyncio.TaskGroup() as group:  # at once: while the keep is away, each may take a while to answer
        tasks = [group.create_task(_ready(path)) for path in line.config.gateway_sockets]
    for number, task in enumerate(tasks, 1):
        name, dependencies = f"gateway@{number}", task.result()
        if isinstance(dependencies, str):
            states[name] = dependencies
            continue
        states[name] = f"bridge {dependencies.get(_BRIDGE, 'unknown')}"
        if line.dependencies.get(_BRIDGE) != "up":  # one gateway that reaches the keep is proof enough
            line.dependencies = dependencies
    bridge = line.dependencies.get(_BRIDGE)
    if bridge == "up":
        return up("The gateways reach the agent", states)
    if bridge is not None:
        return await _explain(line, states)
    if all(not text.startswith("unclear") for text in states.values()):
        return down("gateways_down", f"None of our gateways answers ({', '.join(states)})", states)
    return unknown("The gateways do not say whether they reach the keep", states)


async def _ready(path: Path) -> dict[str, str] | str:
    """Return the states of what a gateway depends on, or in a few words why it does not tell."""
    try:
        return _dependencies(await ask_gateway(path, "/health/ready"))
    except Failed as failure:
        return failure.reason
    except Malformed as error:
        return f"unclear: {error}"


async def ask_gateway(path: Path, what: str) -> Reply:
    """Return a gateway's reply to ``GET what``. Raises Failed where it does not answer, and Malformed."""
    try:
        async with connected_locally(str(path)) as (reader, writer), asyncio.timeout(_ANSWER_S):
            return await exchange(reader, writer, host="localhost", path=what, headers={"X-Forwarded-For": "127.0.0.1"})
    except OSError as error:
        raise Failed(SILENT if isinstance(error, TimeoutError) else "broken off") from error


def _dependencies(reply: Reply) -> dict[str, str]:
    try:
        body: Any = json.loads(reply.body)
        found = {str(each["name"]): str(each["state"]) for each in body["dependencies"]}
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        msg = f"status {reply.status}"
        raise Malformed(msg) from error
    return found


async def _explain(line: Line, states: dict[str, str]) -> Finding:
    keep = f"{line.config.keep_host}:{line.config.keep_port}"
    try:
        async with connected(line.config.keep_host, line.config.keep_port):
            reason = "a connection is accepted"
    except Failed as failure:
        reason = failure.reason
    evidence = {**states, keep: reason}
    if reason == REFUSED:
        return down("agent_down", f"The keep is there, but nobody listens at {keep}", evidence)
    if reason in {SILENT, UNREACHABLE}:
        return down("keep_away", f"The keep does not answer at {keep}", evidence)
    return down("bridge_refused", f"The agent at {keep} takes connections, but the gateways get no answer", evidence)
