"""Reading one clause: the slots that its words fill, and whether it asks, tells or greets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
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
    tells,
    unexplained,
    unframed,
)  # fmt: skip
from gateway.apps.health.chat.normalise import stem
from gateway.apps.health.chat.safety import flag_words
from gateway.apps.health.chat.severity import ANY_SEVERITY, SEVERITY, counts, find_adjective, find_numeric, says_at_most
from gateway.apps.health.chat.spelling import Index, index, repair
from gateway.apps.health.chat.symptoms import SYMPTOM, Lexicon, Mention
from gateway.apps.health.chat.time_expressions import TIME, WORDS_OF_TIME, Times, find_times
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
_RECORDS: Final = re.compile(
    r"\b(symptoms?|entr(y|ies)|records?|diary|journal|log(s|ged|ging)?|recorded|noted|ailments?|complaints?"
    r"|(bugg?|bother|ail|troubl|hurt|annoy|niggl|hassl|plagu|pester)(ing|ed)? me"
    r"|jotted|wrote|written|tracked|suffer\w*"
    r"|wrong with|anything wrong|health wise|unwell|ill|put (down|in|anything))\b"
)
"""What names the records; then two words more may be unknown: "symptoms on my birthday, 3 March"."""
_UNKNOWN_MAX: Final = 2
_TERSE_MAX: Final = 5
"""Words up to which a text without a verb of asking may be a question: "nose streaming this week"."""
_NOT: Final = re.compile(
    r"(^|\b)(not|except|excluding|never mind|hide|hiding|forget|without|leave out|minus|ignore|ignoring|skip|drop"
    r"|take out|apart( from)?|other than|bar|barring|besides|swap|switch|replace|excludes?|omit|omitting|instead( of)?"
    r"|rather than|(nothing|not) (about|for|on)|all but|everything but|anything but) "
    r"(?!(i|it|there|they|we)\b)"  # "was not I sick on Monday?"
    r"((the|my|for|any|in|from) )?(\w+ )?$"
)
_LEAVES_OUT: Final = re.compile(
    r"\b(except|excluding|without|leave out|minus|ignor(e|ing)|skip|drop|apart|other than|bar|barring|besides|excludes?"
    r"|omit|omitting|(all|everything|anything) but)\b[^,]*$"
)
"""Of these, a whole list may be the object: "except cough, rash and fever"."""
_JOINED: Final = re.compile(r" ?(,|,? ?(and|or|nor)) ((the|my|for|any) )?")
_CORRECTS: Final = re.compile(
    r"\b((actually )?make (it|that)|actually (i|no)|sorry"
    r"|i mean|i meant|no wait|wait|oops|correction|scratch that|make that|or rather|no no|actually no)\b"
)
_THOSE: Final = re.compile(r"\b(those|them|these)\b")
_IT: Final = re.compile(r"\b(it|that|this one|that one|them|those|then)\b")
_ASKED_WITHIN: Final = frozenset(
    {"last", "first", "ever", "worst", "most", "more", "less", "start", "started", "begin", "began", "getting", TIME}
)
"""Words of a question that may stand between the two that name a symptom: "when did my head last hurt"."""
_ROOT_MIN: Final = 4
"""Letters that a stem has from which "-y" and "-e" may be its ending."""
_DOUBTFUL_WITHOUT_CUE: Final = 2
"""Unknown words from which a text is in doubt that says no intent; one that says one may have one more."""
_ASKS_OTHERWISE: Final = re.compile(r"\b(how(?! (about|is|are|has|have|was|were)\b)|which|who|whose|where|why)\b")
"""A word of asking that no cue took: "how quickly do my headaches go"."""
_COUNTS_DAYS: Final = re.compile(
    r"(and |so )?how (many|often)( (days|nights|times))?( was that| is that)? <time>( [?])?$"
)
"""By itself it asks the calendar; behind a symptom it counts: "couldn't sleep - how many nights this month"."""
_HAS_EVER_BEEN: Final = re.compile(r"\bhow (bad|severe|painful|strong|intense|high) (has|have|had) .*\bever\b")
_NARROWS: Final = re.compile(r"^(only |just |but )*(the ones|those|only|just)\b")


@dataclass(frozen=True, slots=True)
class Turn:
    """The slots of one message. None and empty: not mentioned.

    ``any_severity`` takes back a least severity said before, ``at_most`` is one that cannot be asked for.
    ``cue`` is the intent that the words say, also where the whole is out of scope; ``unexplained`` are words that no
    step knows, ``is_doubtful`` says that too much of the text stays unread, ``told`` are symptoms of which something is
    told, and nothing asked.
    """

    intent: Intent | None
    symptoms: tuple[str, ...]
    times: Times
    min_severity: int | None = None
    any_severity: bool = False
    at_most: bool = False
    excluded: tuple[str, ...] = ()
    carries: bool = False
    names_all_symptoms: bool = False
    refers_back: bool = False
    means_many: bool = False
    names_records: bool = False
    cue: Intent | None = None
    unexplained: tuple[str, ...] = ()
    is_doubtful: bool = False
    told: tuple[str, ...] = ()


class Kind(Enum):
    """What a clause does: pleasantry, call for help, what no records answer, question, slots alone, or telling."""

    PLEASANTRY = auto()
    HELP = auto()
    REFUSED = auto()
    QUESTION = auto()
    SLOTS = auto()
    TOLD = auto()


@dataclass(frozen=True, slots=True)
class Clause:
    """``mentioned`` are its symptoms, whatever it does; ``narrows`` and ``corrects`` what a clause before it says."""

    kind: Kind
    turn: Turn
    mentioned: tuple[str, ...] = ()
    narrows: bool = False
    corrects: bool = False


def read_clause(words: Sequence[str], now: datetime, lexicon: Lexicon) -> Clause:
    """Return what ``words``, repaired, say; ``now`` is the person's local time."""
    is_count = "than" in words and counts(list(words), [mention.start for mention in lexicon.find(words)])
    min_severity, words = (None, list(words)) if is_count else find_numeric(words)
    times = find_times(words, now)
    mentions = lexicon.find(times.words)
    skeleton, marks = _skeleton(times.words, mentions)
    adjective, skeleton = find_adjective(skeleton)
    min_severity = adjective if min_severity is None else min_severity
    said = bool(
        _ELSE.search(skeleton)
        or mentions
        or times.periods
        or times.relative
        or times.is_all_time
        or min_severity is not None
        or ANY_SEVERITY in words
    )
    if is_greeting(skeleton) and not mentions:
        return Clause(Kind.PLEASANTRY, social(Intent.GREETING))
    if is_help(skeleton):
        return Clause(Kind.HELP, social(Intent.HELP))
    mentioned = tuple(dict.fromkeys(m.concept for m in mentions))
    bare = unframed(skeleton)
    is_told = is_statement(bare) or (bare == skeleton and tells(" ".join(times.words)))
    skeleton = bare
    if is_out_of_scope(skeleton):
        turn = Turn(Intent.OUT_OF_SCOPE, (), times, min_severity, told=mentioned if is_told else ())
        if _COUNTS_DAYS.match(skeleton):
            turn = replace(turn, cue=Intent.COUNT)
        return Clause(Kind.TOLD if is_told else Kind.REFUSED, turn, mentioned)
    cue = cue_of(skeleton)
    if cue is Intent.AVERAGE_SEVERITY and _HAS_EVER_BEEN.search(" ".join(words)):
        cue = Intent.MAX_SEVERITY
    if cue is Intent.COMPARE and len(times.periods) == 1 and "between" in words:  # its ends are the two sides
        times = find_times([word for word in words if word != "between"], now)
    taken_back = set() if cue is Intent.DURATION_SINCE else _taken_back(skeleton, SYMPTOM)
    excluded = tuple(mention.concept for mention, mark in zip(mentions, marks, strict=True) if mark in taken_back)
    times = _held(times, skeleton)
    unknown = tuple(unexplained(skeleton))
    if cue is None and not times.periods and "?" not in skeleton and len(unknown) > 1 and len(words) > _TERSE_MAX:
        is_told = True
    is_about_nothing = not mentions and len(unknown) > _UNKNOWN_MAX * (_RECORDS.search(skeleton) is not None)
    if is_about_nothing or (cue is None and (not said or is_told)) or (cue is not Intent.COMPARE and is_told):
        turn = Turn(Intent.OUT_OF_SCOPE, (), times, min_severity, cue=cue, unexplained=unknown, told=mentioned)
        return Clause(Kind.TOLD, turn, mentioned, narrows=_NARROWS.match(skeleton) is not None)
    turn = Turn(
        intent=cue,
        symptoms=tuple(dict.fromkeys(m.concept for m in mentions if m.concept not in excluded)),
        times=times,
        min_severity=min_severity,
        any_severity=ANY_SEVERITY in words,
        at_most=says_at_most(skeleton),
        excluded=excluded,
        carries=_CARRY.search(_without_joining_and(skeleton)) is not None or _CARRY_STARTS.match(skeleton) is not None,
        names_all_symptoms=not mentions and _ELSE.search(skeleton) is not None,
        refers_back=_IT.search(skeleton) is not None,
        means_many=_THOSE.search(skeleton) is not None,
        names_records=_RECORDS.search(skeleton) is not None,
        cue=cue,
        unexplained=unknown,
        is_doubtful=_is_doubtful(skeleton, cue, unknown),
    )
    kind = Kind.SLOTS if cue is None else Kind.QUESTION
    return Clause(kind, turn, mentioned, corrects=_CORRECTS.match(skeleton) is not None)


