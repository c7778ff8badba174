"""A method that a test plays."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Address

from gateway.ddns.mapping.method import Failed, Gateway, Lease, Look, MethodName

OUTER = IPv4Address("11.22.33.44")
HOME = Gateway(IPv4Address("192.168.1.1"), 2, IPv4Address("192.168.1.4"))
ELSEWHERE = Gateway(IPv4Address("10.0.0.1"), 2, IPv4Address("10.0.0.4"))


class PlayedMethod:
    """Grants, unless ``fails`` has the error of a call (probe, look, or map:port); silent where that is None."""

    def __init__(self, name: MethodName, **fails: Failed | None) -> None:
        self.name: MethodName = name
        self.fails = fails
        self.kept = True
        self.outer = OUTER
        self.lifetime_s: int | None = 3600
        self.calls: list[str] = []

    async def probe(self) -> None:
        await self._called("probe")

    async def map(self, port: int, lifetime_s: int) -> Lease:
        await self._called(f"map_{port}")
        return Lease(self.lifetime_s, None)

    async def unmap(self, port: int) -> None:
        await self._called(f"unmap_{port}")

    async def look(self, ports: Sequence[int]) -> Look:
        await self._called("look")
        return Look(kept=self.kept, external_address=self.outer)

    async def _called(self, what: str) -> None:
        self.calls.append(what)
        if what in self.fails:
            if (error := self.fails[what]) is not None:
                raise error
            await asyncio.Event().wait()
