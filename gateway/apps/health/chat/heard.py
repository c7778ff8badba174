"""What the rules take a message for, and what of it is settled by that, whatever its words weigh for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.apps.health.chat.frame import Intent
from gateway.apps.health.chat.intent import denies, is_measured, is_plainly_refused, unframed
from gateway.apps.health.chat.joining import asks_of_what_is_told
from gateway.apps.health.chat.reading import Clause, Kind, Turn, asks_the_same, names_a_place
from gateway.apps.health.chat.weighing import NEAR, ahead, likeliest

_COUNTS_BARELY: Final = re.compile(
    r"((and|so|but|ok|now) )*how (many|often)( (days|nights|times|entries|records))?"
    r"( (is|was|were|are) (that|it|those|they))?( in (all|total)| altogether)?( then| please)?( [?!])?"
)
"""Behind a question this counts what was asked for, and asks for no time without it."""
_OF_WHAT_CAME_BACK: Final = re.compile(
    r"((and|so|ok|okay|right|well|go on|then|now|please|can you|could you|would you|will you|just|,) )*"
    r"((name|give|spell|read|lay|set|write|print|reel|rattle|break|run|list|show|tell)( me)?"
    r" (them|those|these|it|each|(each|all) of (them|those|these))( all)?( (out|off|down|back|through))?"
    r"|go on( then)? ,? ?(which|what|when)( (ones|days|dates))?"
    r"|(what|which) (ones )?(are|were) (they|those|these|them)( all| exactly)*)"
    r"( (for|to) me| one by one| in (order|full)| please| then| now)*( [?!.])*"
)
"""Behind a question, what wants to see what it was about: "go on then, spell them out for me"."""
_ASKS_OTHERS: Final = re.compile(r"((and|so|ok) )*(which|what|any) other \w+( did i \w+)? <time>( [?])?$")
_WHETHER: Final = re.compile(
    r"((and|so|but|ok|now) )*(was|were|did|had|has) (i|my|there|he|she|his|her|(the|our) (kid|child|baby))"
    r"( \w+){0,4} <symptom>"
    r"( (at|on|in|during) (my |the )?\w+"
    r"| (going|walking|climbing|coming|running|getting|doing|working|lying|sitting|standing|bending)( \w+){1,3})?"
    r"( <time>)?( [?])?$"
)
"""Plain words: "was I sick on shift last night?"."""
_BEGINS_PLAINLY: Final = re.compile(
    r"((and|so|but|ok|please|can|could|would|will|you|i|we|want|need|like|to|just|hi|hello|,) )*"
    r"((show|list|give|find|tell|remind|see|get|read|fetch|count|pull up|bring up|(take|talk|walk) (me |us )?through)"
    r"( me| us)?( of| about)? ((every|each|all|any|of|the|what|which|how many) ){0,4}|(on )?(which|what|any|how many) )"
    r"(time|occasion|day|night|morning|evening|afternoon|date)s?"
    r" ((that|when|where|on which|did|was|were|had|have|could|<time>) ){0,3}(i|my|we) "
    r"|((and|so|but|ok|please|when|what|was|is|were|,) )*(the|my) (very )?(last|first|latest|earliest|most recent) "
    r"(time|occasion|day|night|morning|evening|date) ((that|when) )?(i|my|we) "
)
"""Whoever asks for the days or times of what they had asks for records: "list the mornings I felt sick as a dog"."""
_CHILDREN: Final = frozenset({"kid", "child", "baby"})
_SINCE_WHEN: Final = re.compile(r"((and|so|ok) )*how long (have|has) (i|my|the|this|we|he|she)\b(?! not\b)")
"""What asks when something began, however much it sounds like what is over: "how long have I had this rash"."""
_WHAT_IS_THERE: Final = re.compile(
    r"((and|so|ok|please) )*(what (have|do|did) (we|i|you) (got|have|get|hold|see)( (down|on file|there|in there))?"
    r"|what (is|was) (there|in there|on file|on record|logged|recorded)|what (came|comes|turns?|turned) up"
    r"|any ?thing( there| at all| logged| recorded| on file)?"
    r"|((can|could|will|would) (you|u) )?(please )?(check|look|have a look)( for me| it up)?( please)?)( [?!.])*"
)
"""Beside a symptom this asks for its records."""
_COUNTS_IN: Final = re.compile(r"((and|but|so) )?counting (in )?((only|just) )?<least>( ones)?( only)?( [?])?")
"""What is left over of a question before it: "counting the 6 and up only?"."""
_ASKS_FOR_ALL: Final = re.compile(
    r"((and|so|but|ok|please|can you|could you) )*(show|list|give|find|tell|remind|see)( me)? "
    r"((every|each|all the) (time|occasion|day|night)s? (that |when )?i (had |was |got |felt |have had )?(a |the |my )?"
    r"<symptom>|(which|what) (symptoms?|entries|things) (i|did i|have i)"
    r" (had|have|put|wrote|log\w*|record\w*|noted|enter\w*)( down| in)?)"
    r"( <time>)?( [?])?$"
)
"""Plain words for a list: "remind me which symptoms I put", "show me every time I had a cough"."""
_WHAT_MOANED_ABOUT: Final = re.compile(
    r"((and|so|but|ok|please|then) )*what ((was|were|have|had) (i|we) (been )?"
    r"(moan|complain|grumbl|whing|whinge|whin|grip|groan|grous|bleat|mutter)ing"
    r"|did (i|we) (moan|complain|grumble|whinge|whine|gripe|groan|grouse|bleat|mutter)) ((on )?about|of)"
    r"( <time>)?( [?])?"
)
"""The same of who complains: what of is in the records."""
_TELLS_ALONE: Final = re.compile(
    r"((so|well|oh|ugh|and|ok|hi|hello) ,? ?)*i (have been|have felt|was|felt) (ever |really |so |very |feeling )*"
    r"<symptom>( \w+){0,2} <time> ,? ?(and|but|with|so) (my|i|the|it|no|now)\b"
    r"(?!.*\b(how|when|what|which|did|show|list|any|last|often|many)\b)(?!.*[?])"
)
"""What somebody tells and goes on telling, with nothing asked."""
_CALLS_OUT: Final = re.compile(
    r"((so|well|oh|ugh|and|ok|hi|hello) ,? ?)*(i have( got)?|my \w+ (is|are)|it is) (a |the |such |so )*<symptom>"
    r"(?!.*[?])(?!.*\b(how|when|what|which|show|list|count|any|often|worst|last|latest)\b).*!$"
)
"""The same in one breath: "I've got butterflies, first date tonight!"."""
_OF_THE_CHAT: Final = re.compile(
    r"((and|so|but|ok|oh|well|right|now|anyway|,) )*(what (else |more |all )?(can|could|may|might|should) (i|we|one)"
    r" be (asking|saying|typing)( (you|here|it|this))*|i (will|shall|must|should|(had|would) better|need to|have to)"
    r" be (off|going|away)"
    r"( (now|then))*)( [?!.])?"
)
"""Whoever asks what to ask, and whoever leaves."""
_OF_DAYS: Final = frozenset({Intent.LIST, Intent.COUNT, Intent.LATEST, Intent.FIRST})
_SAYS_NO_MORE: Final = re.compile(
    r"(i|my) ((and|but|also|then|i|my|the|a|an|had|have|got|was|were|is|are|felt|feel|been|really|very|bit|of|too|,) )*"
    r"<symptom> and ((i|my|the|a|had|was|were|is|are|really|very|bit) )*<symptom>( too| as well)?( [!.])?$"
)
"""Two symptoms of somebody's own, told and no more: "my eyes were sore and my nose running"."""
_WITH_SLOTS: Final = frozenset({Kind.SLOTS, Kind.QUESTION})
_FORETOLD: Final = re.compile(
    r"((and|so|but|ok|now|then) )*(it|that|this|they|(my |the )?<symptom>) (will|(is|are) going to)( not)?"
    r"( (ever|all|just|probably|soon|finally|still|be))* (gone|over|better|worse|back|go|come|get|return|stop|last"
    r"|leave|clear|ease|improve|worsen|happen|pass|end|heal)\b"
)
"""What is to come, which no record tells: "it will be gone by Friday, will not it?"."""
_SIDE_BY_SIDE: Final = re.compile(
    r"\b(next to|beside|alongside) (each other|one another)\b|\b(side by side|head to head)\b"
)
_ONE_MORE_THAN_THE_OTHER: Final = re.compile(
    r"((and|so|but|ok|now) )*(do|did|am|was|have|had) (i|my) ?(been )?((get|got|feel|felt|have|had|suffer) )?"
    r"((the|my|a|from|with) )*<symptom> (more|less)( (often|frequently|of the time|than not))* than"
    r" (i (am|was|do|did|have|get|got|feel|felt|had|been)* ?)?((the|my|a|from|with) )*<symptom>( <time>)?( [?])?"
)
"""Two symptoms, of which one may be had more: "do I get dizzy more than I get sick"."""
_ASKED_IN_PASSIVE: Final = re.compile(
    r"((and|so|but|ok|now|please|,) )*(can|could|may|might|would)"
    r" (it|that|this|they|these|those|((all|any|the|my|of) )*(<symptom>|entries|records))( <time>)?"
    r" (please |perhaps |possibly |also |then )*be (had|seen|shown|drawn|plotted|given|listed|counted|displayed|charted"
    r"|graphed|set (out|beside)|laid out|broken down|compared|narrowed|put (in|into|on|as))\b"
)
"""A wish that the chat can fill, politely: "could that be had as a graph?"."""
_SAME_CHART: Final = re.compile(r"\bsame (kind of |sort of |type of )?(chart|graph|plot|curve|trend)\b")
_SMALL_WORDS: Final = (
    r"((and|or|but|so|ok|now|then|also|same|again|the|my|any|that|this|what about|how about|,|in|on|for|with"
    r"|plus|includ(e|ing)|together with|along with|alongside|apart from|except|without|minus|excluding|other than"
    r"|besides|bar|(repeat|do|run|try)( (that|it|this))?( again)?) )*"
)
_BARE_FOLLOW_UP: Final = re.compile(rf"{_SMALL_WORDS}<\w+>( {_SMALL_WORDS}<\w+>)*( (too|as well|then|please))*( [?])?")
"""A symptom, a time, and no verb, behind a question: "same for gas trouble, that bloating"."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What the rules take a message for: ``turn``, or an emergency, ``by_rules``.

    ``whole`` is all of it read as one clause, ``asking`` the part that asks; ``clauses`` are its sentences, or those of
    them that the rules see danger in.
    """

    by_rules: Turn
    turn: Turn
    whole: Clause
    asking: Clause
    clauses: Sequence[Clause]

    def is_settled(self, weighed: Mapping[Intent, float], *, follows: bool) -> bool:
        """Tell whether the rules are right, whatever the words weigh for."""
        by_rules, asking = self.by_rules, self.asking
        skeleton = asking.read.skeleton
        if follows and by_rules.intent is None:  # slots alone, after a question that has the intent
            is_bare = any(each.fullmatch(skeleton) is not None for each in (_BARE_FOLLOW_UP, _COUNTS_IN))
            is_bare = is_bare or asks_the_same(skeleton) or names_a_place(skeleton)
            is_plain = is_bare or (by_rules.times.relative is not None and not by_rules.unexplained)
            return is_plain or asking.corrects or ahead(weighed, Intent.LIST) < NEAR
        if follows and _is_barely_asked(by_rules, skeleton):
            return True
        if by_rules.intent is Intent.OUT_OF_SCOPE:
            is_none = is_measured(skeleton) or is_plainly_refused(skeleton) or _TELLS_ALONE.match(skeleton) is not None
            is_told = any(each.match(skeleton) is not None for each in (_CALLS_OUT, _SAYS_NO_MORE))
            return is_none or is_told or _FORETOLD.match(skeleton) is not None
        is_told_of = by_rules.intent is not asking.turn.intent and (
            asks_of_what_is_told(asking) or (asking.turn.intent is None and asking is not self.whole)
        )
        if is_told_of or _is_plain_wish(by_rules, skeleton) or (by_rules.intent is not None and denies(skeleton)):
            return True
        likely = likeliest(weighed)[0]
        if likely is Intent.DURATION_SINCE and by_rules.intent is Intent.FIRST:
            return bool(by_rules.symptoms) and _SINCE_WHEN.match(skeleton) is not None
        return likely is Intent.OUT_OF_SCOPE and (
            _OF_THE_CHAT.fullmatch(skeleton) is not None
            or _asks_whether(asking)
            or _begins_plainly(asking)
            or self._asks_for_slots()
        )

    def _asks_for_slots(self) -> bool:
        """Tell "knee pain in May - what have we got?", whose question says nothing of what it is about."""
        by_rules, asking = self.by_rules, self.asking
        has_slots = any(clause.kind in _WITH_SLOTS and clause.mentioned for clause in self.clauses)
        is_bare = has_slots and asking is not self.whole and _WHAT_IS_THERE.fullmatch(asking.read.skeleton)
        return bool(is_bare and by_rules.intent is Intent.LIST and by_rules.symptoms)


