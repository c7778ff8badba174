from __future__ import annotations

import asyncio
from ipaddress import IPv4Address

import pytest

from gateway.ddns.addresses import router as module
from gateway.ddns.addresses.choice import Reading
from gateway.ddns.addresses.router import read_router

ADDRESS = IPv4Address("9.9.9.9")


class Says:
    def __init__(self, said: IPv4Address | Exception | None) -> None:
        self._said = said

    async def external_ipv4(self) -> IPv4Address | None:
        if isinstance(self._said, Exception):
            raise self._said
        return self._said


class Silent:
    async def external_ipv4(self) -> IPv4Address | None:
        await asyncio.Event().wait()
        return None


@pytest.mark.parametrize(
    ("router", "reading"),
    [
        (None, Reading(None, "it is not asked")),
        (Says(ADDRESS), Reading(ADDRESS)),
        (Says(None), Reading(None, "it does not tell its address")),
        (Says(ConnectionRefusedError()), Reading(None, "it cannot be asked")),
        (Silent(), Reading(None, "it did not answer")),
    ],
    ids=["none", "address", "no-protocol", "refused", "silent"],
)
async def test_reading_is_what_the_router_says(
    router: Says | Silent | None, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ASK_TIMEOUT_S", 0.05)

    assert await read_router(router) == reading
