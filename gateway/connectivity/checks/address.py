"""Asks whether the interface has an address that others can answer to, and a way out."""

from __future__ import annotations

from gateway.connectivity.findings import Finding, down, up
from gateway.connectivity.line import Line


async def check(line: Line) -> Finding:
    link, route = line.link, line.route
    name = link.name if link else "the interface"
    on_link = [each for each in line.network.addresses if link and each.index == link.index and each.is_usable]
    usable = [f"{each.value}/{each.prefix}" for each in on_link if each.is_global]
    others = [f"{each.value}/{each.prefix}" for each in on_link if not each.is_global]
    evidence = {"interface": name, "addresses": " ".join(usable) or "none"}
    if not usable:
        evidence["of the link only"] = " ".join(others) or "none"
        return down("no_address", f"{name} has no address", evidence)
    if route is None:
        return down("no_route", f"{name} has an address, but there is no default route", evidence)
    via = route.gateway or "the link itself"
    return up(f"{name} has {usable[0]}, and its way out is {via}", {**evidence, "router": via})
