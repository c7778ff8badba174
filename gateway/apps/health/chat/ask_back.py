"""What to offer instead of guessing: the readings that a question may have had, for records that there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import JaroWinkler

from bridge.contracts.health import SymptomName
from gateway.apps.health.chat.dates import DAY, Unit, calendar_unit
from gateway.apps.health.chat.frame import ALL_TIME, DateRange, Intent, QueryFrame
from gateway.apps.health.chat.question import question_words
from gateway.apps.health.chat.reading import Turn
from gateway.apps.health.chat.symptoms import Lexicon

OFFERED_MAX: Final = 3
_ALIKE: Final = 0.66
"""From this similarity on (0 to 1; Jaro and Winkler, for whom beginnings count most) two words look alike."""


def readings(turn: Turn, known: Sequence[SymptomName], lexicon: Lexicon, today: date) -> list[str]:
    """Return the question of ``turn`` for the recorded symptoms that look most like its unknown words."""
    frame = QueryFrame(
        intent=turn.cue or Intent.LIST,
        period=turn.times.periods[0] if turn.times.periods else ALL_TIME,
        min_severity=turn.min_severity,
    )
    names = nearest(" ".join(turn.unknown), known, lexicon)
    if frame.intent is Intent.COMPARE:
        return [question for name in names[:1] for question in sides(frame, name, known, today)]
    return [question_words(frame.model_copy(update={"symptoms": (name,)}), today) for name in names]


def other_symptoms(frame: QueryFrame, known: Sequence[SymptomName], lexicon: Lexicon, today: date) -> list[str]:
    """Return the question of ``frame``, whose symptoms have no records, for the nearest symptoms that have some."""
    names = nearest(" ".join(frame.symptoms), known, lexicon)
    if frame.intent is Intent.COMPARE:
        return [question for name in names[:1] for question in sides(frame, name, known, today)]
    return [question_words(frame.model_copy(update={"symptoms": (name,)}), today) for name in names]


def what_may_be_asked(turn: Turn, symptom: str, today: date) -> list[str]:
    """Return questions about ``symptom``, of which ``turn`` only tells something."""
    period = turn.times.periods[0] if turn.times.periods else ALL_TIME
    frames = [
        QueryFrame(intent=turn.cue or Intent.LIST, symptoms=(symptom,), period=period, min_severity=turn.min_severity),
        QueryFrame(intent=Intent.COUNT, symptoms=(symptom,), period=period),
        QueryFrame(intent=Intent.LATEST, symptoms=(symptom,)),
    ]
    frames = [each for each in frames if each.intent not in {Intent.COMPARE, Intent.MOST_FREQUENT}]
    return list(dict.fromkeys(question_words(each, today) for each in frames))[:OFFERED_MAX]


def nearest_meanings(frame: QueryFrame, rival: Intent | None, today: date) -> list[str]:
    """Return ``frame``, which is not sure to be meant, as a question, and what else may be: its rival, the entries."""
    others = (rival,) if frame.second else (rival, Intent.LIST, Intent.COUNT, Intent.LATEST)
    single = frame.model_copy(update={"second": None})
    frames = [frame, *(_asking(single, each) for each in others if each is not None and each.asks_for_data)]
    return list(dict.fromkeys(question_words(each, today) for each in frames if not each.lacks_a_side))[:OFFERED_MAX]


def _asking(frame: QueryFrame, intent: Intent) -> QueryFrame:
    symptoms = () if intent is Intent.MOST_FREQUENT else frame.symptoms
    return frame.model_copy(update={"intent": intent, "symptoms": symptoms})


def is_in_doubt(turn: Turn, frame: QueryFrame) -> bool:
    """Tell what the chat would not answer without asking which meaning is meant."""
    if not frame.intent.asks_for_data:
        return bool(turn.told or turn.unknown)
    return bool(asks_of_unknown(turn, frame) or turn.is_doubtful or asks_rival(turn))


def asks_of_unknown(turn: Turn, frame: QueryFrame) -> bool:
    """Tell a question whose symptom may be a word that nobody here knows."""
    return bool(turn.unknown) and not frame.symptoms


def asks_rival(turn: Turn) -> bool:
    """Tell a question that may be another one as well."""
    return turn.rival is not None and turn.rival.asks_for_data


def either(frame: QueryFrame, others: Sequence[QueryFrame], today: date) -> list[str]:
    """Return the questions that one message may have asked."""
    return [question_words(each, today) for each in (frame, *others)]


def sides(frame: QueryFrame, symptom: str, known: Sequence[SymptomName], today: date) -> list[str]:
    """Return complete comparisons for one that names a single side."""

    def of_units(unit: Unit) -> QueryFrame:
        so_far = DateRange(start=calendar_unit(today, unit).start, end=today + DAY)
        return _compared(frame, (symptom,), so_far, calendar_unit(today, unit, -1))

    other = next((name.symptom.casefold() for name in known if name.symptom.casefold() != symptom.casefold()), None)
    frames = [of_units(Unit.MONTH), of_units(Unit.YEAR)]
    if other is not None:
        frames.append(_compared(frame, (symptom, other), frame.period, None))
    return [question_words(each, today) for each in frames]


def nearest(words: str, known: Sequence[SymptomName], lexicon: Lexicon) -> list[str]:
    """Return up to three recorded names, in small letters: kin of a concept, then alike, then the most frequent."""
    names = [name.symptom.casefold() for name in known]
    concept = next((mention.concept for mention in lexicon.find(words.split())), words)
    kin = [name for name in names if _kin(name, concept, lexicon)] if concept else []
    alike = process.extract(words, names, scorer=JaroWinkler.similarity, score_cutoff=_ALIKE, limit=OFFERED_MAX)
    return list(dict.fromkeys([*kin, *(name for name, _, _ in alike), *names]))[:OFFERED_MAX]


def _kin(name: str, concept: str, lexicon: Lexicon) -> bool:
    mentions = lexicon.find(name.split())
    return bool(mentions) and lexicon.broadest(mentions[0].concept) == lexicon.broadest(concept)


def _compared(frame: QueryFrame, symptoms: Iterable[str], period: DateRange, second: DateRange | None) -> QueryFrame:
    return QueryFrame(
        intent=Intent.COMPARE,
        symptoms=tuple(symptoms),
        period=period,
        second=second,
        min_severity=frame.min_severity,
    )
