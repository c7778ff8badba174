"""Three years of a small clinic's symptom diaries, drawn from demo/clinic.toml with a fixed seed.

Illness comes in episodes: some with the seasons, some with the week, some with the cycle; in an episode symptoms
come together, each with a curve of its own. The same ``now`` always gives the same records.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

CLINIC: Final = Path(__file__).with_name("clinic.toml")
TIME_ZONE: Final = ZoneInfo("Europe/Berlin")
DAYS: Final = 1_096
"""Three years."""

_STRONG_FROM: Final = 6
_NOTED: Final = 0.45
"""Share of entries with a note; the strong ones are noted more often."""
_CYCLE_DAYS: Final = 29


@dataclass(frozen=True, slots=True)
class Symptom:
    """``hours`` of the local day when entries are likely; ``minutes`` how long it lasts, None where nobody says."""

    id: int
    name: str
    category: str
    hours: tuple[int, ...]
    minutes: tuple[int, int] | None
    mild: tuple[str, ...]
    strong: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """One symptom within an episode: from ``first_day`` (0 is the episode's first) for ``days``, up to ``peak``."""

    symptom: Symptom
    first_day: int
    days: int
    peak: float
    entries_a_day: int
    probability: float


@dataclass(frozen=True, slots=True)
class Episode:
    """What comes together, and how likely it starts in each month and on each weekday (1 is the mean)."""

    name: str
    courses: tuple[Course, ...]
    months: tuple[float, ...]
    weekdays: tuple[float, ...]
    follows_cycle: bool
    trend: float

    @property
    def days(self) -> int:
        return max(course.first_day + course.days for course in self.courses)


@dataclass(frozen=True, slots=True)
class Person:
    id: int
    name: str
    born: int
    suffers: tuple[tuple[Episode, float], ...]
    """Episode and how often a year."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a diary. ``duration_min`` in minutes; what the person did not say is None."""

    person: Person
    symptom: Symptom
    logged_at: datetime
    severity: int | None
    duration_min: int | None
    remark: str | None


@dataclass(frozen=True, slots=True)
class Clinic:
    symptoms: tuple[Symptom, ...]
    people: tuple[Person, ...]


def read_clinic(path: Path = CLINIC) -> Clinic:
    """Return what clinic.toml describes; symptoms are numbered from 1."""
    tables = tomllib.loads(path.read_text("utf-8"))
    symptoms = {row["name"]: _symptom(number, row) for number, row in enumerate(tables["symptom"], 1)}
    episodes = {row["name"]: _episode(row, symptoms) for row in tables["episode"]}
    people = tuple(
        Person(
            id=row["id"],
            name=row["name"],
            born=row["born"],
            suffers=tuple((episodes[name], float(a_year)) for name, a_year in row["suffers"].items()),
        )
        for row in tables["person"]
    )
    return Clinic(tuple(symptoms.values()), people)


def draw_entries(clinic: Clinic, now: datetime) -> list[Entry]:
    """Return everybody's entries of the three years before ``now`` (aware), in the order of their time."""
    entries = [entry for person in clinic.people for entry in _diary(person, now.astimezone(TIME_ZONE))]
    return sorted(entries, key=attrgetter("logged_at"))


def _symptom(number: int, row: Mapping[str, Any]) -> Symptom:
    minutes = row.get("minutes")
    return Symptom(
        id=number,
        name=row["name"],
        category=row["category"],
        hours=tuple(row["hours"]),
        minutes=(minutes[0], minutes[1]) if minutes else None,
        mild=tuple(row["mild"]),
        strong=tuple(row["strong"]),
    )


def _episode(row: Mapping[str, Any], symptoms: Mapping[str, Symptom]) -> Episode:
    courses = tuple(
        Course(symptoms[name], first_day, days, peak, entries_a_day, *(probability or [1.0]))
        for name, first_day, days, peak, entries_a_day, *probability in row["courses"]
    )
    return Episode(
        name=row["name"],
        courses=courses,
        months=_relative(row.get("months", [1] * 12)),
        weekdays=_relative(row.get("weekdays", [1] * 7)),
        follows_cycle=row.get("cycle", False),
        trend=row.get("trend", 1.0),
    )


def _relative(weights: list[float]) -> tuple[float, ...]:
    mean = sum(weights) / len(weights)
    return tuple(weight / mean for weight in weights)


def _diary(person: Person, now: datetime) -> Iterator[Entry]:
    written: dict[tuple[Symptom, date, int], Entry] = {}
    cycle_offset = Random(person.id).randrange(_CYCLE_DAYS)
    for episode, a_year in person.suffers:
        random = Random(f"{person.id} {episode.name}")
        day = 0
        while day <= DAYS:
            start = now.date() - timedelta(days=DAYS - day)
            if random.random() < _start_probability(episode, a_year, start, day / DAYS, cycle_offset):
                for hour, entry in _entries_of(person, episode, start, random):
                    if entry.logged_at <= now:  # who suffers from two things writes the same symptom down once
                        written.setdefault((entry.symptom, entry.logged_at.date(), hour), entry)
                day += episode.days
            day += 1
    yield from written.values()


def _start_probability(episode: Episode, a_year: float, day: date, progress: float, cycle_offset: int) -> float:
    """Return how likely ``episode`` starts on ``day`` when nothing of its kind is under way."""
    likely = episode.months[day.month - 1] * episode.weekdays[day.weekday()]
    if episode.follows_cycle:
        in_cycle = (day.toordinal() + cycle_offset) % _CYCLE_DAYS
        likely *= _CYCLE_DAYS / 3 if in_cycle < 3 else 0.0  # noqa: PLR2004 - the first three days of the period
    likely *= 2 * (1 + (episode.trend - 1) * progress) / (1 + episode.trend)
    daily = a_year / 365.25 * likely
    return daily / max(1 - a_year / 365.25 * episode.days, 0.2)  # days in an episode cannot start another


def _entries_of(person: Person, episode: Episode, start: date, random: Random) -> Iterator[tuple[int, Entry]]:
    """Yield each entry with the hour that it belongs to."""
    severity_of_all = random.uniform(0.7, 1.15)
    for course in episode.courses:
        if random.random() > course.probability:
            continue
        days = max(1, round(course.days * random.uniform(0.7, 1.25)))
        for day in range(days):
            strength = course.peak * severity_of_all * _curve((day + 0.5) / days)
            hours = sorted(random.sample(course.symptom.hours, min(course.entries_a_day, len(course.symptom.hours))))
            for hour in hours:
                if random.random() < 0.3:  # noqa: PLR2004 - nobody writes everything down
                    continue
                at = datetime.combine(start, datetime.min.time(), TIME_ZONE) + timedelta(days=course.first_day + day)
                at += timedelta(minutes=round(hour * 60 + random.gauss(0, 50)))
                severity = round(strength + random.gauss(0, 0.8))
                if severity >= 1:
                    yield hour, _entry(person, course.symptom, at, min(severity, 10), random)


def _curve(progress: float) -> float:
    """Return the share of the peak at ``progress`` (0 to 1) of a course: up within a third, then slowly down."""
    rise = 0.3
    return 0.7 + progress if progress < rise else 1.0 - 0.75 * (progress - rise) / (1 - rise)


def _entry(person: Person, symptom: Symptom, at: datetime, severity: int, random: Random) -> Entry:
    strong = severity >= _STRONG_FROM
    noted = random.random() < _NOTED * (1.4 if strong else 0.8)
    duration = None
    if symptom.minutes is not None and random.random() < 0.8:  # noqa: PLR2004 - most say how long
        low, high = symptom.minutes
        length = low + (high - low) * min(1.0, severity / 10) * random.uniform(0.3, 1.0)
        duration = max(5, 5 * round(length / 5)) if length > 10 else max(1, round(length))  # noqa: PLR2004 - people round
    return Entry(
        person=person,
        symptom=symptom,
        logged_at=at,
        severity=severity if random.random() < 0.97 else None,  # noqa: PLR2004 - some forget
        duration_min=duration,
        remark=random.choice(symptom.strong if strong else symptom.mild) if noted else None,
    )
