"""Reading one message: what it says by itself, before what was said earlier is looked at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final

from gateway.apps.health.chat.frame import Intent
from gateway.apps.health.chat.intent import (
    cue_of,
    cue_words,
    is_greeting,
    is_help,
    is_out_of_scope,
    is_statement,
    ordinary_words,
    protected_words,
    unexplained,
)  # fmt: skip
from gateway.apps.health.chat.normalise import repair, stem, words_of
from gateway.apps.health.chat.safety import is_emergency
from gateway.apps.health.chat.severity import SEVERITY, find_adjective, find_numeric
from gateway.apps.health.chat.symptoms import SYMPTOM, Lexicon, Mention
from gateway.apps.health.chat.time_expressions import TIME, Times, find_times
from gateway.apps.health.chat.time_words import MONTHS, SEASONS, UNITS, WEEKDAYS

_TIME_VOCABULARY: Final = (
    *(word for word in (*MONTHS, *UNITS, *WEEKDAYS, *SEASONS) if len(word) > 3),  # noqa: PLR2004 - "may", "fri"
    "yesterday", "fortnight", "weekend", "morning", "evening", "christmas", "easter", "recently", "today", "tonight",
)  # fmt: skip
_CARRY: Final = re.compile(
    r"\b(and|too|also|as well|what about|how about|it|that|those|ones?|them|then|same|these|this|instead|else|again"
    r"|versus)\b"
)
_CARRY_STARTS: Final = re.compile(r"^(but|or|no|only|just|not|oops|actually|sorry|make|i meant|instead|except|so)\b")
_ELSE: Final = re.compile(r"\b(else|other (symptoms?|things|entries)|all (my )?symptoms|any symptoms?|everything)\b")
_RECORDS: Final = re.compile(r"\b(symptoms?|entr(y|ies)|records?|diary|log(ged)?|recorded|noted)\b")
"""What names the records; then one word more may be unknown: "symptoms on my birthday, 3 March"."""
_IT: Final = re.compile(r"\b(it|that|this one|that one|them|those|then)\b")


@dataclass(frozen=True, slots=True)
class Turn:
    """The slots of one message. None and empty: not mentioned.

    ``cue`` is the intent that the words say, also where the whole is out of scope; ``unexplained`` are words that no
    step knows.
    """

    intent: Intent | None
    symptoms: tuple[str, ...]
    times: Times
    min_severity: int | None = None
    excluded: tuple[str, ...] = ()
    carries: bool = False
    names_all_symptoms: bool = False
    refers_back: bool = False
    cue: Intent | None = None
    unexplained: tuple[str, ...] = ()


def read_turn(message: str, now: datetime, lexicon: Lexicon) -> Turn:
    """Return what ``message`` says; ``now`` is the person's local time."""
    typed = words_of(message)
    words = _repaired(typed, lexicon)
    if is_emergency(typed) or is_emergency(words):
        return _social(Intent.EMERGENCY)
    min_severity, words = find_numeric(words)
    times = find_times(words, now)
    mentions = lexicon.find(times.words)
    skeleton = _skeleton(times.words, mentions)
    adjective, skeleton = find_adjective(skeleton)
    min_severity = adjective if min_severity is None else min_severity
    said = bool(mentions or times.periods or times.relative or times.is_all_time or min_severity is not None)
    if is_greeting(skeleton) and not mentions:
        return _social(Intent.GREETING)
    if is_help(skeleton):
        return _social(Intent.HELP)
    if is_out_of_scope(skeleton):
        return _social(Intent.OUT_OF_SCOPE)
    cue = cue_of(skeleton)
    excluded = _excluded(skeleton, mentions)
    unknown = tuple(unexplained(skeleton))
    is_about_nothing = not mentions and len(unknown) > (_RECORDS.search(skeleton) is not None)
    if is_about_nothing or (cue is None and (not said or is_statement(skeleton))) or _is_told(cue, skeleton):
        return Turn(Intent.OUT_OF_SCOPE, (), times, min_severity, cue=cue, unexplained=unknown)
    return Turn(
        intent=cue,
        symptoms=tuple(dict.fromkeys(m.concept for m in mentions if m.concept not in excluded)),
        times=times,
        min_severity=min_severity,
        excluded=excluded,
        carries=_CARRY.search(_without_joining_and(skeleton)) is not None or _CARRY_STARTS.match(skeleton) is not None,
        names_all_symptoms=not mentions and _ELSE.search(skeleton) is not None,
        refers_back=_IT.search(skeleton) is not None,
        cue=cue,
        unexplained=unknown,
    )


def _is_told(cue: Intent | None, skeleton: str) -> bool:
    """Tell a statement that holds a word of a question by chance: "I had the worst headache yesterday"."""
    return cue is not Intent.COMPARE and "?" not in skeleton and is_statement(skeleton)


def _social(intent: Intent) -> Turn:
    return Turn(intent, (), Times(()))


def _skeleton(words: Sequence[str], mentions: Sequence[Mention]) -> str:
    parts: list[str] = []
    i = 0
    for mention in mentions:
        if mention.start < i:
            continue
        parts += words[i : mention.start]
        parts.append(SYMPTOM)
        i = mention.end
    parts += words[i:]
    return " ".join(parts)


def _excluded(skeleton: str, mentions: Sequence[Mention]) -> tuple[str, ...]:
    """Return the symptoms that "not" stands before: "not bloated, constipated"."""
    excluded = []
    before = skeleton.split(SYMPTOM)
    for mention, text in zip(mentions, before, strict=False):
        if re.search(r"(^|\b)(not|except|excluding|no i (did not )?mean) ((the|my|for) )?$", text):
            excluded.append(mention.concept)
    return tuple(excluded)


def _without_joining_and(skeleton: str) -> str:
    """Return the skeleton without the "and" between two symptoms or two times, which carries nothing on."""
    joined = re.sub(rf"({SYMPTOM}|{TIME}|{SEVERITY}) and (my |the )?(?={SYMPTOM}|{TIME})", r"\1 ", skeleton)
    return re.sub(r"\b(was|is|were|are) (there|it)\b|\b(that|which) (i|were|was|are|is|scored?|rated?)\b", " ", joined)


def _repaired(words: Sequence[str], lexicon: Lexicon) -> list[str]:
    targets, whole, stems = _ordinary_vocabulary()

    def is_known(word: str) -> bool:
        if word in whole or word in lexicon.words:
            return True
        root = stem(word)  # a word that is no more than a stem has lost its end: "befor"
        return root != word and (root in stems or root in lexicon.stems)

    return repair(words, is_known=is_known, targets=(*targets, *lexicon.vocabulary))


@cache
def _ordinary_vocabulary() -> tuple[tuple[str, ...], frozenset[str], frozenset[str]]:
    """Return what a misspelt word may have been, besides symptoms; the words that are left alone, and their stems."""
    targets = {*_TIME_VOCABULARY, *(word for word in ordinary_words() if len(word) > 3)}  # noqa: PLR2004
    known = {*targets, *ordinary_words(), *cue_words(), *protected_words(), *MONTHS, *WEEKDAYS}
    return tuple(sorted(targets)), frozenset(known), frozenset(map(stem, known))
