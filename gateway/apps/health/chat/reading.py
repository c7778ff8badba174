"""Reading one clause: the slots that its words fill, and whether it asks, tells or greets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import Enum, auto
from functools import cache
from typing import Final

from gateway.apps.health.chat.dates import days
from gateway.apps.health.chat.frame import Intent
from gateway.apps.health.chat.intent import (
    CARERS,
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
from gateway.apps.health.chat.patterns import recognised
from gateway.apps.health.chat.safety import flag_words
from gateway.apps.health.chat.severity import (
    ANY_SEVERITY,
    AT_MOST,
    SEVERITY,
    counts,
    find_adjective,
    find_greatest,
    find_numeric,
)
from gateway.apps.health.chat.spelling import Speller, Targets
from gateway.apps.health.chat.symptoms import SYMPTOM, Lexicon, Mention, base_lexicon
from gateway.apps.health.chat.time_expressions import TIME, WORDS_OF_TIME, Times, find_times
from gateway.apps.health.chat.time_words import MONTHS, SEASONS, UNITS, WEEKDAYS

_TIME_VOCABULARY: Final = (
    *(word for word in (*MONTHS, *UNITS, *WEEKDAYS, *SEASONS) if len(word) > 3),  # noqa: PLR2004 - "may", "fri"
    "yesterday", "fortnight", "weekend", "morning", "evening", "christmas", "easter", "recently", "today", "tonight",
)  # fmt: skip
_CARRY: Final = recognised(
    r"\b(and|too|also|as well|what about|how about|it|that|those|ones?|them|then|same|these|this|instead|else|again"
    r"|versus)\b"
)
_JOINING_AND: Final = recognised(
    rf"(?:(?<={SYMPTOM})|(?<={TIME})|(?<={SEVERITY})) and (?:my |the )?(?={SYMPTOM}|{TIME})"
)
_NO_CARRY: Final = recognised(r"\b(was|is|were|are) (there|it)\b|\b(that|which) (i|were|was|are|is|scored?|rated?)\b")
"""Where "it" and "that" carry nothing on: "was there", "which were"."""
_CARRY_STARTS: Final = recognised(
    r"^(but|or|forget|never mind|scrap|skip|drop|no|only|just|not|nothing|w?h?oops\w*|actually|sorry"
    r"|make|i meant|instead|except|so)\b"
)
_ELSE: Final = recognised(
    r"\b(else|other (symptoms?|things|entries|complaints?|problems?|issues?|ailments?|troubles?|niggles?)"
    r"|all (my )?symptoms|any symptoms?|everything)\b"
)
_WHAT_WAS_WRONG: Final = recognised(
    r"((and|so|but|ok|then) )*what ((was|is|were) (wrong|up|the matter|going on|bothering|ailing|troubling)( with)? me"
    r"|(ailed|bothered|troubled|plagued|hurt) me|(did|have|had) i (also )?(report|reported|log|logged|record|recorded"
    r"|note|noted|enter|entered|write|written|put|jot|jotted|track|tracked|suffer|suffered)( from)?( down| in)?"
    rf"|symptoms (did|had|have) i( \w+)?) ?{TIME}( [?])?$"
)
"""A question of its own, that only says when by what was spoken of: "what did I report on the next day?"."""
_WANTS_IT_ALL: Final = recognised(
    rf"((no|and|ok|just|then|please|,) )*{TIME}( ?,)?( (and|then|just|so|please))*"
    r"( (i (want|need|would like)( to see| to have)?|show|give|list|see)( me| us)?)? (every ?thing)( please)?( [?!.])?"
)
"""All of the time, and not of the symptoms: "drop the date, I want everything"."""
_RECORDS: Final = recognised(
    r"\b(symptoms?|entr(y|ies)|records?|diary|journal|log(s|ged|ging)?|recorded|noted|ailments?|complaints?"
    r"|(bugg?|bother|ail|troubl|hurt|annoy|niggl|hassl|plagu|pester)(ing|ed)? me"
    r"|jotted|wrote|written|writ(e|ing) down|tracked|suffer\w*"
    r"|wrong with|anything wrong|health wise|unwell|ill|put (down|in|anything))\b"
)
"""What names the records; then two words more may be unknown: "symptoms on my birthday, 3 March"."""
_UNKNOWN_MAX: Final = 2
_TERSE_MAX: Final = 5
"""Words up to which a text without a verb of asking may be a question: "nose streaming this week"."""
_NOT: Final = recognised(
    r"(^|\b)(not(?! (stop|quit|shake|help|shift|get|keep|be|have)\b)"
    r"|except|excluding|never mind|hide|hiding|forget|without|leave( out)?|minus|ignore|ignoring|skip|drop"
    r"|take out|apart( from)?|other than|bar|barring|besides|swap|switch|replace|excludes?|omit|omitting|instead( of)?"
    r"|rather than|(nothing|not) (about|for|on)|all but|everything but|anything but) "
    r"(?!(i|it|there|they|we)\b)"  # "was not I sick on Monday?"
    r"((the|my|for|any|in|from) )?(\w+ )?$"
)
_ASKS_NOT: Final = recognised(
    r"^((ok|okay|so|and|but|oh|well|hi|hey|hello|now|,) )*(was|were|is|are|am|did|do|does|had|has|have)"
    rf"( (i|it|there|they|my \w+|my {SYMPTOM}|the {SYMPTOM}))? not"
    rf" (?=(i|it|there|they|we|my|the|any|some|a|an|this|that)\b|.*[?])(?!{SYMPTOM} ?,)"
)
"""A question that expects a yes, of which nothing is left out: "was not my back worse in May?"."""
_ASKS_OF_NOTHING: Final = recognised(
    r"^((ok|okay|so|and|but|oh|well|hi|hey|hello|now|there|then|i|is|was|has|have|been|got|,) )*"
    r"nothing( at all| \w+ed)? (about|for|on) "
    r"(?=.*([?]|\b(was|were|is|are|did|have|had|has|do) (there|it|i)$|, (right|no|then|eh)$))"
    r"(?!.*\b(just|only|but|instead|show|list|give|everything|all)\b)"
    r"|\b(is|was) there nothing (about|for|on) "
)
"""The same of what is found by a name: "nothing about my knee, was there?"."""
_ELLIPTICAL: Final = recognised(
    rf"((and|but|or|so|nor|then|ok|,) )+(was|were|is|are|did|do|does|had|has|have) (my|the|this|that) {SYMPTOM}"
    r"( (also|too|as well|then))?( [?])?"
)
"""A verb alone stands for all that was asked before: "was my back worse than in May?", "and was my neck?"."""
_ASKS_THE_SAME: Final = recognised(
    r"((and|so|but|ok|now|then|,) )*((what|how) (was|were|is|are) (it|that|they|those|things)( like| looking)?"
    r"|(was|were|is|are) (it|that|they|those) (just )?the same( (story|thing))?) ((for|with) )?((my|the) )?"
    rf"({SYMPTOM}|{TIME})( (then|too|as well|please))*( [?])?"
)
"""What stands for all that was asked before: "so what was it in June?", "was it the same for my neck?"."""
_PLACE: Final = recognised(r"\b(former|latter|(second|third)(?= (one|of (them|those|these|the two|the three))\b))")
_PLACES: Final = {"former": 0, "second": 1, "latter": 1, "third": 2}
"""Which of the symptoms spoken of is meant."""
_PLACE_ALONE: Final = recognised(
    r"((and|or|so|ok|now|no|just|only|what about|how about|,) )*the (former|latter|second|third)( one)?"
    r"( (of (them|those|these|the two|the three)|please|then|only|alone))*( [?])?"
)
_ADDS: Final = recognised(
    r"((and|or|so|ok|now|but|then|also|please|can you|could you|,) )*"
    rf"(include|including|plus|together with|along with|alongside) ((the|my|any|and|,|{SYMPTOM}) )*{SYMPTOM}"
    r"( (as well|too|also|in (it|that|this|there)|please|then))*( [?])?"
)
"""One symptom more, beside those before: "include vomiting as well"."""
_UP_TO_TODAY: Final = recognised(
    rf"\b(between|from) ({TIME} (and|to) .*\b(last|latest|recent)\b|.*\b(last|latest|recent)\b.* (and|to) {TIME})"
)
"""What ends today, as every time since does: "the gap between my last rash and today"."""
_LAST_OF_NAMES: Final = frozenset({"pain", "throat", "nose", "skin", "fog", "mood", "reflux", "breath"})
_LEAVES_OUT: Final = recognised(
    r"\b(except|excluding|without|leave( out)?|minus|ignor(e|ing)|skip|drop|apart|other than|bar|barring|besides"
    r"|excludes?|omit|omitting|(all|everything|anything) but)\b[^,]*$"
)
"""Of these, a whole list may be the object: "except cough, rash and fever"."""
_ASIDE_BEHIND: Final = re.compile(r" (aside|excluded|excepted|notwithstanding)\b")
"""The same behind it: "sneezing aside"."""
_JOINED: Final = recognised(r" ?(,|,? ?(and|or|nor)) ((the|my|for|any) )?")
_CORRECTS: Final = recognised(
    r"\b((actually )?make (it|that)|actually (i|no)|sorry"
    r"|i (was (going|about)|meant|intended|wanted) to ask\b.*?\bbut"
    r"|i mean|i meant(?! to ask)|no wait|wait|correction|scratch that|make that|or rather|no no|actually no"
    r"|w?h?oo+ps\w*|my bad|apologies|soz"
    r"|no ,? ?(hang|hold) on|(i )?tell a lie|i lie|silly me|my mistake)\b"
    r"|(?<=>) (, )?no , (?=((in|on|the|my) )*<)"
)
_CORRECTS_BEHIND: Final = recognised(
    r"\b(i mean|i meant|sorry|rather|(silly|daft|stupid|dopey) (me|thing)|my (mistake|bad)|tell a lie)( [!.])?$"
)
"""The same behind what is meant: "since one week? since 2 December I mean"."""
_CORRECTS_WHAT_WAS: Final = recognised(rf"^(well )?actually (?={SYMPTOM}|{TIME})|^no , (?={SYMPTOM}|{TIME})|, i mean$")
"""A clause that says better what stands before it: "... - actually threw up, I mean -"."""
_MEANT_BEHIND: Final = recognised(rf"(?:{SYMPTOM}|{TIME}) i meant?(?=$| [?!,])")
"""Behind what is meant: "the whole winter, December to January I mean"."""
_NAMES_AGAIN: Final = recognised(
    rf"(?<={SYMPTOM}) ?, ?(you know|ken|i mean) ?,? (the |my )?(?={SYMPTOM})"
    rf"|(?<={SYMPTOM})( ?, that is|( ?,)? (as in|meaning|in other words|aka))( to say)? ?,? ((the|my|i) )?(?={SYMPTOM})"
    rf"|(?<={SYMPTOM})( ?,)?( and| -)? actually (?={SYMPTOM})(?!.*\b(both|each|either|them)\b)"
    rf"|(?<={SYMPTOM}) (where|in which) (i|he|she) (actually|really|properly|fully) (?={SYMPTOM})"
)
"""Behind one name for a symptom, a plainer one: "my sour stomach, you know, the nausea".

