"""How bad at least: numbers ("7 or more", "over 5") and words ("severe headaches", "only the bad ones")."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from math import ceil, floor
from typing import Final

from gateway.apps.health.chat.symptoms import SYMPTOM

SEVERITY: Final = "<least>"
AT_MOST: Final = "<capped>"
ANY_SEVERITY: Final = "<any>"
"""What was said of severity takes back what had been said of it."""
_SEVERE: Final = 7
_MODERATE: Final = 4
_WORST: Final = 10

_WHOLE: Final = r"(?:10|\d|one|two|three|four|five|six|seven|eight|nine|ten)"
_N: Final = rf"(?P<n>\d\.\d|{_WHOLE})(/10| out of 10| out of ten)?"
_NO_UNIT: Final = (
    r"(?!\.\d)(?! ?(times?|days?|nights?|weeks?|months?|years?|hours?|minutes?|and a half|occasions|entries|records"
    r"|[ap]m(?! i)"
    r"|january|february"
    r"|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sep|sept"
    r"|oct|nov|dec)\b)"
)
_LED: Final = (
    r"((with |of |that |which |a |an |the |was |were |is |are )*"
    r"(severity|score|scored|scoring|rated|rating|level|intensity|pain|filter|graded)? ?(of |is |was |at |to )?)"
)
_LOWER: Final = r"(low|mild|gentl|weak|light|small|soft)er|(less|fewer)( (severe|bad|intense|painful|strong))?"
_BELOW: Final = rf"(below|under|beneath|({_LOWER}) than)"
_ABOVE: Final = (
    r"(over|above|(more( severe| intense| painful)?|greater|higher|worse|stronger|severer|bigger) than|exceeding|beyond"
    r"|(?<!\bthe )past)"
)
_LEAVES_OUT: Final = (
    r"(filter(ing)? out|exclud(e|ing)|ignor(e|ing)|hid(e|ing)|without|leav(e|ing) out|drop(ping)?|skip(ping)?"
    r"|remov(e|ing)|forget(ting)?)"
)
_NONE: Final = r"(nothing|none|nowt|no|not|never)"
_ANY_OF_THEM: Final = (
    r"((any(thing)?|the|those|these|ones?|entries|records|scores?|that|which|of|them|is|are|was|were|scor(ed|ing)"
    r"|rated|a|severity) )"
)
_AT_LEAST: Final = re.compile(
    rf"\b{_LED}(at least|(a )?minimum of) (a )?{_N}\b{_NO_UNIT}"
    rf"|\b{_LED}(?P<b>{_WHOLE}) ?(, ?)?((and|or|but|with) )?{_NONE} (below|under|beneath|{_LOWER})\b(?! than)"
    rf"|\b((minimum|least|min) (severity|score|rating|level|intensity)|min(imum)?)( of)? (?P<m>{_WHOLE})\b{_NO_UNIT}"
    rf"|\b{_LED}(?P<e>{_WHOLE}) (at (the )?(very )?(least|minimum)|minimum)\b(?! <)"
    r"|((?<=\bmany )|(?<=\bwhich )|(?<=\bthem )|(?<=\bthose )|(?<=\bones )|(?<=\bthat )|(?<=\bthey ))(ever )?"
    rf"(reached|hit|got to|made it to|went up to) (an? )?(?P<r>{_WHOLE})\b{_NO_UNIT}"
    rf"|\bfrom (an? )?(?P<u>{_WHOLE}) (up|upwards?)\b"
    rf"|\b(severity|scor(ed?|es|ing)|rat(ed|ing)|level|graded|a|of|only|just|was|were|the) (?P<t>{_WHOLE})"
    r"( ?(,|or|and|to|-) ?(six|seven|eight|nine|[6-9]))*,? ?(or|and|to|-) ?(10|ten)\b(?! ?/)"
    + _NO_UNIT
    + r"(?! (or|and|to|of)\b)"
    rf"|\b{_LED}(?<![\d.])(?P<a>\d\.\d|10|\d|four|five|six|seven|eight|nine|ten)(/10)? ?(\+"
    r"|(or|and) (more( severe)?|above|higher|worse|over|greater|up|stronger|severer)|plus|upwards?)(?!\w| ?\d)"
)
_NOT_BELOW: Final = re.compile(
    rf"\b{_LED}({_LEAVES_OUT}|{_NONE}) (\w+ ){{0,3}}({_BELOW}|short of) (an? )?{_N}\b{_NO_UNIT}"
)
_OVER: Final = re.compile(rf"\b{_LED}{_ABOVE} (an? )?(?!one\b|two\b){_N}\b{_NO_UNIT}(?! to | ?- ?\d)")
_UP_TO: Final = (
    rf"({_LEAVES_OUT}( all| every ?thing)?|(no|not|never)(?! any)"
    r"|(?<!\bthere )(nothing|none|nowt)(?!.*([?]|\b(was|were|is|are|did|had|have) (there|i|it|they)$)))"
    rf" {_ANY_OF_THEM}*{_ABOVE}"
)
"""Before a greatest severity; "nothing over 7, was there?" asks for a least one."""
_NOT_OVER: Final = re.compile(rf"\b{_UP_TO} (an? )?{_N}\b{_NO_UNIT}")
_ANY: Final = re.compile(
    r"\b((drop|remove|clear|forget|ignore|lose|cancel|undo|reset|without|take (off|away)) (the |that |any )?severity"
    r"( filter| limit| threshold| bit)?"
    r"|(drop|remove|clear|forget|ignore|lose|cancel|undo|reset|never mind) (the |only |just )*"
    r"(severe|bad|strong|worst)( ones| only| bit| filter)*(?! \w)"
    r"|(regardless|irrespective) of (the )?(severity|how (bad|severe)\w*)"
    r"|(of |at )?(any|all|every) (severity|severities|levels?|scores?)|no matter how (bad|severe|mild)"
    r"|(the |any )?(mild|milder|lighter|minor|weaker|less severe) ones (too|as well|also|included)"
    r"|(include|including|with|plus|add) (the )?(mild|milder|minor|lighter)( ones)?"
    r"|not (just|only) (the )?(bad|severe|worst|strong) ones)(?!\w)"
    r"|^((and|now|ok|just|then|show|list|give|me|us|back|to) )*"
    r"(all of (them|those|it)|them all|the (whole )?lot|every one)"
    r"( (again|please|now|instead|back|then|this time))*( [?!.])?$"
)
_SCALE: Final = re.compile(
    r"\b(on|out of|using|by) (a|the) scale( (of|from))? (0|1|zero|one|nought)( to | ?- ?)(10|ten)\b ?,?"
)
"""What the numbers run between, and says none: "on a scale of 1 to 10"."""
_AT_MOST: Final = re.compile(
    rf"\b{_LED}({_BELOW}|at most|up to|a maximum of|{_UP_TO}) (an? )?{_N}\b{_NO_UNIT}"
    rf"|\b{_WHOLE} (or|and) (less|below|under|lower|fewer|down)(?!\w)"
)
_MILD: Final = re.compile(rf"\bmild(er|est)?\b(?! to)|\b(weak|minor|slight|lighter)(er|est)? (ones|{SYMPTOM})")
_NUMBERS: Final = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
}  # fmt: skip

_BAD: Final = (
    r"(severer?|bad|strong|terrible|intense|awful|horrible|nasty|extreme|unbearable|excruciating|serious|heavy|violent"
    r"|acute)"
)
_ADJECTIVE: Final = re.compile(
    rf"(?<!\bhow )(?<!\bas )(?<!\bmost )(?<!\bso )(?<!\bnot )(?<!\btoo )\b"
    rf"((really|very|quite|particularly|especially|extremely|pretty|proper) )*{_BAD} "
    rf"(?={SYMPTOM}|\w+ {SYMPTOM}|ones?\b|(symptom|entr|record|attack|episode|day|bout|spell|case|complaint|ailment"
    r"|problem)\w*\b)"
    rf"|\b(only|just) (the )?(really |very )?{_BAD}\b|^(and |but )?(the )?(really |very )?{_BAD} ones\b"
    rf"|^(and |but )?(the )?(really |very )?{_BAD}( ones| entries| days)?,? (only|alone)\b"
    r"|^(and |but )?(the )?(really |very )?(severe|strong|intense)( please)?( [?!])?$|\bhow (bad|severe)ly\b(?!.)"
    rf"|((?<=\banything )|(?<=\bany of them )|(?<=\bany of those )|(?<=\bsome of them )|(?<=\bwere any ))"
    rf"((really|very|particularly) )?{_BAD}\b"
    rf"|\b(only|just) (where|when|if) (it|they|things|that) (was|were|got|felt) ((really|very|quite) )*{_BAD}\b"
    r"|(?P<which>\b(those|them|these|ones|that|which|entries|days|symptoms|any|many|some|nights|times|attacks"
    rf"|episodes|spells|bouts|records)|\bmany (of )?((my|the|those|these) )?{SYMPTOM}) (were|was|are|felt)"
    rf" ((really|very|quite|properly|proper) )*{_BAD}\b"
)
_MODERATE_UP: Final = re.compile(
    r"(?P<which>)\b(at least moderate|moderate (or|and) (worse|above|up|more|higher|severe|over)|moderate to severe)\b"
)


_TAKEN_BACK_BY: Final = (
    "sever", "bad", "strong", "worst", "mild", "minor", "lighter", "weaker", "level", "score", "all", "lot",
    "every one",
)  # fmt: skip
_MILD_PARTS: Final = ("mild", "weak", "minor", "slight", "lighter")
_BAD_PARTS: Final = (
    "sever", "bad", "strong", "terribl", "intens", "awful", "horribl", "nasty", "extrem", "unbear", "excruc", "serious",
    "heavy", "violent", "acute",
)  # fmt: skip
"""Without any of these the expressions above find nothing: most questions say none, and are spared the search."""
_COUNT_WORDS: Final = 3
"""As in "more than two", before what is counted."""


def counts(words: Sequence[str], starts: Collection[int]) -> bool:
    """Tell "more than three headaches", of which ``starts`` has the position: a number of them, and no severity."""
    places = (k for k in starts if k >= _COUNT_WORDS)
    return any(
        words[k - 2] == "than" and words[k - 3] in {"more", "less", "fewer"} and _is_number(words[k - 1])
        for k in places
    )


def _is_number(word: str) -> bool:
    return word.isdigit() or word in _NUMBERS


def _has(text: str, parts: Iterable[str]) -> bool:
    return any(part in text for part in parts)


def _has_number(words: Iterable[str]) -> bool:
    return any(_is_number(word) or word[0].isdigit() for word in words)


def find_numeric(words: Sequence[str]) -> tuple[int | None, list[str]]:
    """Return the least severity that a number says, and the words with it replaced."""
    if "scale" in words:
        words = _SCALE.sub("", " ".join(words)).split()
    text = " ".join(words)
    if _has(text, _TAKEN_BACK_BY) and _ANY.search(text):
        return None, _ANY.sub(f" {ANY_SEVERITY} ", text, count=1).split()
    if not _has_number(words):
        return None, list(words)
    for pattern, is_more in ((_NOT_BELOW, False), (_AT_LEAST, False), (_OVER, True)):
        found = pattern.search(text)
        if found is None or (is_more and _NOT_OVER.search(text)):
            continue
        groups = found.groupdict()
        said = next((number for number in (groups.get(name) for name in "nambuter") if number), "")
        least = _least(said, is_more=is_more)
        if least <= _WORST:
            return least, f"{text[: found.start()]} {SEVERITY} {text[found.end() :]}".split()
    return None, list(words)


def find_greatest(skeleton: str) -> tuple[bool, str]:
    """Tell a severity that is not to be passed ("below 4", "the mild ones"), and return the skeleton with it replaced.

    No question can be narrowed to it; words alone are left as they are.
    """
    if _has_number(skeleton.split()) and _AT_MOST.search(skeleton) is not None:
        return True, _AT_MOST.sub(AT_MOST, skeleton)
    is_mild = _has(skeleton, _MILD_PARTS) and _MILD.search(skeleton) is not None
    return is_mild and _MODERATE_UP.search(skeleton) is None, skeleton


def _least(said: str, *, is_more: bool) -> int:
    """Return the least whole severity from ``said`` on, or above it."""
    number = float(_NUMBERS.get(said, said))
    return floor(number) + 1 if is_more else ceil(number)


def find_adjective(skeleton: str) -> tuple[int | None, str]:
    """Return the least severity that an adjective says, and the skeleton with it replaced."""
    for pattern, parts, least in ((_MODERATE_UP, ("moderate",), _MODERATE), (_ADJECTIVE, _BAD_PARTS, _SEVERE)):
        if _has(skeleton, parts) and pattern.search(skeleton):
            return least, pattern.sub(rf"\g<which> {SEVERITY} ", skeleton, count=1).replace("  ", " ").strip()
    return None, skeleton
