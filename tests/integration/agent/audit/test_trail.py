"""The audit trail on a real store: what an entry is, and that the agent's role can do nothing but add to it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from agent.audit import ANONYMOUS, ERASE, OWNER, Actor, Entry, Head, Outcome, actor_of, append, erase
from agent.db.pools import Pool
from agent.db.queries import Query
from bridge.contracts.operation import Role
from bridge.errors import AppError
from bridge.process.clock import SystemClock
from bridge.server import AnonymousCaller, MachineCaller, UserCaller

ANN, SESSION = UUID(int=1), UUID(int=2)
AT = datetime(2026, 2, 3, 4, 5, 6, 789, UTC)
ROWS = Query("test.rows", "SELECT * FROM audit ORDER BY number", "Every entry.")


def soon() -> float:
    return SystemClock.monotonic() + 3


def entry(operation: str = "test.write", **more: object) -> Entry:
    values: dict[str, object] = {"at": AT, "actor": Actor("user", ANN, SESSION), "entity": "thing", **more}
    return Entry(operation=operation, **values)  # type: ignore[arg-type]


async def add(pool: Pool, *entries: Entry) -> Head:
    head = Head(0, b"")
    async with pool.transaction(soon()) as transaction:
        for each in entries:
            head = await append(transaction, each)
    return head


def hashed(previous: bytes, row: asyncpg.Record) -> bytes:
    """Return what docs/audit.md says an entry's hash is: its specification, written down a second time."""
    micros = (row["at"] - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    values = [
        row["number"], micros, row["actor"], _text(row["user_id"]), _text(row["session_id"]), row["operation"],
        row["outcome"], row["entity"], row["entity_id"], _text(row["subject_id"]), row["request_id"],
        None if row["payload_digest"] is None else row["payload_digest"].hex(),
    ]  # fmt: skip
    return hashlib.sha256(previous + json.dumps(values, ensure_ascii=False).encode()).digest()


def _text(value: object) -> str | None:
    return None if value is None else str(value)


async def test_entries_are_chained_as_specified_when_they_are_added(store: Pool) -> None:
    awkward = 'a "quoted" \\ back\nslash\t\x1f é 😀 \x7f'
    await add(store, entry("test.first", entity_id=awkward))
    head = await add(
        store,
        Entry(operation="test.second", at=AT, actor=OWNER, entity="", outcome=Outcome.REFUSED),
        entry(
            subject_id=ANN, request_id="0" * 32, old={"name": "Ann"}, new={"name": "Anné", "at": AT}, why="she asked"
        ),
    )

    rows = await store.fetch(ROWS, deadline=soon())
    previous = bytes(32)
    for number, row in enumerate(rows, start=1):
        assert row["number"] == number
        previous = hashed(previous, row)
        assert row["hash"] == previous
    assert head == Head(3, previous)
    first, second, third = rows
    assert (first["payload"], first["salt"], first["payload_digest"]) == (None, None, None)
    assert (second["actor"], second["user_id"], second["outcome"]) == ("owner", None, "refused")
    assert (third["at"], third["user_id"], third["session_id"]) == (AT, ANN, SESSION)
    assert json.loads(third["payload"]) == {
        "old": {"name": "Ann"}, "new": {"name": "Anné", "at": str(AT)}, "why": "she asked",
    }  # fmt: skip
    assert third["payload_digest"] == hashlib.sha256(third["salt"] + third["payload"].encode()).digest()


async def test_entry_is_gone_when_its_transaction_is_rolled_back(store: Pool) -> None:
    await add(store, entry())
    with pytest.raises(AppError):
        async with store.transaction(soon()) as transaction:
            await append(transaction, entry("test.undone"))
            raise ZeroDivisionError
    head = await add(store, entry("test.second"))
    assert head.number == 2
    assert [row["operation"] for row in await store.fetch(ROWS, deadline=soon())] == ["test.write", "test.second"]


async def test_entries_stay_a_chain_when_many_add_at_once(store: Pool) -> None:
    async with asyncio.TaskGroup() as tasks:
        for number in range(24):
            tasks.create_task(add(store, entry(f"test.{number}"), entry(f"test.{number}.again")))
    previous = bytes(32)
    for row in await store.fetch(ROWS, deadline=soon()):
        previous = hashed(previous, row)
        assert row["hash"] == previous
    assert row["number"] == 48


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET operation = 'test.other'",
        "UPDATE audit SET payload = NULL, salt = NULL",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "DROP TABLE audit",
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "CREATE OR REPLACE FUNCTION audit_append() RETURNS trigger LANGUAGE sql AS 'SELECT 1'",
    ],
)
async def test_agents_role_is_refused_when_it_would_change_what_was_written(store: Pool, statement: str) -> None:
    await add(store, entry(new={"a": 1}))
    before = await store.fetch(ROWS, deadline=soon())
    with pytest.raises(AppError) as caught:
        await store.execute(Query("test.change", statement, "Change history."), deadline=soon())
    assert isinstance(caught.value.__cause__, asyncpg.PostgresError)
    assert await store.fetch(ROWS, deadline=soon()) == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET operation = 'test.other'",
        "UPDATE audit SET payload = '{}'",
        "UPDATE audit SET payload = NULL, salt = NULL, entity_id = 'x'",
        "DELETE FROM audit",
        "TRUNCATE audit",
    ],
)
async def test_owner_is_refused_when_it_would_change_what_was_written(store: Pool, owner: Pool, statement: str) -> None:
    await add(store, entry(new={"a": 1}))
    with pytest.raises(AppError) as caught:
        await owner.execute(Query("test.change", statement, "Change history."), deadline=soon())
    assert "the audit trail only grows" in str(caught.value.__cause__)


