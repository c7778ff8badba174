"""The appliance with records, for what is written about its API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from tests.integration.agent.accounts.house import ANN, BOB, EVE, MANY, Caller, House, open_house
from tests.integration.agent.conftest import AGENT_ROLE, StoreDsns
from tests.integration.agent.machine import RECORDS
from tests.postgres import PostgresServer

MUCH = MANY | {"mails_per_recipient": 10_000, "feedback_per_account": 10_000, "feedback_per_address": 10_000}
GRANT = "INSERT INTO grants (user_id, app, person) SELECT id, 'health', 'p-1' FROM users"


async def hear_of_link(caller: Caller) -> None:
    """Wait until the agent has heard from the store that the caller is linked to records."""
    for _ in range(1000):
        if (await caller.get("/api/health/symptoms/names")).body.get("code") != "not_linked":
            return
        await asyncio.sleep(0.01)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def one_house(
    postgres_server: PostgresServer, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """Give one appliance, with records, to all tests of a module."""
    with (
        postgres_server.fresh_database(template=migrated_template) as owner,
        postgres_server.fresh_database() as source,
    ):
        name = owner.partition("@/")[2].partition("?")[0]
        dsns = StoreDsns(owner=owner, agent=postgres_server.dsn(name, user=AGENT_ROLE, password="test-agent"))
        connection = await asyncpg.connect(source, timeout=5)
        await connection.execute(RECORDS, timeout=5)
        await connection.close(timeout=5)
        folder = tmp_path_factory.mktemp("house")
        records = {"dsn": source, "mapping": str(folder / "source.toml")}
        async with open_house(folder, dsns, source=records, limits=MUCH) as opened:
            yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def house(one_house: House) -> House:
    """Give the appliance with Ann (viewer), Bob (technician) and Eve (administrator), each linked to the records."""
    await one_house.people(ANN, BOB, EVE)
    await one_house.run(GRANT)
    return one_house