def _is_plain_wish(by_rules: Turn, skeleton: str) -> bool:
    """Tell a wish in so many words: "show me every time I had a cough", "could that be had as a graph?"."""
    are_two = by_rules.intent is Intent.COMPARE and len(by_rules.symptoms) > 1
    if are_two and (_SIDE_BY_SIDE.search(skeleton) or _ONE_MORE_THAN_THE_OTHER.fullmatch(skeleton)):
        return True
    if by_rules.intent is Intent.LIST and (_ASKS_FOR_ALL.match(skeleton) or _WHAT_MOANED_ABOUT.fullmatch(skeleton)):
        return True
    if by_rules.intent is Intent.TREND and _SAME_CHART.search(skeleton):
        return True
    return _ASKED_IN_PASSIVE.match(skeleton) is not None and not by_rules.unexplained


def _asks_whether(clause: Clause) -> bool:
    """Tell "was I sick on shift last night?": plain words, and a symptom in a time that is over."""
    turn = clause.turn
    is_plain = turn.intent is Intent.LIST and bool(turn.symptoms) and _CHILDREN.issuperset(turn.unexplained)
    skeleton = clause.read.skeleton
    return is_plain and any(_WHETHER.match(each) for each in (skeleton, unframed(skeleton)))


def _begins_plainly(clause: Clause) -> bool:
    turn = clause.turn
    is_of_a_symptom = turn.intent in _OF_DAYS and bool(turn.symptoms) and len(turn.unexplained) <= 1
    return is_of_a_symptom and _BEGINS_PLAINLY.match(unframed(clause.read.skeleton)) is not None


def _is_barely_asked(turn: Turn, skeleton: str) -> bool:
    """Tell "how many days?" and "which other complaints that day?" behind a question."""
    if turn.counts_units:
        return True
    if turn.intent is Intent.COUNT:
        return _COUNTS_BARELY.fullmatch(skeleton) is not None
    if turn.intent is not Intent.LIST:
        return False
    is_other = turn.names_all_symptoms and _ASKS_OTHERS.match(skeleton) is not None
    return is_other or _OF_WHAT_CAME_BACK.fullmatch(skeleton) is not None