async def test_number_and_hash_are_the_stores_own_when_the_agent_names_others(store: Pool) -> None:
    await add(store, entry())
    forged = Query(
        "test.forge",
        "INSERT INTO audit (number, at, actor, operation, outcome, entity, entity_id, request_id, hash)"
        " VALUES (77, now(), 'owner', 'x', 'done', '', '', '', '\\x00')",
        "Forge.",
    )
    await store.execute(forged, deadline=soon())
    first, second = await store.fetch(ROWS, deadline=soon())
    assert second["number"] == 2
    assert second["hash"] == hashed(first["hash"], second)


async def test_payloads_are_erased_and_nothing_else_when_their_account_goes(store: Pool) -> None:
    await add(
        store,
        entry(subject_id=ANN, new={"email": "ann@example.org"}),
        entry(subject_id=ANN),
        entry(subject_id=UUID(int=9), new={"email": "bob@example.org"}),
    )
    before = await store.fetch(ROWS, deadline=soon())

    async with store.transaction(soon()) as transaction:
        assert await erase(transaction, ANN, actor=OWNER, at=AT, request_id="r", why="she left") == 1

    *after, last = await store.fetch(ROWS, deadline=soon())
    assert [row["payload"] for row in after] == [None, None, '{"new":{"email":"bob@example.org"}}']
    assert [row["salt"] is None for row in after] == [True, True, False]
    assert [row["hash"] for row in after] == [row["hash"] for row in before]
    assert (last["operation"], last["entity"], last["entity_id"]) == (ERASE, "account", str(ANN))
    assert json.loads(last["payload"]) == {"new": {"erased": 1}, "why": "she left"}


def test_actor_is_who_calls_when_taken_from_a_caller() -> None:
    assert actor_of(AnonymousCaller()) is ANONYMOUS
    assert actor_of(MachineCaller("monitor")) == Actor("machine:monitor")
    assert actor_of(UserCaller(ANN, SESSION, Role.VIEWER, 1)) == Actor("user", ANN, SESSION)
