"""The head of the trail reaches the other machine's journal with every write."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from agent.accounts.passwords import Passwords
from agent.accounts.users import Users
from agent.audit import Head
from agent.audit.heads import HeadKey, Heads
from agent.db.pools import Pool, PoolOptions
from agent.settings import Passwords as PasswordSettings
from bridge.heads import SignedHead, find_heads
from bridge.process.clock import SystemClock
from tests.integration.agent.accounts.house import ANN, open_house
from tests.integration.agent.audit.conftest import Damage, soon, write_trail
from tests.integration.agent.conftest import StoreDsns
from tests.integration.agent.machine import PASSWORD


def seen(caplog: pytest.LogCaptureFixture) -> list[SignedHead]:
    records = [record for record in caplog.records if record.message == "audit_head_seen"]
    return [head for record in records for head in find_heads(record.__dict__["drawbridge_fields"]["head"])]


async def add_ann(store: Pool) -> None:
    passwords = Passwords(PasswordSettings(bcrypt_cost=4))
    await Users(store, passwords, SystemClock()).add(ANN, PASSWORD, deadline=soon())
    passwords.close()


async def test_gateway_keeps_a_genuine_head_in_its_journal_when_a_write_is_answered(
    tmp_path: Path, store: Pool, store_dsns: StoreDsns, damage: Damage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await add_ann(store)
    async with open_house(tmp_path, store_dsns) as house:
        ann = await house.sign_in(ANN)
        await ann.get("/users/profile")
        assert [head.number for head in seen(caplog)] == [2]
        await ann.put("/users/profile", {"name": "Ann Lee"})
        key = HeadKey.read(house.machine.folder / "tokens")
    heads = seen(caplog)
    assert len(heads) == 2
    assert all(key.signed(head) for head in heads)
    await damage.verify([Head(head.number, head.hash) for head in heads])


@pytest.mark.parametrize("head", ["", "no head", "7.8"])
async def test_gateway_passes_over_what_is_no_head_when_it_is_sent_one(
    tmp_path: Path, store: Pool, store_dsns: StoreDsns, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch, head: str,
) -> None:  # fmt: skip
    caplog.set_level(logging.INFO)
    await add_ann(store)

    async def current(_heads: Heads, _deadline: float) -> str:
        return head

    monkeypatch.setattr(Heads, "current", current)
    async with open_house(tmp_path, store_dsns) as house:
        await house.sign_in(ANN)
    assert seen(caplog) == []


async def test_head_is_the_stores_newest_when_it_is_asked_for(tmp_path: Path, store: Pool) -> None:
    key = HeadKey.read_or_make(tmp_path)
    heads = Heads(store, key, SystemClock())
    assert await heads.current(soon()) == ""
    head = await write_trail(store)
    [said] = find_heads(await heads.current(soon()))
    assert (said.number, said.hash, key.signed(said)) == (head.number, head.hash, True)


async def test_head_is_left_out_when_the_store_is_away(tmp_path: Path) -> None:
    pool = Pool(PoolOptions("away", f"postgresql://nobody@/none?host={tmp_path}"), SystemClock())
    assert await Heads(pool, HeadKey.read_or_make(tmp_path), SystemClock()).current(soon()) == ""
    await pool.close(soon())
