from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio

from bridge.contracts.accounts import Tokens
from bridge.contracts.oidc import BEGIN_OIDC, FINISH_OIDC
from bridge.errors import AppError
from tests.integration.agent.accounts.house import House, open_house
from tests.integration.agent.conftest import AGENT_ROLE, StoreDsns
from tests.oidc_peer import Peer, peer
from tests.oidc_tokens import CLIENT
from tests.postgres import PostgresServer


@dataclass(frozen=True)
class Begun:
    """A sign-in that is under way."""

    sealed: str
    state: str
    nonce: str
    url: str


@dataclass(frozen=True)
class Way:
    """A house, and a provider that says what a test likes."""

    house: House
    peer: Peer

    async def begin(self) -> Begun:
        begun = await self.house.running.call(BEGIN_OIDC)
        query = parse_qs(urlsplit(begun.url).query)
        return Begun(begun.sealed, query["state"][0], query["nonce"][0], begun.url)

    async def finish(self, begun: Begun, **others: object) -> Tokens:
        sent: dict[str, Any] = {"sealed": begun.sealed, "state": begun.state, "code": "c-1", "address": "192.0.2.1"}
        return await self.house.running.call(FINISH_OIDC, **(sent | others))

    async def refused(self, begun: Begun, **others: object) -> AppError:
        with pytest.raises(AppError) as raised:
            await self.finish(begun, **others)
        return raised.value

    def vouch(self, begun: Begun, **claims: object) -> None:
        """Have every code be good for a token of now, for the sign-in, with these claims."""
        now = int(time())
        self.peer.give(self.peer.token(**({"nonce": begun.nonce, "iat": now, "exp": now + 300} | claims)))

    async def sign_in(self, **claims: object) -> Tokens:
        begun = await self.begin()
        self.vouch(begun, **claims)
        return await self.finish(begun)

    async def turned_away(self, **claims: object) -> AppError:
        begun = await self.begin()
        self.vouch(begun, **claims)
        return await self.refused(begun)

    async def entries(self) -> list[Any]:
        rows = await self.house.run(
            "SELECT outcome, entity, entity_id, payload FROM audit WHERE operation = 'accounts.finish_oidc'"
            " ORDER BY number"
        )
        return [tuple(row) for row in rows]


def oidc_section(peer: Peer) -> dict[str, Any]:
    return {
        "issuer": peer.issuer, "client_id": CLIENT, "client_secret": "s3cret", "site": "https://home.example.org",
        "ca_file": str(peer.ca_file), "answer_s": 4.0,
    }  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def way(
    postgres_server: PostgresServer, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Way]:
    """Give one house to all tests of a module; sign-up is closed in it."""
    folder: Path = tmp_path_factory.mktemp("oidc")
    with postgres_server.fresh_database(template=migrated_template) as owner:
        name = owner.partition("@/")[2].partition("?")[0]
        dsns = StoreDsns(owner=owner, agent=postgres_server.dsn(name, user=AGENT_ROLE, password="test-agent"))
        async with (
            peer(folder) as there,
            open_house(folder, dsns, oidc=oidc_section(there), joining={"sign_up": False}) as house,
        ):
            yield Way(house, there)
