"""Asks whether there is a cable, or a radio's link. The kernel knows at once."""

from __future__ import annotations

from gateway.connectivity.findings import Finding, down, up
from gateway.connectivity.line import Line


async def check(line: Line) -> Finding:
    link = line.link
    if link is None:
        name = line.config.interface or "a network interface"
        return down("interface_down", f"This machine has no {name}", definitive=True)
    evidence = {"interface": link.name}
    if not link.is_up:
        return down("interface_down", f"The interface {link.name} is switched off", evidence, definitive=True)
    if not link.has_carrier:
        return down("cable_out", f"The network cable of {link.name} is out", evidence, definitive=True)
    return up(f"{link.name} has a link", evidence)
