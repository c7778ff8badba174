from __future__ import annotations

from gateway.protection.rules import NOT_FOUND, SCANNER_PATH, SIGN_IN
from gateway.protection.scores import Scores


def scores(*, clients_max: int = 10) -> Scores:
    return Scores(threshold=50, drain_per_s=0.5, clients_max=clients_max)


def test_client_is_over_when_its_points_reach_the_threshold() -> None:
    counting = scores()
    assert counting.add("a", SCANNER_PATH, 0.0) is None
    assert counting.add("a", SCANNER_PATH, 0.0) is None
    assert counting.add("a", NOT_FOUND, 0.0) is None
    over = counting.add("a", NOT_FOUND, 0.0)
    assert over is not None
    assert (over.points, dict(over.rules), over.reason) == (50, {"scanner-path": 2, "not-found": 2}, "probing")


def test_weightiest_reason_is_told_when_several_count() -> None:
    counting = scores()
    for _ in range(4):
        counting.add("a", SIGN_IN, 0.0)
    over = counting.add("a", SCANNER_PATH, 0.0)
    assert over is not None
    assert over.reason == "sign_in_failures"


def test_points_drain_away_when_time_passes() -> None:
    counting = scores()
    for second in range(0, 100_000, 100):  # one in 100 s, for a day
        assert counting.add("a", SCANNER_PATH, float(second)) is None


def test_client_begins_anew_when_it_was_over() -> None:
    counting = scores()
    for _ in range(3):
        counting.add("a", SCANNER_PATH, 0.0)
    assert len(counting) == 0
    assert counting.add("a", SCANNER_PATH, 0.0) is None


def test_clients_quiet_longest_are_forgotten_when_there_are_too_many() -> None:
    counting = scores(clients_max=2)
    for client in ("a", "b", "a", "c"):
        counting.add(client, SCANNER_PATH, 0.0)
    assert len(counting) == 2
    assert counting.add("a", SCANNER_PATH, 0.0) is not None  # of b nothing is known, of a everything


def test_nothing_stands_against_a_client_when_it_was_forgotten() -> None:
    counting = scores()
    counting.add("a", SCANNER_PATH, 0.0)
    counting.forget("a")
    counting.forget("b")
    assert len(counting) == 0
