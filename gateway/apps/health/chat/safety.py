"""Red flags first: whether somebody is in danger now. Needs nothing but the text; the cues are in red_flags.toml.

One sign of danger may be many things; two together, or one that is happening, or one of somebody who cannot ask for
themselves, are an emergency, and some are one alone. A question about the records ("how often did I have chest pain in
May") is none, nor is what is over, nor a way of speaking ("this headache is killing me"). Whoever speaks of self-harm
always gets the number.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from bridge.contracts.operation import Model
from gateway.apps.health.chat.patterns import FOLDER, any_of

_ENOUGH: Final = 2
"""Signs that are an emergency together. One of somebody else, or one that is happening, counts twice."""


class _Context(Model):
    now: tuple[str, ...]
    other: tuple[str, ...]
    asks: tuple[str, ...]
    past: tuple[str, ...]
    over: tuple[str, ...]
    well: tuple[str, ...]
    idiom: tuple[str, ...]


class _Flags(Model):
    self_harm: tuple[str, ...]
    danger: tuple[str, ...]
    signs: dict[str, tuple[str, ...]]
    mild: dict[str, tuple[str, ...]]
    context: _Context


_FLAGS: Final = _Flags.model_validate(tomllib.loads((FOLDER / "red_flags.toml").read_text("utf-8")))
_SELF_HARM: Final = any_of(_FLAGS.self_harm)
_DANGER: Final = any_of(_FLAGS.danger)
_SIGNS: Final = tuple(any_of(sign) for sign in _FLAGS.signs.values())
_MILD: Final = tuple(any_of(sign) for sign in _FLAGS.mild.values())
_BEFORE: Final = 7
_BEHIND: Final = 7
"""Words around a sign of danger that tell of it."""
_PASSAGES_MAX: Final = 3
"""Signs of danger at either end of a text that are looked at by themselves."""
_NOW: Final = any_of(_FLAGS.context.now)
_OTHER: Final = any_of(_FLAGS.context.other)
_ASKS: Final = any_of(_FLAGS.context.asks)
_PAST: Final = any_of(_FLAGS.context.past)
_OVER: Final = any_of(_FLAGS.context.over)
_WELL: Final = any_of(_FLAGS.context.well)
_TURNS: Final = re.compile(
    r"\b(but|then|until|now|not|no|never(?! felt)|after|except|though|suddenly|since|however|yet|he|she|they|him|her"
    r"|his|goodbye|bye)\b"
)
"""What takes back, or goes on to tell, that one is well."""
_IDIOM: Final = any_of(_FLAGS.context.idiom)


def flag_words() -> frozenset[str]:
    """Return the words that the cues look for, which are right as they are and may be misspelt."""
    cues = (
        *_FLAGS.self_harm,
        *_FLAGS.danger,
        *(cue for sign in (*_FLAGS.signs.values(), *_FLAGS.mild.values()) for cue in sign),
    )
    return frozenset(word for cue in cues for word in re.findall(r"(?<![a-z\\])[a-z]{5,}(?![a-z\\*])", cue))


def says_self_harm(spoken: Iterable[Sequence[str]]) -> bool:
    """Tell whether sentences, each as its words (see ``normalise.words_of``), speak of self-harm."""
    return any(_SELF_HARM.search(text) for text in _meant(spoken))


def says_danger(spoken: Iterable[Sequence[str]]) -> bool:
    """Tell whether sentences say that somebody is in danger now."""
    texts = _meant(spoken)
    is_now = any(_NOW.search(text) for text in texts)
    told = " ".join(text for text in texts if _is_told_of_now(text, is_now=is_now))
    if _DANGER.search(told):
        return True
    signs = sum(1 for sign in _SIGNS if sign.search(told))
    mild = sum(1 for sign in _MILD if sign.search(told))
    if not signs + mild:
        return False
    is_of_another = bool(signs) and _OTHER.search(told) is not None
    return signs + mild + (_NOW.search(told) is not None) + is_of_another >= _ENOUGH


def says_well(words: Sequence[str]) -> bool:
    """Tell one who says to be well, and nothing that goes against it: "slept like a baby and feel wonderful"."""
    text = " ".join(words)
    return _WELL.search(text) is not None and _TURNS.search(text) is None and not says_danger([words])


def passages(spoken: Iterable[Sequence[str]]) -> Iterator[list[str]]:
    """Yield what stands around the first and the last signs of danger: up to the sign, and what goes on behind it."""
    signs: list[tuple[list[str], int, int]] = []
    for text in _meant(spoken):
        words = text.split()
        bare = " ".join(words)
        spans = sorted(found.span() for sign in (_DANGER, *_SIGNS, *_MILD) for found in sign.finditer(bare))
        signs += [(words, bare.count(" ", 0, start), bare.count(" ", 0, end) + 1) for start, end in spans]
    for words, start, end in (*signs[:_PASSAGES_MAX], *signs[max(_PASSAGES_MAX, len(signs) - _PASSAGES_MAX) :]):
        yield words[max(0, start - _BEFORE) : min(end, start + _BEHIND)]
        yield words[max(0, start - _BEFORE) : start + _BEHIND]


def _meant(spoken: Iterable[Sequence[str]]) -> list[str]:
    """Return the sentences without their ways of speaking."""
    return [_IDIOM.sub(" ", " ".join(words)) for words in spoken]


def _is_told_of_now(text: str, *, is_now: bool) -> bool:
    if is_now:
        return _OVER.search(text) is None
    is_asked = _ASKS.search(text) is not None and _OTHER.search(text) is None
    return not is_asked and _PAST.search(text) is None and _OVER.search(text) is None
