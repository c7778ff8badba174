"""A JSON object of somebody else's, read with tolerance: what is missing or makes no sense is empty, never an error.

What is read is bounded, and holds nothing that could steer a terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isfinite
from typing import Final, TypeVar

TEXT_MAX: Final = 300
_EVIDENCE_MAX: Final = 40
_COUNT_MAX: Final = 10**12
_YEAR_9000: Final = 221_845_392_000.0
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"

C = TypeVar("C", bound=str)
T = TypeVar("T")


class Fields:
    """One object. Unknown keys do not matter."""

    def __init__(self, value: object) -> None:
        self._values = value if isinstance(value, dict) else {}

    def text(self, name: str) -> str:
        return _text(self._values.get(name))

    def number(self, name: str) -> float | None:
        return _number(self._values.get(name))

    def count(self, name: str) -> int:
        """Return a whole number from 0 up; 0 for what is none."""
        return int(min(max(self.number(name) or 0, 0), _COUNT_MAX))

    def share(self, name: str) -> float | None:
        """Return a number from 0 to 1."""
        value = self.number(name)
        return value if value is not None and 0 <= value <= 1 else None

    def moment(self, name: str) -> float | None:
        """Return Unix seconds that a calendar knows."""
        return _moment(self._values.get(name))

    def flag(self, name: str) -> bool | None:
        value = self._values.get(name)
        return value if isinstance(value, bool) else None

    def choice(self, name: str, allowed: tuple[C, ...], default: C) -> C:
        value = self._values.get(name)
        return next((each for each in allowed if each == value), default)

    def part(self, name: str) -> Fields | None:
        value = self._values.get(name)
        return Fields(value) if isinstance(value, dict) else None

    def maybe(self, name: str, parse: Callable[[Fields], T]) -> T | None:
        """Return what an object parses as, None where there is none."""
        part = self.part(name)
        return None if part is None else parse(part)

    def parts(self, name: str, count_max: int) -> Iterator[Fields]:
        """Yield the objects in a list, at most so many."""
        value = self._values.get(name)
        for each in (value if isinstance(value, list) else [])[:count_max]:
            if isinstance(each, dict):
                yield Fields(each)

    def texts(self, name: str) -> tuple[tuple[str, str], ...]:
        """Return an object's keys and values as text."""
        return tuple((key, _text(value)) for key, value in self._pairs(name))

    def moments(self, name: str) -> tuple[tuple[str, float | None], ...]:
        """Return an object's keys, and when."""
        return tuple((key, _moment(value)) for key, value in self._pairs(name))

    def _pairs(self, name: str) -> Iterator[tuple[str, object]]:
        value = self._values.get(name)
        for key, each in list(value.items() if isinstance(value, dict) else ())[:_EVIDENCE_MAX]:
            yield _text(key), each


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    line = " ".join(str(value)[: TEXT_MAX * 2].split())
    kept = "".join(each if each.isprintable() else _REPLACEMENT for each in line)
    return kept if len(kept) <= TEXT_MAX else kept[: TEXT_MAX - 1] + "…"


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None


def _moment(value: object) -> float | None:
    number = _number(value)
    return number if number is not None and 0 <= number < _YEAR_9000 else None
