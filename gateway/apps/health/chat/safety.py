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
    unreal: tuple[str, ...]
    done: tuple[str, ...]
    goes_on: tuple[str, ...]
    idiom: tuple[str, ...]


class _Flags(Model):
    self_harm: tuple[str, ...]
    danger: tuple[str, ...]
    certain: tuple[str, ...]
    signs: dict[str, tuple[str, ...]]
    mild: dict[str, tuple[str, ...]]
    context: _Context


_FLAGS: Final = _Flags.model_validate(tomllib.loads((FOLDER / "red_flags.toml").read_text("utf-8")))
_SELF_HARM: Final = any_of(_FLAGS.self_harm)
_DANGER: Final = any_of(_FLAGS.danger)
_CERTAIN: Final = any_of(_FLAGS.certain)
_NAMED: Final = re.compile(
    r"\b(suicid\w*|self harm\w*|(?<!am )(?<!keep )hurting myself|(would jump|jumping) (out|off))\b"
)
"""What only names self-harm, and is none where it is denied or over."""
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
_UNREAL: Final = any_of(_FLAGS.context.unreal)
_DONE: Final = any_of(_FLAGS.context.done)
_GOES_ON: Final = any_of(_FLAGS.context.goes_on)
_SELF: Final = re.compile(
    r"\b(i|me|he|she|his|her|we|us|they|him|myself)\b|\bmy (\w+ (is|are|been|has|have)|left|right|whole"
    r"|husband|wife|partner|son|daughter|baby|friend|mate|mum|mom|dad|nan|gran|grandad|brother|sister|neighbour)\b"
)
_STATED: Final = re.compile(
    r"\b(i|we|he|she|they|it|baby|husband|wife|partner|son|daughter|friend|mate|mum|mom|dad|nan|gran|grandad|brother"
    r"|sister|lips|house|room|car)( \w+)? (am|is|are|has|have|gone|going|can not|will not|just|been|trapped)\b"
    r"(?<!when i am)(?<!reckons it is)(?<!thinks it is)"
    r"|\b(his|her) \w+ (is|are|has|have)\b|\bi (feel|think)\b|\bright now\b"
)
_PARTS_MAX: Final = 24
"""Parts behind what takes back that are looked at; of more nothing is."""
_PRESENT: Final = re.compile(r"\b(is|are|am|has|have|can not|will not|does not|now|just)\b")
_LINK: Final = re.compile(r" ?[,;:?!.]+ ?| ?\b(?:because|but|and|so|when|while)\b ")
_HAPPENING: Final = re.compile(
    r"\b(just now|right now|as we speak|it is been|minutes ago|it is happening|how do (?:i|we) stop)\b"
)
_PART: Final = re.compile(r" ?[,;:?!.]+ ?| \b(?:because|but)\b ")
_IDIOM: Final = any_of(_FLAGS.context.idiom)


def flag_words() -> frozenset[str]:
    """Return the words that the cues look for, which are right as they are and may be misspelt."""
    cues = (
        *_FLAGS.self_harm,
        *_FLAGS.danger,
        *(cue for sign in (*_FLAGS.signs.values(), *_FLAGS.mild.values()) for cue in sign),
    )
    return frozenset(word for cue in cues for word in re.findall(r"(?<![a-z\\])[a-z]{5,}(?![a-z\\*])", cue))


def says_self_harm(spoken: Iterable[Sequence[str]], *, is_over: bool = False) -> bool:
    """Tell whether sentences, each as its words (see ``normalise.words_of``), speak of self-harm.

    Where it ``is_over``, or of no person, naming it is none, and wanting it still is.
    """
    texts = _meant(spoken)
    return any(_SELF_HARM.search(_NAMED.sub(" ", text) if is_over else text) for text in texts)


def says_danger(spoken: Iterable[Sequence[str]]) -> bool:
    """Tell whether sentences say that somebody is in danger now."""
    texts = _meant(spoken)
    is_now = any(_NOW.search(text) for text in texts)
    told = " ".join(text for text in texts if _is_told_of_now(text, is_now=is_now))
    if not told:
        return False
    if _DANGER.search(told):
        return True
    signs = sum(1 for sign in _SIGNS if sign.search(told))
    mild = sum(1 for sign in _MILD if sign.search(told))
    if not signs + mild:
        return False
    is_of_another = bool(signs) and _OTHER.search(told) is not None
    return signs + mild + (_NOW.search(told) is not None) + is_of_another >= _ENOUGH


def says_certain_danger(spoken: Iterable[Sequence[str]]) -> bool:
    """Tell danger in so many words, whatever is asked beside it: "my lips are swelling", "he drank the bleach"."""
    return any(
        _CERTAIN.search(part) and (_HAPPENING.search(text) or _is_told_of_now(part, is_now=False))
        for text in _meant(words for words in spoken if _CERTAIN.search(" ".join(words)))
        for part in _parts(text)
    )


def _parts(text: str) -> Iterator[str]:
    """Yield the parts of ``text`` between its marks, and between the links of what asks for nothing."""
    for part in _PART.split(text):
        yield part
        if _ASKS.search(part) is None:
            yield from _LINK.split(part)
    if _ASKS.search(text) is None:
        yield text


def is_of_somebody(words: Sequence[str]) -> bool:
    """Tell what says who is in danger: "chest tightness" may name the record that is asked for."""
    text = " ".join(words)
    return _OTHER.search(text) is not None or _SELF.search(text) is not None


def tells_of_now(words: Sequence[str]) -> bool:
    """Tell what says of somebody that it is so: "pain in my chest" may name the record that is asked for behind it."""
    return _STATED.search(" ".join(words)) is not None


def is_made_up(spoken: Iterable[Sequence[str]]) -> bool:
    """Tell what is of a film, a joke, an animal or a machine, and goes on to tell of no danger."""
    return _is_taken_back(_UNREAL, spoken, is_present=True)


def is_done_with(spoken: Iterable[Sequence[str]]) -> bool:
    """Tell what is over, denied or small, and goes on to tell of no danger."""
    return _is_taken_back(_DONE, spoken, is_present=False)


def _is_taken_back(cue: re.Pattern[str], spoken: Iterable[Sequence[str]], *, is_present: bool) -> bool:
    """Tell what ``cue`` takes back: all before it and beside it, and behind it what says of nobody that it is now."""
    texts = _meant(spoken)
    last = next((at for at in reversed(range(len(texts))) if cue.search(texts[at])), None)
    if last is None or any(_GOES_ON.search(text) for text in texts):
        return False
    end = max(found.end() for found in cue.finditer(texts[last]))
    link = _LINK.search(texts[last], end)
    behind = [*([texts[last][link.end() :]] if link else []), *texts[last + 1 :]]
    parts = [part for text in behind for part in (text, *_LINK.split(text)) if part]
    return len(parts) <= _PARTS_MAX and not any(
        (not is_present or (_PRESENT.search(part) and is_of_somebody(part.split()))) and says_danger([part.split()])
        for part in parts
    )


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
