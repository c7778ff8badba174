"""From what was typed to plain words: one case, one apostrophe, no contractions, and stems."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from typing import Final

from bridge.contracts.operation import Model
from gateway.apps.health.chat.patterns import FOLDER

_WORDS_MAX: Final = 120
"""A question has fewer; what follows is not looked at."""

_TOKEN: Final = re.compile(
    r"""\d{4}-\d\d(?:-\d\d)?(?!\d)          # 2026-03-05, 2026-03
    | \d{1,2}[/.]\d{1,2}[/.]\d{2,4}(?!\d)   # 05/03/2026, 5.3.26
    | \d{1,2}/\d{1,2}(?!\d)                 # 5/3, and 7/10
    | \d+(?:st|nd|rd|th)\b
    | q[1-4]\b
    | \d+(?:\.\d+)?
    | w/o\b
    | [^\W\d_]+(?:'[^\W\d_]+)*
    | [-?!,;:+&]""",
    re.VERBOSE,
)
_APOSTROPHES: Final = re.compile("[\u2018\u2019\u00b4`]")
_DASHES: Final = re.compile("[\u2013\u2014\u2212]")
_HYPHEN: Final = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")
_SHORT_YEAR: Final = re.compile(r"(?<=\s)'(\d\d)(?!\w)")
_SCORES: Final = re.compile(r"\b(10|\d)'?s\b")  # "only 8s and above"
_MINUTES: Final = re.compile(r"(?<=\d)\s*mins?\b")  # elsewhere "min" is the least
_AT_LEAST: Final = re.compile(r"(>=|=>|\u2265)(?=\s*\d)")
_OVER: Final = re.compile(r">(?=\s*\d)")
_IS: Final = frozenset({"what", "how", "it", "that", "where", "when", "who", "there", "here", "which", "he", "she"})
_ASKING: Final = frozenset({"when", "how", "where", "why", "what"})
"""Behind these, "'d" is "did": "when'd I last sleep"."""
_ENDINGS: Final = {"n't": "not", "'ve": "have", "'m": "am", "'re": "are", "'ll": "will", "'d": "would"}


class _ShortForms(Model):
    fillers: tuple[str, ...]
    words: dict[str, str]


_SHORT_FORMS: Final = _ShortForms.model_validate(tomllib.loads((FOLDER / "short_forms.toml").read_text("utf-8")))
_FILLERS: Final = frozenset(_SHORT_FORMS.fillers)


def words_of(text: str) -> list[str]:
    """Return the words, numbers, dates and marks of ``text`` in order, lower case, contractions written out."""
    plain = _DASHES.sub("-", _APOSTROPHES.sub("'", unicodedata.normalize("NFKC", text).casefold()))
    plain = _SHORT_YEAR.sub(r"20\1", plain)
    plain = _SCORES.sub(r"\1", plain)
    plain = _MINUTES.sub(" minutes", plain)
    words: list[str] = []
    for token in _TOKEN.findall(_HYPHEN.sub(" ", _OVER.sub(" over ", _AT_LEAST.sub(" at least ", plain)))):
        if token not in _FILLERS:
            words.extend(_written_out(token))
        if len(words) >= _WORDS_MAX:
            break
    return words


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
_WHOLE: Final = frozenset({"sleepy", "winded", "spine", "heaving", "heaved", "heave", "wipe", "wipes"})
"""Tired, not "sleep"; breathless, not "wind"; no "spin"; sick, not "heavy"; tired is
"wiped", not "wipe"."""
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
