"""Several clauses, one question: which of them asks, and which slots it takes from those beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from gateway.apps.health.chat.dates import Unit, is_a_day
from gateway.apps.health.chat.followup import narrowed
from gateway.apps.health.chat.frame import Intent
from gateway.apps.health.chat.intent import CARERS, is_only_named, unframed
from gateway.apps.health.chat.parts_of_that import part_of
from gateway.apps.health.chat.reading import Clause, Kind, Turn, asks_of_it
from gateway.apps.health.chat.time_expressions import TIME, Times
from gateway.apps.health.chat.time_words import year_number

_THE_ENTRY: Final = re.compile(r"\b(the|that|this) (entry|record)\b(?! (of|for|about|on|with)\b)")
"""The one of what was told: "I fainted last month, can you find the entry?"."""
_ANYTHING: Final = re.compile(r"((or|just|and) )*any ?thing( at all| really| whatsoever)?( [?!.])*")
_VAGUE: Final = frozenset({"malaise"})
"""What names no symptom where anything is asked for: "did I feel rough lately? just anything at all"."""
_HOW_BAD_IT_WAS: Final = re.compile(
    r"\bhow (bad\w*|severe\w*|painful|strong|much) (was|were|did) (it|that)( (get|hurt|feel|go))?( [?])?$"
)
"""It is what was told of, then: "my back was murder on the 12th - how bad did it get?"."""
_NODS: Final = re.compile(r"\b(was|is|were) not (it|that)( [?!])?$")
_OF_A_TIME: Final = frozenset({Intent.COUNT, Intent.AVERAGE_SEVERITY, Intent.MAX_SEVERITY})
_WAS: Final = re.compile(r"\b(was|were|did)\b")
_THEN: Final = re.compile(r"\b(came|cropped|turned|popped|was|did|had|bothered|troubled|plagued|ailed)\b")
"""What asks of a time that is over."""
_IN_THAT_TIME: Final = re.compile(r"\b(then|while (i was )?there|while away)( [?])?$")
"""Behind a span that is told of: "I was away 1 to 8 June. How many headaches then?"."""
_LOGGED_THEN: Final = re.compile(
    r"((and|so|but|now) )*(what (did|have|had) i (log|report|record|note|enter|put|write|jot)\w*"
    r"( down| in)?"
    r"|(what|any ?thing) (was |is )?(recorded|logged|noted|written( down)?|put down|on record))( then)?( [?!.])*"
)
"""What asks of the time that is told of: "I was poorly on holiday, 1 to 8 June. What did I log?"."""
_COUNTS_ENTRIES: Final = re.compile(
    r"((and|so|but|please|now) )*(how many|(what is )?the (number|count|total) of) (entries|records|logs|times logged)"
    r"( (is|was|were|are) (that|there|it|those)| (did|have|had) i (log|make|made|put|write|enter|got|get|have)\w*"
    r"( in| down)?)?( in (all|total))?( [?!.])*"
)
"""What counts those of what is told: "my feet went numb in March. How many entries?"."""
_OTHERS_ASK: Final = re.compile(
    r"(?<!\bi )(?<!\bi will )(?<!\bto )\b(ask|asks|asked|asking|(want|wants|wanted|need|needs) to know)\b"
)
"""Somebody else than who is telling."""
_WHETHER: Final = re.compile(
    r"((and|so|but|now|,) )*((did|was|were|had) (not )?(i|my|there)\b(?!.*\bever\b)"
    r"|any (sign of |more |bad )?<symptom>( at all| then)*( [?])?$)"
)
_DID_THEN: Final = re.compile(
    r"((hi|hello|hiya|hey|so|and|well|ok|right|,) )*(i|we|it|there|me and \w+( \w+)?)? ?(just |all |only )?"
    r"(was|were|had|went|got|came|did|stayed|spent|ate|drank|ran|walked|took|flew|drove|slept|met|saw|left|worked"
    r"|travelled|played|danced|helped|painted|climbed|cycled|swam|visited|hosted|celebrated)\b"
    rf"(?!.*\b({CARERS}(?! (wedding|party|birthday|christening|funeral|house)\b)|appointment|next|tomorrow)\b)"
)
"""Told of somebody's own past, and not of one who wants to know."""
_STAY: Final = re.compile(
    r"\b(?:was|were) (?:in|on|at|off|away|abroad|ill|sick|poorly|unwell|bad|rough|pregnant|living|staying|working)\b"
)
"""What lasts for as long as its time: a month or a day that is asked for behind it lies in that."""
_WISHES: Final = re.compile(r"\b(please|all|any|every|each|thanks)\b")
ASKING: Final = re.compile(
    r"\W*((ok|so|and|please|hi|hey|hello),? )*(why|what|whats|how|hows|when|where|who|which|can|could|should|shall|is"
    r"|are|am|do|does|did|will|would|may|might|must|add|log|put|delete|remove|change|tell|give|show|remind|book|call)\b"
)
"""What begins so is a question or a wish of its own, not told on the way to one."""
ASKS: Final = frozenset({Kind.HELP, Kind.REFUSED, Kind.QUESTION})


