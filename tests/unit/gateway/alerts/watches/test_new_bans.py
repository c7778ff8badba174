from __future__ import annotations

from gateway.alerts.watches.bans import REMEMBERED_MAX, NewBans
from gateway.alerts.watches.facts import Ban


def ban(number: int, began: float, reason: str = "probing") -> Ban:
    return Ban(f"192.0.2.{number}", reason, began, 600.0)


def test_new_bans_are_told_together_when_the_hour_is_over() -> None:
    new = NewBans(1000.0, 3600.0)
    listed = [ban(1, 900), ban(2, 1100), ban(3, 1200, "sign_in_failures"), ban(4, 1300)]

    before, told = new.report(listed, 4599), new.report(listed, 4600)

    assert before is None
    assert told is not None
    assert (told.cause, told.state, told.severity) == ("bans.new", "event", "info")
    assert told.summary == "3 addresses were banned in the last hour (probing 2, sign_in_failures 1)"
    assert told.detail == "192.0.2.4: probing\n192.0.2.3: sign_in_failures\n192.0.2.2: probing"


def test_ban_is_told_when_it_was_over_before_the_hour_was() -> None:
    new = NewBans(0.0, 3600.0)

    assert new.report([ban(1, 290)], 300) is None
    assert new.report([], 1200) is None
    told = new.report([], 3600)

    assert told is not None
    assert told.detail == "192.0.2.1: probing"


def test_ban_is_told_when_it_is_seen_after_the_hour_in_which_it_began() -> None:
    new = NewBans(0.0, 3600.0)
    assert new.report([ban(1, 100)], 3600) is not None
    new.told(3600)

    new.report([ban(1, 100), ban(2, 3590)], 3630)
    told = new.report([], 7200)

    assert told is not None
    assert told.detail == "192.0.2.2: probing"


def test_bans_are_told_once_when_they_last_for_hours() -> None:
    new = NewBans(0.0, 3600.0)
    listed = [ban(1, 100)]

    assert new.report(listed, 3600) is not None
    new.told(3600)
    assert new.report(listed, 7200) is None


def test_bans_are_told_again_with_what_came_since_when_the_report_was_not_taken() -> None:
    new = NewBans(0.0, 3600.0)
    new.report([ban(1, 100)], 3600)

    told = new.report([ban(2, 3610)], 3615)

    assert told is not None
    assert told.detail == "192.0.2.2: probing\n192.0.2.1: probing"


def test_address_is_told_twice_when_it_was_banned_again() -> None:
    new = NewBans(0.0, 3600.0)
    new.report([ban(1, 100)], 600)

    told = new.report([ban(1, 1900)], 3600)

    assert told is not None
    assert told.summary == "2 addresses were banned in the last hour (probing 2)"


def test_nothing_is_told_when_nobody_was_banned() -> None:
    assert NewBans(0.0, 3600.0).report([], 3600) is None


def test_report_stays_short_when_a_flood_was_banned() -> None:
    told = NewBans(0.0, 3600.0).report([ban(number, 100 + number) for number in range(200)], 3600)

    assert told is not None
    assert told.detail.splitlines()[-1] == "and 180 more"
    assert len(told.detail.splitlines()) == 21


def test_flood_is_counted_whole_when_it_is_more_than_is_remembered() -> None:
    new = NewBans(0.0, 3600.0)
    flood = [ban(number, 100 + number // 3) for number in range(2 * REMEMBERED_MAX)]
    for passed_s in (1000, 1060):
        new.report(flood, passed_s)

    told = new.report([], 3600)
    new.told(3600)

    assert told is not None
    assert told.summary.startswith(f"{2 * REMEMBERED_MAX} addresses were banned")
    assert new.report(flood, 7200) is None


def test_hour_begins_anew_when_the_clock_was_set_back() -> None:
    new = NewBans(10_000.0, 3600.0)

    assert new.report([], 100) is None
    assert new.report([ban(1, 200)], 3700) is not None
