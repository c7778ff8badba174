"""What the chat answers with: words, the important ones marked, and what is shown beside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from gateway.apps.health.chat.dates import Unit


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of words; ``is_key`` where it is what was asked for: the number, the date."""

    text: str
    is_key: bool = False


Text = tuple[Passage, ...]
"""Passages in their order; a line feed in one begins a new paragraph."""


def plain(text: Text) -> str:
    return "".join(passage.text for passage in text)


def text_of(*parts: str | Passage) -> Text:
    return tuple(Passage(part) if isinstance(part, str) else part for part in parts)


def key(text: str) -> Passage:
    return Passage(text, is_key=True)


@dataclass(frozen=True, slots=True)
class Point:
    """What was recorded in the ``unit`` of the chart that begins on ``start``, a local date."""

    start: date
    count: int
    average_severity: float | None


@dataclass(frozen=True, slots=True)
class Series:
    """One line or set of bars: a symptom, or a period of a comparison."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """``measure`` is what is drawn; units without records have points too, so that a gap shows as one.

    Without a ``unit`` each series is one figure, a side of a comparison. ``trend`` is where a straight line through the
    severities begins and ends, at the first and the last point.
    """

    title: str
    measure: Literal["count", "severity"]
    unit: Unit | None
    series: tuple[Series, ...]
    trend: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class ChatReply:
    """``result`` holds rows, total and series, JSON-ready; ``as_of`` is set where records are older than an outage.

    ``asks_back``: nothing was looked up, and ``suggestions`` are the readings to choose from.
    """

    text: Text
    conversation: str
    frame: dict[str, object] | None = None
    result: dict[str, object] | None = None
    chart: Chart | None = None
    suggestions: list[str] = field(default_factory=list)
    as_of: datetime | None = None
    asks_back: bool = False

    @property
    def answer(self) -> str:
        return plain(self.text)
