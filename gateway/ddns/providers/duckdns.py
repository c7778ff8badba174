"""DuckDNS: names under duckdns.org, one token for all of an account.

The question is ``GET /update?domains=NAME&token=TOKEN&ip=…&ipv6=…&verbose=true``; the answer is ``KO``, or ``OK`` with
three lines: IPv4 address, IPv6 address, ``UPDATED`` or ``NOCHANGE``. ``KO`` does not say why: the token is wrong, or
the name is not of this account. Without ``ip`` and ``ipv6`` the caller's address would be taken, so one is always sent.

Source: https://www.duckdns.org/spec.jsp. Limits: none is published; https://www.duckdns.org/install.jsp recommends an
update every five minutes, so no more than twelve an hour are sent, and none within a minute, for a family of a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.ddns.answers import Answer, Kind
from gateway.ddns.decisions import Limit, Rules
from gateway.ddns.families import Address, Family
from gateway.ddns.https import HttpsClient, NoReply, Reply, unreachable

SERVER: Final = "https://www.duckdns.org"
DOMAIN: Final = ".duckdns.org"
RULES: Final = Rules(limits=(Limit(1, 60.0), Limit(12, 3600.0)), together=True)

_OK: Final = 200
_PARAMETERS: Final = {Family.IPV4: "ip", Family.IPV6: "ipv6"}


class DuckDns:
    rules = RULES

    def __init__(self, client: HttpsClient, *, token: str, server: str = SERVER) -> None:
        self._client = client
        self._url = server.rstrip("/") + "/update"
        self._token = token

    async def update(self, name: str, addresses: Mapping[Family, Address]) -> Answer:
        params = {"domains": name.removesuffix(DOMAIN), "token": self._token, "verbose": "true"}
        params |= {_PARAMETERS[family]: str(address) for family, address in addresses.items()}
        try:
            reply = await self._client.fetch("GET", self._url, params=params)
        except NoReply as error:
            return unreachable(error)
        return understand(reply)


def understand(reply: Reply) -> Answer:
    if (trouble := reply.trouble) is not None:
        return trouble
    lines = reply.text.split()
    match lines[:1]:
        case ["OK"] if reply.status == _OK and lines[-1] == "NOCHANGE":
            return Answer(Kind.UNCHANGED, "the provider had this address already")
        case ["OK"] if reply.status == _OK:
            return Answer(Kind.UPDATED, "updated")
        case ["KO"]:
            reason = "the provider refuses (KO): the token is wrong, or the name is not in its account"
            return Answer(Kind.NOT_YOURS, reason)
    return Answer(Kind.TROUBLE, f"the provider answers what its documentation does not know (HTTP {reply.status})")
