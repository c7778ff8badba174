from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.integration.agent.authorization.front import Front, front_of
from tests.integration.agent.authorization.stage import Stage, stage
from tests.integration.agent.conftest import AGENT_ROLE, StoreDsns
from tests.postgres import PostgresServer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def walked(
    postgres_server: PostgresServer, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """Give one agent to all tests of a module: they only ask."""
    with (
        postgres_server.fresh_database(template=migrated_template) as owner,
        postgres_server.fresh_database() as source,
    ):
        name = owner.partition("@/")[2].partition("?")[0]
        dsns = StoreDsns(owner=owner, agent=postgres_server.dsn(name, user=AGENT_ROLE, password="test-agent"))
        async with stage(tmp_path_factory.mktemp("walk"), dsns, source) as made:
            yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def front(walked: Stage, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    async with front_of(walked, tmp_path_factory.mktemp("front") / "gateway.sock") as made:
        yield made
