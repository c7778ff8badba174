"""Reading one message: what it says by itself, before what was said earlier is looked at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Final

from gateway.apps.health.chat.clauses import openings, sentences
from gateway.apps.health.chat.frame import Intent
from gateway.apps.health.chat.normalise import stem, words_of
from gateway.apps.health.chat.reading import Clause, Kind, Turn, read_clause, repaired_words, social
from gateway.apps.health.chat.safety import says_danger
from gateway.apps.health.chat.spelling import rivals
from gateway.apps.health.chat.symptoms import Lexicon
from gateway.apps.health.chat.time_expressions import Times

_CODE: Final = re.compile(r"<\s*/?\s*[a-z!]|://|\bon(error|load|click)\s*=|;\s*--|--\s*$", re.IGNORECASE)
"""Markup and code, which nobody asks about records with."""
_SENTENCES_MAX: Final = 6
"""Of more, the last ones are read, where the question stands; danger is looked for in all."""
_RIVALS_MAX: Final = 2
_ASKING: Final = re.compile(
    r"\W*((ok|so|and|please|hi|hey|hello),? )*(why|what|whats|how|hows|when|where|who|which|can|could|should|shall|is"
    r"|are|am|do|does|did|will|would|may|might|must|add|log|put|delete|remove|change|tell|give|show|remind|book|call)\b"
)
"""What begins so is a question or a wish of its own, not told on the way to one."""
_ASKS: Final = frozenset({Kind.HELP, Kind.REFUSED, Kind.QUESTION})


def read_turn(message: str, now: datetime, lexicon: Lexicon) -> Turn:
    """Return what ``message`` says; ``now`` is the person's local time.

    What is told before and after the question is left out: "I saw Linda on Monday. When did I last have a rash?"
    """
    parts = sentences(message)
    typed = [words_of(part) for part in parts]
    repaired = [repaired_words(words, lexicon) for words in typed]
    if says_danger(typed) or (repaired != typed and says_danger(repaired)):
        return social(Intent.EMERGENCY)
    if _CODE.search(message):
        return social(Intent.OUT_OF_SCOPE)
    parts, repaired = parts[-_SENTENCES_MAX:], repaired[-_SENTENCES_MAX:]
    whole = read_clause([word for words in repaired for word in words], now, lexicon)
    read = [whole] if len(parts) == 1 else [read_clause(words, now, lexicon) for words in repaired]
    clauses = [clause for part, one in zip(parts, read, strict=True) for clause in _parted(part, one, now, lexicon)]
    return _joined(clauses, whole, now.date()) if len(clauses) > 1 else whole.turn


def reads_alike(message: str, lexicon: Lexicon) -> bool:
    """Tell whether ``message`` means the same with the records' names in ``lexicon`` and without: no word is theirs."""
    words = words_of(message)
    return lexicon.own_stems.isdisjoint(map(stem, words)) and repaired_words(words, lexicon) == words


def rival_readings(message: str, now: datetime, lexicon: Lexicon) -> list[Turn]:
    """Return how ``message`` reads with a symptom that a misspelt word may as well have been."""
    words = words_of(message)
    repaired = repaired_words(words, lexicon)
    texts = [
        " ".join((*repaired[:k], rival, *repaired[k + 1 :]))
        for k, (typed, chosen) in enumerate(zip(words, repaired, strict=True))
        if typed != chosen and chosen in lexicon.words
        for rival in rivals(typed, chosen, lexicon.vocabulary)
    ]
    return [read_turn(text, now, lexicon) for text in texts[:_RIVALS_MAX]]


def _parted(sentence: str, whole: Clause, now: datetime, lexicon: Lexicon) -> list[Clause]:
    """Return ``whole``, which is how ``sentence`` reads, or what it tells and what it then asks."""
    if whole.kind not in {Kind.TOLD, Kind.REFUSED}:
        return [whole]
    for parts in openings(sentence):
        told, asked = [read_clause(repaired_words(words_of(part), lexicon), now, lexicon) for part in parts]
        is_told = told.kind in {Kind.TOLD, Kind.PLEASANTRY} or (
            told.kind is Kind.REFUSED and bool(told.mentioned) and _ASKING.match(parts[0]) is None
        )
        if asked.kind in _ASKS and is_told:
            return [told, asked]
    return [whole]


def _joined(clauses: Sequence[Clause], whole: Clause, today: date) -> Turn:
    """Return the last question with the slots that stand beside it; ``whole`` where no clause asks anything."""
    asked = next((k for k in reversed(range(len(clauses))) if clauses[k].kind in _ASKS), None)
    if asked is None:
        return whole.turn
    if clauses[asked].turn.intent is Intent.LIST and not clauses[asked].turn.symptoms:  # "last headache - when?"
        asked = next((k for k in range(asked) if _asks_more(clauses[k].turn)), asked)
    turn = clauses[asked].turn
    if clauses[asked].kind is Kind.REFUSED and turn.cue is Intent.COUNT:
        counted = next((clause.mentioned for clause in reversed(clauses[:asked]) if clause.mentioned), ())
        return replace(turn, intent=Intent.COUNT, symptoms=counted) if counted else turn
    if clauses[asked].kind is not Kind.QUESTION:
        return turn
    if whole.turn.intent is Intent.COMPARE:  # its sides may stand in several
        return whole.turn
    for clause in clauses[asked + 1 :]:  # "… in May? Sorry, June."
        turn = _corrected(turn, clause.turn) if clause.corrects else turn
    beside = [
        clause.turn for clause in (*clauses[asked + 1 :], *reversed(clauses[:asked])) if clause.kind is Kind.SLOTS
    ]
    symptoms = turn.symptoms or next((each.symptoms for each in beside if each.symptoms), ())
    told = next((clause for clause in reversed(clauses[:asked]) if clause.mentioned), None)
    if not symptoms and told is not None and (turn.refers_back or not turn.names_records or told.kind is Kind.QUESTION):
        symptoms = told.mentioned
        is_bare = turn.intent is Intent.LIST and not turn.refers_back  # "did i?", "can you check"
        beside += [told.turn] if turn.means_many or is_bare else []
    around = [clause.turn.times for clause in reversed(clauses[:asked])]
    meant = turn.times.relative
    if meant is not None and not meant.steps and not turn.times.periods:  # "in June … how many that month"
        told_times = next((each for each in around if each.periods), None)
        if told_times is not None and meant.is_since:  # "I moved in March … how many since then"
            told_times = Times((), (meant.resolve(told_times.periods[-1], today),))
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
