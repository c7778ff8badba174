"""Health symptom records: what may be asked of the existing database."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from bridge.contracts.operation import NO_NUL, CacheRule, Model, Moment, Operation, User

LIMIT_MAX: Final = 200
TOTAL_COUNTED_TO: Final = 1_000

_TAGS: Final = frozenset({"health.records"})


def _no_nul(text: str) -> str:
    if "\x00" in text:
        msg = "must not contain the character NUL"
        raise ValueError(msg)
    return text


Name = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_no_nul), NO_NUL]
Severity = Annotated[int, Field(ge=0, le=10)]


class Sort(StrEnum):
    """Order of a list; a leading ``-`` means descending. Ties are broken by time, then id."""

    NEWEST = "-recorded_at"
    OLDEST = "recorded_at"
    WORST = "-severity"
    MILDEST = "severity"


class Total(StrEnum):
    """How far the matching records are counted: to 1,000 (``bounded``), all (``exact``) or not at all."""

    BOUNDED = "bounded"
    EXACT = "exact"
    NONE = "none"


class Bucket(StrEnum):
    NONE = "none"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class SymptomFilter(Model):
    """Which records: every condition given must hold; ``symptoms`` match any of the names, ignoring case.

    ``start`` ≤ recorded_at < ``end``. ``text`` is looked for, ignoring case, in symptom and notes.
    """

    symptoms: Annotated[tuple[Name, ...], Field(max_length=20)] = ()
    text: Name | None = None
    category: Name | None = None
    start: Moment | None = None
    end: Moment | None = None
    min_severity: Severity | None = None

    @model_validator(mode="after")
    def _range_is_forward(self) -> SymptomFilter:
        if self.start is not None and self.end is not None and self.end <= self.start:
            msg = "must be later than the start"
            raise ValueError(msg)
        return self


class SymptomRecord(Model):
    """One entry as the person (or their practice) wrote it down.

    ``severity`` 0 (none) to 10 (worst), ``duration_minutes`` ≥ 0; None where the source has none.
    """

    id: str
    symptom: str
    category: str | None
    severity: int | None
    recorded_at: AwareDatetime
    duration_minutes: int | None
    notes: str | None


class ListSymptoms(SymptomFilter):
    sort: Sort = Sort.NEWEST
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] = 50
    cursor: Annotated[str, StringConstraints(max_length=512)] | None = None
    total: Total = Total.BOUNDED


class SymptomPage(Model):
    """One page. ``total`` is None where it was not asked for, and a lower bound unless ``total_is_exact``.

    ``next`` is the cursor of the following page, bound to this filter and order, or None on the last.
    ``unconverted`` counts this person's rows that the mapping cannot read (see ``agent schema check``).
    """

    items: tuple[SymptomRecord, ...]
    total: int | None
    total_is_exact: bool
    limit: int
    next: str | None
    unconverted: int


class ListNames(Model):
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] = LIMIT_MAX


class SymptomName(Model):
    """A symptom that occurs in this person's records, how often, and its first and last time."""

    symptom: str
    category: str | None
    count: int
    first: AwareDatetime
    last: AwareDatetime


class SymptomNames(Model):
    """Most frequent first, then by name."""

    items: tuple[SymptomName, ...]
    total: int
    limit: int
    next: str | None


class StatsOfSymptoms(SymptomFilter):
    """``time_zone`` (IANA name) says where a day, week (from Monday) or month of the series begins."""

    bucket: Bucket = Bucket.NONE
    time_zone: Annotated[str, StringConstraints(min_length=1, max_length=64)] = "UTC"


class StatsBucket(Model):
    """``start`` is the bucket's first local date. Buckets without records are left out."""

    start: date
    count: int
    average_severity: float | None
    max_severity: int | None


class SymptomStats(Model):
    """``severity_count`` is how many of the ``count`` records state a severity: what the averages rest on."""

    count: int
    severity_count: int
    first: AwareDatetime | None
    last: AwareDatetime | None
    average_severity: float | None
    max_severity: int | None
    series: tuple[StatsBucket, ...]
    unconverted: int


LIST: Final = Operation(
    name="health.symptoms.list", params=ListSymptoms, result=SymptomPage, principal=User(), cache=CacheRule(_TAGS)
)
NAMES: Final = Operation(
    name="health.symptoms.names",
    params=ListNames,
    result=SymptomNames,
    principal=User(),
    cache=CacheRule(_TAGS, fresh_s=30.0, stale_while_revalidate_s=300.0),
)
STATS: Final = Operation(
    name="health.symptoms.stats", params=StatsOfSymptoms, result=SymptomStats, principal=User(), cache=CacheRule(_TAGS)
)

OPERATIONS: Final = (LIST, NAMES, STATS)