def asked_of(clauses: Sequence[Clause]) -> int | None:
    """Return which clause asks: the last that does."""
    asked = next((k for k in reversed(range(len(clauses))) if clauses[k].kind in ASKS), None)
    if (in_slots := _asked_in_slots(clauses)) is not None:
        return in_slots
    if asked is None:
        return None
    if clauses[asked].kind is Kind.REFUSED and is_only_named(clauses[asked].read.skeleton):
        asked = next((k for k in reversed(range(asked)) if clauses[k].kind is Kind.QUESTION), asked)
    if clauses[asked].turn.intent is Intent.LIST and not clauses[asked].turn.symptoms:  # "last headache - when?"
        return next((k for k in range(asked) if _asks_more(clauses[k].turn)), asked)
    return asked


def joined(clauses: Sequence[Clause], asked: int, whole: Clause, today: date) -> Turn:
    """Return the question of the clause ``asked`` with the slots that stand beside it."""
    turn = clauses[asked].turn
    if clauses[asked].kind is Kind.REFUSED and turn.cue is Intent.COUNT:
        counted = next((clause.mentioned for clause in reversed(clauses[:asked]) if clause.mentioned), ())
        return replace(turn, intent=Intent.COUNT, symptoms=counted) if counted else turn
    if clauses[asked].kind not in {Kind.QUESTION, Kind.SLOTS}:
        return turn
    is_named_barely = turn.intent is None or asks_of_what_is_told(clauses[asked])
    if is_named_barely and (wanted := _wanted(clauses[:asked])) is not None:
        told_of = clauses[asked - 1]
        times = turn.times if turn.times.periods else _times_asked_for(told_of)
        return replace(turn, symptoms=turn.symptoms or told_of.mentioned, intent=wanted, cue=wanted, times=times)
    if whole.turn.intent is Intent.COMPARE and not _has_both_sides(turn):  # they may stand in several
        return whole.turn
    for clause in clauses[asked + 1 :]:  # "… in May? Sorry, June."
        turn = _corrected(turn, clause.turn) if clause.corrects else turn
    others = (*clauses[asked + 1 :], *reversed(clauses[:asked]))
    beside = [each.turn for each in others if each.kind is Kind.SLOTS or _is_told_after_all(each)]
    symptoms = turn.symptoms or next((each.symptoms for each in beside if each.symptoms), ())
    told = next((clause for clause in reversed(clauses[:asked]) if clause.mentioned), None)
    counts_entries = told is not None and _COUNTS_ENTRIES.fullmatch(clauses[asked].read.skeleton) is not None
    if (
        not symptoms
        and told is not None
        and (
            turn.refers_back
            or not turn.names_records
            or told.kind is Kind.QUESTION
            or _THE_ENTRY.search(clauses[asked].read.skeleton)
            or counts_entries
        )
    ):
        is_any = _VAGUE.issuperset(told.mentioned) and _ANYTHING.fullmatch(clauses[asked].read.skeleton) is not None
        symptoms = () if is_any else told.mentioned
        is_bare = turn.intent is Intent.LIST  # "did i?", "can you check", "list it"
        is_bare = is_bare or _HOW_BAD_IT_WAS.search(clauses[asked].read.skeleton) is not None
        is_bare = is_bare or counts_entries or _asks_of_then(turn, clauses[asked])
        beside += (
            [replace(told.turn, times=_times_asked_for(told))]
            if turn.means_many or is_bare or told.kind is Kind.QUESTION
            else []
        )
    if (seen := _seen_from_told(turn.times, clauses[:asked], today)) is not None:
        turn = replace(turn, times=seen)
    turn = replace(turn, times=_in_stay_told_of(clauses[:asked], clauses[asked], turn.times, today))
    of_then = _THEN if turn.intent is Intent.MOST_FREQUENT else _IN_THAT_TIME
    if of_then.search(clauses[asked].read.skeleton):
        beside += [clause.turn for clause in clauses[:asked][-1:] if _is_a_span(clause.turn.times)]
    if not symptoms and turn.names_records and _LOGGED_THEN.fullmatch(clauses[asked].read.skeleton):
        beside += [clause.turn for clause in clauses[:asked][-1:] if clause.turn.times.periods]
    beside += [clause.turn for clause in clauses[asked + 1 :] if clause.narrows]
    is_timed = turn.times.periods or turn.times.relative or turn.times.is_all_time
    times = turn.times if is_timed else next((each.times for each in beside if _says_when(each.times)), turn.times)
    times = times if is_timed or _says_when(times) else _time_held(clauses, asked) or times
    least = turn.min_severity
    if least is None:
        least = next((each.min_severity for each in beside if each.min_severity is not None), None)
    place = turn.place
    if place is None:
        place = next((each.place for each in beside if each.place is not None), None)
    carries = turn.carries or any(clause.corrects for clause in clauses[:asked])  # "sorry, queasy. How many times"
    return replace(turn, symptoms=symptoms, times=times, min_severity=least, place=place, carries=carries)


