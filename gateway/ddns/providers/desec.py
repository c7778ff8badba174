"""deSEC: free DNS with DNSSEC, for names under dedyn.io and for domains of one's own.

The question is ``GET https://update.dedyn.io/?hostname=NAME&myipv4=…&myipv6=…`` with ``Authorization: Token …``. A
family that is not named is deleted or taken from the connection, so the other one is sent as ``preserve``. The answer
is 200 and ``good``; 401 for the token, 403 and 404 for the name, 429 with Retry-After.

Sources: https://desec.readthedocs.io/en/latest/dyndns/update-api.html,
https://desec.readthedocs.io/en/latest/rate-limits.html: dynDNS updates once a minute for a domain, 2,000 requests a day
for an account; we stay at one a minute and 300 a day. https://desec.io/terms, §1: only when there is something to
update. Names do not expire, so an unchanged address is never sent again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.ddns.answers import Answer, Kind
from gateway.ddns.decisions import Limit, Rules
from gateway.ddns.families import Address, Family
from gateway.ddns.https import HttpsClient, NoReply, Reply, unreachable

SERVER: Final = "https://update.dedyn.io"
RULES: Final = Rules(
    limits=(Limit(1, 61.0), Limit(300, 86_400.0)), refresh_after_s=None, repeats=False, per_account=True, together=True
)

_OK: Final = 200
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_BAD_REQUEST: Final = 400
_PARAMETERS: Final = {Family.IPV4: "myipv4", Family.IPV6: "myipv6"}


class Desec:
    rules = RULES

    def __init__(self, client: HttpsClient, *, token: str, server: str = SERVER) -> None:
        self._client = client
        self._url = server.rstrip("/") + "/"
        self._headers = {"Authorization": f"Token {token}"}

    async def update(self, name: str, addresses: Mapping[Family, Address]) -> Answer:
        params = {"hostname": name}
        params |= {key: str(addresses.get(family, "preserve")) for family, key in _PARAMETERS.items()}
        try:
            reply = await self._client.fetch("GET", self._url, params=params, headers=self._headers)
        except NoReply as error:
            return unreachable(error)
        return understand(reply)


def understand(reply: Reply) -> Answer:
    match reply.status:
        case s if s == _OK and reply.text.strip() == "good":
            return Answer(Kind.UPDATED, "updated")
        case s if s == _UNAUTHORIZED:
            return Answer(Kind.BAD_CREDENTIALS, "the provider does not accept the token")
        case s if s == _FORBIDDEN:
            return Answer(Kind.NOT_YOURS, "the token may not change this name, or the name takes no dynamic updates")
        case s if s == _NOT_FOUND:
            return Answer(Kind.NOT_YOURS, "the provider has no such name in this account")
        case s if s == _BAD_REQUEST:
            return Answer(Kind.REFUSED, "the provider does not understand the update (HTTP 400)")
    return reply.trouble or Answer(
        Kind.TROUBLE, f"the provider answers what its documentation does not know (HTTP {reply.status})"
    )
