"""What of a question no operation can be narrowed to: said with the answer, so that no number means another than asked.

A frame has one period, two where it compares, and a least severity.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Final

from gateway.apps.health.chat.dates import DAY
from gateway.apps.health.chat.frame import DateRange, Intent, QueryFrame
from gateway.apps.health.chat.question import question_words
from gateway.apps.health.chat.reading import Turn
from gateway.apps.health.chat.wording import listed, period_words

_OFFERED_MAX: Final = 3


def caveats(turn: Turn, frame: QueryFrame, today: date) -> list[str]:
    """Return what the answer to ``frame`` has more or less of than ``turn`` asked for, a sentence each."""
    found: list[str] = []
    if turn.at_most and frame.min_severity is None:
        found.append("I can only narrow to a severity or more, so entries of every severity count here.")
    if frame.intent is Intent.COMPARE:
        sides = listed([period_words(each, today) for each in (frame.period, frame.second) if each is not None])
        if len(turn.times.periods) > 2:  # noqa: PLR2004 - a comparison has two sides
            found.append(f"I can only compare two periods: {sides}.")
    elif _is_apart(turn.times.periods, today):
        found.append("I read that as one period, with the days between.")
    return found


def one_by_one(turn: Turn, frame: QueryFrame, today: date) -> list[str]:
    """Return the question of ``frame`` for each of the periods that it had to join."""
    if frame.intent is Intent.COMPARE or not _is_apart(turn.times.periods, today):
        return []
    each = [frame.model_copy(update={"period": period}) for period in turn.times.periods]
    return [question_words(frame, today) for frame in each][:_OFFERED_MAX]


def _is_apart(periods: tuple[DateRange, ...], today: date) -> bool:
    """Tell periods with days between them that are in none."""
    ordered = sorted((each.start or date.min, each.end or today + DAY) for each in periods)
    return any(end < start for (_, end), (start, _) in pairwise(ordered))