def _seen_from_told(times: Times, told: Sequence[Clause], today: date) -> Times | None:
    """Return the time meant of what is told before: "in June … how many that month", "my jab … in the week after"."""
    meant = times.relative
    if meant is None or times.periods:
        return None
    around = next((clause.turn.times for clause in reversed(told) if clause.turn.times.periods), None)
    if around is None or (meant.steps and len(around.periods) > 1):
        return None
    if not (meant.is_since or meant.is_until or meant.steps or meant.part):
        return around
    if meant.is_since and is_a_day(around.periods[-1]):  # "I started the tablets on 4 May … since then"
        meant = replace(meant, unit=Unit.DAY)
    seen = meant.resolve(around.periods[-1], today)
    return Times((), (part_of(meant, seen, today) if meant.part else seen,))


def _time_held(clauses: Sequence[Clause], asked: int) -> Times | None:
    """Return the time that a question has from before it: from itself, asked in other words, or from what is told.

    "… last month? just count the coughs", "in May? I mean was I hot", "we went camping at the weekend. was I shivery?".
    """
    turn, before = clauses[asked].turn, clauses[:asked]
    if clauses[asked].corrects and before and before[-1].turn.times.periods:
        return before[-1].turn.times
    if _is_asked_of_then(clauses[asked]) and before and _is_told_of_then(before[-1]):
        return before[-1].turn.times
    if turn.intent not in _OF_A_TIME | {Intent.LIST} or not turn.symptoms:
        return None
    earlier = next((clause.turn for clause in reversed(before) if clause.kind is Kind.QUESTION), None)
    if earlier is None or earlier.symptoms != turn.symptoms or earlier.intent not in {turn.intent, Intent.LIST}:
        return None
    return earlier.times if earlier.times.periods else None


def _is_asked_of_then(clause: Clause) -> bool:
    """Tell "did I put in anything about being shivery", which asks whether, and not when."""
    return clause.turn.intent is Intent.LIST and _WHETHER.match(unframed(clause.read.skeleton)) is not None


def _is_told_of_then(clause: Clause) -> bool:
    """Tell what one did in a time that is over: "we went camping at the weekend"."""
    is_told = clause.kind is Kind.TOLD and not clause.mentioned and len(clause.turn.times.periods) == 1
    return is_told and _DID_THEN.match(clause.read.skeleton) is not None


