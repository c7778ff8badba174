"""Cloudflare: domains of one's own, by API token.

The zone is looked up by the name's ends (``GET /zones?name=…``), then the record (``GET /zones/ID/dns_records``), which
is changed (``PATCH``) where its address differs, or made (``POST``). A token with *Zone: DNS: Edit* of this one zone is
enough. Every answer is JSON with ``success``, ``errors`` (``code``) and ``result``.

Sources: https://developers.cloudflare.com/api/resources/zones/methods/list/,
https://developers.cloudflare.com/api/resources/dns/subresources/records/,
https://developers.cloudflare.com/fundamentals/api/troubleshooting/.
Limits (https://developers.cloudflare.com/fundamentals/api/reference/limits/): 1,200 requests in five minutes for a
user, after which all are refused for five. An update is up to five requests; one in ten seconds and 60 an hour stay far
below.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from gateway.ddns.answers import Answer, Kind
from gateway.ddns.decisions import Limit, Rules
from gateway.ddns.families import Address, Family
from gateway.ddns.https import HttpsClient, NoReply, unreachable

SERVER: Final = "https://api.cloudflare.com/client/v4"
RULES: Final = Rules(limits=(Limit(1, 10.0), Limit(60, 3600.0)))

_AUTHENTICATION_CODES: Final = frozenset({6003, 6111, 9103, 9106, 9109, 10000, 10001})
_RATE_CODES: Final = frozenset({971, 10429})
_ALREADY_CODES: Final = frozenset({81057, 81058})
"""The record exists already, just as asked."""
_ID: Final = re.compile(r"[0-9a-f]{32}")
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_BAD_REQUESTS: Final = range(400, 500)


class _Refused(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reason)
        self.answer = answer


class Cloudflare:
    rules = RULES

    def __init__(
        self, client: HttpsClient, *, token: str, zone: str = "", ttl_s: int = 60, server: str = SERVER
    ) -> None:
        """``zone``: the domain's name, which is looked for where it is empty."""
        self._client = client
        self._zone = zone
        self._ttl_s = ttl_s
        self._url = server.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}

    async def update(self, name: str, addresses: Mapping[Family, Address]) -> Answer:
        (family, address), *_ = addresses.items()
        try:
            records = f"/zones/{await self._zone_id(name)}/dns_records"
            return await self._publish(records, name, family, address)
        except NoReply as error:
            return unreachable(error)
        except _Refused as refused:
            return refused.answer

    async def _zone_id(self, name: str) -> str:
        labels = name.split(".")
        candidates = [self._zone] if self._zone else [".".join(labels[n:]) for n in range(len(labels) - 1)]
        for candidate in candidates:
            if zones := _list(await self._ask("GET", "/zones", params={"name": candidate})):
                return _id(zones[0])
        raise _Refused(Answer(Kind.NOT_YOURS, "the token sees no zone that this name is in"))

    async def _publish(self, path: str, name: str, family: Family, address: Address) -> Answer:
        found = _list(await self._ask("GET", path, params={"type": family.record_type, "name": name}))
        if len(found) > 1:
            return Answer(Kind.REFUSED, f"the name has {len(found)} {family.record_type} records: leave one, or none")
        if found and found[0].get("content") == str(address):
            return Answer(Kind.UNCHANGED, "the provider had this address already")
        if found:
            await self._ask("PATCH", f"{path}/{_id(found[0])}", json={"content": str(address)})
        else:
            record = {"type": family.record_type, "name": name, "content": str(address)}
            await self._ask("POST", path, json=record | {"ttl": self._ttl_s, "proxied": False})
        return Answer(Kind.UPDATED, "updated")

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, object] | None = None,
    ) -> object:
        """Return the ``result``. Raises _Refused where there is none."""
        reply = await self._client.fetch(method, self._url + path, params=params, headers=self._headers, json=json)
        answer = _parse(reply.text)
        if answer is not None and answer.get("success") is True:
            return answer.get("result")
        codes = _codes(answer)
        if codes & _RATE_CODES:
            raise _Refused(Answer(Kind.RATE_LIMITED, "the provider wants fewer requests", reply.retry_after_s))
        if (trouble := reply.trouble) is not None:
            raise _Refused(trouble)
        raise _Refused(_meaning(reply.status, codes))


def _meaning(status: int, codes: frozenset[int]) -> Answer:
    named = f"HTTP {status}" + "".join(f", error {code}" for code in sorted(codes))
    if codes & _ALREADY_CODES:
        return Answer(Kind.UNCHANGED, "the provider had this address already")
    if status == _UNAUTHORIZED or codes & _AUTHENTICATION_CODES:
        return Answer(Kind.BAD_CREDENTIALS, f"the provider does not accept the token ({named})")
    if status == _FORBIDDEN:
        return Answer(Kind.NOT_YOURS, f"the token may not change this zone ({named})")
    if codes and status in _BAD_REQUESTS:
        return Answer(Kind.REFUSED, f"the provider refuses the record ({named})")
    return Answer(Kind.TROUBLE, f"the provider answers what its documentation does not know ({named})")


def _parse(text: str) -> dict[str, Any] | None:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _codes(answer: dict[str, Any] | None) -> frozenset[int]:
    errors = (answer or {}).get("errors")
    entries = errors if isinstance(errors, list) else []
    return frozenset(
        code for entry in entries if isinstance(entry, dict) and isinstance(code := entry.get("code"), int)
    )


def _list(result: object) -> list[dict[str, Any]]:
    return [entry for entry in result if isinstance(entry, dict)] if isinstance(result, list) else []


def _id(entry: Mapping[str, Any]) -> str:
    """Return an identifier that may stand in a path."""
    value = entry.get("id")
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    raise _Refused(Answer(Kind.TROUBLE, "the provider names a record as its documentation does not know"))
