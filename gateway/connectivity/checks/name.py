"""Asks whether our name leads to us, at its zone's own servers, which no cache stands before.

Our address is what the DDNS updater found out, by way of its snapshot. While it is updating, nothing is judged.
"""

from __future__ import annotations

from typing import Any, Final

from gateway.connectivity.dns import Answer, Kind, Rcode, ask
from gateway.connectivity.findings import Finding, down, off, unknown, up
from gateway.connectivity.line import Line
from gateway.connectivity.small_files import read_object

_NAMES_MAX: Final = 4
_SERVERS_MAX: Final = 2
_SNAPSHOT_AGE_MAX_S: Final = 900.0
_ZONE_KEPT_S: Final = 600.0
_KINDS: Final = {"ipv4": Kind.A, "ipv6": Kind.AAAA}


async def check(line: Line) -> Finding:
    snapshot = read_object(line.config.ddns_status)
    entries = _entries(snapshot)
    names = line.config.names or tuple(dict.fromkeys(str(each.get("name", "")) for each in entries))[:_NAMES_MAX]
    if not names:
        return off("There is no public name of ours")
    if snapshot is None or line.clock.time() - _number(snapshot.get("at")) > _SNAPSHOT_AGE_MAX_S:
        return unknown("The DDNS updater does not say what our address is")
    ours = {family: _address(snapshot, family) for family in _KINDS}
    updating = {str(each.get("name")) for each in entries if each.get("state") == "updating"}
    evidence: dict[str, str] = {}
    is_seen = False
    for name in names:
        for family, kind in _KINDS.items():
            if not (address := ours[family]) or name in updating or not _is_kept(entries, name, family):
                continue
            answer = await _ask_zone(line, name, kind)
            if answer is None or answer.message is None:
                evidence[name] = "no server of its zone answers"
                continue
            is_seen = True
            found = answer.message.data(kind)
            evidence |= {name: " ".join(found) or answer.text, f"our {family} address": address, "asked": answer.server}
            if address not in found:
                where = f"leads to {found[0]}" if found else "does not exist"
                code = "name_elsewhere" if found else "name_missing"
                return down(code, f"{name} {where}, and our address is {address}", evidence)
    if not is_seen:
        return unknown("Our address, or where our name leads, is not known now", evidence)
    return up(f"{' and '.join(names)} leads to us", evidence)


def _entries(snapshot: dict[str, Any] | None) -> list[dict[str, Any]]:
    entries = (snapshot or {}).get("names")
    return [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []


def _is_kept(entries: list[dict[str, Any]], name: str, family: str) -> bool:
    """Say whether the updater keeps that family at ``name``; a name it does not know is kept by hand, as IPv4."""
    of_name = [each.get("family") for each in entries if each.get("name") == name]
    return family in of_name if of_name else family == "ipv4"


def _address(snapshot: dict[str, Any], family: str) -> str:
    addresses = snapshot.get("addresses")
    entry = addresses.get(family) if isinstance(addresses, dict) else None
    value = entry.get("value") if isinstance(entry, dict) and entry.get("state") == "public" else None
    return value if isinstance(value, str) else ""


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


async def _ask_zone(line: Line, name: str, kind: Kind) -> Answer | None:
    answer = None
    for server in await _zone_servers(line, name):
        answer = await ask(server, name, kind, clock=line.clock, recursive=False)
        if answer.message is not None and answer.message.rcode in {Rcode.OK, Rcode.NO_SUCH_NAME}:
            return answer
    line.zone_servers.pop(name, None)
    return answer


async def _zone_servers(line: Line, name: str) -> tuple[str, ...]:
    """Return addresses of the servers of the zone that holds ``name``: the nearest name above with NS records."""
    until, servers = line.zone_servers.get(name, (0.0, ()))
    if line.clock.monotonic() < until:
        return servers
    labels = name.split(".")
    for resolver in line.resolvers():
        for count in range(len(labels) - 1):
            answer = await ask(resolver, ".".join(labels[count:]), Kind.NS, clock=line.clock)
            if answer.message is None:
                break  # the next resolver may be better
            servers = ()
            for host in answer.message.data(Kind.NS)[:_SERVERS_MAX]:
                servers += (await line.resolve(host, line.family))[:1]
            if servers:
                line.zone_servers[name] = (line.clock.monotonic() + _ZONE_KEPT_S, servers)
                return servers
    return ()
