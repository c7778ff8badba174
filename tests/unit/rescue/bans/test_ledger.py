from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rescue.bans.clock import Now
from rescue.bans.ledger import Ban, Ledger, LedgerDamaged
from rescue.bans.requests import Reason, network_of, spelled

NOW = Now(unix_s=1_780_000_000.0, uptime_s=500.0, boot="first")


def later(now: Now, seconds: float, *, clock_set_by_s: float = 0.0) -> Now:
    return Now(now.unix_s + seconds + clock_set_by_s, now.uptime_s + seconds, now.boot)


def rebooted(now: Now, *, off_s: float, clock_behind_s: float = 0.0) -> Now:
    return Now(now.unix_s + off_s - clock_behind_s, 5.0, now.boot + "'")


def ban(
    address: str = "198.51.100.7", *, duration_s: int = 3600, now: Now = NOW, reason: Reason = Reason.PROBING
) -> Ban:
    return Ban.made(network_of(address), duration_s, reason, "gateway", now)


def reloaded(ledger: Ledger, saved: Now, now: Now) -> Ledger:
    other = Ledger()
    other.load(ledger.dump(saved), now)
    return other


def only(ledger: Ledger) -> Ban:
    (found,) = ledger
    return found


def test_ban_ends_after_its_duration_when_the_clock_is_set_meanwhile() -> None:
    entry = ban()
    assert entry.remaining_s(later(NOW, 600, clock_set_by_s=86_400)) == 3000
    assert entry.remaining_s(later(NOW, 600, clock_set_by_s=-86_400)) == 3000


def test_ledger_expires_what_has_ended_when_time_passes() -> None:
    ledger = Ledger()
    ledger.add(ban("198.51.100.7", duration_s=60), NOW)
    ledger.add(ban("198.51.100.8", duration_s=600), NOW)
    assert ledger.expire(later(NOW, 59)) == []
    assert ledger.expire(later(NOW, 60)) == [network_of("198.51.100.7")]
    assert len(ledger) == 1


def test_ledger_keeps_the_later_end_when_an_address_is_banned_twice() -> None:
    ledger = Ledger()
    ledger.add(ban(duration_s=3600), NOW)
    entry, _ = ledger.add(ban(duration_s=60, reason=Reason.MANUAL), NOW)
    assert entry.remaining_s(NOW) == 3600
    assert entry.reason is Reason.MANUAL
    entry, _ = ledger.add(ban(duration_s=7200), NOW)
    assert entry.remaining_s(NOW) == 7200
    assert only(ledger) == entry


def test_ledger_gives_up_the_oldest_when_it_is_full() -> None:
    ledger = Ledger(bans_max=2)
    ledger.add(ban("198.51.100.1"), NOW)
    ledger.add(ban("198.51.100.2"), NOW)
    ledger.add(ban("198.51.100.1"), NOW)  # banned again: no longer the oldest
    _, given_up = ledger.add(ban("198.51.100.3"), NOW)
    assert given_up == [network_of("198.51.100.2")]
    assert ledger.given_up == 1
    assert {spelled(entry.network) for entry in ledger} == {"198.51.100.1", "198.51.100.3"}


def test_ledger_gives_up_none_when_one_of_a_full_one_has_ended() -> None:
    ledger = Ledger(bans_max=2)
    ledger.add(ban("198.51.100.1"), NOW)
    ledger.add(ban("198.51.100.2", duration_s=60), NOW)
    _, given_up = ledger.add(ban("198.51.100.3", now=later(NOW, 90)), later(NOW, 90))
    assert given_up == []


def test_remove_says_whether_there_was_a_ban() -> None:
    ledger = Ledger()
    ledger.add(ban(), NOW)
    assert ledger.remove(network_of("198.51.100.7"))
    assert not ledger.remove(network_of("198.51.100.7"))


