from __future__ import annotations

import pytest

from gateway.connectivity.hysteresis import Votes


def _cast(votes: Votes, looks: str) -> str:
    for now, look in enumerate(looks):
        votes.cast(is_up=look == "+", now=float(now))
    return votes.state


@pytest.mark.parametrize(
    ("looks", "state"),
    [
        ("", "unknown"),
        ("+", "up"),
        ("+-", "up"),
        ("+--", "up"),
        ("+---", "down"),
        ("+-+-", "up"),
        ("+-+-+-", "down"),
        ("+--++-", "down"),
        ("--", "unknown"),
        ("---", "down"),
        ("---+", "down"),
        ("---+-+", "down"),
        ("---++", "up"),
        ("---++--", "up"),
        ("---++---", "down"),
    ],
)
def test_votes_say_down_after_three_of_five_and_up_after_two_in_a_row(looks: str, state: str) -> None:
    assert _cast(Votes(now=0.0), looks) == state


def test_votes_go_down_at_once_when_a_look_is_definitive() -> None:
    votes = Votes(now=0.0)
    votes.cast(is_up=True, now=1.0)
    assert votes.cast(is_up=False, now=2.0, definitive=True)
    assert (votes.state, votes.since) == ("down", 2.0)


def test_votes_say_down_since_the_first_bad_look_when_the_third_confirms_it() -> None:
    votes = Votes(now=0.0)
    _cast(votes, "+---")
    assert votes.since == 1.0


def test_votes_count_flaps_of_the_last_hour_when_it_goes_down_often() -> None:
    votes = Votes(now=0.0)
    for now in (0.0, 100.0, 3500.0):
        votes.cast(is_up=False, now=now, definitive=True)
        votes.cast(is_up=True, now=now + 1)
        votes.cast(is_up=True, now=now + 2)
    assert votes.flaps(now=3590.0) == 3
    assert votes.flaps(now=3650.0) == 2
    assert votes.flaps(now=9000.0) == 0


def test_votes_start_anew_when_they_are_forgotten() -> None:
    votes = Votes(now=0.0)
    _cast(votes, "+--")
    votes.forget(now=5.0)
    assert (votes.state, votes.since) == ("unknown", 5.0)
    votes.cast(is_up=False, now=6.0)
    assert votes.state == "unknown"
