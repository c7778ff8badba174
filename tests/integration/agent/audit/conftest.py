"""A trail to look at and to damage."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from agent.audit import LINKS, OWNER, Actor, Entry, Head, Outcome, Verified, append, erase, verify
from agent.db.pools import Connection, Pool
from bridge.process.clock import SystemClock
from tests.integration.agent.conftest import StoreDsns

ANN, BOB, SESSION = UUID(int=1), UUID(int=2), UUID(int=3)
AT = datetime(2026, 2, 3, 4, 5, 6, 789, UTC)


def soon() -> float:
    return SystemClock.monotonic() + 5


async def write_trail(store: Pool) -> Head:
    """Write five entries with something in every column, and return the head."""
    ann = Actor("user", ANN, SESSION)
    common = {"entity": "account", "entity_id": str(ANN), "request_id": "0af7651916cd43dd"}
    async with store.transaction(soon()) as transaction:
        await append(
            transaction,
            Entry("accounts.sign_in", AT, ann, **common, subject_id=ANN, new={"address": "192.0.2.1"}),  # type: ignore[arg-type]
        )
        await append(transaction, Entry("accounts.sign_out", AT + timedelta(seconds=1), ann, "session", str(SESSION)))
        await append(
            transaction,
            Entry("accounts.sign_in", AT + timedelta(seconds=2), ann, "account", str(BOB), Outcome.REFUSED),
        )
        await append(
            transaction,
            Entry(
                "users.disable",
                AT + timedelta(seconds=3),
                OWNER,
                "account",
                str(BOB),
                subject_id=BOB,
                old={"is_active": True},
                new={"is_active": False},
                why="she left",
            ),
        )
        await append(transaction, Entry("accounts.sign_out", AT + timedelta(days=1), ann, "session", str(SESSION)))
        return await append(transaction, Entry("accounts.sign_in", AT + timedelta(days=2), ann, **common))  # type: ignore[arg-type]


async def erase_ann(store: Pool) -> None:
    async with store.transaction(soon()) as transaction:
        await erase(transaction, ANN, actor=OWNER, at=AT + timedelta(days=3))


@dataclass
class Damage:
    """The owner of the tables, with every trigger and constraint out of the way."""

    connection: Connection

    async def execute(self, statement: str, *arguments: object) -> None:
        await self.connection.execute(statement, *arguments, timeout=30)

    async def fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        return await self.connection.fetch(statement, *arguments, timeout=5)

    async def verify(self, witnessed: Iterable[Head] = ()) -> Verified:
        async def links(after: int, count: int) -> Sequence[asyncpg.Record]:
            return await self.connection.fetch(LINKS.sql, after, count, timeout=5)

        return await verify(links, witnessed)


@pytest.fixture
async def damage(store_dsns: StoreDsns) -> AsyncIterator[Damage]:
    connection = await asyncpg.connect(store_dsns.owner, timeout=5)
    await connection.execute("SET session_replication_role = replica")
    constraints = await connection.fetch(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'audit'::regclass AND contype = 'c'"
    )
    for row in constraints:
        await connection.execute(f'ALTER TABLE audit DROP CONSTRAINT "{row["conname"]}"')
    yield Damage(connection)
    await connection.close(timeout=5)
