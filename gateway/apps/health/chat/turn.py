"""Reading one message: what it says by itself, before what was said earlier is looked at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from functools import cache
from typing import Final

from gateway.apps.health.chat.clauses import openings, sentences
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
)  # fmt: skip
from gateway.apps.health.chat.normalise import repair, stem, words_of
from gateway.apps.health.chat.safety import flag_words, says_danger
from gateway.apps.health.chat.severity import SEVERITY, counts, find_adjective, find_numeric
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
    r"|jotted|wrote|written|tracked|suffer\w*"
    r"|wrong with|anything wrong|health wise|unwell|ill|put (down|in|anything))\b"
)
"""What names the records; then two words more may be unknown: "symptoms on my birthday, 3 March"."""
_UNKNOWN_MAX: Final = 2
_TERSE_MAX: Final = 5
"""Words up to which a text without a verb of asking may be a question: "nose streaming this week"."""
_NOT: Final = re.compile(
    r"(^|\b)(not|except|excluding|never mind|forget|without|leave out|minus|ignore|ignoring|skip|drop|take out"
    r"|apart( from)?|other than|instead( of)?|rather than) ((the|my|for|any|in|from) )?(\w+ )?$"
)
_CORRECTS: Final = re.compile(
    r"\b(sorry|i mean|i meant|no wait|wait|oops|correction|scratch that|make that|or rather|no no|actually no)\b"
)
_THOSE: Final = re.compile(r"\b(those|them|these)\b")
_IT: Final = re.compile(r"\b(it|that|this one|that one|them|those|then)\b")
_ASKED_WITHIN: Final = frozenset(
    {"last", "first", "ever", "worst", "most", "more", "less", "start", "started", "begin", "began", "getting", TIME}
)
"""Words of a question that may stand between the two that name a symptom: "when did my head last hurt"."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The slots of one message. None and empty: not mentioned.

    ``cue`` is the intent that the words say, also where the whole is out of scope; ``unexplained`` are words that no
    step knows, ``told`` symptoms of which something is told, and nothing asked.
    """

    intent: Intent | None
    symptoms: tuple[str, ...]
    times: Times
    min_severity: int | None = None
    excluded: tuple[str, ...] = ()
    carries: bool = False
    names_all_symptoms: bool = False
    refers_back: bool = False
    means_many: bool = False
    names_records: bool = False
    cue: Intent | None = None
    unexplained: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


class _Kind(Enum):
    """What a clause does: pleasantry, call for help, what no records answer, question, slots alone, or telling."""

    PLEASANTRY = auto()
    HELP = auto()
    REFUSED = auto()
    QUESTION = auto()
    SLOTS = auto()
    TOLD = auto()


_NARROWS: Final = re.compile(r"^(only |just |but )*(the ones|those|only|just)\b")
_CODE: Final = re.compile(r"<\s*/?\s*[a-z!]|://|\bon(error|load|click)\s*=|;\s*--|--\s*$", re.IGNORECASE)
"""Markup and code, which nobody asks about records with."""
_SENTENCES_MAX: Final = 6
"""Of more, the last ones are read, where the question stands; danger is looked for in all."""
_ASKS: Final = frozenset({_Kind.HELP, _Kind.REFUSED, _Kind.QUESTION})


@dataclass(frozen=True, slots=True)
class _Clause:
    kind: _Kind
    turn: Turn
    mentioned: tuple[str, ...] = ()
    narrows: bool = False
    corrects: bool = False


def read_turn(message: str, now: datetime, lexicon: Lexicon) -> Turn:
    """Return what ``message`` says; ``now`` is the person's local time.

    What is told before and after the question is left out: "I saw Linda on Monday. When did I last have a rash?"
    """
    parts = sentences(message)
    typed = [words_of(part) for part in parts]
    repaired = [_repaired(words, lexicon) for words in typed]
    if says_danger(typed) or (repaired != typed and says_danger(repaired)):
        return _social(Intent.EMERGENCY)
    if _CODE.search(message):
        return _social(Intent.OUT_OF_SCOPE)
    parts, repaired = parts[-_SENTENCES_MAX:], repaired[-_SENTENCES_MAX:]
    whole = _read([word for words in repaired for word in words], now, lexicon)
    clauses = [clause for part in parts for clause in _clauses(part, whole if len(parts) == 1 else None, now, lexicon)]
    return whole.turn if len(clauses) < 2 else _joined(clauses, whole)  # noqa: PLR2004


def reads_alike(message: str, lexicon: Lexicon) -> bool:
    """Tell whether ``message`` means the same with the records' names in ``lexicon`` and without: no word is theirs."""
    words = words_of(message)
    return lexicon.own_stems.isdisjoint(map(stem, words)) and _repaired(words, lexicon) == words


def _clauses(sentence: str, read: _Clause | None, now: datetime, lexicon: Lexicon) -> list[_Clause]:
    """Return the clause that ``sentence`` is, or what it tells and what it then asks."""

    def clause(text: str) -> _Clause:
        return _read(_repaired(words_of(text), lexicon), now, lexicon)

    whole = read or clause(sentence)
    if whole.kind in {_Kind.TOLD, _Kind.REFUSED}:
        for told, asked in openings(sentence):
            question = clause(asked)
            if question.kind in _ASKS and clause(told).kind in {_Kind.TOLD, _Kind.PLEASANTRY}:
                return [clause(told), question]
    return [whole]


