"""Against the ban helper's own server, parser and ledger; the firewall and its file alone are played."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bridge.process.bans import HelperAway, Repeat, ask_bans, ask_repeats
from rescue.bans.clock import SystemClock
from rescue.bans.helper import BanHelper, Peer
from rescue.bans.requests import BanRequest, Reason, network_of
from rescue.bans.server import Server


def helper() -> BanHelper:
    played: Any = SimpleNamespace(
        change=lambda **_what: None, refuse=lambda _network, _now: None, replace=lambda _content: None
    )
    made = BanHelper(clock=SystemClock(boot="b"), sets=played, protected=played, file=played)
    made.answer(BanRequest(network_of("192.0.2.7"), 600, Reason.PROBING), Peer("gateway", is_root=False))
    return made


@asynccontextmanager
async def serving(path: Path, *, gid: int) -> AsyncIterator[None]:
    server = await asyncio.start_unix_server(Server(helper(), gid=gid)._connected, str(path), limit=4096)
    try:
        yield
    finally:
        server.close()


@asynccontextmanager
async def saying(path: Path, answer: bytes) -> AsyncIterator[None]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        writer.close()

    server = await asyncio.start_unix_server(talk, str(path))
    try:
        yield
    finally:
        server.close()


async def test_helper_tells_its_bans_when_it_is_asked(tmp_path: Path) -> None:
    async with serving(tmp_path / "s", gid=os.getegid()):
        status = await ask_bans("status", tmp_path / "s")
        [ban] = (await ask_bans("list", tmp_path / "s"))["bans"]

    assert (status["in_force"], status["bans"]) == (True, 1)
    assert (ban["address"], ban["reason"], ban["by"], ban["remaining_s"]) == ("192.0.2.7", "probing", "gateway", 600)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "none of the ban helper"),
        (b"nonsense\n", "none of the ban helper"),
        (b"[]\n", "none of the ban helper"),
        (b'{"ok":false,"error":"denied","message":"no"}\n', "denied"),
    ],
    ids=["nothing", "no JSON", "no object", "refused"],
)
async def test_helper_is_away_when_its_answer_is_none(tmp_path: Path, answer: bytes, reason: str) -> None:
    async with saying(tmp_path / "s", answer):
        with pytest.raises(HelperAway, match=reason):
            await ask_bans("status", tmp_path / "s")


async def test_helper_is_away_when_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(HelperAway, match="No such file"):
        await ask_bans("status", tmp_path / "s")


async def test_helper_is_away_when_it_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.process.bans._ANSWER_S", 0.05)
    ending = asyncio.Event()

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ending.wait()
        writer.close()

    server = await asyncio.start_unix_server(talk, str(tmp_path / "s"))
    with pytest.raises(HelperAway, match=r"within 0\.05 s"):
        await ask_bans("status", tmp_path / "s")
    ending.set()
    server.close()


async def test_helper_tells_who_was_banned_how_often_when_it_is_asked(tmp_path: Path) -> None:
    async with serving(tmp_path / "s", gid=os.getegid()):
        assert await ask_repeats(tmp_path / "s") == [Repeat("192.0.2.7", 1, 600)]


@pytest.mark.parametrize("repeats", ["null", "[1]", "[{}]", '[{"address":"a","times":"b","over_in_s":1}]'])
async def test_answer_is_none_of_the_helpers_when_its_repeats_are_none(tmp_path: Path, repeats: str) -> None:
    async with saying(tmp_path / "s", f'{{"ok":true,"repeats":{repeats}}}\n'.encode()):
        with pytest.raises(HelperAway, match="none of the ban helper's"):
            await ask_repeats(tmp_path / "s")
