from __future__ import annotations

import re

import pytest

from tests.replays.attacks import ATTACKS, Attack, Caught, play
from tests.replays.everyday import EVERYBODY, Day, live
from tests.replays.page import measured, table

_ANEW = "python -m tests.replays writes the page anew"


def _number(cell: str) -> float:
    """Return the first number of a cell."""
    found = re.search(r"[\d.]+", cell)
    assert found is not None, cell
    return float(found[0])


@pytest.mark.story("health/US-BE-31.2")
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
async def test_attacker_is_banned_before_a_third_of_the_list_is_through(attack: Attack) -> None:
    caught = await play(attack)

    assert caught.answered is not None
    assert caught.recognised_share > 0.8
    assert caught.refused_share > 2 / 3
    name, what, count, *figures = (
        cell.strip() for cell in table([caught], Day()).splitlines()[2].strip("|").split("|")
    )
    written = re.search(rf"^\| {name} \| {re.escape(what)} \| {count} \|(.+)\|$", measured(), re.MULTILINE)
    assert written is not None, _ANEW
    for now, then in zip(figures, written[1].split("|"), strict=True):
        assert _number(now) == pytest.approx(_number(then), rel=0.15, abs=2), _ANEW  # a new route is a word less


@pytest.mark.story("health/US-BE-31", "health/US-BE-06.5")
async def test_nobody_is_banned_on_an_ordinary_day() -> None:
    day = await live()

    assert day.banned == []
    assert day.people == len(EVERYBODY)
    assert "banned: nobody." in measured()


def test_table_says_never_when_an_attacker_was_not_banned() -> None:
    caught = Caught(ATTACKS[0], recognised=0, answered=None)

    assert caught.refused_share == 0
    assert "| never | 0% |" in table([caught], Day(banned=["a"]))