def _asked_in_slots(clauses: Sequence[Clause]) -> int | None:
    """Return the clause that asks for a symptom in a time without a verb, behind what is only told, of none."""
    if len(clauses) > 1 and all(map(_is_dated_symptom, clauses)) and "?" in clauses[-1].read.spoken:
        return len(clauses) - 1 if not any("?" in clause.read.spoken for clause in clauses[:-1]) else None
    for k, clause in enumerate(clauses):
        if clause.kind is Kind.SLOTS and clause.turn.symptoms and clause.turn.times.periods:
            is_wish = _WISHES.search(clause.read.skeleton) is not None
            is_asked_behind = any(
                each.kind in {Kind.QUESTION, Kind.HELP, Kind.SLOTS} and not _asks_whether_it_is(each)
                for each in clauses[k + 1 :]
            )
            return (
                k
                if k and not is_asked_behind and all(_is_aside(each, is_wish=is_wish) for each in clauses[:k])
                else None
            )
        if clause.kind in {Kind.QUESTION, Kind.HELP}:
            return None
    return None


def _is_dated_symptom(clause: Clause) -> bool:
    return clause.kind is Kind.SLOTS and bool(clause.turn.symptoms and clause.turn.times.periods)


def _is_aside(clause: Clause, *, is_wish: bool) -> bool:
    if clause.kind is Kind.PLEASANTRY:
        return True
    is_told = clause.kind is Kind.TOLD or (clause.kind is Kind.REFUSED and not asks_aloud(" ".join(clause.read.spoken)))
    return is_told and (is_wish or not clause.mentioned)


def _asks_whether_it_is(clause: Clause) -> bool:
    """Tell "is it in there?", which asks for what was named and for no more."""
    turn = clause.turn
    return turn.intent is Intent.LIST and turn.refers_back and not (turn.symptoms or turn.times.periods)


def asks_aloud(text: str) -> bool:
    """Tell what asks or wishes by itself, and is not told on the way to a question."""
    return "?" in text or ASKING.match(text) is not None


def asks_of_what_is_told(clause: Clause) -> bool:
    """Tell "so what was it?", which says nothing else of what is wanted."""
    return asks_of_it(clause.read.skeleton)


def _is_a_span(times: Times) -> bool:
    """Tell one period of more than a day, such as a holiday that is told of."""
    if len(times.periods) != 1:
        return False
    start, end = times.periods[0].start, times.periods[0].end
    return start is not None and end is not None and (end - start).days > 1


def _says_when(times: Times) -> bool:
    return bool(times.periods) or times.is_all_time


def _asks_of_then(turn: Turn, asking: Clause) -> bool:
    """Tell "how many was it really?", which asks of the time that is told of."""
    is_of_it = turn.intent in _OF_A_TIME and turn.refers_back and not turn.unexplained
    return is_of_it and _WAS.search(asking.read.skeleton) is not None


def _wanted(told: Sequence[Clause]) -> Intent | None:
    """Return what records are asked for where no symptom is told: "the form has a box for the total"."""
    is_asked = bool(told) and (not told[-1].mentioned or _OTHERS_ASK.search(told[-1].read.skeleton) is not None)
    cue = told[-1].read.as_question().cue if is_asked else None
    return cue if cue is not None and cue.asks_for_data and cue is not Intent.LIST else None


def _in_stay_told_of(told: Sequence[Clause], asking: Clause, times: Times, today: date) -> Times:
    """Return ``times`` as they lie in that of a stay told of before: "I was in Spain in 2024. How many in March?"."""
    stays = told[-1].read.times.periods if told else ()
    is_dated = any(year_number(word) is not None for word in asking.read.spoken)
    if is_dated or len(times.periods) != 1 or len(stays) != 1 or _STAY.search(told[-1].read.skeleton) is None:
        return times
    return replace(times, periods=(narrowed(times, stays[0], today),))


def _times_asked_for(told: Clause) -> Times:
    """Return the times of ``told`` without those of who asks: "scan on Friday, they will ask how it was in May"."""
    times = told.read.times
    asks = _OTHERS_ASK.search(told.read.skeleton)
    count = told.read.skeleton[: asks.start()].count(TIME) if asks is not None else 0
    if not count:
        return times
    places = times.places[count:]
    return replace(times, periods=tuple(times.periods[place] for place in places if place >= 0), places=places)


def _is_told_after_all(clause: Clause) -> bool:
    """Tell "New Year was grim, wasn't it", which asks for no more than a nod."""
    return not clause.mentioned and _NODS.search(clause.read.skeleton) is not None


def _has_both_sides(turn: Turn) -> bool:
    return turn.intent is Intent.COMPARE and max(len(turn.symptoms), len(turn.times.periods)) > 1


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
