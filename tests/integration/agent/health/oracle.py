"""What each operation must answer, computed in Python from the raw rows, without any of the product's code."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from bridge.contracts.health import Bucket, ListSymptoms, Sort, StatsOfSymptoms, SymptomFilter


class Unreadable(Exception):
    """A row that is no record of the model."""


@dataclass(frozen=True)
class Record:
    id: str
    symptom: str
    category: str | None
    severity: int | None
    recorded_at: datetime
    duration_minutes: int | None
    notes: str | None


Reader = Callable[[asyncpg.Record], Record]


def _require(condition: object) -> None:
    if not condition:
        raise Unreadable


def _local(day: date, at: time, zone: str) -> datetime:
    """PostgreSQL takes the later of two, and shifts what was skipped by the offset before: fold=1 and fold=0."""
    naive = datetime.combine(day, at)
    moment = {fold: naive.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1)}
    is_skipped = moment[0].astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) != naive
    return moment[0 if is_skipped else 1].astimezone(UTC)


def _round(number: Decimal) -> int:
    return int(number.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def read_flat(row: asyncpg.Record) -> Record:
    _require(row["severity"] is None or 0 <= row["severity"] <= 10)
    _require(row["duration_minutes"] is None or row["duration_minutes"] >= 0)
    _require(row["recorded_at"].year < 9999)
    return Record(
        str(row["id"]), row["symptom"], row["category"], row["severity"], row["recorded_at"].astimezone(UTC),
        row["duration_minutes"], row["notes"],
    )  # fmt: skip


def read_lookup(row: asyncpg.Record) -> Record:
    words = {"none": 0, "mild": 3, "moderate": 5, "severe": 8, "very severe": 10}
    _require(row["label"])
    grade = None if row["grade"] is None else row["grade"].strip().lower()
    _require(grade is None or grade in words)
    return Record(
        row["ref"].rstrip(), row["label"], row["title"], None if grade is None else words[grade],
        _local(row["complaint_date"], row["complaint_time"] or time(12), "America/New_York"),
        None if row["hours"] is None else _round(row["hours"] * 60), row["remark"],
    )  # fmt: skip


def read_diary(row: asyncpg.Record) -> Record:
    symptom = (row["Symptom Name"] or "").strip(" ")
    _require(symptom)
    day = re.fullmatch(r"([0-9]{2})\.([0-9]{2})\.([0-9]{4})", (row["Date"] or "").strip(" "))
    at = (row["Time"] or "").strip(" ") or "12:00"
    _require(day and re.fullmatch("[0-9]{2}:[0-9]{2}", at))
    assert day is not None
    try:
        moment = _local(date(int(day[3]), int(day[2]), int(day[1])), time.fromisoformat(at), "Europe/Berlin")
    except ValueError:
        raise Unreadable from None
    severity = _diary_number(row["Severity (0-100)"])
    _require(severity is None or 0 <= severity <= 100)
    minutes = _diary_number(row["How long"])
    return Record(
        str(row["No."]), symptom, None, None if severity is None else _round(severity / 10), moment,
        None if minutes is None else _round(minutes), row["Comment"],
    )  # fmt: skip


def _diary_number(text: str | None) -> Decimal | None:
    text = (text or "").strip(" ")
    if text in {"", "n/a"}:
        return None
    _require(re.fullmatch("[-+]?[0-9]+([.,][0-9]+)?", text))
    return Decimal(text.replace(",", "."))


def read_all(rows: Iterable[asyncpg.Record], read: Reader) -> tuple[list[Record], int]:
    """Return the records, and how many rows are none."""
    records, unreadable = [], 0
    for row in rows:
        try:
            records.append(read(row))
        except Unreadable:
            unreadable += 1
    return records, unreadable


def matching(records: Iterable[Record], question: SymptomFilter) -> list[Record]:
    wanted = {name.lower() for name in question.symptoms}
    text = (question.text or "").lower()
    return [
        record
        for record in records
        if (not wanted or record.symptom.lower() in wanted)
        and (text in record.symptom.lower() or text in (record.notes or "").lower())
        and (question.category is None or (record.category or "").lower() == question.category.lower())
        and (question.start is None or record.recorded_at >= question.start)
        and (question.end is None or record.recorded_at < question.end)
        and (
            question.min_severity is None or (record.severity is not None and record.severity >= question.min_severity)
        )
    ]


def in_order(records: Iterable[Record], sort: Sort) -> list[Record]:
    oldest = sorted(records, key=lambda record: (record.recorded_at, record.id.encode()))
    if sort is Sort.OLDEST:
        return oldest
    newest = oldest[::-1]
    if sort is Sort.NEWEST:
        return newest
    sign = -1 if sort is Sort.WORST else 1
    return sorted(newest, key=lambda record: (record.severity is None, sign * (record.severity or 0)))


def listed(records: Iterable[Record], question: ListSymptoms) -> list[Record]:
    return in_order(matching(records, question), question.sort)


def names(records: Iterable[Record]) -> list[tuple[str, str | None, int, datetime, datetime]]:
    groups: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        groups[record.symptom.lower()].append(record)
    ranked = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0].encode()))
    return [
        (
            _most_frequent(record.symptom for record in group) or "",
            _most_frequent(record.category for record in group if record.category is not None),
            len(group),
            min(record.recorded_at for record in group),
            max(record.recorded_at for record in group),
        )
        for _, group in ranked
    ]


def _most_frequent(texts: Iterable[str]) -> str | None:
    counted = sorted(Counter(texts).items(), key=lambda item: (-item[1], item[0].encode()))
    return counted[0][0] if counted else None


def _figures(records: Sequence[Record]) -> dict[str, Any]:
    severities = [record.severity for record in records if record.severity is not None]
    return {
        "count": len(records),
        "average_severity": sum(severities) / len(severities) if severities else None,
        "max_severity": max(severities, default=None),
    }


def stats(records: Iterable[Record], question: StatsOfSymptoms) -> dict[str, Any]:
    found = matching(records, question)
    zone = ZoneInfo(question.time_zone)
    buckets: defaultdict[date, list[Record]] = defaultdict(list)
    if question.bucket is not Bucket.NONE:
        for record in found:
            buckets[_begin(record.recorded_at.astimezone(zone).date(), question.bucket)].append(record)
    return _figures(found) | {
        "severity_count": sum(record.severity is not None for record in found),
        "first": min((record.recorded_at for record in found), default=None),
        "last": max((record.recorded_at for record in found), default=None),
        "series": [{"start": start} | _figures(group) for start, group in sorted(buckets.items())],
    }


def _begin(day: date, bucket: Bucket) -> date:
    if bucket is Bucket.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if bucket is Bucket.MONTH else day