Or what it came to: "felt faint and actually fell".
"""
_THOSE: Final = recognised(r"\b(those|them|these)\b")
_IT: Final = recognised(r"\b(it|its|that|this one|that one|them|those|then)\b")
_ASKED_WITHIN: Final = frozenset(
    {"last", "first", "ever", "worst", "most", "more", "less", "start", "started", "begin", "began", "getting", TIME}
)
"""Words of a question that may stand between the two that name a symptom: "when did my head last hurt"."""
_BAD_ONES: Final = frozenset({"days", "nights", "ones", "spells", "bouts", "attacks", "episodes", "entries"})
"""Of these, a "bad" says how severe they are, though it also names the symptom: "the bad back days"."""
_UTTERLY: Final = frozenset({"totally", "utterly", "absolutely", "completely", "literally"})
"""What only says a symptom louder, and asks for no total: "shattered, totally pooped"."""
_COMPARATIVES: Final = frozenset({"sicker", "sorer", "stiffer", "tighter", "hotter", "fainter", "hoarser"})
_ROOT_MIN: Final = 4
"""Letters that a stem has from which "-y" and "-e" may be its ending."""
_DOUBTFUL_WITHOUT_CUE: Final = 2
"""Unknown words from which a text is in doubt that says no intent; one that says one may have one more."""
_ASKS_OTHERWISE: Final = recognised(r"\b(how(?! (about|is|are|has|have|was|were)\b)|which|who|whose|where|why)\b")
"""A word of asking that no cue took: "how quickly do my headaches go"."""
_TOLD_OF: Final = recognised(
    rf"{TIME} , (?!(and|or|then|versus|than)\b)((?!{TIME}|than\b)\S+ )*{SYMPTOM} ((?!{TIME}|than\b)\S+ )*{TIME}"
)
"""A time that is told of, and behind a comma another that is asked of: "away in May, headaches the week after"."""
_COUNTS_DAYS: Final = recognised(
    r"(and |so )?how (many|often)( (days|nights|times))?( was that| is that)? <time>( [?])?$"
)
"""By itself it asks the calendar; behind a symptom it counts: "couldn't sleep - how many nights this month"."""
_HAS_EVER_BEEN: Final = recognised(r"\bhow (bad|severe|painful|strong|intense|high) (has|have|had) .*\bever\b")
_PURPOSE: Final = recognised(
    r"((and|because|as|since|so|but) )?((i|we|they) (just |only )?(needs?|wants?) (it|this|that|them|those|these)"
    r"|it is|this is|that is|(only |just )?asking) (all )?(for|because of) (a|an|the|my|our|his|her)\b(?!.*[?])"
    rf"|((and|because|as|since|so|but) )?(the |my |our )?{CARERS} (will|would|might|may"
    r"|is (going|bound|sure|certain) to) (just |only |surely |want to |need to |like to )*"
    r"(ask|know|see|say|wonder|check|be told)\b(?!.*[?])"
    rf"|((and|because|as|since|so|but) )?(the |my |our |an? )?{CARERS}"
    r"( people| company| lot| lady| man| team| office)?( (is|are|will|will be|has|have|wants? to|needs? to))*"
    r" (calls?|calling|phones?|phoning|comes?|coming|visits?|visiting|meets?|meeting|sees?|seeing|reviews?|due|back"
    r"|here|in|operates?|operating)( (me|us|back|round|over|again|in|on|at|for|about|it|this|that))*"
    r"( (tomorrow|today|later|soon|<time>|next \w+|first thing|shortly))+( [!.])?$"
)
"""What a question is for, said in a sentence of its own: "I need it for the clinic's form"."""
_WHAT_IT_WAS: Final = recognised(
    r"((and|so|but|ok|now|then|just) )*(what|which|when|how much) (is|was|were|are|would|might) (it|that|they|those)"
    r"( be| have been)?"
    r"( then| please)?( [?])?"
)
"""What was told of is asked for: "they want the highest score, so what was it?"."""
_NARROWS_TO: Final = recognised(
    r"^((and|but) )?(only|just)\b|\b(only|alone|on its own|by itself)( (please|then))?( [?!])?$"
)
"""Of what was asked before, a part: "just December"."""
_COUNTS_UNITS: Final = recognised(
    r"((and|so|but|ok|okay|now|then|right|,) )*how many (days|weeks|months|years|nights)"
    r"( (is|was|has|have|would|are|makes?|does) (that|it|this|those)( been| be| make)?)?( in (all|total))?"
    r"( (now|then|exactly|altogether|please|roughly))*( [?])?"
)
_NARROWS: Final = recognised(r"^(only |just |but )*(the ones|those|only|just)\b")


@dataclass(frozen=True, slots=True)
class Turn:
    """The slots of one message. None and empty: not mentioned.

    ``any_severity`` takes back a least severity said before, ``at_most`` is one that cannot be asked for.
    ``cue`` is the intent that the words say, also where the whole is out of scope; ``unexplained`` are words that no
    step knows, ``is_doubtful`` says that too much of the text stays unread, ``told`` are symptoms of which something is
    told, and nothing asked. ``rival`` is the intent that is nearly as likely. ``narrows`` asks for a part of what was,
    ``adds`` for more beside it, ``place`` for one of the symptoms before.
    ``counts_units`` asks how many days something is, which behind a last time is how long ago it was.
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
    rival: Intent | None = None
    narrows: bool = False
    adds: bool = False
    place: int | None = None
    counts_units: bool = False

    @property
    def unknown(self) -> tuple[str, ...]:
        """The words that may be a symptom nobody here knows, where all else is a question about records."""
        if self.intent is Intent.OUT_OF_SCOPE:
            is_question = self.cue is not None or bool(self.times.periods)
        else:
            is_question = self.is_doubtful and not self.symptoms
        return tuple(word for word in self.unexplained if word not in protected_words()) if is_question else ()


