"""Looking through the trail: filters, pages, and an index for each question."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from itertools import combinations
from uuid import UUID

import pytest

from agent.audit.operations import Auditing
from agent.audit.reading import _CONDITIONS, Reader, page_query
from agent.db.pools import Pool, connect
from bridge.contracts.audit import LIST, AuditEntries, ListEntries
from bridge.contracts.operation import Role
from bridge.errors import Code, Invalid
from bridge.server import CallerContext, UserCaller
from tests.integration.agent.audit.conftest import ANN, AT, BOB, SESSION, Damage, erase_ann, soon, write_trail
from tests.integration.agent.conftest import StoreDsns

MANY = 100_000
ADMIN = CallerContext(UserCaller(ANN, SESSION, Role.ADMIN, 1), "0" * 32, "", 0.0, "", "")


class Nobody:
    async def persons_of(self, _user_id: UUID) -> Mapping[str, str | None]:
        return {}


async def numbers(store: Pool, **asked: object) -> list[int]:
    page = await Reader(store).page(ListEntries.model_validate(asked), deadline=soon())
    return [entry.number for entry in page.entries]


@pytest.mark.story("water/FR-083", "water/US-3.4")
async def test_entries_are_those_that_match_when_filtered(store: Pool) -> None:
    await write_trail(store)
    assert await numbers(store) == [6, 5, 4, 3, 2, 1]
    assert await numbers(store, start=AT + timedelta(seconds=1), end=AT + timedelta(seconds=3)) == [3, 2]
    assert await numbers(store, user_id=ANN) == [6, 5, 3, 2, 1]
    assert await numbers(store, entity_type="account") == [6, 4, 3, 1]
    assert await numbers(store, entity_type="account", entity_id=str(BOB)) == [4, 3]
    assert await numbers(store, action="accounts.sign_out") == [5, 2]
    assert await numbers(store, action="accounts.sign_out", user_id=ANN, end=AT + timedelta(hours=1)) == [2]
    assert await numbers(store, action="accounts") == []


async def test_entry_shows_old_new_and_why_until_they_are_erased(store: Pool) -> None:
    await write_trail(store)
    await erase_ann(store)
    reader = Reader(store)

    disabled, signed_in, out = [await reader.one(number, deadline=soon()) for number in (4, 1, 5)]

    assert disabled is not None
    assert (disabled.old_values, disabled.new_values, disabled.why) == (
        {"is_active": True},
        {"is_active": False},
        "she left",
    )
    assert (disabled.actor, disabled.user_id, disabled.user_email, disabled.erased) == ("owner", None, None, False)
    assert signed_in is not None
    assert (signed_in.user_id, signed_in.new_values, signed_in.erased) == (ANN, None, True)
    assert out is not None
    assert (out.old_values, out.erased) == (None, False)
    assert await reader.one(99, deadline=soon()) is None


async def test_pages_give_each_entry_once_when_followed(store: Pool) -> None:
    await write_trail(store)
    auditing = Auditing(Reader(store), Nobody())
    context = CallerContext(ADMIN.caller, "", "", soon(), "", "")
    seen: list[int] = []
    cursor: str | None = None
    while True:
        asked = ListEntries(user_id=ANN, limit=2, cursor=cursor)
        answer = await auditing.handlers[LIST](context, asked)
        page = AuditEntries.model_validate_json(answer.body)
        seen += [entry.number for entry in page.items]
        assert answer.next_cursor == (page.next or "")
        if page.next is None:
            break
        cursor = page.next
    assert seen == [6, 5, 3, 2, 1]


async def test_cursor_is_refused_when_it_is_anothers_or_none(store: Pool) -> None:
    await write_trail(store)
    page = await Reader(store).page(ListEntries(limit=1), deadline=soon())
    for asked in (ListEntries(user_id=ANN, cursor=page.next_cursor), ListEntries(cursor="x"), ListEntries(cursor="é")):
        with pytest.raises(Invalid) as caught:
            await Reader(store).page(asked, deadline=soon())
        assert caught.value.code is Code.INVALID_CURSOR


async def test_every_filter_prepares_when_it_is_put_together(store_dsns: StoreDsns) -> None:
    connection = await connect(store_dsns.agent, application_name="test", timeout_s=5)
    for size in range(len(_CONDITIONS) + 1):
        for given in combinations(_CONDITIONS, size):
            query = page_query(frozenset(given))
            await connection.prepare(query.sql, timeout=5)
            assert len(query.parameters) == 9
    await connection.close(timeout=5)


@pytest.mark.story("hub/AC-053", "todo/US-5.2")
@pytest.mark.slow
async def test_every_filter_has_an_index_when_there_are_100_000_entries(damage: Damage) -> None:
    indexes = await damage.fetch("SELECT indexname, indexdef FROM pg_indexes WHERE indexname ~ '^audit_(?!pkey)'")
    for index in indexes:  # made at the end, which takes a tenth of the time
        await damage.execute(f"DROP INDEX {index['indexname']}")
    await damage.execute(
        "INSERT INTO audit (number, at, actor, user_id, operation, outcome, entity, entity_id, request_id, hash)"
        " SELECT i, '2026-01-01Z'::timestamptz + i * interval '1 min', 'user',"
        " lpad(to_hex(i % 50), 32, '0')::uuid, 'op.' || i % 20, 'done', 'kind' || i % 10, (i % 500)::text, '', ''"
        f" FROM generate_series(1, {MANY}) AS i"
    )
    for index in indexes:
        await damage.execute(index["indexdef"])
    await damage.execute("ANALYZE audit")
    start = "'2026-02-01Z'::timestamptz"
    values = (start, "'2026-02-02Z'::timestamptz", f"'{ANN}'::uuid", "'kind3'", "'3'", "'op.3'", start, "5000", "51")
    questions = [
        ("start", "end"), ("user_id",), ("entity_type",), ("entity_type", "entity_id"), ("action",), ("cursor",), (),
        ("user_id", "cursor"), ("user_id", "action"), ("action", "start", "end", "cursor"),
    ]  # fmt: skip
    for given in questions:
        sql = page_query(frozenset(given)).sql
        for position in range(9, 0, -1):
            name = [*_CONDITIONS, "cursor"][position - 1] if position < 9 else ""
            sql = sql.replace(f"${position}", values[position - 1] if name in given or position == 9 else "NULL")
        [row] = await damage.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
        plan = json.loads(row["QUERY PLAN"])[0]["Plan"]
        assert _read(plan) <= 2_000, (given, plan)


def _read(plan: dict[str, object]) -> int:
    """Return how many rows of the trail a plan looked at."""
    own = 0
    if plan.get("Relation Name") == "audit":
        rows, filtered = plan["Actual Rows"], plan.get("Rows Removed by Filter", 0)
        assert isinstance(rows, int | float)
        assert isinstance(filtered, int | float)
        own = int(rows + filtered)
        assert plan["Node Type"] != "Seq Scan"
    parts = plan.get("Plans", [])
    assert isinstance(parts, list)
    return own + sum(_read(part) for part in parts)
