"""Typing errors repaired: one slip, then words written as they sound ("weezing") or without their vowels ("hdache")."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

LOOKUPS_MAX: Final = 24
"""Words of one message that are looked up: one with more unknown ones is no misspelt question, and this is slow."""
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
        r"tch": "ch",
        r"(?<=[aeiou][aeiou])h(?![aeiouy])": "",
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

Index = Mapping[str, tuple[str, ...]]


def sound(word: str) -> str:
    """Return roughly how ``word`` sounds, all vowels alike: the same for "diarea" and "diarrhea"."""
    for written, heard in _SOUNDS:
        word = written.sub(heard, word)
    return word


class Targets:
    """Words that a misspelt one may have been, by their length and by their sound."""

    def __init__(self, words: Iterable[str]) -> None:
        self.words = frozenset(words)
        of_length: defaultdict[int, list[str]] = defaultdict(list)
        heard: defaultdict[str, list[str]] = defaultdict(list)
        for word in sorted(self.words):
            of_length[len(word)].append(word)
            for key in _keys(word):
                heard[key].append(word)
        self._of_length = {length: tuple(found) for length, found in of_length.items()}
        self.by_sound: Index = {key: tuple(found) for key, found in heard.items()}

    def near(self, word: str, slips: int) -> list[str]:
        """Return, by the alphabet, the nearest twenty that are up to ``slips`` slips away."""
        lengths = range(len(word) - slips, len(word) + slips + 1)
        words = tuple(chain.from_iterable(self._of_length.get(length, ()) for length in lengths))
        hits = process.extract(word, words, scorer=OSA.distance, score_cutoff=slips, limit=_NEAR_MAX)
        return sorted(near for near, _, _ in hits)


class Speller:
    """Repairs the words of one message: each is looked up once, and at most ``lookups_max`` of them are.

    ``targets`` are those of everybody; the words of somebody's own records come with each call.
    """

    def __init__(self, *targets: Targets, lookups_max: int = LOOKUPS_MAX) -> None:
        self._targets = targets
        self._near: dict[str, list[str]] = {}
        self._repaired: dict[tuple[str, bool], str] = {}
        self.lookups_left = lookups_max

    def repaired(self, words: Iterable[str], is_known: Callable[[str], bool], own: Targets | None = None) -> list[str]:
        """Return the words, each unknown one replaced by the nearest target if it is near enough.

        One slip (a letter more, less, other, or two swapped) is forgiven, two from eight letters on; else the word must
        sound like a target. Known words stay. Of targets equally near, the first.
        """
        return [word if _is_no_error(word) or is_known(word) else self._meant(word, is_known, own) for word in words]

    def rivals(self, word: str, chosen: str, own: Targets | None = None) -> list[str]:
        """Return what ``word``, repaired to ``chosen``, may as well have been: as near, and as much or little alike."""
        nearest = _nearest(word, self._targets_near(word, own))
        likeness = _unlikeness(word, chosen)
        return [other for other in dict.fromkeys(nearest) if other != chosen and _unlikeness(word, other) == likeness]

    def _meant(self, word: str, is_known: Callable[[str], bool], own: Targets | None) -> str:
        if word.endswith("in") and is_known(word + "g"):  # "coughin"
            return word + "g"
        key = word, own is not None
        if key not in self._repaired:
            if word not in self._near and not self.lookups_left:
                return word
            near = _nearest(word, self._targets_near(word, own))
            indices = [each.by_sound for each in (*([own] if own else ()), *reversed(self._targets))]
            meant = min(near, key=lambda other: (*_unlikeness(word, other), word[0] != other[0])) if near else None
            self._repaired[key] = meant or _heard(word, indices) or word
        return self._repaired[key]

    def _targets_near(self, word: str, own: Targets | None) -> list[str]:
        slips = 2 if len(word) >= _TWO_ERRORS_FROM else 1
        if word not in self._near:
            self.lookups_left -= 1
            self._near[word] = [near for targets in self._targets for near in targets.near(word, slips)]
        return [*self._near[word], *(own.near(word, slips) if own else ())]


def _nearest(word: str, targets: Sequence[str]) -> list[str]:
    distances = [OSA.distance(word, target) for target in targets]
    least = min(distances, default=0)
    return [target for target, distance in zip(targets, distances, strict=True) if distance == least]


def _is_no_error(word: str) -> bool:
    return not _REPAIR_FROM <= len(word) <= _REPAIR_UP_TO or not word.isalpha()


def _keys(word: str) -> Sequence[str]:
    """Return what ``word`` is found by when it is misspelt: its sound, and the consonants of it if they are enough."""
    if len(word) < _SOUND_FROM:
        return ()
    heard = sound(word)
    bones = _consonants(heard)
    return (heard, bones) if bones and bones != heard else (heard,)


def _unlikeness(word: str, target: str) -> tuple[bool, bool]:
    """Order targets that are equally near: two swapped letters, then the same sound."""
    return sorted(word) != sorted(target), sound(word) != sound(target)


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