class Kind(Enum):
    """What a clause does: pleasantry, call for help, what no records answer, question, slots alone, or telling."""

    PLEASANTRY = auto()
    HELP = auto()
    REFUSED = auto()
    QUESTION = auto()
    SLOTS = auto()
    TOLD = auto()


@dataclass(frozen=True, slots=True)
class Read:
    """The slots that stand in a text, whatever it wants; ``skeleton`` has a mark in place of each.

    ``spoken`` are its words, ``words`` those without the severities in numbers; ``marks`` says which of the skeleton's
    marks each of ``mentions`` has.
    """

    spoken: Sequence[str]
    words: Sequence[str]
    now: datetime
    times: Times
    mentions: tuple[Mention, ...]
    marks: tuple[int, ...]
    skeleton: str
    min_severity: int | None
    at_most: bool = False

    @property
    def mentioned(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(mention.concept for mention in self.mentions))

    @property
    def says_slots(self) -> bool:
        times = self.times
        return bool(
            self.mentions
            or times.periods
            or times.relative
            or times.is_all_time
            or self.min_severity is not None
            or AT_MOST in self.skeleton
            or ANY_SEVERITY in self.words
            or _ELSE.search(self.skeleton)
            or _PLACE_ALONE.fullmatch(self.skeleton)
        )

    def as_question(self) -> Turn:
        """Return what it asks about the records, however it sounds."""
        return _question(self, unframed(self.skeleton))


