"""How a column's values are written, judged from a sample: times, severities, durations.

Each function puts entries with their reasons into a block, and asks where the values do not tell.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Final

from agent.apps.health.mapping import formats
from agent.apps.health.mapping.columns import Kind
from agent.apps.health.schema.draft import Block, Literal
from agent.apps.health.schema.shape import Shape, words_of

MOST: Final = 0.8
"""The share of values that must fit for a guess."""

FEW: Final = 0.01
"""A share of values below which odd ones are reported as unconverted rather than asked about."""

_DATES: Final = (
    "YYYY-MM-DD", "YYYY/MM/DD", "DD.MM.YYYY", "D.M.YYYY", "DD.MM.YY", "DD/MM/YYYY", "MM/DD/YYYY", "D/M/YYYY",
    "M/D/YYYY", "DD-MM-YYYY", "YYYYMMDD", "D Mon YYYY", "DD-Mon-YYYY", "Mon D, YYYY",
)  # fmt: skip
_TIMES: Final = ("HH24:MI", "HH24:MI:SS", "H:MI", "HH12:MI AM", "HH12:MIAM", "HH24.MI", "HH24MI")
_JOINTS: Final = (" ", ", ", "T")
_DATE_TIMES: Final = (*_DATES, *(f"{day}{joint}{time}" for day, joint, time in product(_DATES, _JOINTS, _TIMES)))
_AMBIGUOUS: Final = re.compile(r"\b([0-9]{1,2})([/-])([0-9]{1,2})\2")

_NO_VALUE: Final = frozenset({"n/a", "na", "n.a.", "-", "--", "?", "unknown", "null", "k.a.", "keine angabe"})
_WORDS: Final = {
    "none": 0, "no": 0, "absent": 0, "keine": 0, "kein": 0,
    "minimal": 1, "very mild": 1, "very low": 1, "sehr leicht": 1,
    "slight": 2, "light": 2, "low": 2, "gering": 2,
    "mild": 3, "leicht": 3,
    "moderate": 5, "medium": 5, "average": 5, "middle": 5, "mittel": 5, "mäßig": 5,
    "bad": 7, "strong": 7, "high": 7, "stark": 7,
    "severe": 8, "intense": 8, "schwer": 8,
    "very strong": 9, "very high": 9, "very bad": 9, "sehr stark": 9,
    "very severe": 10, "extreme": 10, "worst": 10, "unbearable": 10, "sehr schwer": 10, "unerträglich": 10,
}  # fmt: skip
_NUMBER: Final = re.compile(r"[-+]?[0-9]{1,9}(?:[.,][0-9]{1,6})?")
_RANGE_IN_NAME: Final = re.compile(r"\b(?:0|1)\s*(?:-|–|to|bis)\s*([0-9]+)")
_SCALES: Final = (10, 100)
_UNITS: Final = {
    "hours": {"hours", "hour", "hrs", "hr", "h", "stunden", "std"},
    "seconds": {"seconds", "second", "secs", "sec", "s", "sekunden"},
    "minutes": {"minutes", "minute", "mins", "min", "minuten"},
}


def formats_of(values: Sequence[str], candidates: Sequence[str] = _DATE_TIMES) -> list[str]:
    """Return the formats that read the values: the one that reads most, and then whatever adds some."""
    left = Counter(values)  # each value is read once, however often it is there
    reads = {text: _read_by(text, left) for text in candidates}
    chosen: list[str] = []
    while left:
        fits = {text: sum(left[value] for value in read) for text, read in reads.items()}
        best = max(fits, key=lambda text: fits[text])
        if fits[best] < max(1, FEW * len(values)):
            break
        chosen.append(best)
        for value in reads[best]:
            del left[value]  # what a format has read counts for no other: a Counter's missing value is 0
    return chosen if left.total() <= (1 - MOST) * len(values) else []


def _read_by(text: str, values: Iterable[str]) -> list[str]:
    fullmatch = re.compile(formats.parse(text).pattern).fullmatch
    return [value for value in values if fullmatch(value) is not None]


def times_of(values: Sequence[str]) -> list[str]:
    return formats_of(values, _TIMES) if values else []


def is_day_or_month_first(values: Iterable[str]) -> bool:
    """Return whether ``03/04/2024`` may mean either: no value has a number that can only be a day."""
    pairs = [(int(found[1]), int(found[3])) for value in values if (found := _AMBIGUOUS.search(value)) is not None]
    return bool(pairs) and all(first <= 12 and second <= 12 for first, second in pairs)  # noqa: PLR2004 - months


def severity(block: Block, shape: Shape, column: str) -> None:
    values = shape.values(column)
    if shape.columns[column].kind is not Kind.TEXT:
        _scale(block, column, [float(value) for value in values])
        return
    counts = Counter(value.lower() for value in values)
    numbers = [float(value.replace(",", ".")) for value in values if _NUMBER.fullmatch(value)]
    if missing := sorted({value for value in values if value.lower() in _NO_VALUE}):
        block.put("missing", missing, "these stand for no severity")
    if len(numbers) >= len(values) / 2:
        _scale(block, column, numbers)
    else:
        _words(block, counts, len(values))


def _words(block: Block, counts: Counter[str], total: int) -> None:
    """Give the usual words their numbers; ask about what is frequent, and leave what is rare to be reported."""
    block.note(
        "severities are words; these are the numbers that they usually stand for, correct them where they differ"
    )
    header = f"{block.header}.words"
    block.lines.append("")
    block.lines.append(f"[{header}]")
    block.header, outer = header, block.header
    for word, count in sorted(counts.items(), key=lambda item: (_WORDS.get(item[0], 99), item[0])):
        if word in _NO_VALUE:
            continue
        if word in _WORDS:
            block.put(word, _WORDS[word])
        elif count >= FEW * total:
            block.ask(word, f"which severity, 0 to 10, is {word!r} ({count} of {total} sampled)?")
        else:
            block.note(f"left out: {word!r} ({count} of {total} sampled); such rows are reported as unconverted")
    block.header = outer


def _scale(block: Block, column: str, numbers: Sequence[float]) -> None:
    most = max(numbers, default=10.0)
    named = _RANGE_IN_NAME.search(column)
    worst = int(named[1]) if named is not None else next((scale for scale in _SCALES if most <= scale), None)
    if named is None and (most < 6 or worst is None):  # noqa: PLR2004 - of a 0 to 10 scale, somebody uses the upper half
        block.ask("scale", f"which number is the worst? The greatest is {most:g}. Answer {{ none = 0, worst = … }}")
    elif worst != _SCALES[0]:
        reason = "the name says so" if named is not None else f"the greatest sampled number is {most:g}"
        block.put("scale", {"none": 0, "worst": worst}, f"a scale to {worst}: {reason}")
    else:
        block.note(f"a scale to 10: {'the name says so' if named else f'the greatest sampled number is {most:g}'}")


def duration(block: Block, shape: Shape, column: str) -> None:
    if shape.columns[column].kind is Kind.INTERVAL:
        return
    for unit, names in _UNITS.items():
        if names & set(words_of(column)):
            block.put("unit", unit, "the name says so")
            break
    else:
        block.put("unit", "minutes", "assumed: the name does not say")
    if missing := sorted({value for value in shape.values(column) if value.lower() in _NO_VALUE}):
        block.put("missing", missing, "these stand for no duration")


def text_format(block: Block, key: str, values: Sequence[str], found: Sequence[str]) -> None:
    if is_day_or_month_first(values):
        block.ask(key, f"is the day or the month first in {values[0]!r}? It could be read as {found[0]}")
        return
    patterns = [re.compile(formats.parse(text).pattern) for text in found]
    matched = sum(any(pattern.fullmatch(value) for pattern in patterns) for value in values)
    block.put(key, found[0] if len(found) == 1 else found, f"reads {matched} of {len(values)} sampled texts")


def noon(block: Block) -> None:
    block.put("time_of_day", Literal("12:00:00"), "where no time of day is given, noon stands for it")
