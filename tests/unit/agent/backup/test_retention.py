"""Simulated years of backups: what stays, and which WAL with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from agent.backup.names import MANIFEST, System, base_id, first_wal, started_at
from agent.backup.retention import Retention, kept, unneeded_wal

START = datetime(2026, 1, 1, 3, 15, tzinfo=UTC)


def base(at: datetime) -> str:
    """Return a backup's id; its place in the WAL grows with time."""
    return base_id(at, f"{1:08X}{0:08X}{int((at - START).total_seconds() // 60) & 0xFFFFFFFF:08X}")


def test_every_day_of_two_years_leaves_seven_days_four_weeks_and_six_months() -> None:
    stay: set[str] = set()
    for day in range(730):
        stay = kept({*stay, base(START + timedelta(days=day))}, Retention())
    days = sorted((START + timedelta(days=729) - started_at(name)).days for name in stay)
    assert days[:7] == list(range(7))
    assert len(days) <= 7 + 4 + 6
    weeks = {started_at(name).isocalendar()[:2] for name in stay}
    months = {(started_at(name).year, started_at(name).month) for name in stay}
    assert len(weeks) >= 4
    assert len(months) == 6
    assert 150 <= days[-1] <= 190


def test_nothing_is_lost_when_there_were_no_backups_for_a_year() -> None:
    old = {base(START + timedelta(days=day)) for day in range(3)}
    assert kept({*old, base(START + timedelta(days=400))}, Retention()) >= old


moments = st.sets(st.integers(0, 3 * 365 * 24 * 60), min_size=1, max_size=80).map(
    lambda minutes: {base(START + timedelta(minutes=minute)) for minute in minutes}
)
rules = st.builds(Retention, st.integers(1, 9), st.integers(0, 6), st.integers(0, 9))


@given(moments, rules)
def test_newest_backup_always_stays_and_no_more_than_asked_for(bases: set[str], rule: Retention) -> None:
    stay = kept(bases, rule)
    assert max(bases) in stay
    assert stay <= bases
    assert len(stay) <= rule.daily + rule.weekly + rule.monthly


@given(moments, rules)
def test_what_stays_stays_when_it_is_asked_again(bases: set[str], rule: Retention) -> None:
    stay = kept(bases, rule)
    assert kept(stay, rule) == stay


@given(moments, rules, st.sets(st.integers(0, 3 * 365 * 24 * 60), max_size=50))
def test_wal_that_a_kept_backup_needs_is_never_pruned(bases: set[str], rule: Retention, places: set[int]) -> None:
    stay = kept(bases, rule)
    system = System({name: {MANIFEST} for name in bases}, {f"00000002{0:08X}{place:08X}" for place in places})
    oldest = min(first_wal(name)[8:] for name in stay)
    assert set(unneeded_wal(system, stay)) == {wal for wal in system.wal if wal[8:] < oldest}


def test_no_wal_is_pruned_when_no_backup_stays() -> None:
    assert unneeded_wal(System({}, {"00000001000000000000000A"}), set()) == []
