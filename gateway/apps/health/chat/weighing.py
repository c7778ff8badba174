"""How likely each intent is, by the words of a message: what the rules decide is one voice, the words are the others.

A log-linear model (softmax regression): every word, pair of neighbours and part of a word that was told by people, in
``tests/understanding``, has a weight for each intent, and so has what the rules say. weights.tsv holds them, made by
``make weights``; the same message always weighs the same. The rules know what words mean and not how people put them;
where nearly all who spoke so meant something else, they are overruled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import repeat
from typing import Final

from gateway.apps.health.chat.frame import Intent
from gateway.apps.health.chat.patterns import FOLDER

WEIGHTS: Final = FOLDER / "weights.tsv"
INTENTS: Final = tuple(Intent)
SCALE: Final = 32
"""Steps of a weight to one unit of log-odds."""
STEPS_MAX: Final = 127
NEAR: Final = 1.0
"""Log-odds within which the two likeliest intents are too near to tell: docs/chat.md says how often that is so."""
_PLACE_BITS: Final = 20
"""What the sum of an intent's steps takes at most, of the 1,600 features that a message may have, and a sign."""
_PART: Final = 4
"""Letters of a part of a word, a blank at either end counted."""
_WORDS_MAX: Final = 80
"""Of a longer message the last ones count, where the question stands."""


def features(skeleton: str, words: Sequence[str]) -> Iterator[str]:
    """Yield what is weighed, some of it twice: of the text with its marks, then of the ``words`` that these hide.

    The first is the same for every message: how often each intent is wanted, whatever is said.
    """
    yield "*"
    marked = skeleton.split()[-_WORDS_MAX:]
    for word in dict.fromkeys(marked):
        yield word
        if word.isalpha():
            bounded = f"_{word}_"
            for i in range(len(bounded) - _PART + 1):
                yield "~" + bounded[i : i + _PART]
    for pair in zip(("^", *marked), (*marked, "$"), strict=True):
        yield " ".join(pair)
    for word in dict.fromkeys(words[-_WORDS_MAX:]):
        if word not in marked:
            yield "=" + word


def weigh(found: Iterable[str]) -> dict[Intent, float]:
    """Return the log-odds of each intent by the features ``found``, up to a constant that they share."""
    total = sum(map(_weights().get, set(found), repeat(0)))
    odds: dict[Intent, float] = {}
    half = 1 << _PLACE_BITS - 1
    for intent in INTENTS:
        steps = (total + half) % (2 * half) - half
        odds[intent] = steps / SCALE
        total = (total - steps) >> _PLACE_BITS
    return odds


def ahead(weighed: Mapping[Intent, float], intent: Intent) -> float:
    """Return by how much the likeliest intent is ahead of ``intent``."""
    return max(weighed.values()) - weighed[intent]


def likeliest(weighed: Mapping[Intent, float]) -> list[Intent]:
    return sorted(weighed, key=weighed.__getitem__, reverse=True)


@cache
def _weights() -> Mapping[str, int]:
    """Return for each feature the steps of all intents as one number, each at its place: one addition adds them all."""
    found: dict[str, int] = {}
    same: dict[int, int] = {}
    with WEIGHTS.open(encoding="utf-8") as lines:
        for line in lines:
            if not line.startswith("#"):
                feature, weights = line.split("\t")
                numbers = [int(number) for number in weights.split(" ")]
                packed = sum(
                    step << place * _PLACE_BITS for place, step in zip(numbers[::2], numbers[1::2], strict=True)
                )
                found[feature] = same.setdefault(packed, packed)
    return found