def _is_doubtful(skeleton: str, cue: Intent | None, unknown: Sequence[str]) -> bool:
    """Tell a question of which more stays unread than the slots can make up for: words, or what it asks."""
    if len(unknown) >= _DOUBTFUL_WITHOUT_CUE + (cue is not None):
        return True
    return cue is None and _ASKS_OTHERWISE.search(skeleton) is not None


def social(intent: Intent) -> Turn:
    """Return the turn of an intent without slots."""
    return Turn(intent, (), Times(()))


def _skeleton(words: Sequence[str], mentions: Sequence[Mention]) -> tuple[str, list[int]]:
    """Return the words with a mark for each symptom, and which mark each mention has: one within another has its."""
    parts: list[str] = []
    marks: list[int] = []
    i = 0
    for mention in mentions:
        marks.append(parts.count(SYMPTOM) - (mention.start < i))
        if mention.start < i:
            continue
        parts += words[i : mention.start]
        parts.append(SYMPTOM)
        parts += [word for word in words[mention.start : mention.end] if word in _ASKED_WITHIN]
        i = mention.end
    parts += words[i:]
    return " ".join(parts), marks


def _taken_back(skeleton: str, mark: str) -> set[int]:
    """Return which of the ``mark`` in ``skeleton`` do not hold: "not bloated, constipated", "May, sorry, June"."""
    before = skeleton.split(mark)[:-1]
    dropped: set[int] = set()
    leaves_out = False
    for k, text in enumerate(before):
        joined = _JOINED.fullmatch(text) if k - 1 in dropped else None
        if joined is not None and (leaves_out or "," not in text):
            dropped.add(k)
        elif _NOT.search(text):
            dropped.add(k)
            leaves_out = _LEAVES_OUT.search(text) is not None
    corrections = [found.start() for found in _CORRECTS.finditer(skeleton)]
    places = [found.start() for found in re.finditer(re.escape(mark), skeleton)]
    for at in corrections:
        if any(place > at for place in places):
            dropped.update(k for k, place in enumerate(places) if place < at)
    return dropped


