"""The words of time, and reading numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

Phrases = Mapping[str, Sequence[tuple[str, ...]]]
"""Phrases by their first word, the longest first."""


def by_first_word(phrases: Iterable[tuple[str, ...]]) -> Phrases:
    found: dict[str, list[tuple[str, ...]]] = {}
    for phrase in sorted(phrases, key=len, reverse=True):
        found.setdefault(phrase[0], []).append(phrase)
    return found


UNITS: Final[Mapping[str, str]] = {
    name + plural: unit
    for unit, names in {"hour": ["hour"], "day": ["day", "night"], "week": ["week"], "month": ["month"],
                        "year": ["year"]}.items()
    for name in names
    for plural in ("", "s")
}  # fmt: skip
_MONTH_NAMES: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
MONTHS: Final[Mapping[str, int]] = {
    **{name: number for number, name in enumerate(_MONTH_NAMES, 1)},
    **{name[:3]: number for number, name in enumerate(_MONTH_NAMES, 1)},
    "sept": 9,
}
_WEEKDAY_NAMES: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WEEKDAYS: Final[Mapping[str, int]] = {
    **{name: number for number, name in enumerate(_WEEKDAY_NAMES)},
    **{name[:3]: number for number, name in enumerate(_WEEKDAY_NAMES) if name[:3] not in {"sun", "sat", "wed"}},
    "tues": 1, "weds": 2, "thur": 3, "thurs": 3,
}  # fmt: skip
SEASONS: Final[Mapping[str, int]] = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
"""First month."""
QUARTERS: Final[Mapping[str, int]] = {"q1": 1, "q2": 2, "q3": 3, "q4": 4}
THIRDS: Final[Mapping[str, int]] = {"early": 0, "beginning": 0, "start": 0, "mid": 1, "middle": 1, "late": 2, "end": 2}
HOLIDAYS: Final[Mapping[tuple[str, ...], tuple[int, int]]] = {
    ("christmas", "eve"): (12, 24), ("christmas", "day"): (12, 25), ("christmas",): (12, 25), ("xmas", "eve"): (12, 24),
    ("xmas", "day"): (12, 25), ("xmas",): (12, 25),
    ("boxing", "day"): (12, 26), ("new", "year", "eve"): (12, 31), ("new", "years", "eve"): (12, 31),
    ("new", "year", "day"): (1, 1), ("new", "years", "day"): (1, 1), ("new", "year"): (1, 1), ("new", "years"): (1, 1),
    ("valentine", "day"): (2, 14), ("valentines", "day"): (2, 14), ("valentine",): (2, 14), ("valentines",): (2, 14),
    ("hogmanay",): (12, 31), ("leap", "day"): (2, 29),
    ("halloween",): (10, 31), ("bonfire", "night"): (11, 5), ("guy", "fawkes", "night"): (11, 5),
    ("st", "patrick", "day"): (3, 17), ("st", "patricks", "day"): (3, 17), ("independence", "day"): (7, 4),
    ("v", "day"): (2, 14), ("may", "day"): (5, 1), ("burns", "night"): (1, 25),
    ("st", "georges", "day"): (4, 23), ("st", "george", "day"): (4, 23), ("st", "davids", "day"): (3, 1),
    ("st", "andrews", "day"): (11, 30), ("st", "stephens", "day"): (12, 26), ("twelfth", "night"): (1, 5),
    ("remembrance", "day"): (11, 11), ("armistice", "day"): (11, 11), ("all", "saints", "day"): (11, 1),
    ("april", "fools", "day"): (4, 1), ("april", "fool", "day"): (4, 1),
}  # fmt: skip
"""Longer names first."""
FEASTS: Final[Mapping[tuple[str, ...], int]] = {
    ("palm", "sunday"): -7, ("mothering", "sunday"): -21, ("pancake", "day"): -47, ("shrove", "tuesday"): -47,
    ("ash", "wednesday"): -46, ("maundy", "thursday"): -3, ("good", "friday"): -2, ("ascension", "day"): 39,
    ("mothers", "day"): -21, ("mother", "day"): -21, ("whitsun",): 49, ("whitsunday",): 49, ("pentecost",): 49,
}  # fmt: skip
"""Days after Easter Sunday."""
NEAR_DAYS: Final[Mapping[tuple[str, ...], int]] = {
    ("today",): 0, ("todays",): 0, ("yesterdays",): 1,
    ("tonight",): 0, ("yesterday",): 1, ("last", "night"): 1, ("last", "evening"): 1,
    ("day", "before", "yesterday"): 2, ("night", "before", "last"): 2,
}  # fmt: skip
"""Days before today."""
DAY_PARTS: Final = frozenset({"morning", "afternoon", "evening", "night", "lunchtime", "noon", "midday", "midnight"})
PREPOSITIONS: Final = frozenset(
    {"in", "on", "at", "during", "over", "within", "for", "from", "throughout", "of", "through", "across", "around"}
)
LATELY: Final = (
    ("lately",),
    ("as", "of", "late"),
    ("recently",),
    ("of", "late"),
    ("these", "days"),
    ("in", "recent", "times"),
)
ALL_TIME_PHRASES: Final = tuple(
    tuple(phrase.split())
    for phrase in (
        "ever",
        "overall",
        "in total",
        "all time",
        "of all time",
        "altogether",
        "in all",
        "all in all",
        "to date",
        "so far",
        "of all",
        "at any time",
        "whole history",
        "entire history",
        "since the beginning",
        "since records began",
        "from the beginning",
        "from the very beginning",
        "since the very beginning",
        "since the start",
        "all dates",
        "any date",
        "any time",
        "no date limit",
        "without the dates",
        "without dates",
        "regardless of date",
        "regardless of when",
        *(
            f"{verb} the {dates}"
            for verb in (
                "ignore",
                "forget",
                "never mind",
                "lose",
                "scrap",
                "clear",
                "remove",
                "take off",
                "regardless of",
            )
            for dates in ("date", "dates")
        ),
        "without the date",
        "whatever the date",
        "in any month",
        "in any year",
        "remove the date filter",
        "drop the dates",
        "drop the date",
        "no matter when",
        "all year round",
        "all my records",
        "across the board",
        "since forever",
        "throughout",
        "from day one",
        "since day one",
        "whole diary",
        "entire diary",
        "whole record",
        "entire record",
        "all told",
        "on record",
    )
)
AMOUNT_WORDS: Final[Mapping[str, int]] = {"couple": 2, "few": 3, "several": 3, "dozen": 12, "a": 1, "an": 1}

_NUMBERS: Final[Mapping[str, int]] = {
    word: number
    for number, word in enumerate(
        (
            "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
            "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
        )
    )
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90}  # fmt: skip
ORDINALS: Final[Mapping[str, int]] = {
    word: number
    for number, word in enumerate(
        (
            "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
            "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth",
            "twentieth",
        ),
        1,
    )
} | {"thirtieth": 30}  # fmt: skip
_NUMBER_DIGITS_MAX: Final = 4
_DAYS_MAX: Final = 31


def whole_number(word: str) -> int | None:
    """Return the number that ``word`` says in digits (at most four) or letters."""
    if word.isascii() and word.isdigit() and len(word) <= _NUMBER_DIGITS_MAX:
        return int(word)
    return _NUMBERS.get(word)


def day_number(word: str) -> int | None:
    """Return the day of a month: "5", "5th", "fifth"."""
    digits = word[:-2] if word[-2:] in {"st", "nd", "rd", "th"} else word
    day = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 2 else ORDINALS.get(word)  # noqa: PLR2004
    return day if day and day <= _DAYS_MAX else None


def year_number(word: str) -> int | None:
    """Return the year between 1950 and 2099 that ``word`` says."""
    return int(word) if len(word) == 4 and word.isascii() and word.isdigit() and "1950" <= word <= "2099" else None  # noqa: PLR2004


def phrase_at(words: Sequence[str], i: int, phrases: Phrases) -> int:
    """Return how many words the longest of ``phrases`` takes at ``i``, 0 where none stands."""
    may_be = phrases.get(words[i], ()) if i < len(words) else ()
    return next((len(phrase) for phrase in may_be if tuple(words[i : i + len(phrase)]) == phrase), 0)
