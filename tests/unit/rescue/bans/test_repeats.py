from __future__ import annotations

import json

import pytest

from rescue.bans.ledger import Ban, Ledger, LedgerDamaged
from rescue.bans.repeats import KEPT_S, REPEATS_MAX, Repeats
from rescue.bans.requests import DURATION_MAX_S, Reason, network_of
from tests.unit.rescue.bans.test_ledger import NOW, ban, later, rebooted, reloaded

STRANGER = network_of("198.51.100.7")


def times(ledger: Ledger, now_unix_s: float) -> dict[str, int]:
    return {str(each.network): each.times for each in ledger.repeats.current(now_unix_s)}


def test_bans_are_counted_when_one_comes_after_the_other_is_over() -> None:
    ledger, now = Ledger(), NOW
    for _ in range(3):
        ledger.add(ban(duration_s=60, now=now), now)
        now = later(now, 3600)
    assert times(ledger, now.unix_s) == {"198.51.100.7/32": 3}


def test_ban_counts_once_when_it_is_made_longer_or_a_hand_made_it() -> None:
    ledger = Ledger()
    ledger.add(ban(duration_s=60), NOW)
    ledger.add(ban(duration_s=600), later(NOW, 10))
    ledger.add(ban("198.51.100.8", reason=Reason.MANUAL), NOW)
    assert times(ledger, NOW.unix_s) == {"198.51.100.7/32": 1}


def test_count_outlives_a_reboot_when_the_ban_itself_is_over() -> None:
    ledger = Ledger()
    ledger.add(ban(duration_s=60), NOW)
    ledger.add(ban(duration_s=60, now=later(NOW, 100)), later(NOW, 100))
    again = reloaded(ledger, later(NOW, 100), rebooted(NOW, off_s=86_400))
    assert (len(again), times(again, NOW.unix_s + 86_400)) == (0, {"198.51.100.7/32": 2})


def test_count_is_not_taken_twice_when_a_running_ban_is_loaded() -> None:
    ledger = Ledger()
    ledger.add(ban(duration_s=3600), NOW)
    again = reloaded(ledger, NOW, later(NOW, 10))
    assert (len(again), times(again, NOW.unix_s)) == (1, {"198.51.100.7/32": 1})


def test_count_is_forgotten_a_week_after_the_last_ban_and_with_its_lifting() -> None:
    ledger = Ledger()
    ledger.add(ban(duration_s=60), NOW)
    assert times(ledger, NOW.unix_s + 60 + KEPT_S) != {}
    assert times(ledger, NOW.unix_s + 61 + KEPT_S) == {}
    ledger.add(ban(duration_s=60), NOW)
    ledger.remove(STRANGER)
    assert times(ledger, NOW.unix_s) == {}


def test_count_is_forgotten_when_a_clock_that_was_wrong_had_made_it() -> None:
    ledger = Ledger()
    ledger.add(ban(duration_s=60, now=later(NOW, 0, clock_set_by_s=2 * DURATION_MAX_S)), NOW)
    assert times(ledger, NOW.unix_s) == {}


def test_first_is_forgotten_when_there_are_too_many() -> None:
    repeats = Repeats()
    for number in range(REPEATS_MAX + 1):
        network = network_of(f"198.18.{number // 256}.{number % 256}")
        repeats.count(network, over_unix_s=60.0, is_anew=True, unix_s=0.0)
    left = list(repeats.current(0.0))
    assert (len(left), str(left[0].network)) == (REPEATS_MAX, "198.18.0.1/32")


def test_ledger_of_before_is_read_when_it_has_no_counts() -> None:
    ledger = Ledger()
    ledger.add(ban(duration_s=3600), NOW)
    document = json.loads(ledger.dump(NOW))
    del document["repeats"]
    again = Ledger()
    again.load(json.dumps(document).encode(), NOW)
    assert (len(again), times(again, NOW.unix_s)) == (1, {"198.51.100.7/32": 1})


@pytest.mark.parametrize(
    "repeats",
    [[{}], [{"address": "nobody", "times": 1, "over_unix_s": 0}], [{"address": "a", "times": "1", "over_unix_s": 0}]],
)
def test_ledger_is_damaged_when_its_counts_are_none(repeats: list[dict[str, object]]) -> None:
    content = json.dumps({"format": 1, "bans": [], "repeats": repeats}).encode()
    with pytest.raises(LedgerDamaged):
        Ledger().load(content, NOW)


def test_ban_made_in_the_ledger_is_the_one_that_is_counted() -> None:
    ledger = Ledger()
    made = Ban.made(STRANGER, 60, Reason.PROBING, "gateway", NOW)
    ledger.add(made, NOW)
    [repeat] = ledger.repeats.current(NOW.unix_s)
    assert (repeat.network, repeat.over_unix_s) == (STRANGER, made.until_unix_s)
