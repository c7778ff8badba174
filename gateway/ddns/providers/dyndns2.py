"""dyndns2: No-IP, Dyn, and the many who speak as they do.

The question is ``GET /nic/update?hostname=NAME&myip=ADDRESS`` with HTTP Basic authentication and a User-Agent that
names the program; the answer is one word and sometimes an address, as text.

Sources: https://help.dyn.com/remote-access-api/perform-update/, https://help.dyn.com/return-codes/,
https://help.dyn.com/remote-access-api/policies/, https://www.noip.com/integrate/request,
https://www.noip.com/integrate/response.

What they call abuse: an update with an address that has not changed, save the one that keeps a name from expiring; an
update after ``badauth``, ``nohost``, ``notfqdn``, ``abuse``, ``badagent`` or repeated ``nochg`` without the user's
doing; one within 30 minutes of ``911``; no User-Agent, or a common one. How often an address may change nobody says:
once a minute and ten times an hour is ours.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from gateway.ddns.answers import Answer, Kind
from gateway.ddns.decisions import Limit, Rules
from gateway.ddns.families import Address, Family
from gateway.ddns.https import HttpsClient, NoReply, Reply, unreachable

RULES: Final = Rules(limits=(Limit(1, 60.0), Limit(10, 3600.0)), repeats=False)

_PATH: Final = "/nic/update"
_UNAUTHORIZED: Final = 401
_NOT_DONE: Final = "127.0.0.1"
"""``good 127.0.0.1`` is Dyn's way to say that it ignored an update because of the program that sent it."""

_MEANINGS: Final[Mapping[str, Answer]] = {
    "good": Answer(Kind.UPDATED, "updated"),
    "nochg": Answer(Kind.UNCHANGED, "the provider had this address already"),
    "badauth": Answer(Kind.BAD_CREDENTIALS, "the provider does not accept user name and password (badauth)"),
    "!donator": Answer(Kind.REFUSED, "the provider wants money for this (!donator)"),
    "notfqdn": Answer(Kind.REFUSED, "the provider does not take this for a full host name (notfqdn)"),
    "nohost": Answer(Kind.NOT_YOURS, "the provider has no such name in this account (nohost)"),
    "!yours": Answer(Kind.NOT_YOURS, "the name belongs to another account of the provider (!yours)"),
    "numhost": Answer(Kind.REFUSED, "the provider will not update this name: too many, or a round robin (numhost)"),
    "abuse": Answer(Kind.ABUSE, "the provider has blocked this name for abuse (abuse)"),
    "badagent": Answer(Kind.REFUSED, "the provider does not accept this program (badagent)"),
    "badsys": Answer(Kind.REFUSED, "the provider does not offer this kind of update (badsys)"),
    "dnserr": Answer(Kind.TROUBLE, "the provider has trouble with its name servers (dnserr)"),
    "911": Answer(Kind.TROUBLE, "the provider has trouble or is being worked on (911)"),
}


class DynDns2:
    rules = RULES

    def __init__(self, client: HttpsClient, *, server: str, username: str, password: str) -> None:
        """``server``: an https URL; without a path, /nic/update is meant."""
        self._client = client
        self._url = server if urlsplit(server).path.strip("/") else server.rstrip("/") + _PATH
        # No-IP has a parameter of its own for IPv6; everybody else takes either family as myip
        self._no_ip = (urlsplit(server).hostname or "").endswith(("no-ip.com", "noip.com"))
        credentials = base64.b64encode(f"{username}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {credentials}"}

    async def update(self, name: str, addresses: Mapping[Family, Address]) -> Answer:
        (family, address), *_ = addresses.items()
        parameter = "myipv6" if family is Family.IPV6 and self._no_ip else "myip"
        params = {"hostname": name, parameter: str(address)}
        try:
            reply = await self._client.fetch("GET", self._url, params=params, headers=self._headers)
        except NoReply as error:
            return unreachable(error)
        return understand(reply, address)


def understand(reply: Reply, address: Address) -> Answer:
    """Return what ``reply`` to an update with ``address`` means."""
    word, _, rest = reply.text.strip().partition("\n")[0].strip().partition(" ")
    meant = _MEANINGS.get(word)
    if meant is not None and meant.kind is Kind.UPDATED and rest.strip() == _NOT_DONE != str(address):
        return Answer(Kind.REFUSED, "the provider ignored the update: it does not accept this program (127.0.0.1)")
    if meant is not None:
        return meant
    if reply.status == _UNAUTHORIZED:
        return _MEANINGS["badauth"]
    return reply.trouble or Answer(Kind.TROUBLE, f"the provider answers what dyndns2 does not know ({reply.status})")