@dataclass(frozen=True, slots=True)
class Clause:
    """``narrows`` and ``corrects`` tell what it does to a clause before it."""

    kind: Kind
    turn: Turn
    read: Read
    narrows: bool = False
    corrects: bool = False

    @property
    def mentioned(self) -> tuple[str, ...]:
        """The symptoms that are named, whatever the clause does."""
        return self.read.mentioned


def asks_of_it(skeleton: str) -> bool:
    """Tell "so what was it?", which says nothing else of what is wanted."""
    return _WHAT_IT_WAS.fullmatch(skeleton) is not None


def read_clause(words: Sequence[str], now: datetime, lexicon: Lexicon) -> Clause:
    """Return what ``words``, repaired, say; ``now`` is the person's local time."""
    read = _read(words, now, lexicon)
    if is_greeting(read.skeleton) and not read.mentions:
        return Clause(Kind.PLEASANTRY, social(Intent.GREETING), read)
    if is_help(read.skeleton):
        return Clause(Kind.HELP, social(Intent.HELP), read)
    bare = unframed(read.skeleton)
    if _PURPOSE.match(bare):
        return Clause(Kind.TOLD, social(Intent.OUT_OF_SCOPE), read)
    is_told = is_statement(bare) or (bare == read.skeleton and tells(" ".join(read.times.words)))
    mentioned = read.mentioned
    if is_out_of_scope(bare) and not asks_of_it(bare):
        cue = Intent.COUNT if _COUNTS_DAYS.match(bare) else None
        turn = Turn(Intent.OUT_OF_SCOPE, (), read.times, read.min_severity, cue=cue, told=mentioned if is_told else ())
        return Clause(Kind.TOLD if is_told else Kind.REFUSED, turn, read)
    turn = _question(read, bare)
    cue, unknown = turn.cue, turn.unexplained
    if cue is None and not turn.times.periods and "?" not in bare and len(unknown) > 1 and len(words) > _TERSE_MAX:
        is_told = True
    is_about_nothing = not mentioned and len(unknown) > _UNKNOWN_MAX * turn.names_records
    if (
        is_about_nothing
        or (cue is None and (not read.says_slots or is_told))
        or (cue is not Intent.COMPARE and is_told)
    ):
        refused = Turn(
            Intent.OUT_OF_SCOPE, (), turn.times, read.min_severity, cue=cue, unexplained=unknown, told=mentioned
        )
        return Clause(Kind.TOLD, refused, read, narrows=_NARROWS.match(bare) is not None)
    kind = Kind.SLOTS if cue is None else Kind.QUESTION
    corrects = _CORRECTS.match(bare) or _CORRECTS_WHAT_WAS.search(bare)
    corrects = corrects or (_CORRECTS_BEHIND.search(read.skeleton) if kind is Kind.SLOTS else None)
    return Clause(kind, turn, read, corrects=corrects is not None)


