from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.protection.bans import Bans
from gateway.settings import Protection


def bans(**settings: object) -> Bans:
    given = {"ban_s": 60, "ban_factor": 10, "ban_max_s": 3600, "repeat_s": 1000, "clients_max": 2}
    return Bans(Protection.model_validate(given | settings))


def test_ban_ends_by_itself_when_its_time_is_over() -> None:
    held = bans()
    assert not held
    assert held.begin("a", 0.0).duration_s == 60
    assert (held.remaining_s("a", 59.0), held.current(59.0)) == (1.0, {"a": 1.0})
    assert held.remaining_s("b", 59.0) == 0.0
    assert held.remaining_s("a", 60.0) == 0.0
    assert not held


def test_ban_is_longer_each_time_when_it_is_a_repeaters() -> None:
    held = bans()
    given, now = [], 0.0
    for _ in range(3):
        ban = held.begin("a", now)
        given.append((ban.nth, ban.duration_s))
        now += ban.duration_s + 999
    assert given == [(1, 60), (2, 600), (3, 3600)]
    assert held.begin("a", now + 10_000).nth == 1


def test_ban_is_longer_when_another_process_banned_before() -> None:
    held = bans()
    held.remember("a", 2, -500.0)
    held.remember("b", 1, -1500.0)
    assert not held
    assert held.begin("a", 0.0).nth == 3
    held.remember("a", 1, 0.0)  # what this process knows is more
    assert held.begin("a", 3600.0).nth == 4
    assert held.begin("b", 0.0).nth == 1


def test_client_remembered_first_is_forgotten_when_there_are_too_many() -> None:
    held = bans()
    for client in ("a", "b", "c"):
        held.remember(client, 1, 0.0)
    assert [held.begin(client, 1.0).nth for client in ("c", "b")] == [2, 2]
    assert held.begin("a", 1.0).nth == 1


def test_ban_is_over_and_forgotten_when_it_is_lifted() -> None:
    held = bans()
    held.begin("a", 0.0)
    assert held.lift("a")
    assert not held.lift("a")
    assert held.remaining_s("a", 1.0) == 0.0
    assert held.begin("a", 1.0).nth == 1


def test_ban_ends_earlier_when_somebody_else_sees_to_it() -> None:
    held = bans()
    held.begin("a", 0.0)
    held.end_by("a", 10.0)
    held.end_by("a", 20.0)
    held.end_by("b", 20.0)
    assert held.current(5.0) == {"a": 5.0}


def test_oldest_ban_is_given_up_when_there_are_too_many() -> None:
    held = bans()
    for client in ("a", "b", "c"):
        held.begin(client, 0.0)
    assert held.current(1.0).keys() == {"b", "c"}


def test_longest_ban_is_no_shorter_than_the_first_when_they_are_set() -> None:
    with pytest.raises(ValidationError, match="ban_max_s is below"):
        Protection(ban_s=600, ban_max_s=60)
