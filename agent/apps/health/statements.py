"""The statements for one mapping, made of ``queries.sql`` once for each combination of what is asked.

Only the conditions that a question has stand in its statement: PostgreSQL then plans it once, for good, and an index
serves. The others' parameters stay, as ``IS NULL``, which costs one comparison a query, and lets a mistake of ours that
forgets a condition return nothing instead of everything.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from agent.apps.health.mapping.compile import Records
from agent.db.queries import Query, load
from bridge.contracts.health import Sort, SymptomFilter

QUERIES: Final = load("agent.apps.health")

_NAMES: Final = "ARRAY(SELECT lower(name) FROM unnest($2::text[]) AS name)"  # by the database's own idea of letters
_CONDITIONS: Final = {
    "symptoms": (f"lower(record.symptom) = ANY ({_NAMES})", "$2::text[] IS NULL"),
    "text": ("(record.symptom ILIKE $3::text OR record.notes ILIKE $3::text)", "$3::text IS NULL"),
    "category": ("lower(record.category) = lower($4::text)", "$4::text IS NULL"),
    "start": ("record.recorded_at >= $5::timestamptz", "$5::timestamptz IS NULL"),
    "end": ("record.recorded_at < $6::timestamptz", "$6::timestamptz IS NULL"),
    "min_severity": ("record.severity >= $7::integer", "$7::integer IS NULL"),
}

# Severity orders are orders of a rank in which NULL comes last either way; newest first among equals.
_RANKS: Final = {Sort.WORST: "coalesce(record.severity, -1)", Sort.MILDEST: "-coalesce(record.severity, 11)"}
_NEWEST: Final = "record.recorded_at DESC, record.id DESC"
_ORDERS: Final = {Sort.NEWEST: _NEWEST, Sort.OLDEST: "record.recorded_at, record.id"}
_AFTER: Final = {
    Sort.NEWEST: "$9::integer IS NOT NULL AND (record.recorded_at, record.id) < ($10::timestamptz, $11)",
    Sort.OLDEST: "$9::integer IS NOT NULL AND (record.recorded_at, record.id) > ($10::timestamptz, $11)",
}
_FROM_THE_START: Final = "$9::integer IS NULL AND $10::timestamptz IS NULL AND $11::text IS NULL"


class Statements:
    """What can be asked of one mapping's relation."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self.probe = self._make("probe")
        self.names = self._make("names")
        self.unconverted = self._make("unconverted")
        # 64 filters × 4 orders × 2 × 2: what is asked in practice is a fraction, and nobody can make more of them
        self.page = lru_cache(maxsize=1024)(self._page)
        self.figures = lru_cache(maxsize=256)(self._figures)

    def _page(self, given: frozenset[str], sort: Sort, *, is_first: bool, is_counted: bool) -> Query:
        rank = _RANKS.get(sort, "0")
        after = _AFTER.get(sort, f"({rank}, record.recorded_at, record.id) < ($9::integer, $10::timestamptz, $11)")
        return self._make(
            "list_counted" if is_counted else "list",
            given,
            rank=rank,
            order=_ORDERS.get(sort, f"{rank} DESC, {_NEWEST}"),
            after=_FROM_THE_START if is_first else after,
        )

    def _figures(self, name: str, given: frozenset[str]) -> Query:
        return self._make(name, given)

    def _make(self, name: str, given: frozenset[str] = frozenset(), **fragments: str) -> Query:
        matches = [active if key in given else absent for key, (active, absent) in _CONDITIONS.items()]
        if (bound := self.records.bound) is not None:
            if "start" in given:
                matches.append(f"record.raw_time >= {bound.since % '$5::timestamptz'}")
            if "end" in given:
                matches.append(f"record.raw_time <= {bound.until % '$6::timestamptz'}")
        return QUERIES[name].expand(
            records=self.records.relation, person=self.records.person, matches=" AND ".join(matches), **fragments
        )


def given_in(question: SymptomFilter) -> frozenset[str]:
    """Return the names of the conditions that the question has."""
    return frozenset(name for name in _CONDITIONS if getattr(question, name) not in (None, ()))


def arguments(question: SymptomFilter) -> tuple[object, ...]:
    """Return the values of ``$2`` to ``$7``."""
    return (
        list(question.symptoms) or None,
        None if question.text is None else f"%{_escape(question.text)}%",
        question.category,
        question.start,
        question.end,
        question.min_severity,
    )


def _escape(text: str) -> str:
    r"""Write ``%``, ``_`` and ``\`` so that LIKE takes them as they are."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
