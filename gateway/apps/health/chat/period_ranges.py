"""Ranges that are made of one period's end or of two: since Easter, up to Friday, from May to July.

A reader is given a position and returns what it found there, or None.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from gateway.apps.health.chat import dates
from gateway.apps.health.chat.calendar_periods import OF_A_DAY
from gateway.apps.health.chat.dates import DAY, STEPS_MAX, Unit, is_a_day
from gateway.apps.health.chat.frame import DateRange
from gateway.apps.health.chat.one_period import UNTIL_NOW, OnePeriod
from gateway.apps.health.chat.periods_from_today import ARTICLES, Found
from gateway.apps.health.chat.relative_times import Relative
from gateway.apps.health.chat.time_words import (
    DAY_PARTS,
    MONTHS,
    PREPOSITIONS,
    WEEKDAYS,
    by_first_word,
    day_number,
    phrase_at,
)

_LEADS: Final = tuple(
    (tuple(phrase.split()), meant)
    for meant, phrases in {
        "since": (
            "no earlier than", "not earlier than", "not before than", "not before", "no sooner than",
            "not sooner than", "on or after", "on and after", "ever since",
            "as of", "since", "starting from", "starting in", "starting on", "beginning from", "beginning in",
            "beginning on", "onwards from", "onward from", "starting",
            "going back to", "going back as far as", "dating back to", "dating from", "all the way back to",
            "right back to", "as far back as", "way back to",
        ),
        "until": (
            "not after",
            "up to and including", "up to & including", "until and including", "no later than", "not later than",
            "by the end of", "by the close of",
            "on or before", "on and before", "up to", "up until", "up till", "until", "till", "til",
        ),
        "before": ("prior to", "before", "earlier than"),
        "after": ("after", "later than"),
        "from": ("from",),
    }.items()
    for phrase in phrases
)  # fmt: skip
"""What opens or closes a range at one end. Of those that begin alike, the longer stands first."""
FIRST_OF_LEADS: Final = frozenset(phrase[0] for phrase, _ in _LEADS)
_BEFORE_UP: Final = frozenset({"measure", "measured", "measures", "stack", "stacked", "stacks", "add", "live", "match"})
"""Of these, "up" is a part: "how does it measure up to last week"."""
_ROUGHLY: Final = frozenset({"about", "around", "roughly", "approximately", "approx", "circa", "maybe"})
_BEHIND_AN_AMOUNT: Final = frozenset(
    {"i", "my", "how", "am", "is", "has", "have", "show", "list", "what", "which", "please", "continuously", "now"}
)
"""What goes on behind "since two weeks"."""
_ENDS: Final = frozenset({"", "?", "!", ","})
_HOURS: Final = 12
_IN: Final = frozenset({"in", "of", "for", "during"})
_OPEN: Final = frozenset({"onwards", "onward", "forwards", "forward", "later", "after", "since", "earlier", "before"})
_AND_ON: Final = by_first_word(
    (
        ("onwards",), ("onward",), ("forwards",), ("forward",), ("or", "later"), ("and", "later"), ("or", "after"),
        ("or", "since"), ("and", "onwards"), ("and", "onward"),
    )
)  # fmt: skip
_AND_BACK: Final = by_first_word((("or", "earlier"), ("and", "earlier"), ("or", "before")))
_DAYS_OF_WEEK: Final = 8
"""Days that a week may be said to have, by who counts its last one twice."""
_MONTHS_WITHOUT: Final = 62
"""Days within which each day of a month comes."""


class PeriodRanges(OnePeriod):
    """One period, or a range between two, or from one on."""

    def period(self, i: int) -> Found | None:
        start = i + 1 if self._at(i) in {"anytime", "sometime", "only", "just"} else i
        return (
            self._week_with_days(start)
            or self._between(start)
            or self._until_now_in(start)
            or self._one_sided(start)
            or self._open(start)
            or self._simple_or_span(start)
        )

    def _open(self, i: int) -> Found | None:
        """Read "March onwards", "March or later", "5 May or earlier"."""
        if _OPEN.isdisjoint(self._words):
            return None
        found = self._simple(i)
        length, is_since = (phrase_at(self._words, found.after, _AND_ON), True) if found is not None else (0, True)
        if found is not None and not length:
            length, is_since = phrase_at(self._words, found.after, _AND_BACK), False
        if found is None or not length:
            return None
        start, end = (found.period.start, self._today + DAY) if is_since else (None, found.period.end)
        return Found(found.after + length, DateRange(start=start, end=end))

    def period_or_now(self, i: int) -> Found | None:
        """Read the same, or "now", "the end of May", which end a range."""
        return self._now_found(i) or self._edge(i) or self.period(i)

    def block_before(self, i: int) -> tuple[int, Relative] | None:
        """Read "the previous 7 days", which lie before those spoken of: the position behind, and how far before."""
        while self._at(i) in PREPOSITIONS or self._at(i) in ARTICLES:
            i += 1
        amount = self._amount(i + 1) if self._at(i) in {"previous", "preceding", "prior"} else None
        if amount is None or amount[1] < 2 or amount[2] == "hour" or amount[1] > STEPS_MAX:  # noqa: PLR2004
            return None
        return amount[0], Relative(Unit(amount[2]), -amount[1])

    def _week_with_days(self, i: int) -> Found | None:
        """Read "(in) the week of Monday 17 to Sunday 23 November": those days."""
        while self._at(i) in PREPOSITIONS or self._at(i) in ARTICLES:
            i += 1
        if self._at(i) != "week":
            return None
        i += 1 + (self._at(i + 1) in OF_A_DAY)
        i += self._at(i) == "the"
        is_dated = self._at(i) in WEEKDAYS or self._at(i) in MONTHS or self._at(i)[:1].isdigit()
        days = self._simple_or_span(i) if is_dated else None
        if days is None or days.period.start is None or days.period.end is None:
            return None
        return days if DAY < days.period.end - days.period.start <= _DAYS_OF_WEEK * DAY else None

    # two ends

    def _between(self, i: int) -> Found | None:
        opening = self._at(i)
        if opening not in {"between", "from"}:
            return None
        ago = self._between_ago(i + 1)
        if ago is not None:
            return ago
        first = self._now_found(i + 1) or self._simple(i + 1)
        if opening == "between" and first is not None and first.period == dates.days(self._today):
            back = self._simple(first.after + 1) if self._at(first.after) == "and" else None
            if back is not None and back.period.start is not None and back.period.start < self._today:
                return Found(back.after, DateRange(start=back.period.start, end=self._today + DAY))
        links = {"and", "-"} if opening == "between" else {"to", "until", "till", "til", "through", "-", "thru", "and"}
        return self._span(i + 1, links)

    def _simple_or_span(self, i: int) -> Found | None:
        return self._span(i, {"to", "-", "until", "till", "through", "thru"}) or self._simple(i)

    def _span(self, i: int, links: set[str]) -> Found | None:
        """Read "A to B", both included; A is the latest before B unless it says its year."""
        first = self._simple(i)
        if first is None and self._at(i - 1) in {"between", "from"} and self._at(i) in {"my", "the", "our"}:
            event = self._event(i)  # "between my birthday, 3 March, and now"
            event = event if event is not None and is_a_day(event.period) else None
            is_marked = event is not None and self._at(event.after) == ","
            first = Found(event.after + is_marked, event.period) if event is not None else None
        if first is None:
            return None
        link = first.after + (self._at(first.after) == "up" and "to" in links)  # "from 1 May up to 31 May"
        if self._at(link) not in links:
            return None
        behind = link + 1 + (self._at(link) in {"through", "thru", "-"} and self._at(link + 1) == "to")
        behind += 2 * ((self._at(behind), self._at(behind + 1)) == ("and", "including"))
        second = self._now_found(behind) or self._simple(behind + (self._at(behind) in _ROUGHLY))
        if second is None:
            return None
        start, end = first.period.start, second.period.end
        day = _day_alone(self._words[behind : second.after])
        if day and start is not None and _is_up_to_a_week(first.period):  # "from the week of 9 March to the 15th"
            end = _next_day(start, day) + DAY
            return Found(second.after, DateRange(start=start, end=end))
        if start is not None and end is not None and start >= end and second.period.start is not None:
            anchored = PeriodRanges(self._words, datetime.combine(second.period.start, self._now.time()))
            again = anchored._simple(i)
            start = again.period.start if again else start
        if start is None or end is None or start >= end:
            return None
        return Found(second.after, DateRange(start=start, end=end))

    def _now_found(self, i: int) -> Found | None:
        if self._at(i) == "now":
            return Found(i + 1, dates.days(self._today))
        if self._at(i) == "date" and self._at(i - 1) == "to":
            return Found(i + 1, dates.days(self._today))
        if self._at(i) == "the" and self._at(i + 1) == "present":
            return Found(i + 2, dates.days(self._today))
        return None

    def _until_now_in(self, i: int) -> Found | None:
        """Read "up till now in this year"."""
        behind = i + phrase_at(self._words, i, UNTIL_NOW)
        return self._simple(behind) if behind > i and self._at(behind) in _IN else None

    # one end

    def _one_sided(self, i: int) -> Found | None:
        if self._at(i) not in FIRST_OF_LEADS or (self._at(i) == "up" and self._at(i - 1) in _BEFORE_UP):
            return None
        led = next((lead for lead in _LEADS if tuple(self._words[i : i + len(lead[0])]) == lead[0]), None)
        if led is None:
            return None
        word, behind = led[1], i + len(led[0])
        found = self._now_found(behind) if word == "until" else None
        behind += self._at(behind) in _ROUGHLY and self._at(behind - 1) != "from"
        edge = self._edge(behind)
        found = found or edge or self._simple(behind) or (self._event(behind) if word == "since" else None)
        found = found or (self._for_an_amount(behind) if word in {"since", "from"} else None)
        found = found or (self._part_of_today(behind) if word == "since" else None)
        if found is None and word == "before" and (found := self._an_amount_ago(behind)) is not None:
            word = "ago"
        if found is None and word in {"before", "after", "until"} and self._at(behind) in {"my", "the", "our"}:
            event = self._event(behind)  # "before my holiday on 3 August"; not "after my jab in March", a month
            found = event if event is not None and is_a_day(event.period) else None
        if found is None or word == "ago":
            return found
        start, end, tomorrow = found.period.start, found.period.end, self._today + DAY
        after = found.after + (self._at(found.after) in {"began", "begun", "started"})
        if word == "from" and self._at(after) in _BEHIND_AN_AMOUNT and self._for_an_amount(behind) == found:
            word = "since"
        if word == "from":
            is_open = self._at(after) in {"on", "onwards", "onward"}
            if edge is not None and not is_open:  # "from the start of last week"
                return Found(after, DateRange(start=start, end=tomorrow))
            lasting = self._for_so_long(start, after) if is_a_day(found.period) else None
            return Found(after + 1, DateRange(start=start, end=tomorrow)) if is_open else lasting
        periods = {
            "since": DateRange(start=start, end=tomorrow),
            "before": DateRange(end=start),
            "after": DateRange(start=end, end=max(tomorrow, end or tomorrow)),
        }
        return Found(after, periods.get(word, DateRange(end=end)))

    def _for_so_long(self, start: date | None, i: int) -> Found | None:
        """Read "(from 3 May) for ten days"."""
        amount = self._amount(i + 1) if self._at(i) == "for" else None
        if start is None or amount is None or amount[2] == "hour" or amount[1] > STEPS_MAX:
            return None
        return Found(amount[0], DateRange(start=start, end=dates.add(start, amount[1], Unit(amount[2]))))

    def _part_of_today(self, i: int) -> Found | None:
        """Read "(since) noon", "(since) 6 am"."""
        hour = self._at(i).split(".")[0]
        if hour.isdigit() and self._at(i + 1) in {"am", "pm", "oclock"} and int(hour) <= _HOURS:
            k = i + 2 + (self._at(i + 2) in {"this", "today"}) + (self._at(i + 2) == "in" and self._at(i + 3) == "the")
            k += self._at(k) in DAY_PARTS or (self._at(k) == "the" and self._at(k + 1) in DAY_PARTS)
            is_over = int(hour) % _HOURS + _HOURS * (self._at(i + 1) == "pm") <= self._now.hour
            if self._at(k) in _ENDS:
                return Found(k, dates.days(self._today if is_over else self._today - DAY))
        return Found(i + 1, dates.days(self._today)) if self._at(i) in DAY_PARTS and self._at(i + 1) in _ENDS else None

    def _for_an_amount(self, i: int) -> Found | None:
        """Read "(since) two weeks", "(from) two weeks I have", as it is said where English is learnt."""
        amount = self._amount(i)
        is_since = self._at(i - 1) == "since" and self._at(amount[0] if amount else i) in _ENDS
        if amount is None or amount[2] == "hour" or amount[1] > STEPS_MAX:
            return None
        if not is_since and self._at(amount[0]) not in _BEHIND_AN_AMOUNT:
            return None
        return Found(amount[0], dates.rolling(self._today, amount[1], Unit(amount[2])))

    def _an_amount_ago(self, i: int) -> Found | None:
        """Read "(before) two weeks", said for two weeks ago."""
        amount = self._amount(i)
        if amount is None or amount[2] == "hour" or amount[1] > STEPS_MAX:
            return None
        if self._at(amount[0]) not in _ENDS | _BEHIND_AN_AMOUNT:
            return None
        return Found(amount[0], dates.calendar_unit(self._today, Unit(amount[2]), -amount[1]))

    def _edge(self, i: int) -> Found | None:
        """Read "the start of the year", "the end of last week": the first or last day. A month's is a third of it."""
        i += self._at(i) == "the"
        edge = self._at(i)
        if edge not in {"start", "beginning", "end", "turn"} or self._at(i + 1) != "of":
            return None
        found = self._simple(i + 2) or self._running_unit(i + 2)
        if found is None or found.period.start is None or found.period.end is None:
            return None
        is_month = found.period.start.day == 1 and (found.period.end - found.period.start).days <= 31  # noqa: PLR2004
        if is_month and edge == "end":
            return None
        day = found.period.end - DAY if edge == "end" else found.period.start
        return Found(found.after, dates.days(day))


def _is_up_to_a_week(period: DateRange) -> bool:
    return period.start is not None and period.end is not None and period.end - period.start <= 7 * DAY


def _day_alone(words: Sequence[str]) -> int:
    """Return the day of a month that ``words`` are and no more, or 0: "the 15th"."""
    said = [word for word in words if word not in ARTICLES]
    return (day_number(said[0]) or 0) if len(said) == 1 and not said[0].isdigit() else 0


def _next_day(start: date, day: int) -> date:
    """Return the first date from ``start`` on that is the ``day`` of its month."""
    return next(each for each in (start + k * DAY for k in range(_MONTHS_WITHOUT)) if each.day == day)
