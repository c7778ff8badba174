"""Whether an update took: asked of the name servers that answer for the zone, not of a resolver that remembers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import dns.asyncquery
import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.nameserver
import dns.rcode
import dns.rdatatype

from gateway.ddns.families import Address, Family
from gateway.ddns.nameservers import Nameserver, has_route

TIMEOUT_S: Final = 12.0
_ASK_TIMEOUT_S: Final = 4.0
_SERVERS_MAX: Final = 6


@dataclass(frozen=True, slots=True)
class Shown:
    """What the authoritative servers show of one name in one family."""

    by_server: dict[str, frozenset[str]]
    """Server to addresses; servers that did not answer with authority are not there."""
    failed: str = ""
    """Why none could be asked."""

    def doubt(self, wanted: Address) -> str | None:
        """Return None where every server that answered shows ``wanted`` alone, and else what is wrong."""
        if not self.by_server:
            return self.failed or "no authoritative server answered"
        for server, addresses in self.by_server.items():
            if addresses != {str(wanted)}:
                return f"the authoritative server {server} says {', '.join(sorted(addresses)) or 'nothing'}"
        return None


class Authority:
    """Asks the servers that ``authoritative`` names, or else finds those of each zone by ``resolvers``."""

    def __init__(self, *, resolvers: Sequence[str] = (), authoritative: Sequence[str] = ()) -> None:
        self._resolvers = [Nameserver.parse(text) for text in resolvers]
        self._authoritative = [Nameserver.parse(text) for text in authoritative]

    async def ask(self, name: str, family: Family) -> Shown:
        """Return what is shown within :data:`TIMEOUT_S`. Never raises."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                servers = await self._servers(dns.name.from_text(name))
                return await _ask_all(servers, name, family)
        except TimeoutError:
            return Shown({}, "the authoritative servers did not answer in time")
        except (OSError, dns.exception.DNSException):
            return Shown({}, "the authoritative servers cannot be found")

    async def _servers(self, name: dns.name.Name) -> dict[str, Nameserver]:
        if self._authoritative:
            return {server.host: Nameserver(await server.resolve(), server.port) for server in self._authoritative}
        resolver = await self._resolver()
        zone = await dns.asyncresolver.zone_for_name(name, resolver=resolver)
        named = await resolver.resolve(zone, "NS")
        servers: dict[str, Nameserver] = {}
        for host in sorted(str(entry.target) for entry in named)[:_SERVERS_MAX]:
            for kind in ("A", "AAAA"):
                found = await resolver.resolve(host, kind, raise_on_no_answer=False)
                if found.rrset is not None and has_route(address := str(found.rrset[0])):
                    servers[host.removesuffix(".")] = Nameserver(address)
                    break
        return servers

    async def _resolver(self) -> dns.asyncresolver.Resolver:
        resolver = dns.asyncresolver.Resolver(configure=not self._resolvers)
        if self._resolvers:
            resolver.nameservers = [
                dns.nameserver.Do53Nameserver(await server.resolve(), server.port) for server in self._resolvers
            ]
        resolver.lifetime = _ASK_TIMEOUT_S
        return resolver


async def _ask_all(servers: dict[str, Nameserver], name: str, family: Family) -> Shown:
    shown: dict[str, frozenset[str]] = {}

    async def ask(label: str, server: Nameserver) -> None:
        if (addresses := await _ask_one(server, name, family)) is not None:
            shown[label] = addresses

    async with asyncio.TaskGroup() as tasks:
        for label, server in servers.items():
            tasks.create_task(ask(label, server))
    return Shown(shown)


async def _ask_one(server: Nameserver, name: str, family: Family) -> frozenset[str] | None:
    question = dns.message.make_query(name, family.record_type)
    question.flags &= ~dns.flags.RD
    try:
        reply, _ = await dns.asyncquery.udp_with_fallback(
            question, server.host, port=server.port, timeout=_ASK_TIMEOUT_S, ignore_errors=True, ignore_unexpected=True
        )
    except (OSError, EOFError, dns.exception.DNSException):
        return None
    if reply.rcode() not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN} or not reply.flags & dns.flags.AA:
        return None
    kind = dns.rdatatype.from_text(family.record_type)
    return frozenset(str(entry) for rrset in reply.answer if rrset.rdtype == kind for entry in rrset)