def _held(times: Times, skeleton: str) -> Times:
    """Return the times without those that are taken back: "not March, February"."""
    taken_back = _taken_back(skeleton, TIME) if len(times.periods) > 1 else set()
    if not taken_back or skeleton.count(TIME) != len(times.periods):
        return times
    held = tuple(period for k, period in enumerate(times.periods) if k not in taken_back)
    return replace(times, periods=held or times.periods)


def _without_joining_and(skeleton: str) -> str:
    """Return the skeleton without the "and" between two symptoms or two times, which carries nothing on."""
    joined = re.sub(rf"({SYMPTOM}|{TIME}|{SEVERITY}) and (my |the )?(?={SYMPTOM}|{TIME})", r"\1 ", skeleton)
    return re.sub(r"\b(was|is|were|are) (there|it)\b|\b(that|which) (i|were|was|are|is|scored?|rated?)\b", " ", joined)


def repaired_words(words: Sequence[str], lexicon: Lexicon) -> list[str]:
    """Return the words, typing errors repaired: into everyday words, words of time and danger, and symptoms."""
    targets, whole, stems, sounds = _ordinary_vocabulary()

    def is_known(word: str) -> bool:
        if word in whole or word in lexicon.words:
            return True
        root = stem(word)  # a word that is no more than a stem has lost its end: "befor"; "meny" is no form of "men"
        is_short = len(root) < _ROOT_MIN and word[-1] in "ye"
        return root != word and not is_short and (root in stems or root in lexicon.stems)

    if all(not word.isalpha() or is_known(word) for word in words):
        return list(words)
    return repair(
        words, is_known=is_known, targets=(*targets, *lexicon.vocabulary), by_sound=(lexicon.by_sound, sounds)
    )


@cache
def _ordinary_vocabulary() -> tuple[tuple[str, ...], frozenset[str], frozenset[str], Index]:
    """Return what a misspelt word may have been, besides symptoms; the words left alone, their stems; and sounds."""
    targets = {*_TIME_VOCABULARY, *flag_words(), *(word for word in ordinary_words() if len(word) > 3)}  # noqa: PLR2004
    known = {*targets, *ordinary_words(), *cue_words(), *protected_words(), *WORDS_OF_TIME}
    return tuple(sorted(targets)), frozenset(known), frozenset(map(stem, known)), index(sorted(targets))
