"""Whatever is changed in the trail behind its back is found."""

from __future__ import annotations

import pytest

from agent.audit import Head, TrailBroken
from agent.db.pools import Pool
from tests.integration.agent.audit.conftest import Damage, erase_ann, write_trail

COLUMNS = {
    "number": "bigint", "at": "timestamptz", "actor": "text", "user_id": "uuid", "session_id": "uuid",
    "operation": "text", "outcome": "text", "entity": "text", "entity_id": "text", "subject_id": "uuid",
    "request_id": "text", "payload_digest": "bytea", "salt": "bytea", "payload": "text", "hash": "bytea",
}  # fmt: skip
ROWS = 7


def flips(kind: str, value: object) -> list[str]:
    """Return SQL for what ``x`` is when any one of its bytes is another; for text, any character."""
    if kind == "bytea":
        assert isinstance(value, bytes)
        return [f"set_byte(x, {i}, get_byte(x, {i}) # {1 << i % 8})" for i in range(len(value))]
    if kind == "text":
        assert isinstance(value, str)
        return [
            f"overlay(x placing chr(ascii(substr(x, {i}, 1)) # 1) from {i} for 1)" for i in range(1, len(value) + 1)
        ]
    if kind == "uuid":
        return [
            f"encode(set_byte(decode(replace(x::text, '-', ''), 'hex'), {i},"
            f" get_byte(decode(replace(x::text, '-', ''), 'hex'), {i}) # 16), 'hex')::uuid"
            for i in range(16)
        ]
    if kind == "bigint":
        return [f"x # {1 << bit}::bigint" for bit in range(3, 63, 8)]
    return [f"x + interval '{1 << bit} microseconds'" for bit in range(0, 56, 8)]


async def test_trail_holds_when_nobody_touched_it(store: Pool, damage: Damage) -> None:
    assert (await damage.verify()).head == Head(0, bytes(32))
    head = await write_trail(store)
    found = await damage.verify([head])
    assert (found.head, found.erased) == (head, 0)
    await erase_ann(store)
    found = await damage.verify([head])
    assert (found.head.number, found.erased) == (ROWS, 1)


@pytest.mark.parametrize("column", COLUMNS)
async def test_any_stored_byte_is_missed_when_it_is_flipped(store: Pool, damage: Damage, column: str) -> None:
    await write_trail(store)
    await erase_ann(store)
    columns = await damage.fetch("SELECT column_name FROM information_schema.columns WHERE table_name = 'audit'")
    assert {row["column_name"] for row in columns} == COLUMNS.keys()
    flipped = 0
    for number in (1, 4, ROWS):
        [row] = await damage.fetch(f'SELECT "{column}" AS x FROM audit WHERE number = $1', number)
        for change in flips(COLUMNS[column], row["x"]) if row["x"] is not None else ():
            await damage.execute("BEGIN")
            changed = f'(SELECT {change} FROM (SELECT "{column}" AS x) AS own)'
            await damage.execute(f'UPDATE audit SET "{column}" = {changed} WHERE number = {number}')
            with pytest.raises(TrailBroken):
                await damage.verify()
            await damage.execute("ROLLBACK")
            flipped += 1
    assert flipped
    await damage.verify()


@pytest.mark.parametrize("column", ["user_id", "session_id", "subject_id", "payload_digest", "salt", "payload"])
async def test_value_is_missed_when_it_is_put_where_there_was_none_or_taken_away(
    store: Pool, damage: Damage, column: str
) -> None:
    await write_trail(store)
    kind = COLUMNS[column]
    put = {"uuid": "gen_random_uuid()", "bytea": "'\\x00'::bytea", "text": "'{}'"}[kind]
    for number in range(1, ROWS):
        await damage.execute("BEGIN")
        await damage.execute(
            f'UPDATE audit SET "{column}" = CASE WHEN "{column}" IS NULL THEN {put} END WHERE number = {number}'
        )
        with pytest.raises(TrailBroken):
            await damage.verify()
        await damage.execute("ROLLBACK")


async def test_payload_is_missed_when_its_beginning_was_moved_into_the_salt(store: Pool, damage: Damage) -> None:
    await write_trail(store)
    await damage.execute("""
        UPDATE audit SET salt = salt || convert_to(left(payload, 1), 'UTF8'), payload = substr(payload, 2)
        WHERE number = 4 AND payload IS NOT NULL
    """)
    with pytest.raises(TrailBroken, match="entry 4: has a payload that is not what was written"):
        await damage.verify()


async def test_payload_is_missed_when_it_was_erased_and_no_entry_says_so(store: Pool, damage: Damage) -> None:
    await write_trail(store)
    await erase_ann(store)
    await damage.execute("UPDATE audit SET payload = NULL, salt = NULL WHERE number = 4")
    with pytest.raises(TrailBroken, match="entry 4: has lost its payload, and no entry says that it was erased"):
        await damage.verify()


async def test_payload_is_missed_when_it_was_erased_after_the_entry_that_says_so(store: Pool, damage: Damage) -> None:
    await erase_ann(store)
    await write_trail(store)
    await damage.execute("UPDATE audit SET payload = NULL, salt = NULL WHERE number = 2")
    with pytest.raises(TrailBroken, match="entry 2: has lost its payload"):
        await damage.verify()


@pytest.mark.parametrize("number", [1, 2, 5])
async def test_entry_is_missed_when_it_is_taken_out(store: Pool, damage: Damage, number: int) -> None:
    await write_trail(store)
    await damage.execute(f"DELETE FROM audit WHERE number = {number}")
    with pytest.raises(TrailBroken, match=f"entry {number}: is missing"):
        await damage.verify()
    await damage.execute(f"UPDATE audit SET number = number - 1 WHERE number > {number}")
    with pytest.raises(TrailBroken, match=f"entry {number}: is not what was written"):
        await damage.verify()


async def test_order_is_missed_when_two_entries_change_places(store: Pool, damage: Damage) -> None:
    await write_trail(store)
    await damage.execute("UPDATE audit SET number = -2 WHERE number = 2")
    await damage.execute("UPDATE audit SET number = 2 WHERE number = 3")
    await damage.execute("UPDATE audit SET number = 3 WHERE number = -2")
    with pytest.raises(TrailBroken, match="entry 2: is not what was written"):
        await damage.verify()


@pytest.mark.parametrize("left", range(ROWS - 1))
async def test_tail_is_missed_when_it_is_cut_and_its_head_was_witnessed(store: Pool, damage: Damage, left: int) -> None:
    head = await write_trail(store)
    await damage.execute(f"DELETE FROM audit WHERE number > {left}")
    assert (await damage.verify()).head.number == left  # the chain by itself cannot tell
    with pytest.raises(TrailBroken, match=f"entry {left + 1}: is missing: the trail ends at {left}, and entry 6 was"):
        await damage.verify([head])


async def test_tail_is_missed_when_it_was_cut_and_written_anew(store: Pool, damage: Damage) -> None:
    head = await write_trail(store)
    await damage.execute("DELETE FROM audit")
    await erase_ann(store)
    await write_trail(store)
    assert (await damage.verify()).head.number == ROWS
    with pytest.raises(TrailBroken, match="entry 6: is not the one whose hash was witnessed"):
        await damage.verify([head])


async def test_witnesses_are_refused_when_they_differ(damage: Damage) -> None:
    with pytest.raises(TrailBroken, match="entry 3: two heads with this number were witnessed"):
        await damage.verify([Head(3, bytes(32)), Head(3, bytes(31) + b"x")])
