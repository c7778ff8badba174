"""Servers on the Internet as a source: each says from which address it sees us coming; two must agree.

One server alone could be wrong, hijacked or bought. Asked over IPv4, for that is the family they are needed for.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import Final

from bridge.process.clock import Clock
from gateway.ddns.addresses.choice import Reading
from gateway.ddns.families import Address
from gateway.ddns.https import HttpsClient, NoReply

ASK_TIMEOUT_S: Final = 10.0
AGREE: Final = 2
REST_S: Final = 20.0
"""The servers are a courtesy of others: within so long, they still say it, while the router's address is the same."""

_ADDRESS_MAX_BYTES: Final = 64
_OK: Final = 200


class Echo:
    """Asks ``urls``. One that answers late, or anything but an address, has not answered."""

    def __init__(self, client: HttpsClient, urls: Sequence[str], *, clock: Clock) -> None:
        self._client = client
        self._urls = tuple(urls)
        self._clock = clock
        self._last: tuple[float, Address | None, Reading] | None = None

    async def read(self, router_says: Address | None = None) -> Reading:
        """Return what they see. ``router_says``: the address that this is compared with; a new one asks afresh."""
        now = self._clock.monotonic()
        if self._last is not None and now - self._last[0] < REST_S and self._last[1] == router_says:
            return self._last[2]
        reading = await self._ask()
        self._last = (now, router_says, reading)
        return reading

    async def _ask(self) -> Reading:
        answers: list[IPv4Address] = []

        async def ask(url: str) -> None:
            if (address := await self._ask_one(url)) is not None:
                answers.append(address)

        async with asyncio.TaskGroup() as tasks:
            for url in self._urls:
                tasks.create_task(ask(url))
        if not answers:
            return Reading(None, "none of them answered")
        address, votes = Counter(answers).most_common(1)[0]
        if votes >= AGREE:
            return Reading(address)
        return Reading(None, f"{len(answers)} of {len(self._urls)} answered, and no two agree")

    async def _ask_one(self, url: str) -> IPv4Address | None:
        try:
            reply = await self._client.fetch("GET", url, timeout_s=ASK_TIMEOUT_S, size_max_bytes=_ADDRESS_MAX_BYTES)
        except NoReply:
            return None
        try:
            return IPv4Address(reply.text.strip()) if reply.status == _OK else None
        except ValueError:
            return None