def _joined(clauses: Sequence[_Clause], whole: _Clause) -> Turn:
    """Return the last question with the slots that stand beside it; ``whole`` where no clause asks anything."""
    asked = next((k for k in reversed(range(len(clauses))) if clauses[k].kind in _ASKS), None)
    if asked is None:
        return whole.turn
    if clauses[asked].turn.intent is Intent.LIST and not clauses[asked].turn.symptoms:  # "last headache - when?"
        asked = next((k for k in range(asked) if _asks_more(clauses[k].turn)), asked)
    turn = clauses[asked].turn
    if clauses[asked].kind is not _Kind.QUESTION or whole.turn.intent is Intent.COMPARE:
        return turn if clauses[asked].kind is not _Kind.QUESTION else whole.turn
    for clause in clauses[asked + 1 :]:  # "… in May? Sorry, June."
        turn = _corrected(turn, clause.turn) if clause.corrects else turn
    beside = [
        clause.turn for clause in (*clauses[asked + 1 :], *reversed(clauses[:asked])) if clause.kind is _Kind.SLOTS
    ]
    symptoms = turn.symptoms or next((each.symptoms for each in beside if each.symptoms), ())
    told = next((clause for clause in reversed(clauses[:asked]) if clause.mentioned), None)
    if (
        not symptoms
        and told is not None
        and (turn.refers_back or not turn.names_records or told.kind is _Kind.QUESTION)
    ):
        symptoms = told.mentioned
        beside += [told.turn] if turn.means_many else []
    around = [clause.turn.times for clause in reversed(clauses[:asked])]
    meant = turn.times.relative
    if meant is not None and not meant.steps and not turn.times.periods:  # "in June … how many that month"
        told_times = next((each for each in around if each.periods), None)
        turn = replace(turn, times=told_times) if told_times is not None else turn
    beside += [clause.turn for clause in clauses[asked + 1 :] if clause.narrows]
    is_timed = turn.times.periods or turn.times.relative or turn.times.is_all_time
    times = turn.times if is_timed else next((each.times for each in beside if each.times.periods), turn.times)
    least = turn.min_severity
    if least is None:
        least = next((each.min_severity for each in beside if each.min_severity is not None), None)
    return replace(turn, symptoms=symptoms, times=times, min_severity=least)


def _corrected(turn: Turn, by: Turn) -> Turn:
    """Return ``turn`` with what ``by`` says in place of what it said."""
    return replace(
        turn,
        symptoms=by.symptoms or turn.symptoms,
        times=by.times if by.times.periods else turn.times,
        min_severity=turn.min_severity if by.min_severity is None else by.min_severity,
    )


def _asks_more(turn: Turn) -> bool:
    return turn.intent not in {None, Intent.LIST} and bool(turn.symptoms)


def _read(words: Sequence[str], now: datetime, lexicon: Lexicon) -> _Clause:
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
    )
    if is_greeting(skeleton) and not mentions:
        return _Clause(_Kind.PLEASANTRY, _social(Intent.GREETING))
    if is_help(skeleton):
        return _Clause(_Kind.HELP, _social(Intent.HELP))
    mentioned = tuple(dict.fromkeys(m.concept for m in mentions))
    is_told = is_statement(skeleton) or tells(" ".join(times.words))
    if is_out_of_scope(skeleton):
        turn = Turn(Intent.OUT_OF_SCOPE, (), times, min_severity, told=mentioned if is_told else ())
        return _Clause(_Kind.TOLD if is_told else _Kind.REFUSED, turn, mentioned)
    cue = cue_of(skeleton)
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
        return _Clause(_Kind.TOLD, turn, mentioned, narrows=_NARROWS.match(skeleton) is not None)
    turn = Turn(
        intent=cue,
        symptoms=tuple(dict.fromkeys(m.concept for m in mentions if m.concept not in excluded)),
        times=times,
        min_severity=min_severity,
        excluded=excluded,
        carries=_CARRY.search(_without_joining_and(skeleton)) is not None or _CARRY_STARTS.match(skeleton) is not None,
        names_all_symptoms=not mentions and _ELSE.search(skeleton) is not None,
        refers_back=_IT.search(skeleton) is not None,
        means_many=_THOSE.search(skeleton) is not None,
        names_records=_RECORDS.search(skeleton) is not None,
        cue=cue,
        unexplained=unknown,
    )
    kind = _Kind.SLOTS if cue is None else _Kind.QUESTION
    return _Clause(kind, turn, mentioned, corrects=_CORRECTS.match(skeleton) is not None)


def _social(intent: Intent) -> Turn:
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
    dropped = {k for k, text in enumerate(before) if _NOT.search(text)}
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
    targets = {*_TIME_VOCABULARY, *flag_words(), *(word for word in ordinary_words() if len(word) > 3)}  # noqa: PLR2004
    known = {*targets, *ordinary_words(), *cue_words(), *protected_words(), *WORDS_OF_TIME}
    return tuple(sorted(targets)), frozenset(known), frozenset(map(stem, known))