def _read(words: Sequence[str], now: datetime, lexicon: Lexicon) -> Read:
    is_count = "than" in words and counts(list(words), [mention.start for mention in lexicon.find(words)])
    min_severity, unscored = (None, list(words)) if is_count else find_numeric(words)
    times = find_times(unscored, now)
    mentions = lexicon.find(times.words)
    skeleton, marks = _skeleton(times.words, mentions)
    is_at_most, skeleton = (False, skeleton) if is_count else find_greatest(skeleton)
    adjective, skeleton = find_adjective(skeleton)
    least = adjective if min_severity is None else min_severity
    return Read(words, unscored, now, times, tuple(mentions), tuple(marks), skeleton, least, is_at_most)


def _question(read: Read, skeleton: str) -> Turn:
    """Return what is asked about the records; ``skeleton`` is that of ``read`` without its frame."""
    words, times, mentions = read.words, read.times, read.mentions
    today = read.now.date()
    is_today = len(times.periods) == 1 and times.periods[0].start == today and times.periods[0] == days(today)
    if is_today and _UP_TO_TODAY.search(skeleton):
        times = replace(times, periods=())
    cue = None if _is_elliptical(read, skeleton) else cue_of(skeleton)
    if cue is Intent.AVERAGE_SEVERITY and _HAS_EVER_BEEN.search(" ".join(words)):
        cue = Intent.MAX_SEVERITY
    are_sides = len(times.periods) == 1 and len(read.mentioned) < 2  # noqa: PLR2004 - else the symptoms are
    if cue is Intent.COMPARE and are_sides and "between" in words:  # its ends are the two sides
        times = find_times([word for word in words if word != "between"], read.now)
    taken_back = set() if cue is Intent.DURATION_SINCE else _taken_back(skeleton, SYMPTOM)
    marked = [*zip(mentions, read.marks, strict=True)]
    is_last_taken_back = {mention.concept: mark in taken_back for mention, mark in marked}
    excluded = tuple(concept for concept, is_taken_back in is_last_taken_back.items() if is_taken_back)
    unknown = tuple(unexplained(_PLACE.sub(" ", skeleton)))
    return Turn(
        intent=cue,
        symptoms=tuple(dict.fromkeys(m.concept for m in mentions if m.concept not in excluded)),
        times=_held(times, skeleton, today),
        min_severity=read.min_severity,
        any_severity=ANY_SEVERITY in words or AT_MOST in skeleton,
        at_most=read.at_most,
        excluded=excluded,
        carries=_CARRY.search(_without_joining_and(skeleton)) is not None or _CARRY_STARTS.match(skeleton) is not None,
        names_all_symptoms=not mentions and _names_all(skeleton, times),
        refers_back=_IT.search(skeleton) is not None,
        means_many=_THOSE.search(skeleton) is not None,
        names_records=_RECORDS.search(skeleton) is not None,
        cue=cue,
        unexplained=unknown,
        is_doubtful=_is_doubtful(skeleton, cue, unknown),
        narrows=_NARROWS_TO.search(" ".join(read.spoken)) is not None,
        adds=_ADDS.fullmatch(skeleton) is not None,
        place=_place_of(skeleton),
        counts_units=_COUNTS_UNITS.fullmatch(skeleton) is not None,
    )


