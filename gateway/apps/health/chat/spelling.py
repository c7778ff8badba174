"""Typing errors repaired: one slip, then words written as they sound ("weezing") or without their vowels ("hdache")."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

_REPAIRS_MAX: Final = 8
"""A text with more unknown words is not a misspelt question, and repairing is the slow step."""
_TWO_ERRORS_FROM: Final = 8
"""Letters from which a word may hold two errors."""
_REPAIR_FROM: Final = 3
_REPAIR_UP_TO: Final = 20
_NEAR_MAX: Final = 20
"""Of targets equally near, so many are weighed."""
_SOUND_FROM: Final = 4
_CONSONANTS_MIN: Final = 3
"""Fewer say too little of a word whose vowels are left out."""

_SOUNDS: Final = tuple(
    (re.compile(written), heard)
    for written, heard in {
        r"[ao]u?gh(?=s?$|ing)": "of",
        r"e?igh": "i",
        r"ph": "f",
        r"(?<=[rw])h|^(?:k(?=n)|w(?=r)|p(?=s))": "",
        r"[tsc]ion|shun": "shn",
        r"c(?=[eiy])|z": "s",
        r"x": "ks",
        r"ch(?=r|e?s?$)|ck|c(?!h)|q": "k",
        r"(.)\1+": r"\1",
        r"(?<=.)e?s?$": "",
        r"[aeiouy]+": "a",
    }.items()
)
"""How letters sound, in the order in which they are replaced."""
_REMEMBERED: Final = 8192
"""Words whose sound is kept; the vocabulary is smaller."""

Index = Mapping[str, tuple[str, ...]]


@lru_cache(_REMEMBERED)
def sound(word: str) -> str:
    """Return roughly how ``word`` sounds, all vowels alike: the same for "diarea" and "diarrhea"."""
    for written, heard in _SOUNDS:
        word = written.sub(heard, word)
    return word


def index(words: Iterable[str]) -> Index:
    """Return ``words`` by their sound, and by the consonants of it where those are enough."""
    found: dict[str, list[str]] = {}
    for word in words:
        if len(word) >= _SOUND_FROM:
            heard = sound(word)
            found.setdefault(heard, []).append(word)
            if (bones := _consonants(heard)) and bones != heard:
                found.setdefault(bones, []).append(word)
    return {key: tuple(named) for key, named in found.items()}


def repair(
    words: Sequence[str], *, is_known: Callable[[str], bool], targets: Sequence[str], by_sound: Sequence[Index] = ()
) -> list[str]:
    """Return the words, each unknown one replaced by the nearest target if it is near enough.

    One slip (a letter more, less, other, or two swapped) is forgiven, two from eight letters on; else the word must
    sound like a target (``by_sound`` has them). Known words stay. Of targets equally near, the first.
    """
    repaired: list[str] = []
    left = _REPAIRS_MAX
    for word in words:
        if not _REPAIR_FROM <= len(word) <= _REPAIR_UP_TO or not word.isalpha() or is_known(word) or not left:
            repaired.append(word)
            continue
        if word.endswith("in") and is_known(word + "g"):  # "coughin"
            repaired.append(word + "g")
            continue
        left -= 1
        slips = 2 if len(word) >= _TWO_ERRORS_FROM else 1
        near = process.extract(word, targets, scorer=OSA.distance, score_cutoff=slips, limit=_NEAR_MAX)
        if near:
            repaired.append(min(near, key=lambda hit: (*_unlikeness(word, hit[0]), hit[2]))[0])
        else:
            repaired.append(_heard(word, by_sound) or word)
    return repaired


def rivals(word: str, chosen: str, targets: Sequence[str]) -> list[str]:
    """Return what ``word``, repaired to ``chosen``, may as well have been: as near, and as much or little alike."""
    *likeness, _ = _unlikeness(word, chosen)
    slips = OSA.distance(word, chosen)
    near = process.extract(word, targets, scorer=OSA.distance, score_cutoff=slips, limit=_NEAR_MAX)
    return [other for other, _, _ in near if other != chosen and list(_unlikeness(word, other)[:-1]) == likeness]


def _unlikeness(word: str, target: str) -> tuple[float, bool, bool, bool]:
    """Order targets: fewest slips, then the same sound, two swapped letters, the same first letter, seldom wrong."""
    return (
        OSA.distance(word, target),
        sound(word) != sound(target),
        sorted(word) != sorted(target),
        word[0] != target[0],
    )


def _heard(word: str, by_sound: Sequence[Index]) -> str | None:
    """Return the word nearest to ``word`` of those that sound like it, or that have no other consonants."""
    if len(word) < _SOUND_FROM:
        return None
    heard = sound(word)
    furthest = len(word) // 2 + 1
    alike = [other for each in by_sound for other in each.get(heard, ())]
    if not alike and (bones := _consonants(heard)):
        furthest = len(word) // 3 + 1
        alike = [other for each in by_sound for other in each.get(bones, ()) if other[0] == word[0]]
    near = [(OSA.distance(word, other), other) for other in alike]
    return min((hit for hit in near if hit[0] <= furthest), key=lambda hit: hit[0], default=(0, None))[1]


def _consonants(heard: str) -> str:
    """Return ``heard`` without vowels but the first, or nothing where that says too little."""
    bones = heard[:1] + heard[1:].replace("a", "")
    return bones if len(bones) >= _CONSONANTS_MIN else ""
