"""Red flags first: whether somebody is in danger now. Needs nothing but the text; the cues are in red_flags.toml.

One sign of danger may be many things; two together, or one that is happening, or one of somebody who cannot ask for
themselves, are an emergency, and some are one alone. A question about the records ("how often did I have chest pain in
May") is none, nor is what is over, nor a way of speaking ("this headache is killing me"). Whoever speaks of self-harm
always gets the number.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from typing import Final

from bridge.contracts.operation import Model
from gateway.apps.health.chat.clauses import sentences
from gateway.apps.health.chat.normalise import words_of
from gateway.apps.health.chat.patterns import FOLDER, any_of

_ENOUGH: Final = 2
"""Signs that are an emergency together. One of somebody else, or one that is happening, counts twice."""


class _Context(Model):
    now: tuple[str, ...]
    other: tuple[str, ...]
    asks: tuple[str, ...]
    past: tuple[str, ...]
    over: tuple[str, ...]
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
_NOW: Final = any_of(_FLAGS.context.now)
_OTHER: Final = any_of(_FLAGS.context.other)
_ASKS: Final = any_of(_FLAGS.context.asks)
_PAST: Final = any_of(_FLAGS.context.past)
_OVER: Final = any_of(_FLAGS.context.over)
_IDIOM: Final = any_of(_FLAGS.context.idiom)


def flag_words() -> frozenset[str]:
    """Return the words that the cues look for, which are right as they are and may be misspelt."""
    cues = (
        *_FLAGS.self_harm,
        *_FLAGS.danger,
        *(cue for sign in (*_FLAGS.signs.values(), *_FLAGS.mild.values()) for cue in sign),
    )
    return frozenset(word for cue in cues for word in re.findall(r"(?<![a-z\\])[a-z]{5,}(?![a-z\\*])", cue))


def is_emergency(message: str) -> bool:
    """Tell whether ``message`` says that somebody is in danger now, or of self-harm."""
    return says_danger([words_of(sentence) for sentence in sentences(message)])


def says_danger(spoken: Iterable[Sequence[str]]) -> bool:
    """Tell the same of sentences, each as its words (see ``normalise.words_of``)."""
    texts = [_IDIOM.sub(" ", " ".join(words)) for words in spoken]
    if any(_SELF_HARM.search(text) for text in texts):
        return True
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


def _is_told_of_now(text: str, *, is_now: bool) -> bool:
    if is_now:
        return _OVER.search(text) is None
    is_asked = _ASKS.search(text) is not None and _OTHER.search(text) is None
    return not is_asked and _PAST.search(text) is None and _OVER.search(text) is None