def _names_all(skeleton: str, times: Times) -> bool:
    """Tell what asks of all symptoms: "what else?", "what was wrong with me the day before?"."""
    if times.relative is not None and _WHAT_WAS_WRONG.match(skeleton):
        return True
    return _ELSE.search(skeleton) is not None and not (times.is_all_time and _WANTS_IT_ALL.fullmatch(skeleton))


def _place_of(skeleton: str) -> int | None:
    """Return which of the symptoms before is meant, counted from 0: "the latter", "the second one"."""
    if _PLACE_ALONE.fullmatch(skeleton):
        return next(place for word, place in _PLACES.items() if word in skeleton)
    found = _PLACE.search(skeleton)
    return None if found is None else _PLACES[found[0]]


def names_a_place(skeleton: str) -> bool:
    """Tell "just the latter", which says no more than which of the symptoms before is meant."""
    return _PLACE_ALONE.fullmatch(skeleton) is not None


def asks_the_same(skeleton: str) -> bool:
    """Tell "so what was it in June?", which goes on with what was asked before."""
    return _ASKS_THE_SAME.fullmatch(skeleton) is not None


def _is_elliptical(read: Read, skeleton: str) -> bool:
    if asks_the_same(skeleton):
        return True
    if len(read.mentions) != 1 or not _ELLIPTICAL.fullmatch(skeleton):
        return False
    mention = read.mentions[0]
    named = read.times.words[mention.start : mention.end]
    return len(named) == 1 or named[-1].endswith("s") or named[-1] in _LAST_OF_NAMES  # "did my back hurt" has its verb


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
    are_sides = words.count(TIME) > 1 or "than" in words
    i = 0
    for mention in mentions:
        marks.append(parts.count(SYMPTOM) - (mention.start < i))
        if mention.start < i:
            continue
        parts += words[i : mention.start]
        if parts and parts[-1] in _UTTERLY:
            parts.pop()
        is_more = are_sides and any(map(_is_comparative, words[mention.start : mention.end]))
        parts += ["more"] if is_more else []
        if words[mention.start] == "bad" and not _BAD_ONES.isdisjoint(words[mention.end : mention.end + 1]):
            parts.append("bad")
        parts.append(SYMPTOM)
        parts += [word for word in words[mention.start : mention.end] if word in _ASKED_WITHIN]
        i = mention.end
    parts += words[i:]
    return " ".join(parts), marks


