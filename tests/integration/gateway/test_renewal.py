"""A gateway process that renews its own certificate, and goes on with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bridge.tls import Refusal
from gateway.serving import Gateway
from gateway.settings import Bridge, Feed, GatewaySettings, Listen
from tests.certificates import Folders
from tests.renewing_agent import Keep, Unit, renewing_agent
from tests.waiting import until


@pytest.fixture
async def keep(tmp_path: Path) -> AsyncIterator[Keep]:
    async with renewing_agent(Folders(tmp_path)) as keep:
        yield keep


@asynccontextmanager
async def running_gateway(
    keep: Keep, unit: Unit, *, renewal_port: int | None = None, renew_due_days: int = 20
) -> AsyncIterator[Gateway]:
    gateway = Gateway(
        GatewaySettings(
            listen=Listen(kind="unix", path=unit.folder.parent / "gateway.sock"),
            bridge=Bridge(
                port=keep.port,
                renewal_port=renewal_port,
                tls_dir=unit.folder,
                keys_dir=keep.keys_of("gateway"),
                reload_s=0.01,
                renew_check_s=0.05,
                renew_due_days=renew_due_days,
                feed=Feed(retry_s=0.01, retry_max_s=0.05),
            ),
        )
    )
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(gateway.run(stop))
        try:
            await until(lambda: bool(gateway.addresses))
            yield gateway
        finally:
            stop.set()


async def test_gateway_keeps_its_certificate_when_its_settings_say_that_it_is_not_due(keep: Keep) -> None:
    unit = keep.unit(issued_days_ago=15)
    before = unit.leaf
    async with running_gateway(keep, unit, renew_due_days=10):
        await asyncio.sleep(0.2)  # four looks

    assert unit.leaf == before


async def test_gateway_renews_its_certificate_and_uses_it_when_it_is_due(keep: Keep) -> None:
    unit = keep.unit(issued_days_ago=15)
    before = unit.leaf
    async with running_gateway(keep, unit) as gateway:
        await until(lambda: unit.leaf != before)
        await until(lambda: gateway._tls.not_after == unit.leaf.not_valid_after_utc)

    assert keep.refused == []


async def test_gateway_comes_back_by_itself_when_its_certificate_has_ended(keep: Keep) -> None:
    unit = keep.unit(issued_days_ago=200)
    before = unit.leaf
    async with running_gateway(keep, unit, renewal_port=keep.renewal_port):
        await until(lambda: unit.leaf != before)
        await until(lambda: bool(keep.events._readers))  # with the new certificate, the usual listener lets it in

    assert set(keep.refused) == {Refusal.EXPIRED}
