"""From what was typed to plain words: one case, one apostrophe, no contractions, and stems."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from typing import Final

from bridge.contracts.operation import Model
from gateway.apps.health.chat.meant_words import meant
from gateway.apps.health.chat.patterns import FOLDER
from gateway.apps.health.chat.time_words import ORDINALS, whole_number

_GROWS_MAX: Final = 2
"""Times its length that a text may get by one form for each letter: ligatures of whole phrases hold no English."""

_TOKEN: Final = re.compile(
    r"""\d{4}-\d\d(?:-\d\d)?(?!\d)          # 2026-03-05, 2026-03
    | \d{4}/\d\d?/\d\d?(?!\d)              # 2026/3/5
    | \d{1,2}[/.]\d{1,2}[/.]\d{2,4}(?!\d)   # 05/03/2026, 5.3.26
    | \d{1,2}-\d{1,2}-\d{4}(?!\d)          # 05-03-2026
    | \d{1,2}/\d{4}(?!\d)                   # 3/2026
    | \d{1,2}/\d{1,2}(?!\d)                 # 5/3, and 7/10
    | b4\b | 2(?:day|nite|night|moro|morow|morrow)\b | l8(?:ly|r|st)\b
    | \d+(?:st|nd|rd|th)\b
    | q[1-4]\b
    | \d+(?:\.\d+)?
    | w/[ocbe]\b
    | [^\W\d_]+(?:'[^\W\d_]+)*
    | [-?!,;:+&]""",
    re.VERBOSE,
)
_APOSTROPHES: Final = re.compile("[\u2018\u2019\u00b4`]")
_DASHES: Final = re.compile("[\u2013\u2014\u2212]")
_HYPHEN: Final = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")
_NAMED_DAY: Final = (
    r"(?:mon|tues?|wed|thu(?:rs?)?|fri|sat|sun|jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*"
)
_NAMED_SPAN: Final = re.compile(rf"\b({_NAMED_DAY})-({_NAMED_DAY})\b")  # "Mon-Thu", where the dash joins no word
_SHORT_YEAR: Final = re.compile(r"(?<=\s)'(?=\d\d(?!\w))")
_SCORES: Final = re.compile(r"(?:(?<=\b\d)|(?<=\b10))'?s\b")  # "only 8s and above"
_THAT_IS: Final = re.compile(r"\s?,?\s?(?:\bi\.\s?e\b\.?|(?<=[\s,(])ie(?=[\s,])),?")
_THAT_IS_FIRST: Final = re.compile(r"^\W*(?:i\.\s?e\b\.?|ie\b),?\s*(?=\w)")
"""What opens a sentence that says anew what the one before it asked adds nothing: "i.e. how many"."""
_MINUTES: Final = re.compile(r"(?<=\d)\s*mins?\b")  # elsewhere "min" is the least
_AT_LEAST: Final = re.compile(r"(>=|=>|\u2265)(?=\s*\d)")
_OVER: Final = re.compile(r">(?=\s*\d)")
_HOURS: Final = re.compile(r"(?<=\d)\s*(?:h|hrs?)\b(?!')")
_SHORT_UNITS: Final = re.compile(r"\b(last|past|prev|previous) (\d{1,3})\s?([dwmy])\b")  # "past 7d", "last 2w"
_SHORT_UNIT: Final = {"d": "days", "w": "weeks", "m": "months", "y": "years"}
_WEEKS: Final = re.compile(r"(?<![\d/])([1-9]\d?)/52(?![\d/])")  # "2/52", as nurses write weeks
_LAST_TWELFTHS: Final = re.compile(r"\b((?:last|past|for|over|in) )(\d\d?)/(7|12)(?![\d/])")  # "last 3/12" is months
_AND_VOMITING: Final = re.compile(r"\b([nd])\s?(?:[&+/]|and)\s?vs?\b")
_AND_VOMITING_OF: Final = {"n": "nausea and vomiting", "d": "diarrhea and vomiting"}
_OF_A_PART: Final = {"7": "days", "12": "months"}
_CAPITALS: Final = {
    "HA": "headache", "HAs": "headaches", "SOB": "shortness of breath", "SOBOE": "shortness of breath",
    "CP": "chest pain", "LOA": "loss of appetite", "LBP": "low back pain",
}  # fmt: skip
_IN_CAPITALS: Final = re.compile(rf"\b(?:{'|'.join(_CAPITALS)})\b")
"""Short for a symptom in capitals alone: "ha" is a laugh."""
_SHOUTS_FROM: Final = 16
"""Letters of a message all in capitals, of which none tells more than another."""
_DROPPED_H: Final = re.compile(r"(?<!\w)'(?=(?:ow|ead\w*|urt\w*|ave|eart\w*|ip|ips)\b)")  # "'ow many 'eadaches"
_IS: Final = frozenset({"what", "how", "it", "that", "where", "when", "who", "there", "here", "which", "he", "she"})
_ASKING: Final = frozenset({"when", "how", "where", "why", "what"})
"""Behind these, "'d" is "did": "when'd I last sleep"."""
_TENS: Final = {"twenty": 20, "thirty": 30}
_UNIT_ORDINALS: Final = {word: number for word, number in ORDINALS.items() if number < 10}  # noqa: PLR2004
_ENDINGS: Final = {"n't": "not", "'ve": "have", "'m": "am", "'re": "are", "'ll": "will", "'d": "would"}


_UNITS: Final = "one|two|three|four|five|six|seven|eight|nine"
_YEAR_IN_LETTERS: Final = re.compile(
    r"\b(?:two[ -]thousand(?: and)?|(?P<led>(?:in|since|of|until|before|after|[a-z]*(?:uary|ber|une|uly|rch|pril|may"
    r"|ust)|(?<!the )(?:first|second|third|[a-z]+th) ?,?) )twenty)[ -]"
    r"(?P<tens>twenty|thirty|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen"
    rf"|nineteen)(?:[ -](?P<unit>{_UNITS}))?\b"
)
_ORDINAL_IN_LETTERS: Final = rf"(?:(?:twenty|thirty)[ -])?(?:{'|'.join(ORDINALS)})"
_DAYS_IN_LETTERS: Final = re.compile(
    rf"\b(?P<led>(?:between|from) the )(?P<first>{_ORDINAL_IN_LETTERS})(?P<and> (?:and|to|until|till|through) the )"
    rf"(?P<last>{_ORDINAL_IN_LETTERS})"
    r"(?= ?$| ?[?!.,;]| (?:of|in|only|please|inclusive|instead|then|was|did|how|just|both|included)\b)"
)
"""Days of a month: "between the ninth and the twentieth only"."""
_NUMBER_IN_LETTERS: Final = re.compile(rf"\b(twenty|thirty|forty|fifty|sixty|ninety)[ -]({_UNITS})\b")


class _ShortForms(Model):
    fillers: tuple[str, ...]
    words: dict[str, str]


_SHORT_FORMS: Final = _ShortForms.model_validate(tomllib.loads((FOLDER / "short_forms.toml").read_text("utf-8")))
_FILLERS: Final = frozenset(_SHORT_FORMS.fillers)


def words_of(text: str) -> list[str]:
    """Return the words, numbers, dates and marks of ``text`` in order, lower case, contractions written out."""
    plain = unicodedata.normalize("NFKC", text)
    plain = plain if len(plain) <= _GROWS_MAX * len(text) else text
    if not plain.isupper() or len(plain) < _SHOUTS_FROM:
        plain = _IN_CAPITALS.sub(lambda found: _CAPITALS[found[0]], plain)
    plain = plain.casefold()
    plain = _DASHES.sub("-", _APOSTROPHES.sub("'", plain))
    plain = _DROPPED_H.sub("h", plain)
    plain = _SHORT_YEAR.sub("20", plain)
    plain = _SCORES.sub("", plain)
    if "ty" in plain or "thousand" in plain:
        plain = _NUMBER_IN_LETTERS.sub(_in_figures, _YEAR_IN_LETTERS.sub(_year_in_figures, plain))
    if "th" in plain:
        plain = _DAYS_IN_LETTERS.sub(_days_in_figures, plain)
    plain = _NAMED_SPAN.sub(r"\1 - \2", plain)
    plain = _THAT_IS_FIRST.sub("", plain)
    plain = _THAT_IS.sub(" , that is", plain) if "ie" in plain or "i." in plain else plain
    plain = _MINUTES.sub(" minutes", plain)
    plain = _HOURS.sub(" hours", plain)
    plain = _LAST_TWELFTHS.sub(lambda found: f"{found[1]}{found[2]} {_OF_A_PART[found[3]]}", plain)
    plain = _SHORT_UNITS.sub(lambda found: f"{found[1]} {found[2]} {_SHORT_UNIT[found[3]]}", plain)
    plain = _WEEKS.sub(r"\1 weeks", plain)
    plain = _AND_VOMITING.sub(lambda found: _AND_VOMITING_OF[found[1]], plain)
    words: list[str] = []
    for token in _TOKEN.findall(_HYPHEN.sub(" ", _OVER.sub(" over ", _AT_LEAST.sub(" at least ", plain)))):
        if token in _UNIT_ORDINALS and words and words[-1] in _TENS:  # "twenty-first"
            words[-1] = f"{_TENS[words[-1]] + _UNIT_ORDINALS[token]}th"
        elif token not in _FILLERS:
            words.extend(_written_out(token))
    return meant(words)


def _year_in_figures(said: re.Match[str]) -> str:
    return f"{said['led'] or ''}{2000 + (whole_number(said['tens']) or 0) + (whole_number(said['unit'] or '') or 0)}"


def _days_in_figures(said: re.Match[str]) -> str:
    first, last = (_day_in_figures(said[name]) for name in ("first", "last"))
    return f"{said['led']}{first}{said['and']}{last}"


def _day_in_figures(said: str) -> str:
    *tens, ordinal = re.split(r"[ -]", said)
    return f"{sum(_TENS[each] for each in tens) + ORDINALS[ordinal]}th"


def _in_figures(said: re.Match[str]) -> str:
    return str((whole_number(said[1]) or 0) + (whole_number(said[2]) or 0))


def _written_out(token: str) -> list[str]:
    whole = _SHORT_FORMS.words.get(token)
    if whole:
        return whole.split()
    if "'" not in token:
        return [token]
    for ending, word in _ENDINGS.items():
        if token.endswith(ending):
            led = token.removesuffix(ending)
            return [led, "did" if ending == "'d" and led in _ASKING else word]
    stem, _, rest = token.partition("'")
    if rest == "s":
        return [stem, "is"] if stem in _IS else [stem]
    return [stem + rest]


_SUFFIXES: Final = ("iness", "yness", "edness", "ness", "ies", "ied", "ing", "ier", "ed", "es", "s", "y", "e")
_SHORT: Final = frozenset({"s", "es", "ed"})
_NO_ENDINGS: Final = ("ss", "us", "eed")
_WHOLE: Final = frozenset(
    {
        "sleepy",
        "jumpy",
        "winded",
        "spine",
        "heaving",
        "heaved",
        "heave",
        "wipe",
        "wipes",
        "sleepiness",
        "chesty",
        "boiling",
        "shitty",
        "rage",
        "rings",
        "puffed",
        "puffing",
        "nerves",
        "faintness",
        "edges",
        "filling",
        "fillings",
        "conked",
        "gutted",
        "goosed",
        "bummed",
        "insides",
        "stuffed",
        "barfy",
        "bokey",
        "boaky",
        "spewy",
        "sorry",
    }
)
"""Tired, not "sleep"; nervous, no "jump"; breathless, not "wind"; no "spin"; sick, not "heavy"; tired is "wiped", not
"wipe"; and so on: words that mean something else than what is left of them without an ending."""
_STEM_MIN: Final = 3


def stem(word: str) -> str:
    """Return ``word`` without its ending, so that "itchy", "itching" and "itchiness" are one. Not a dictionary form."""
    if word in _WHOLE:
        return word
    for suffix in _SUFFIXES:
        root = word.removesuffix(suffix)
        if root == word or len(root) < _STEM_MIN or (suffix in _SHORT and word.endswith(_NO_ENDINGS)):
            continue
        is_doubled = len(root) > _STEM_MIN and root[-1] == root[-2] and root[-1] not in "ls"  # "runn", of "running"
        return root[:-1] if is_doubled else root
    return word
