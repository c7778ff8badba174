"""When updates are sent. ``test_month.py`` holds a simulated month to each provider's rules."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ddns import decisions
from gateway.ddns.answers import ACCEPTED, FINAL, Answer, Kind
from gateway.ddns.decisions import (
    NO_CHANGES_MAX,
    REFRESH_S,
    REPEAT_S,
    TROUBLE_WAIT_S,
    UNREACHABLE_WAIT_S,
    WAIT_MAX_S,
    Action,
    Limit,
    Progress,
    Rules,
    State,
    Wanted,
)
from gateway.ddns.families import Address
from gateway.ddns.providers import desec, dyndns2

NOW = 1_780_000_000.0
HERE = IPv4Address("192.88.98.1")
THERE = IPv4Address("192.88.98.2")
RULES = Rules(limits=(Limit(1, 60.0), Limit(3, 3600.0)))
NEW = Progress("print")


def act(
    progress: Progress, *, at: float = NOW, address: Address | None = HERE, sends: tuple[float, ...] = ()
) -> decisions.Decision:
    return decisions.decide(progress, RULES, sends, Wanted(address, "" if address else "none"), at)


def after(kind: Kind, *, progress: Progress = NEW, retry_after_s: float | None = None, at: float = NOW) -> Progress:
    return decisions.learned(progress, Answer(kind, "because", retry_after_s), HERE, at)


def test_address_is_sent_at_once_when_nothing_was_published() -> None:
    assert act(NEW).action is Action.SEND


def test_address_is_sent_at_once_when_another_was_published() -> None:
    assert act(after(Kind.UPDATED), at=NOW + 3600, address=THERE).action is Action.SEND


def test_nothing_is_sent_when_the_address_has_not_changed() -> None:
    progress = decisions.looked(after(Kind.UPDATED), None, NOW)

    assert act(progress, at=NOW + 86_000).action is Action.REST
    assert act(progress, at=NOW + 86_000).state is State.CURRENT


def test_unchanged_address_is_sent_again_when_the_name_would_expire() -> None:
    progress = decisions.looked(after(Kind.UPDATED), None, NOW)

    assert act(progress, at=NOW + REFRESH_S - 1).action is not Action.SEND
    assert act(progress, at=NOW + REFRESH_S).action is Action.SEND


def test_unchanged_address_is_never_sent_again_when_the_provider_forbids_it() -> None:
    rules = replace(RULES, refresh_after_s=None)
    progress = replace(after(Kind.UPDATED), verify_at=None)

    decision = decisions.decide(progress, rules, (), Wanted(HERE), NOW + 1000 * 86_400)

    assert (decision.action, decision.next_at) == (Action.REST, None)


@pytest.mark.parametrize("refused", [True, False])
def test_nothing_is_sent_when_there_is_no_address(refused: bool) -> None:
    decision = decisions.decide(NEW, RULES, (), Wanted(None, "behind CGNAT", refused=refused), NOW)

    assert decision == decisions.Decision(
        Action.REST, State.REFUSED if refused else State.WAITING, "behind CGNAT", None
    )


@pytest.mark.parametrize("kind", sorted(FINAL))
def test_nothing_is_ever_sent_again_when_the_answer_is_final(kind: Kind) -> None:
    progress = after(kind)

    for address in (HERE, THERE):
        decision = act(progress, at=NOW + 10 * 365 * 86_400, address=address)
        assert (decision.action, decision.state, decision.next_at) == (Action.REST, State.BLOCKED, None)
        assert decision.reason == "because"


@pytest.mark.parametrize("kind", sorted(FINAL))
def test_blocked_name_is_sent_when_its_owner_says_so(kind: Kind) -> None:
    assert act(decisions.forced(after(kind)), at=NOW + 61).action is Action.SEND


def test_block_is_gone_when_the_settings_change() -> None:
    blocked = after(Kind.ABUSE)

    assert decisions.adopted(blocked, "print") is blocked
    assert act(decisions.adopted(blocked, "another")).action is Action.SEND


def test_half_an_hour_passes_when_the_provider_says_911() -> None:
    progress = after(Kind.TROUBLE)

    for address in (HERE, THERE):
        assert act(progress, at=NOW + TROUBLE_WAIT_S - 1, address=address).state is State.WAITING
        assert act(progress, at=NOW + TROUBLE_WAIT_S, address=address).action is Action.SEND


def test_wait_doubles_up_to_a_day_when_the_trouble_goes_on() -> None:
    progress, waits = NEW, []
    for _ in range(9):
        progress = after(Kind.TROUBLE, progress=progress)
        waits.append(progress.not_before - NOW)

    assert waits == [1800, 3600, 7200, 14_400, 28_800, 57_600, 86_400, 86_400, 86_400]


def test_wait_is_as_long_as_the_provider_says_when_it_says_so() -> None:
    assert after(Kind.RATE_LIMITED, retry_after_s=4000).not_before == NOW + 4000
    assert after(Kind.RATE_LIMITED, retry_after_s=1).not_before == NOW + decisions.RATE_WAIT_S
    assert after(Kind.RATE_LIMITED, retry_after_s=1e12).not_before == NOW + WAIT_MAX_S


@pytest.mark.parametrize("kind", [Kind.TROUBLE, Kind.RATE_LIMITED])
def test_what_the_provider_asked_to_wait_for_holds_when_the_owner_forces_an_update(kind: Kind) -> None:
    assert act(decisions.forced(after(kind)), at=NOW + 120).state is State.WAITING


def test_unreachable_provider_is_tried_soon_when_the_address_changes() -> None:
    progress = NEW
    for _ in range(4):
        progress = after(Kind.UNREACHABLE, progress=progress)

    assert progress.not_before == NOW + 8 * UNREACHABLE_WAIT_S
    assert act(progress, at=NOW + 61).state is State.WAITING
    assert act(progress, at=NOW + 61, address=THERE).action is Action.SEND


def test_limits_are_kept_when_the_address_flaps() -> None:
    assert act(NEW, sends=(NOW - 59,)).next_at == NOW + 1
    assert act(NEW, sends=(NOW - 60,)).action is Action.SEND
    assert act(NEW, sends=(NOW - 3000, NOW - 2000, NOW - 1000)).next_at == NOW + 600


def test_unchanged_address_is_repeated_seldom_when_the_owner_forces_updates() -> None:
    progress = decisions.forced(after(Kind.UPDATED))

    assert act(progress, at=NOW + REPEAT_S - 1).action is not Action.SEND
    assert act(progress, at=NOW + REPEAT_S).action is Action.SEND


@pytest.mark.parametrize("rules", [dyndns2.RULES, desec.RULES], ids=["dyndns2", "desec"])
def test_unchanged_address_is_not_repeated_when_the_provider_forbids_it_and_the_record_shows_it(rules: Rules) -> None:
    progress = decisions.forced(decisions.looked(after(Kind.UPDATED), None, NOW))

    def decided(progress: Progress, at: float) -> Action:
        return decisions.decide(progress, rules, (), Wanted(HERE), at).action

    assert decided(progress, NOW + 2 * REPEAT_S) is Action.VERIFY
    shown = decisions.looked(progress, None, NOW + 2 * REPEAT_S)
    assert decided(shown, NOW + 2 * REPEAT_S) is Action.REST
    differs = decisions.looked(progress, "they say otherwise", NOW + 2 * REPEAT_S)
    assert decided(differs, NOW + 2 * REPEAT_S) is Action.SEND


def test_name_is_blocked_when_the_provider_says_again_and_again_that_new_addresses_change_nothing() -> None:
    progress = decisions.learned(NEW, Answer(Kind.UPDATED, ""), HERE, NOW)
    for turn in range(NO_CHANGES_MAX):
        assert progress.block is None
        progress = decisions.learned(progress, Answer(Kind.UNCHANGED, ""), [THERE, HERE][turn % 2], NOW)

    assert progress.block is not None
    assert progress.block.kind is Kind.REFUSED


def test_name_is_not_blocked_when_refreshes_change_nothing() -> None:
    progress = NEW
    for _ in range(10):
        progress = decisions.learned(progress, Answer(Kind.UNCHANGED, ""), HERE, NOW)

    assert progress.block is None


def test_authoritative_servers_are_asked_when_an_update_was_accepted() -> None:
    progress = after(Kind.UPDATED)

    assert act(progress, at=NOW).state is State.UPDATING
    assert act(progress, at=NOW + 2).action is Action.VERIFY
    seen = decisions.looked(progress, None, NOW + 2)
    assert (act(seen, at=NOW + 3).state, seen.verified) == (State.CURRENT, NOW + 2)
    assert act(seen, at=NOW + 2 + 86_400).action is Action.VERIFY


def test_update_is_late_when_the_authoritative_servers_go_on_saying_something_else() -> None:
    progress = decisions.looked(after(Kind.UPDATED), "they say otherwise", NOW + 2)

    assert not decisions.is_late(progress, NOW + 2)
    assert decisions.is_late(progress, NOW + 601)
    assert act(progress, at=NOW + 3).reason == "they say otherwise"


def test_what_was_seen_stays_when_no_authoritative_server_answers() -> None:
    seen = decisions.looked(after(Kind.UPDATED), None, NOW)

    assert decisions.unlooked(seen, NOW + 86_400).verified == NOW


@given(
    kind=st.sampled_from(sorted(Kind)),
    failures=st.integers(0, 50),
    retry_after_s=st.none() | st.floats(0, 1e9),
    age_s=st.floats(0, 1e9),
)
def test_no_wait_is_longer_than_a_day_when_the_clock_was_wrong(
    kind: Kind, failures: int, retry_after_s: float | None, age_s: float
) -> None:
    progress = replace(NEW, failures=failures, trouble=kind)
    ahead = decisions.learned(progress, Answer(kind, "", retry_after_s), HERE, NOW + age_s)

    back = decisions.settled(ahead, NOW)

    decision = act(back, address=THERE, sends=decisions.settled_sends((NOW + age_s,), RULES, NOW))
    if kind in FINAL:
        assert decision.state is State.BLOCKED
    else:
        assert decision.next_at is not None
        assert decision.next_at <= NOW + WAIT_MAX_S


@given(
    sends=st.lists(st.floats(-7200, 0), max_size=30).map(sorted),
    limits=st.lists(st.builds(Limit, st.integers(1, 5), st.floats(1, 3600)), min_size=1, max_size=3),
)
def test_no_window_holds_more_requests_than_allowed_when_one_more_is_sent(
    sends: list[float], limits: list[Limit]
) -> None:
    rules = Rules(limits=tuple(limits))
    history: list[float] = []
    for at in sends:
        kept = decisions.settled_sends(history, rules, at)
        if decisions.decide(NEW, rules, kept, Wanted(HERE), at).action is Action.SEND:
            history.append(at)

    for limit in limits:
        for first in history:
            assert len([at for at in history if first <= at < first + limit.seconds]) <= limit.count


@given(answers=st.lists(st.sampled_from(sorted(Kind)), max_size=12), address=st.sampled_from([HERE, THERE]))
def test_sending_is_decided_for_a_reason_when_anything_was_answered(answers: list[Kind], address: IPv4Address) -> None:
    """Nothing goes out that changes nothing, or after a final answer, whatever came before."""
    progress, now, published, final = NEW, NOW, None, False
    for kind in answers:
        now += 120.0
        decision = act(progress, at=now, address=address)
        if decision.action is Action.SEND:
            assert not final
            assert published != str(address)
            progress = decisions.learned(progress, Answer(kind, ""), address, now)
            published = str(address) if kind in ACCEPTED else published
            final = kind in FINAL