def _is_comparative(word: str) -> bool:
    """Tell "dizzier", which of two times says "more" beside its symptom."""
    return word.endswith("ier") or word in _COMPARATIVES


def _taken_back(skeleton: str, mark: str) -> set[int]:
    """Return which of the ``mark`` in ``skeleton`` do not hold: "not bloated, constipated", "May, sorry, June"."""
    if mark not in skeleton:
        return set()
    asked = _ASKS_NOT.sub("", skeleton) if " not " in skeleton else skeleton
    before = (_ASKS_OF_NOTHING.sub("", asked) if "nothing " in asked else asked).split(mark)[:-1]
    behind = skeleton.split(mark)[1:]
    dropped: set[int] = set()
    leaves_out = False
    for k, text in enumerate(before):
        joined = _JOINED.fullmatch(text) if k - 1 in dropped else None
        if joined is not None and (leaves_out or "," not in text):
            dropped.add(k)
        elif _ASIDE_BEHIND.match(behind[k]) or _NOT.search(text):
            dropped.add(k)
            leaves_out = _LEAVES_OUT.search(text) is not None
    return dropped | _corrected(skeleton, mark, dropped) if skeleton.count(mark) > 1 else dropped


def _corrected(skeleton: str, mark: str, dropped: AbstractSet[int]) -> set[int]:
    """Return which of the ``mark`` besides those ``dropped`` stand before what is said better."""
    behind = [found for found in _MEANT_BEHIND.finditer(skeleton) if mark in skeleton[: found.start()]]
    ends = {found.end() for found in behind}
    corrections = [found.end() - 1 for found in _CORRECTS.finditer(skeleton) if found.end() not in ends]
    corrections += [found.start() for found in _NAMES_AGAIN.finditer(skeleton)] if mark == SYMPTOM else []
    places = [found.start() for found in re.finditer(re.escape(mark), skeleton)]
    corrections += [found.start() - 1 for found in behind if found[0].startswith(mark)]
    corrected: set[int] = set()
    for at in corrections:
        if any(place > at for k, place in enumerate(places) if k not in dropped and k not in corrected):
            corrected.update(k for k, place in enumerate(places) if place < at)
    return corrected


