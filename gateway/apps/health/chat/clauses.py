"""Where a message comes apart: sentences, and the question behind what is told before it."""

from __future__ import annotations

import re
from typing import Final

_NO_DATE: Final = (
    r"(?!\d|jan|feb|mar|apr|may\b|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun|now\b|today|yesterday|last\b"
    r"|this\b|the (?:\d|present|end))"
)
_SHORT_FORM: Final = re.compile(
    r"(?:^|[\s(])(?:[A-Za-z]|dr|mr|mrs|ms|st|no|vs|approx|e\.g|i\.e|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.$",
    re.IGNORECASE,
)
_SHORT_FORM_MAX: Final = 10
_END: Final = re.compile(
    rf"(?<=[.!?;])\s+|\s*\n\s*|\s*(?:\.\.+|\u2026)\s*|(?<=\w):\s+|\s+[-\u2013\u2014]{{1,2}}\s+{_NO_DATE}", re.IGNORECASE
)
_OPENER: Final = (
    r"(?:how|when|what|which|whats|hows|whens|since when|did|have|had|has|was|were|is|are|do|does|any|anything"
    r"|show|list|give"
    r"|i (?:need|want|would like|wonder)|need|check"
    r"|tell|can|could|please|plot|chart|graph|draw|count|compare|find|display)\b"
)
_BEHIND_WHAT_IS_TOLD: Final = re.compile(
    rf"(?:,|\b(?:and|so|but|anyway|anyways|because|cos|cuz|or))\s+(?:(?:and|so|but|anyway|now|then|um|uh"
    rf"|like)\s+)*(?={_OPENER})"
)
_OPENINGS_MAX: Final = 6
"""Of more, the last ones, where the question stands."""


def sentences(message: str) -> list[str]:
    """Return the sentences of ``message``."""
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
    ends = list(_BEHIND_WHAT_IS_TOLD.finditer(plain))[-_OPENINGS_MAX:]
    return [(plain[: found.start()], plain[found.end() :]) for found in ends]
