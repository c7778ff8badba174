"""What an administrator is told at one time. Pure data; :mod:`gateway.alerts.wording` makes text of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from gateway.alerts.case import RANK
from gateway.alerts.report import Severity

PartKind = Literal["start", "passed", "recovery", "events"]


@dataclass(frozen=True, slots=True)
class Folded:
    """Another cause that needs no alert of its own, as it follows from the part's."""

    cause: str
    summary: str
    is_raised: bool


@dataclass(frozen=True, slots=True)
class Part:
    """One cause's news. ``ended`` whole outages of ``ended_s`` in all, or ``events``, came since it was last told."""

    kind: PartKind
    cause: str
    severity: Severity
    summary: str
    detail: str
    host: str
    raised: float
    cleared: float | None
    end_summary: str = ""
    ended: int = 0
    ended_s: float = 0.0
    events: int = 0
    recent: tuple[tuple[float, str], ...] = ()
    folded: tuple[Folded, ...] = ()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Part:
        recent = tuple((float(at), str(text)) for at, text in values["recent"])
        return cls(**{**values, "recent": recent, "folded": tuple(Folded(**one) for one in values["folded"])})

    def tells_all_of(self, other: Part) -> bool:
        """Say whether who reads this needs ``other`` no more: the same outage, known later, and nothing besides."""
        return (
            other.kind == "start"
            and self.kind != "events"
            and (self.cause, self.raised) == (other.cause, other.raised)
            and not other.ended
            and not other.events
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message on one channel: ``at`` when it was delivered, ``refused`` why it never will be.

    Neither: there was nothing in it any more that a later one does not say.
    """

    at: float | None = None
    refused: str = ""


@dataclass(slots=True)
class Message:
    """``id`` is the same at each try. ``is_held``: until the quiet hours end. ``outcomes`` by channel's name."""

    id: str
    made: float
    parts: tuple[Part, ...]
    is_held: bool = False
    is_test: bool = False
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Message:
        parts = tuple(Part.from_json(part) for part in values["parts"])
        outcomes = {name: Outcome(**outcome) for name, outcome in values["outcomes"].items()}
        return cls(**{**values, "parts": parts, "outcomes": outcomes})

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def severity(self) -> Severity:
        return max((part.severity for part in self.parts), key=RANK.__getitem__)

    def with_parts(self, parts: Sequence[Part]) -> Message:
        return replace(self, parts=tuple(parts))