def _held(times: Times, skeleton: str, today: date) -> Times:
    """Return the times without those that are taken back: "not March, February", "not last week but the one before"."""
    if times.relative is not None and times.relative.steps and len(times.periods) == 1 and skeleton.count(TIME) > 1:
        if 0 not in _taken_back(skeleton, TIME) and not _TOLD_OF.search(skeleton):
            return times
        meant = times.relative.resolve(times.periods[0], today)
        return replace(times, periods=(meant,), relative=None, taken_back=times.periods)
    taken_back = _taken_back(skeleton, TIME) if len(times.periods) > 1 else set()
    if not taken_back or skeleton.count(TIME) != len(times.places):
        return times
    held_places = {place for k, place in enumerate(times.places) if k not in taken_back}
    held = tuple(period for k, period in enumerate(times.periods) if k in held_places)
    dropped = tuple(period for period in times.periods if period not in held)
    return replace(times, periods=held, taken_back=dropped) if held else times


def _without_joining_and(skeleton: str) -> str:
    """Return the skeleton without the "and" between two symptoms or two times, which carries nothing on."""
    return _NO_CARRY.sub(" ", _JOINING_AND.sub(" ", skeleton))


class Repairs:
    """The typing errors of one message repaired: into everyday words, words of time and danger, and symptoms."""

    def __init__(self) -> None:
        self._speller = Speller(_ordinary().targets, base_lexicon().targets)

    @property
    def lookups_left(self) -> int:
        return self._speller.lookups_left

    def repaired(self, words: Iterable[str], lexicon: Lexicon) -> list[str]:
        """Return the words, one for one, known ones as they are; ``lexicon`` is the base one or joined from it."""
        return self._speller.repaired(words, lambda word: _is_known(word, lexicon), lexicon.own_targets)

    def rivals(self, word: str, chosen: str, lexicon: Lexicon) -> list[str]:
        """Return the words of symptoms that ``word``, repaired to ``chosen``, may as well have been."""
        return list(filter(lexicon.is_target, self._speller.rivals(word, chosen, lexicon.own_targets)))


def _with_its_letter(word: str) -> str:
    """Return "getting" for "geting", whose consonant is doubled if there is such a word; else nothing."""
    is_short = word.endswith("ing") and len(word) > _ROOT_MIN and word[-4] not in "aeiouyw" and word[-5] in "aeiou"
    return f"{word[:-3]}{word[-4:]}" if is_short else ""


def _is_known(word: str, lexicon: Lexicon) -> bool:
    ordinary = _ordinary()
    if word in ordinary.words or lexicon.knows(word):
        return True
    doubled = _with_its_letter(word)
    if doubled and (doubled in ordinary.words or lexicon.knows(doubled)):
        return False
    root = stem(word)  # a word that is no more than a stem has lost its end: "befor"; "meny" is no form of "men"
    is_short = len(root) < _ROOT_MIN and word[-1] in "ye"
    return root != word and not is_short and (root in ordinary.stems or lexicon.knows_stem(root))


@dataclass(frozen=True, slots=True)
class _Ordinary:
    """What a misspelt word may have been, besides symptoms; the words that are left alone, and their stems."""

    targets: Targets
    words: frozenset[str]
    stems: frozenset[str]


@cache
def _ordinary() -> _Ordinary:
    targets = {*_TIME_VOCABULARY, *flag_words(), *(word for word in ordinary_words() if len(word) > 3)}  # noqa: PLR2004
    known = frozenset({*targets, *ordinary_words(), *cue_words(), *protected_words(), *WORDS_OF_TIME})
    return _Ordinary(Targets(targets), known, frozenset(map(stem, known)))
