"""RFC 2136: dynamic update of one's own name server (BIND, Knot, PowerDNS), signed with TSIG, HMAC-SHA256.

Sources: RFC 2136 (the update and its codes), RFC 8945 (TSIG). Over TCP: nobody can answer in the server's place before
it does, and nothing is cut off. dnspython (from 2.9) takes no answer that is not signed with our key.

No limits but our own, for it is the owner's server: one update in five seconds and 120 an hour keep a flapping line
from filling its journal.
"""

from __future__ import annotations

import asyncio
import binascii
import socket
from collections.abc import Mapping
from typing import Final

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update

from gateway.ddns.answers import Answer, Kind
from gateway.ddns.decisions import Limit, Rules
from gateway.ddns.families import Address, Family
from gateway.ddns.nameservers import Nameserver

RULES: Final = Rules(limits=(Limit(1, 5.0), Limit(120, 3600.0)))

TIMEOUT_S: Final = 15.0

_CODES: Final[Mapping[dns.rcode.Rcode, Answer]] = {
    dns.rcode.NOERROR: Answer(Kind.UPDATED, "updated"),
    dns.rcode.REFUSED: Answer(Kind.NOT_YOURS, "the name server does not let this key change this name (REFUSED)"),
    dns.rcode.NOTAUTH: Answer(Kind.NOT_YOURS, "the name server is not the primary of this zone (NOTAUTH)"),
    dns.rcode.NOTZONE: Answer(Kind.REFUSED, "the name is not in the zone (NOTZONE)"),
    dns.rcode.FORMERR: Answer(Kind.REFUSED, "the name server does not understand the update (FORMERR)"),
    dns.rcode.NOTIMP: Answer(Kind.REFUSED, "the name server takes no updates (NOTIMP)"),
    dns.rcode.SERVFAIL: Answer(Kind.TROUBLE, "the name server has trouble (SERVFAIL)"),
}


class _Refused(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reason)
        self.answer = answer


class Rfc2136:
    rules = RULES

    def __init__(self, *, server: Nameserver, key_name: str, key: str, zone: str = "", ttl_s: int = 60) -> None:
        """``key``: in base64, as ``tsig-keygen`` writes it. ``zone``: the server is asked where it is empty.

        Raises ValueError for a key that is none.
        """
        try:
            secret = binascii.a2b_base64(key, strict_mode=True)
        except ValueError:
            msg = "is no TSIG key in base64"
            raise ValueError(msg) from None
        self._key = dns.tsig.Key(key_name, secret, dns.tsig.HMAC_SHA256)
        self._server = server
        self._zone = dns.name.from_text(zone) if zone else None
        self._ttl_s = ttl_s

    async def update(self, name: str, addresses: Mapping[Family, Address]) -> Answer:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                where = await self._server.resolve()
                full = dns.name.from_text(name)
                zone = self._zone or await self._zone_of(full, where)
                message = dns.update.UpdateMessage(zone, keyring=self._key)
                for family, address in addresses.items():
                    message.replace(full, self._ttl_s, family.record_type, str(address))
                return _understand(await self._ask(message, where))
        except _Refused as refused:
            return refused.answer
        except (OSError, EOFError, dns.exception.DNSException) as error:
            return _why(error)

    async def _zone_of(self, name: dns.name.Name, where: str) -> dns.name.Name:
        """Return the zone that holds ``name``: the owner of the SOA record that its server answers or refers to."""
        reply = await self._ask(dns.message.make_query(name, dns.rdatatype.SOA), where)
        for rrset in (*reply.answer, *reply.authority):
            if rrset.rdtype == dns.rdatatype.SOA and name.is_subdomain(rrset.name) and reply.flags & dns.flags.AA:
                return rrset.name
        raise _Refused(_CODES[dns.rcode.NOTAUTH])

    async def _ask(self, message: dns.message.Message, where: str) -> dns.message.Message:
        return await dns.asyncquery.tcp(message, where, port=self._server.port, timeout=TIMEOUT_S)


def _understand(reply: dns.message.Message) -> Answer:
    code = reply.rcode()
    return _CODES.get(code) or Answer(Kind.TROUBLE, f"the name server answers {dns.rcode.to_text(code)}")


def _why(error: Exception) -> Answer:
    match error:
        case dns.tsig.PeerBadKey() | dns.tsig.PeerBadSignature() | dns.tsig.PeerBadTruncation():
            return Answer(Kind.BAD_CREDENTIALS, "the name server does not know this key, or its secret is another")
        case dns.tsig.PeerBadTime():
            return Answer(Kind.UNREACHABLE, "the clocks of this box and of the name server are too far apart (BADTIME)")
        case dns.tsig.BadSignature() | dns.tsig.BadTime() | dns.exception.FormError():  # FormError: not signed at all
            return Answer(Kind.TROUBLE, "the name server's answer is not signed with our key")
        case socket.gaierror():
            return Answer(Kind.UNREACHABLE, "the name server's name cannot be resolved")
        case TimeoutError() | dns.exception.Timeout():
            return Answer(Kind.UNREACHABLE, "the name server did not answer")
    return Answer(Kind.UNREACHABLE, "the name server cannot be reached")
