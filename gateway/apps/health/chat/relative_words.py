"""Reading periods by their distance from the one spoken of before: "the week before", "the next day", "since then"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from gateway.apps.health.chat.changes_of_periods import (
    ALONE,
    BEFORE_ALIKE,
    ENDS,
    FEW,
    NAMED,
    SIGNS,
    THAT,
    first_days,
    further_back,
    is_opening,
    named_beside,
    past_number,
    read_without_unit,
)
from gateway.apps.health.chat.dates import STEPS_MAX, Unit
from gateway.apps.health.chat.relative_times import Relative
from gateway.apps.health.chat.time_words import UNITS, by_first_word, phrase_at, whole_number, year_number

_YEARS_BACK_MAX: Final = 300
_STEPS: Final = frozenset({*UNITS, "fortnight", "quarter", "season"})
_RANK: Final = (
    r"worst|strongest|most severe|most painful|first|second|third|fourth|fifth|last|latest|earliest|most recent"
)
_ROW: Final = re.compile(
    rf"(on |for |from )the (day|date)s? (of|with|for) (the|my|that) (?P<a>{_RANK}) (one|entry|record|time)?(?= |$)"
    rf"|(on|for) the (?P<b>{_RANK}) (one |entry |record )?(date|day) (?=[?,]|did|was|had|have|$)"
    rf"|(on )?the day (it|they|that|this) (was|were|felt|got) (at (its|their) |the |my )?(?P<c>{_RANK}) "
)
_SINCE: Final = by_first_word((
    ("since", "then"), ("since", "that"), ("from", "then", "on"), ("after", "that"), ("from", "then", "until", "now"),
    ("from", "then", "to", "now"), ("from", "then", "till", "now"),
))  # fmt: skip
_SINCE_THAT_DAY: Final = by_first_word(
    (*lead, noun, *end)
    for noun in ("day", "date", "point")
    for lead, end in (
        (("since", "that"), ()), (("ever", "since", "that"), ()), (("from", "that"), ("on",)),
        (("from", "that"), ("onwards",)), (("from", "that"), ("onward",)), (("from", "that"), ("until", "now")),
        (("from", "that"), ("to", "now")), (("from", "that"), ("forward",)), (("from", "that"), ("forwards",)),
    )
)  # fmt: skip
"""These hold the day itself."""
_BEHIND_AFTER_THAT: Final = frozenset(
    {
        "?", "!", ",", "and", "or", "but", "did", "do", "does", "was", "were", "is", "are", "have", "had", "has", "i",
        "my", "me", "how", "when", "what", "which", "show", "list", "please", "only", "then", "any", "it", "they",
        "the", "there", "that", "in", "on", "at", "until", "up", "to", "for", "with", "one", "date", "day", "week",
        "month", "time", "point", "year", "too", "also", "ever", "again",
    }
)  # fmt: skip
"""What may go on behind "after that" where it tells a time; anything else is what it was after."""
_CLOSELY: Final = frozenset({"just", "right", "immediately", "directly", "straight", "exactly"})
"""What may stand before "before", and changes nothing."""
_NO_ONE: Final = frozenset({"any", "each", "every", "which", "what", "many", "one", "per", "all", "no", "of"})
"""Behind these, a day or a month is no certain one."""
_AT_VERY_END: Final[tuple[list[str], ...]] = ([], ["?"], ["then"], ["then", "?"])
_SINCE_WHEN: Final = frozenset({"long", "is", "it", "time", "when", *UNITS})
_PARTS_OF_DAY: Final = frozenset({"morning", "evening", "afternoon"})
_BEFORE: Final = by_first_word((("before", "that"), ("before", "then"), ("earlier", "than", "that")))


def read_relative(words: Sequence[str], i: int) -> tuple[int, Relative] | None:
    """Return the position behind and what was said, or None."""
    return _since_or_until(words, i) or read_without_unit(words, i) or further_back(words, i) or _said(words, i)


def _since_or_until(words: Sequence[str], i: int) -> tuple[int, Relative] | None:
    if day := phrase_at(words, i, _SINCE_THAT_DAY):
        return i + day, Relative(Unit.DAY, is_since=True)
    is_alone = words[i] in ALONE and words[i + 1 :] in _AT_VERY_END
    is_counted = words[i] != "since" or not _SINCE_WHEN.isdisjoint(words[:i])  # "how many weeks is it since?"
    if is_alone and (not is_counted or is_opening(words[:i])):  # "and since?", "any headaches since?"
        return len(words), Relative(is_since=words[i] != "before", is_until=words[i] == "before")
    since = phrase_at(words, i, _SINCE)
    if since and words[i] == "after" and words[i + 2 : i + 3] and words[i + 2] not in _BEHIND_AFTER_THAT:
        since = 0  # "after that long run"
    before = phrase_at(words, i, _BEFORE)
    return (i + (since or before), Relative(is_since=bool(since), is_until=bool(before))) if since or before else None


def _said(words: Sequence[str], i: int) -> tuple[int, Relative] | None:
    alike = _alike_said(words, i)
    if alike is not None:
        return alike
    padded = [*words[i : i + 12], *[""] * 8]
    numbered = first_days(padded)
    if numbered is None and not {"past", "last"}.isdisjoint(padded[:3]) and "many" not in words:
        numbered = past_number(padded, is_all=len(words) <= FEW and is_opening(words[:i]))
    row = _ROW.match(" ".join(padded).strip() + " ") if numbered is None else None
    if row is not None:
        numbered = len(row[0].split()), Relative(Unit.DAY, row=row["a"] or row["b"] or row["c"])
    found = numbered or _stepped_from_it(words, i, padded)
    return (i + found[0], found[1]) if found else None


def _stepped_from_it(words: Sequence[str], i: int, padded: Sequence[str]) -> tuple[int, Relative] | None:
    """Read a unit with what leads to it in ``padded``, which are ``words`` from ``i`` on."""
    k = 0
    while padded[k] in {"in", "on", "for", "during", "over", "from"}:
        k += 1
    if padded[k : k + 3] == ["the", "rest", "of"]:
        k += 3
    has_article = padded[k] in {"the", "a", "an"}
    k += has_article
    k += has_article and padded[k] == "very" and padded[k + 1] in {"next", "following", *UNITS}
    if padded[k] == "same" or (padded[k] == "that" and not has_article):
        return _same(padded, k)
    is_next = padded[k] in {"next", "following"}
    is_bare_next = padded[k : k + 2] == ["next", "day"] and padded[k + 2] in ENDS and (i == 0 or words[i - 1] == "and")
    if is_next and (has_article or is_bare_next) and padded[k + 1] in _STEPS:
        return _stepped(k + 2, padded[k + 1], 1)
    if is_next and has_article and padded[k + 2] in UNITS and whole_number(padded[k + 1]):
        return _stepped(k + 3, padded[k + 2], whole_number(padded[k + 1]) or 1)
    if has_article or i + k == 0 or words[i - 1] in BEFORE_ALIKE:
        named = named_beside(padded, k)
        if named is not None:
            return named
    is_led = has_article or i + k == 0 or words[i - 1] in {"and", "or", "about"} or _is_bare_end(words, i + k)
    return _before_or_after(padded, k, has_article=has_article or (is_led and whole_number(padded[k]) is None))


def _is_bare_end(words: Sequence[str], i: int) -> bool:
    """Tell "(how often) month before", "(any headache) day before that", typed without "the"."""
    if i + 1 >= len(words) or words[i + 1] not in {"before", "after"}:
        return False
    if words[i] not in UNITS or words[i].endswith("s"):
        return False
    said = [*words[i : i + 4], "", ""]
    behind = 2 + (said[2] in THAT)
    return said[behind] in {"", "?", "!"} and words[i - 1] not in _NO_ONE


def _alike_said(words: Sequence[str], i: int) -> tuple[int, Relative] | None:
    """Read "(and) this one", "(than) the one before"."""
    if words[i] not in {"this", "the"} or (i and words[i - 1] not in BEFORE_ALIKE):
        return None
    said = [*words[i : i + 5], *[""] * 5]
    if i and said[:2] == ["this", "one"] and said[2] in ENDS:
        return i + 2, Relative(is_alike=True)
    if said[:2] == ["the", "one"] and said[2] in SIGNS and said[2] != "later":
        behind = 3 + (said[3] in THAT)
        if said[behind] in ENDS:
            return i + behind, Relative(steps=SIGNS[said[2]], is_alike=True)
    return None


def _before_or_after(words: Sequence[str], k: int, *, has_article: bool) -> tuple[int, Relative] | None:
    """Read "the week before that", "two months earlier", "a day later"."""
    count = whole_number(words[k]) or (2 if words[k] == "couple" else None)
    if count is not None:
        k += 1
        k += words[k] == "of"
    at = k
    while words[k + 1] in _CLOSELY:
        k += 1
    sign = SIGNS.get(words[k + 1])
    is_other = words[k + 2] in {"last", "yesterday", "i", "my", "the"}  # "the week before last", "the day before I …"
    is_other = is_other and not (words[k + 2] == "last" and words[k + 3] in NAMED)
    said, behind = words[at], k + 2
    behind += words[k + 1 : k + 3] == ["prior", "to"]
    behind += words[behind] in THAT
    if said in {"weekend", "weekends"} and (has_article or count) and sign is not None and not is_other:
        if (count or 1) > STEPS_MAX:
            return None
        return behind, Relative(steps=sign * (count or 1), named="weekend")
    if said in _PARTS_OF_DAY and has_article and sign is not None and not is_other and count is None:
        return behind, Relative(Unit.DAY, sign)  # "the morning after"
    if said not in _STEPS or not (has_article or count) or sign is None or is_other:
        return None
    if not has_article and UNITS.get(said) == "day" and count and count <= STEPS_MAX:  # "two days later" is one day
        return behind, Relative(Unit.DAY, sign * count, is_shift=True)
    return _stepped(behind, said, sign * (count or 1))


def _stepped(after: int, unit: str, steps: int) -> tuple[int, Relative] | None:
    known, each = {"fortnight": ("week", 2), "quarter": ("month", 3), "season": ("month", 3)}.get(unit) or (
        UNITS[unit],
        1,
    )
    steps *= each
    return (after, Relative(Unit(known), steps)) if known != "hour" and abs(steps) <= STEPS_MAX else None


def _same(words: Sequence[str], k: int) -> tuple[int, Relative] | None:
    """Read "that day", "the same month last year", "the same period in 2024"."""
    rest = words[k + 1 :]
    if rest[0] in {"whole", "entire", "full", "very"}:
        k, rest = k + 1, rest[1:]
    noun = rest[0]
    if noun not in UNITS and noun not in {"period", "time", "date", "range", "weekend"}:
        return None
    known = UNITS.get(noun, "day")
    unit = Unit(known) if known != "hour" else None
    behind = 1
    behind += rest[behind] in {"in", "of", "the"}
    behind += rest[behind] == "the"
    year = year_number(rest[behind])
    if year is not None:
        return k + behind + 2, Relative(unit, year=year)
    if rest[behind] in {"last", "previous", "this"} and rest[behind + 1] == "year":
        return k + behind + 3, Relative(unit, year_back=0 if rest[behind] == "this" else 1)
    back = _years_back(rest, behind)
    if back is None:
        return k + 2, Relative(unit)
    after, years, is_from_today = back
    return k + 1 + after, Relative(unit, year_back=years) if is_from_today else Relative(Unit.YEAR, -years)


def _years_back(words: Sequence[str], i: int) -> tuple[int, int, bool] | None:
    """Read "year before", "a year earlier", "two years ago": the position behind, how many, and whether from today."""
    count = whole_number(words[i]) or (1 if words[i] == "a" else None)
    i += count is not None
    is_years = words[i] in {"year", "years"} and words[i + 1] in {"before", "earlier", "prior", "ago"}
    if not is_years or (count or 1) > _YEARS_BACK_MAX:
        return None
    return i + 2 + (words[i + 2] in THAT), count or 1, words[i + 1] == "ago"