def test_ban_goes_on_for_the_rest_when_the_machine_was_rebooted() -> None:
    ledger = Ledger()
    ledger.add(ban(), NOW)
    again = rebooted(later(NOW, 600), off_s=300)
    assert only(reloaded(ledger, later(NOW, 600), again)).remaining_s(again) == pytest.approx(2700, abs=1)


def test_ban_goes_on_by_the_uptime_when_the_helper_alone_was_restarted() -> None:
    ledger = Ledger()
    ledger.add(ban(), NOW)
    again = later(NOW, 600, clock_set_by_s=-86_400)
    assert only(reloaded(ledger, NOW, again)).remaining_s(again) == pytest.approx(3000, abs=1)


def test_ban_is_right_again_when_the_clock_was_behind_after_a_reboot_and_is_set() -> None:
    ledger = Ledger()
    ledger.add(ban(), NOW)
    behind = rebooted(NOW, off_s=1800, clock_behind_s=86_400)
    restored = only(reloaded(ledger, NOW, behind))
    assert restored.remaining_s(behind) == 3600, "never longer than it was meant"
    assert restored.remaining_s(later(behind, 60, clock_set_by_s=86_400)) == pytest.approx(1740, abs=1)


def test_ban_is_stored_by_the_set_clock_when_it_was_made_before_it_was_set() -> None:
    behind = Now(unix_s=0.0, uptime_s=10.0, boot="first")
    ledger = Ledger()
    ledger.add(ban(now=behind), behind)
    is_set = later(behind, 60, clock_set_by_s=NOW.unix_s)
    again = rebooted(is_set, off_s=600)
    assert only(reloaded(ledger, is_set, again)).remaining_s(again) == pytest.approx(2940, abs=1)


def test_load_drops_a_ban_when_it_has_ended_while_the_machine_was_off() -> None:
    ledger = Ledger()
    ledger.add(ban(duration_s=600), NOW)
    assert len(reloaded(ledger, NOW, rebooted(NOW, off_s=601))) == 0


def test_load_keeps_order_and_origin_when_stored_and_read() -> None:
    ledger = Ledger()
    for address in ("198.51.100.1", "2001:db8:1:2::9", "198.51.100.3"):
        ledger.add(ban(address), NOW)
    assert list(reloaded(ledger, NOW, NOW)) == list(ledger)


@pytest.mark.parametrize(
    "change",
    [
        {"address": "router"}, {"reason": "because"}, {"duration_s": "1h"}, {"until_unix_s": None},
        {"until_unix_s": 1.5},        {"boot": ...},
    ],
)  # fmt: skip
def test_load_takes_nothing_when_one_entry_is_damaged(change: dict[str, object]) -> None:
    ledger = Ledger()
    ledger.add(ban("198.51.100.1"), NOW)
    ledger.add(ban("198.51.100.2"), NOW)
    document = json.loads(ledger.dump(NOW))
    for key, value in change.items():
        if value is ...:
            del document["bans"][1][key]
        else:
            document["bans"][1][key] = value
    other = Ledger()
    with pytest.raises(LedgerDamaged):
        other.load(json.dumps(document).encode(), NOW)
    assert len(other) == 0


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"[]", b"{}", b'{"format":2,"bans":[]}', b'{"format":1,"bans":7}']
)
def test_load_says_so_when_the_content_is_no_ledger(content: bytes) -> None:
    with pytest.raises(LedgerDamaged, match=r"cannot be read|not known"):
        Ledger().load(content, NOW)


@given(
    duration_s=st.integers(60, 2_592_000),
    off_s=st.floats(0, 10_000_000),
    clock_error_s=st.floats(-1e9, 1e9),
)
def test_restored_ban_never_outlasts_its_duration_when_the_clock_is_wrong(
    duration_s: int, off_s: float, clock_error_s: float
) -> None:
    ledger = Ledger()
    ledger.add(ban(duration_s=duration_s), NOW)
    again = replace(rebooted(NOW, off_s=off_s), unix_s=NOW.unix_s + off_s + clock_error_s)
    for restored in reloaded(ledger, NOW, again):
        assert 0 < restored.remaining_s(again) <= duration_s
