"""Asks whether the agent reaches its databases: it says so in the answer that the bridge's check got."""

from __future__ import annotations

from gateway.connectivity.findings import Finding, down, unknown, up
from gateway.connectivity.line import Line

_BRIDGE = "bridge"


async def check(line: Line) -> Finding:
    states = {name: state for name, state in line.dependencies.items() if name != _BRIDGE}
    if not states:
        return unknown("The agent does not say how its databases are")
    if away := [name for name, state in states.items() if state == "down"]:
        return down("database_down", f"The agent does not reach {' and '.join(away)}", states)
    return up("The agent reaches its databases", states)
