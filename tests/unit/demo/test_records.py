from __future__ import annotations

import tomllib
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from statistics import mean

import pytest

from demo.records import CLINIC, Entry, draw_entries, read_clinic

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
ANNA = 1041


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    return draw_entries(read_clinic(), NOW)


@pytest.fixture(scope="module")
def annas(entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.person.id == ANNA]


def _months(entries: list[Entry], symptom: str) -> Counter[int]:
    return Counter(entry.logged_at.month for entry in entries if entry.symptom.name == symptom)


def test_entries_are_the_same_when_drawn_again(entries: list[Entry]) -> None:
    def rows(drawn: list[Entry]) -> list[tuple[object, ...]]:
        return [(e.person.id, e.symptom.id, e.logged_at, e.severity, e.duration_min, e.remark) for e in drawn]

    assert rows(draw_entries(read_clinic(), NOW)) == rows(entries)


def test_entries_are_many_when_three_years_are_drawn(entries: list[Entry], annas: list[Entry]) -> None:
    assert len(entries) >= 20_000
    assert len(annas) >= 3_000
    assert len({entry.person.id for entry in entries}) == 12


@pytest.mark.parametrize("days_later", [1, 100, 463])
def test_entries_are_as_many_when_drawn_on_another_day(days_later: int) -> None:
    now = NOW + timedelta(days=days_later)
    entries = draw_entries(read_clinic(), now)
    annas = [entry for entry in entries if entry.person.id == ANNA]
    rare = {"Fainting"}

    assert len(entries) >= 20_000
    assert len(annas) >= 3_000
    assert {entry.symptom.name for entry in annas} >= {symptom.name for symptom in read_clinic().symptoms} - rare
    assert entries[-1].logged_at <= now


def test_entries_end_now_when_drawn(entries: list[Entry]) -> None:
    assert all(earlier.logged_at <= later.logged_at for earlier, later in pairwise(entries))
    assert NOW - timedelta(days=2) < entries[-1].logged_at <= NOW
    assert NOW - timedelta(days=1100) < entries[0].logged_at < NOW - timedelta(days=1080)


@pytest.mark.story("health/US-BE-38.4")
def test_values_are_within_the_model_when_drawn(entries: list[Entry]) -> None:
    assert {entry.severity for entry in entries} == {None, *range(1, 11)}
    assert all(entry.duration_min is None or 1 <= entry.duration_min <= 1440 for entry in entries)
    assert 0.3 < mean(entry.remark is not None for entry in entries) < 0.7


def test_notes_fit_symptom_and_severity_when_drawn(entries: list[Entry]) -> None:
    noted = [entry for entry in entries if entry.remark is not None and entry.severity is not None]
    for entry in noted:
        notes = entry.symptom.strong if (entry.severity or 0) >= 6 else entry.symptom.mild
        assert entry.remark in notes


def test_illness_follows_the_seasons_when_drawn(entries: list[Entry]) -> None:
    fever, eyes = _months(entries, "Fever"), _months(entries, "Eye irritation")

    assert fever.total() > 100
    assert sum(fever[month] for month in (12, 1, 2, 3)) > 3 * sum(fever[month] for month in (5, 6, 7, 8))
    assert sum(eyes[month] for month in (4, 5)) > 2 * sum(eyes[month] for month in (9, 10))


def test_migraine_comes_at_weekends_and_gets_rarer_when_drawn(annas: list[Entry]) -> None:
    migraines = [entry.logged_at for entry in annas if entry.symptom.name == "Migraine"]
    weekdays = Counter(at.weekday() for at in migraines)
    middle = NOW - timedelta(days=548)

    assert min(weekdays[5], weekdays[6]) > 1.5 * mean(weekdays[day] for day in range(5))
    assert sum(at > middle for at in migraines) < 0.8 * sum(at < middle for at in migraines)


def test_symptoms_come_together_when_one_has_a_cold(annas: list[Entry]) -> None:
    days: dict[date, set[str]] = defaultdict(set)
    for entry in annas:
        days[entry.logged_at.date()].add(entry.symptom.name)
    throat = [day for day, names in days.items() if "Sore throat" in names]
    with_nose = [day for day in throat if any("Runny nose" in days.get(day + timedelta(n), ()) for n in range(3))]

    assert len(with_nose) > 0.5 * len(throat)


def test_every_symptom_and_episode_occurs_when_the_clinic_is_read() -> None:
    tables = tomllib.loads(CLINIC.read_text("utf-8"))
    clinic = read_clinic()
    suffered = {episode.name for person in clinic.people for episode, _ in person.suffers}

    assert len(clinic.symptoms) == 48
    assert suffered == {episode["name"] for episode in tables["episode"]}
