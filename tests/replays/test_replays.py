from __future__ import annotations

import re

import pytest

from tests.replays.attacks import ATTACKS, Attack, Caught, play
from tests.replays.everyday import EVERYBODY, Day, live
from tests.replays.page import measured, table

_ANEW = "python -m tests.replays writes the page anew"


def _numbers(cell: str) -> list[str]:
    return re.findall(r"\d+(?:\.\d+)?", cell)


@pytest.mark.story("health/US-BE-31.2")
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
async def test_attacker_is_banned_before_a_third_of_the_list_is_through(attack: Attack) -> None:
    caught = await play(attack)

    assert caught.answered is not None
    assert caught.banned_after_s is not None
    assert caught.recognised_share > 0.8
    assert caught.refused_share > 2 / 3
    name, what, count, *figures = (
        cell.strip() for cell in table([caught], Day()).splitlines()[2].strip("|").split("|")
    )
    written = re.search(rf"^\| {name} \| {re.escape(what)} \| {count} \|(.+)\|$", measured(), re.MULTILINE)
    assert written is not None, _ANEW
    for now, then in zip(figures, written[1].split("|"), strict=True):
        for one, other in zip(_numbers(now), _numbers(then), strict=True):  # a new route is a word less
            assert float(one) == pytest.approx(float(other), rel=0.15, abs=0.1 if "." in one else 2), _ANEW


@pytest.mark.story("health/US-BE-31", "health/US-BE-06.5")
async def test_nobody_is_banned_on_an_ordinary_day() -> None:
    day = await live()

    assert day.banned == []
    assert day.people == len(EVERYBODY)
    assert "banned: nobody." in measured()


def test_table_says_never_when_an_attacker_was_not_banned() -> None:
    caught = Caught(ATTACKS[0], recognised=0, answered=None, banned_after_s=None)

    assert caught.refused_share == 0
    assert "| never | 0% |" in table([caught], Day(banned=["a"]))
