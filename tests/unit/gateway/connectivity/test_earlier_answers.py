from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from gateway.connectivity.earlier_answers import BELIEVED_S, MOVED_EVERY_S, SAVED_EVERY_S, EarlierAnswers
from tests.clocks import TurnedClock

ANSWERS: Final = {"deb.debian.org": ("199.232.1.2", "2a04:4e42::2"), "example.org": ("192.0.2.7",)}


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


def earlier(folder: Path, clock: TurnedClock) -> EarlierAnswers:
    return EarlierAnswers.beside(folder / "outages.jsonl", clock)


async def test_answers_are_known_when_another_process_kept_them(tmp_path: Path, clock: TurnedClock) -> None:
    await earlier(tmp_path, clock).keep(ANSWERS)
    clock.advance(BELIEVED_S)
    assert earlier(tmp_path, clock).read(tuple(ANSWERS)) == ANSWERS
    assert earlier(tmp_path, clock).read(("example.org", "example.net")) == {"example.org": ("192.0.2.7",)}


async def test_answers_are_known_when_the_clock_is_behind(tmp_path: Path, clock: TurnedClock) -> None:
    await earlier(tmp_path, clock).keep(ANSWERS)
    clock.advance(-30 * 86_400.0)
    assert earlier(tmp_path, clock).read(tuple(ANSWERS)) == ANSWERS


async def test_answers_are_not_believed_when_they_are_old(tmp_path: Path, clock: TurnedClock) -> None:
    await earlier(tmp_path, clock).keep(ANSWERS)
    clock.advance(BELIEVED_S + 1)
    assert earlier(tmp_path, clock).read(tuple(ANSWERS)) == {}


async def test_answers_are_written_once_a_day_and_sooner_when_they_are_others(
    tmp_path: Path, clock: TurnedClock
) -> None:
    file = tmp_path / "targets.json"
    kept = earlier(tmp_path, clock)

    async def is_written(addresses: dict[str, tuple[str, ...]]) -> bool:
        file.unlink(missing_ok=True)
        await kept.keep(addresses)
        return file.exists()

    moved = ANSWERS | {"example.org": ("192.0.2.8",)}
    assert await is_written({"example.org": ("192.0.2.7",)})
    assert await is_written(ANSWERS), "one target more"
    assert not await is_written(ANSWERS)
    assert not await is_written(moved), "within the hour"
    clock.advance(MOVED_EVERY_S)
    assert not await is_written(ANSWERS)
    assert await is_written(moved)
    clock.advance(SAVED_EVERY_S - 1)
    assert not await is_written(moved)
    clock.advance(1)
    assert await is_written(moved)
    assert not await is_written({})


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("", {}),
        ("[]", {}),
        ('{"at": "now", "addresses": {"example.org": ["192.0.2.7"]}}', {}),
        ('{"at": NaN, "addresses": {"example.org": ["192.0.2.7"]}}', {}),
        (f'{{"at": {"9" * 400}, "addresses": {{"example.org": ["192.0.2.7"]}}}}', {}),
        ('{"at": 1780000000.0, "addresses": []}', {}),
        ('{"at": 1780000000.0, "addresses": {"example.org": "192.0.2.7"}}', {}),
        (
            '{"at": 1780000000.0, "addresses": {"example.org": [7, "x", "10.0.0.1", "192.0.2.7"]}}',
            {"example.org": ("192.0.2.7",)},
        ),
    ],
    ids=["empty", "a list", "no time", "not a number", "no time ever", "no addresses", "a text", "some"],
)
def test_answers_are_left_out_when_they_cannot_be_used(
    tmp_path: Path, clock: TurnedClock, content: str, found: dict[str, tuple[str, ...]]
) -> None:
    (tmp_path / "targets.json").write_text(content)
    assert earlier(tmp_path, clock).read(("example.org",)) == found


async def test_nothing_fails_when_the_disk_takes_nothing(tmp_path: Path, clock: TurnedClock) -> None:
    (tmp_path / "folder").write_text("")
    kept = EarlierAnswers.beside(tmp_path / "folder" / "outages.jsonl", clock)
    await kept.keep(ANSWERS)
    assert kept.read(tuple(ANSWERS)) == {}


async def test_file_is_the_owners_alone(tmp_path: Path, clock: TurnedClock) -> None:
    await earlier(tmp_path, clock).keep(ANSWERS)
    file = tmp_path / "targets.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text())["addresses"]["example.org"] == ["192.0.2.7"]
