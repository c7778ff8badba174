"""Reading what is said of the period before in few words: "the 3 before that", "last 60", "a week either side"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from gateway.apps.health.chat.dates import STEPS_MAX, Unit
from gateway.apps.health.chat.relative_times import Relative
from gateway.apps.health.chat.time_words import (
    AMOUNT_WORDS,
    HOLIDAYS,
    MONTHS,
    SEASONS,
    UNITS,
    WEEKDAYS,
    by_first_word,
    day_number,
    phrase_at,
    whole_number,
)

_NUMBER_ENDS: Final = frozenset({"", "?", "!", ",", "please", "instead", "now", "it", "then", "not"})
THAT: Final = frozenset({"that", "then", "it", "this"})
_FURTHER_BACK: Final = re.compile(
    r"(?:(?:(?:go|going|move|shift|take|push|roll)(?: it| that| this)? )?(?P<way>back|forward|forwards|ahead)"
    r" (?:a|an|one|another|1) (?:more |further )?(?P<a>day|week|month|year)"
    r"|(?:one more|another|a further) (?P<b>day|week|month|year) (?:back|before|earlier|further back))"
    r" (?=$|[?!.,]|again|please)"
)
"""The one before that spoken of: "go back one more week"; or the one after, "go forward a month"."""
OPENS_FURTHER_BACK: Final = frozenset(
    {"go", "going", "back", "one", "another", "a", "move", "shift", "take", "push", "roll", "forward", "forwards",
     "ahead"}
)  # fmt: skip
SIGNS: Final = {
    "before": -1, "earlier": -1, "prior": -1, "preceding": -1, "previous": -1, "after": 1, "later": 1, "following": 1,
}  # fmt: skip
BEFORE_ALIKE: Final = frozenset({"and", "about", "versus", "than", "with", "or", "to"})
ENDS: Final = frozenset({"", "?", "!", ",", "for", "please", "so", "then"})
_AT_END: Final = frozenset({"", "?", "!", ",", "only", "please"})
NAMED: Final = frozenset(
    {*MONTHS, *SEASONS, *WEEKDAYS, "easter", "christmas", "xmas", "halloween", "new", "valentine", "valentines"}
)
"""Behind "the week before last", these are what it lies before."""
_NEXT_TO: Final = frozenset(
    {*MONTHS, *SEASONS, *WEEKDAYS, "easter", *(" ".join(name) for name in HOLIDAYS if len(name) < 3)}  # noqa: PLR2004
)
_OPENING: Final = frozenset(
    {"and", "ok", "okay", "now", "then", "so", "or", "what", "how", "about", "for", "no", "sorry", ",", "please", "can",
     "could", "you", "make", "it", "that", "in", "over", "try"}
)  # fmt: skip
"""What may stand before what is meant, and says nothing."""
ALONE: Final = frozenset({"since", "before", "after"})
FEW: Final = 10
_SEVERITY_MAX: Final = 10
"""A greater number is no severity."""
_LEAST_OF_DAYS: Final = 7
_DAY_NUMBERS: Final = re.compile(
    r"(?P<days>(?:(?:between|from) )?(?P<first>\d\d?) (?:and|to|-|until|till|through) (?P<last>\d\d?))"
    r"(?: (?:then|please|instead|now|only))*(?: [?!.])?"
)
_LONGER: Final = re.compile(
    r"(?P<longer>(?:double|triple|treble) (?:it|that|this|the (?:time|period|range|window|length|span|timeframe))"
    r"|twice (?:as long|that|the (?:time|length|period))|twice as far back)(?: (?:then|please|instead|now))*(?: [?!.])?"
)
_PLUS_OR_MINUS: Final = by_first_word((("plus", "or", "minus"), ("plus", "minus"), ("give", "or", "take")))
_EITHER_SIDE: Final = by_first_word((
    ("either", "side"), ("each", "side"), ("on", "either", "side"), ("on", "each", "side"), ("both", "sides"),
    ("on", "both", "sides"), ("each", "way"), ("either", "way"), ("before", "and", "after"),
))  # fmt: skip
_OPENS_AROUND: Final = frozenset({*_PLUS_OR_MINUS, *AMOUNT_WORDS, *UNITS, "the"})


def read_without_unit(words: Sequence[str], i: int) -> tuple[int, Relative] | None:
    """Read what needs no unit, or has it in its midst."""
    return _counted_beside(words, i) or _day_numbers(words, i) or _longer(words, i) or _around(words, i)


def named_beside(words: Sequence[str], k: int) -> tuple[int, Relative] | None:
    """Read "(the) winter before", "(the) December before that", "(the) following Monday", "(the) Christmas before"."""
    sign = {"following": 1, "next": 1, "previous": -1, "preceding": -1}.get(words[k])
    if sign is not None and words[k + 1] in _NEXT_TO and (sign < 0 or words[k - 1] == "the"):
        return k + 2, Relative(steps=sign, named=words[k + 1])
    size = 2 if " ".join(words[k : k + 2]) in _NEXT_TO else 1
    name, sign = " ".join(words[k : k + size]), SIGNS.get(words[k + size])
    if name not in _NEXT_TO or sign is None or words[k + size] in {"previous", "preceding", "following"}:
        return None
    behind = k + size + 1
    behind += words[behind - 1 : behind + 1] == ["prior", "to"]
    is_tied = words[behind] in NAMED or (words[behind][:1].isdigit() and name in WEEKDAYS)
    if words[behind] not in {*THAT, *ENDS} and not is_tied:
        return None
    return behind + (words[behind] in THAT), Relative(steps=sign, named=name)


def _counted_beside(words: Sequence[str], i: int) -> tuple[int, Relative] | None:
    """Read "(and) the 3 before that", "the previous 30", whose unit is that of the period before."""
    k = int(words[i] == "the")
    if not k and i and words[i - 1] not in BEFORE_ALIKE:
        return None
    said = [*words[i : i + 6], *[""] * 6]
    is_led = said[k] in {"previous", "preceding", "prior", "next", "following"}
    sign = SIGNS.get(said[k], 1) if is_led else SIGNS.get(said[k + 1])
    count = whole_number(said[k + is_led]) if said[k + is_led] != "one" else None
    if not count or sign is None or count > STEPS_MAX or (is_led and not k):
        return None
    behind = k + 2 + (not is_led and said[k + 2] in THAT)
    return (i + behind, Relative(steps=sign, count=count)) if said[behind] in ENDS else None


def _day_numbers(words: Sequence[str], i: int) -> tuple[int, Relative] | None:
    """Read "(and) between 21 and 28", where nothing else is said: days of the month before."""
    found = _DAY_NUMBERS.fullmatch(" ".join(words[i:])) if len(words) <= FEW and is_opening(words[:i]) else None
    if found is None:
        return None
    first, last = day_number(found["first"]), day_number(found["last"])
    if first is None or last is None or not first < last > _SEVERITY_MAX:
        return None
    return i + len(found["days"].split()), Relative(day=first, until_day=last)


def is_opening(words: Sequence[str]) -> bool:
    return _OPENING.issuperset(words)


def _longer(words: Sequence[str], i: int) -> tuple[int, Relative] | None:
    """Read "double it", "twice as long" where nothing else is said."""
    if len(words) > FEW or not is_opening(words[:i]):
        return None
    found = _LONGER.fullmatch(" ".join(words[i:]))
    if found is None:
        return None
    return i + len(found["longer"].split()), Relative(
        times=3 if found["longer"].startswith(("triple", "treble")) else 2
    )


def _around(words: Sequence[str], i: int) -> tuple[int, Relative] | None:
    """Read "3 days either side", "plus or minus a week", "a week before and after", and "of that" behind it."""
    if words[i] not in _OPENS_AROUND and whole_number(words[i]) is None:
        return None
    said = [*words[i : i + 9], *[""] * 6]
    k = phrase_at(said, 0, _PLUS_OR_MINUS)
    is_led = k > 0
    k += said[k] == "the"
    count = whole_number(said[k]) or AMOUNT_WORDS.get(said[k])
    k += count is not None
    k += count is not None and said[k] == "of"
    unit = UNITS.get(said[k], "hour")
    if unit == "hour" or (count or 1) > STEPS_MAX:
        return None
    sides = 0 if is_led else phrase_at(said, k + 1, _EITHER_SIDE)
    if not (is_led or sides):
        return None
    k += 1 + sides
    behind = k + (said[k] == "of")
    behind += said[behind] in THAT
    return i + behind, Relative(Unit(unit), count or 1, is_around=True)


def past_number(words: Sequence[str], *, is_all: bool) -> tuple[int, Relative] | None:
    """Read "(make that) the past 100", whose unit is that of the period before; "last 60" where that ``is_all``."""
    k = int(words[0] in {"in", "over", "for"})
    k += words[k] == "the"
    count = whole_number(words[k + 1]) if words[k] == "past" or (is_all and words[k] == "last") else None
    if count is not None and words[k] == "last" and count < _LEAST_OF_DAYS:
        return None  # the last three records
    is_alone = count is not None and 0 < count <= STEPS_MAX and words[k + 2] in _NUMBER_ENDS
    return (k + 2, Relative(count=count or 0)) if is_alone else None


def first_days(words: Sequence[str]) -> tuple[int, Relative] | None:
    """Read "(only) the first ten days", "just the first week" where nothing says of what: the words, and the days."""
    k = 0
    while words[k] in {"only", "just", "in", "for"}:
        k += 1
    if words[k : k + 2] != ["the", "first"] and (k == 0 or words[k] != "first"):
        return None
    k += 1 + (words[k] == "the")
    count = whole_number(words[k])
    k += count is not None
    unit = UNITS.get(words[k])
    if words[k] == "fortnight":
        unit, count = "week", 2 * (count or 1)
    if words[k + 1] not in _AT_END:
        return None
    if unit == "month" and count is not None:  # of a year
        return k + 1, Relative(part=("first", str(count), "months", "of"))
    if unit not in {"day", "week"} or (unit == "day" and count is None):
        return None
    found = (count or 1) * (7 if unit == "week" else 1)
    return (k + 1, Relative(first_days=found)) if 0 < found <= STEPS_MAX else None


def further_back(words: Sequence[str], i: int) -> tuple[int, Relative] | None:
    if words[i] not in OPENS_FURTHER_BACK:
        return None
    found = _FURTHER_BACK.match(" ".join(words[i : i + 7]) + " ")
    if found is None:
        return None
    steps = -1 if found["way"] in {None, "back"} else 1
    return i + len(found[0].split()), Relative(Unit(found["a"] or found["b"]), steps)
