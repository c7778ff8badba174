"""Where a message comes apart: sentences, and the question behind what is told before it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

_NO_DATE: Final = (
    r"(?!\d|jan|feb|mar|apr|may\b|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun|now\b|today|yesterday|last\b"
    r"|this\b|the (?:\d|present|end))"
)
_SHORT_FORM: Final = re.compile(
    r"(?:^|[\s(])(?:[A-Za-z]|\d\d?\.\d\d?|dr|mr|mrs|ms|st|no|vs|approx|e\.g|i\.e|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.$",
    re.IGNORECASE,
)
_SHORT_FORM_MAX: Final = 10
_BLANKS: Final = re.compile(r"[^\S\n]{2,}")
_END: Final = re.compile(
    rf"(?<=[.!?;])\s+|\s*\n\s*|\s*(?:\.\.+|\u2026)\s*|(?<=[\w)]):\s+|\s+[-\u2013\u2014]{{1,2}}\s+{_NO_DATE}",
    re.IGNORECASE,
)
_OPENER: Final = (
    r"(?:how|when|what|which|whats|hows|whens|since when|did|have|had|has|was|were|is|are|do|does|any|anything"
    r"|show|list|give"
    r"|i (?:need|want|would like|wonder)|need|check"
    r"|tell|can|could|please|plot|chart|graph|draw|count|compare|find|display)\b"
)
_BEHIND_WHAT_IS_TOLD: Final = re.compile(
    rf"(?:,|\b(?:and|so|but|anyway|anyways|because|cos|cuz|or|lol|lmao|haha+|omg|tbh|ugh|sigh)[,!]?)\s+(?:(?:and|so|but|anyway|now|then|um|uh"
    rf"|like|really|actually|mainly|instead|rather|mostly)\s+)*(?={_OPENER})"
)
_UNMARKED: Final = re.compile(
    r"(?<=[a-z]{3})\s+"
    r"(?=(?:when (?:did|was|were|have|had)|how (?:many|often|long|bad)|did (?:i|my)|have i had|was i|was my)\b)"
)
"""The same where nothing parts them: "I was dying laughing did my stomach hurt"."""
_TELLS_OF_SELF: Final = re.compile(r"(?:(?:ok|so|omg|lol|well|right|oh|hi|hey|and|yo)[ ,]+)*(?:i|we|my|it|had|was)\b")
_ASIDE: Final = re.compile(
    r" ?[,;-] (?:(?:and|because|as|for|but|so|since|though|only|except) )?(?="
    r"(?:i|we|he|she|they|it|that|there|had|signed) (?!mean\b|meant\b|logged\b|recorded\b)\w"
    r"|(?:my|me|our|the) (?:\w+ ){1,3}(?:is|was|has|had|says|said|keeps|wants|asks|asked|are|were|reckons)\b)"
    r"|,? (?=asking (?:because|as|since|for)\b)"
    r"| (?<=[>a-z0-9] ), (?=(?:my|the|our) (?:\w+ )?(?:man|doctor|gp|nurse|consultant|specialist|physio|dentist|boss"
    r"|wife|husband|mum|mom|dad|daughter|son|sister|brother) (?!or\b|and\b)\w+ ?$)"
)
"""Where what is told behind a question may begin: "did I cough last night, I was half asleep"."""
_ASIDE_UNMARKED: Final = re.compile(
    r" (?=i (?:am|was|have been|had been|can not|could not) (?!\w+$)"
    r"|my (?:\w+ ){1,3}(?:is|was|says|said|keeps|wants) \w)"
)
"""The same without a comma, behind a time alone."""
_TURNING: Final = re.compile(r"[,;]\s+(?:so|anyway|anyways|anyhow|but anyway|right|right so|now)\s*,?\s+")
"""Where one who told of something comes to what they want."""
_ASIDES_MAX: Final = 2
_BREAKS_OFF: Final = re.compile(r"[\u2026\u2013\u2014]|\.\.|\s-")
_SAID_ANEW: Final = re.compile(
    r"\b(how many|number of|which|what) [a-z]+\s*(?:\.\.+|\u2026|\s-|\s?\u2013|\s?\u2014)\s*"
    r"(?:sorry,? |no,? |wait,? )?(?:i mean|i meant|or rather|make that),?\s+"
    r"(?!(?:how|when|what|which|did|was|is|the|it|that|i|my|last|this|in|on|from)\b)(?=[a-z])",
    re.IGNORECASE,
)
"""One word of a question said anew: "how many shifts... I mean days was I tired"."""
_SAID_WRONGLY: Final = re.compile(
    r"\bdid i (?:just |really )?(?:say|type) (?:\w+ ){0,3}?\w+ ?\?+\s*(?=(?:sorry,? |oops,? |no,? )?i mean(?:t)?\b)",
    re.IGNORECASE,
)
"""What was said before, asked of only to be put right: "did I say coughs? I meant headaches"."""
_IN_BRACKETS: Final = re.compile(
    r"\s?\(((?:(?:he|she|they) |bless |sorry|god |don't ask|do not ask|long story|you know|she's |he's |they're )"
    r"[^()]*)\)",
    re.IGNORECASE,
)
"""What is told in brackets, of somebody or of nothing: "(he's doing a project, bless him)"."""
_OPENINGS_MAX: Final = 6
"""Of more, the last ones, where the question stands."""


def sentences(message: str) -> list[str]:
    """Return the sentences of ``message``."""
    message = _SAID_ANEW.sub(r"\1 ", message) if _BREAKS_OFF.search(message) else message
    message = _BLANKS.sub(" ", message)
    message = _SAID_WRONGLY.sub("", message) if "?" in message else message
    if "(" in message:
        told = [found[1] for found in _IN_BRACKETS.finditer(message)]
        message = ". ".join((*told, _IN_BRACKETS.sub("", message)))
    parts: list[str] = []
    at = 0
    for end in _END.finditer(message):
        if _SHORT_FORM.search(message[max(at, end.start() - _SHORT_FORM_MAX) : end.start()]):
            continue
        parts.append(message[at : end.start()])
        at = end.end()
    parts.append(message[at:])
    return [part for part in parts if any(map(str.isalnum, part))]


def openings(sentence: str) -> list[tuple[str, str]]:
    """Return the ways to part ``sentence`` into what is told and what is asked, at most six, the shortest last."""
    plain = sentence.casefold()
    ends = [each.span() for each in _BEHIND_WHAT_IS_TOLD.finditer(plain)]
    if _TELLS_OF_SELF.match(plain):
        ends = sorted((*ends, *(each.span() for each in _UNMARKED.finditer(plain))))
    return [(plain[:start], plain[end:]) for start, end in ends[-_OPENINGS_MAX:]]


def turning(sentence: str) -> tuple[str, str] | None:
    """Return what stands before and behind the last "so" or "anyway" between commas, or None."""
    plain = sentence.casefold()
    found = next(reversed([*_TURNING.finditer(plain)]), None)
    return None if found is None else (plain[: found.start()], plain[found.end() :])


def asides(words: Sequence[str]) -> list[tuple[int, int, bool]]:
    """Return where what may be told behind a question begins: how many of ``words`` stand before it and its mark.

    The third says whether a mark parts them. At most two places of either kind, the first ones.
    """
    text = " ".join(words)
    return [
        (len(text[: found.start()].split()), len(text[: found.end()].split()), is_marked)
        for pattern, is_marked in ((_ASIDE, True), (_ASIDE_UNMARKED, False))
        for found in islice(pattern.finditer(text), _ASIDES_MAX)
        if found.start()
    ]


def commas(words: Sequence[str]) -> Iterator[list[str]]:
    """Yield what stands before the last and behind the first comma of ``words``, where there is one."""
    at = [k for k, word in enumerate(words) if word in {",", ";"} and 0 < k < len(words) - 1]
    if at:
        yield list(words[: at[-1]])
        yield list(words[at[0] + 1 :])
