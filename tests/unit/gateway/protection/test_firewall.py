"""Handing bans over to the helper's own server; its firewall alone is played."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bridge.process.bans import Repeat
from gateway.protection.firewall import Firewall, Request
from tests.ban_helper import SPARED, helper
from tests.waiting import until


class Told:
    """A firewall with its helper, and what it told of it."""

    def __init__(self, socket: Path) -> None:
        self.taken: list[str] = []
        self.protected: list[str] = []
        self.repeats: list[tuple[str, int, float]] = []
        self.firewall = Firewall(
            socket,
            on_taken=lambda request: self.taken.append(request.client),
            on_protected=lambda request: self.protected.append(request.client),
            on_repeat=self._repeated,
        )

    def ask(self, client: str) -> None:
        self.firewall.ask(Request(client, client.replace("/64", "1"), 60, "probing", at=0.0))

    def _repeated(self, repeat: Repeat, over_at: float) -> None:
        self.repeats.append((repeat.address, repeat.times, over_at - asyncio.get_running_loop().time()))

    @property
    def waiting(self) -> int:
        return self.firewall._waiting.qsize()


@asynccontextmanager
async def told(socket: Path) -> AsyncIterator[Told]:
    made = Told(socket)
    running = asyncio.ensure_future(made.firewall.run())
    try:
        yield made
    finally:
        running.cancel()


async def test_ban_is_taken_when_the_helper_has_a_firewall(tmp_path: Path) -> None:
    async with helper(tmp_path / "s") as asked, told(tmp_path / "s") as made:
        made.ask("203.0.113.7")
        made.ask("2001:db8:1:2::/64")
        await until(lambda: len(made.taken) == 2)
    assert {str(ban.network) for ban in asked.ledger} == {"203.0.113.7/32", "2001:db8:1:2::/64"}


async def test_next_process_learns_who_was_banned_when_it_begins(tmp_path: Path) -> None:
    async with helper(tmp_path / "s"):
        async with told(tmp_path / "s") as made:
            made.ask("203.0.113.7")
            await until(lambda: made.taken == ["203.0.113.7"])
        async with told(tmp_path / "s") as made:
            await until(lambda: made.repeats != [])
    [(client, times, over_in_s)] = made.repeats
    assert (client, times) == ("203.0.113.7", 1)
    assert 0 < over_in_s <= 60


async def test_process_learns_who_was_banned_once_the_helper_is_there(tmp_path: Path) -> None:
    async with told(tmp_path / "s") as made:
        made.ask("203.0.113.8")
        await until(lambda: not made.waiting)
        async with helper(tmp_path / "s"):
            made.ask("203.0.113.9")
            await until(lambda: made.taken == ["203.0.113.9"] and made.repeats != [])
            made.ask("203.0.113.10")
            await until(lambda: len(made.taken) == 2)
    assert len(made.repeats) == 1  # asked once


async def test_ban_is_not_taken_when_the_firewalls_table_is_missing(tmp_path: Path) -> None:
    async with helper(tmp_path / "s", has_table=False) as asked, told(tmp_path / "s") as made:
        made.ask("203.0.113.7")
        await until(lambda: len(asked.ledger) == 1 and not made.waiting)
        await asyncio.sleep(0)
    assert (made.taken, made.protected) == ([], [])


async def test_client_is_spared_when_the_helper_protects_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with helper(tmp_path / "s"), told(tmp_path / "s") as made:
        made.ask(SPARED)
        await until(lambda: made.protected == [SPARED])
    assert "ban_not_taken" in caplog.text


async def test_lost_helper_is_told_once_and_its_return_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with told(tmp_path / "s") as made:
        for client in ("203.0.113.7", "203.0.113.8"):
            made.ask(client)
        await until(lambda: not made.waiting and "ban_helper_lost" in caplog.text)
        async with helper(tmp_path / "s"):
            made.ask("203.0.113.9")
            await until(lambda: made.taken == ["203.0.113.9"])
    events = [record.message for record in caplog.records if record.message.startswith("ban_helper")]
    assert events == ["ban_helper_lost", "ban_helper_found"]


async def test_refusal_for_another_reason_spares_nobody(tmp_path: Path) -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'{"ok":false,"error":"busy","message":"no"}\n')
        writer.close()

    server = await asyncio.start_unix_server(talk, str(tmp_path / "s"))
    async with told(tmp_path / "s") as made:
        made.ask("203.0.113.7")
        await until(lambda: not made.waiting)
        await asyncio.sleep(0.01)
    server.close()
    assert (made.taken, made.protected) == ([], [])


async def test_requests_wait_in_bounded_numbers_when_the_helper_is_slow(tmp_path: Path) -> None:
    made = Told(tmp_path / "s")
    for number in range(100):
        made.ask(f"203.0.113.{number}")
    assert made.waiting == 64
