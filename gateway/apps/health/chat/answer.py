"""The answer in words: what was understood, the number first, and nothing that advises or reassures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from bridge.contracts.health import SymptomName, SymptomPage, SymptomRecord, SymptomStats
from gateway.apps.health.chat.asking import Findings
from gateway.apps.health.chat.frame import Intent, QueryFrame
from gateway.apps.health.chat.query import ROWS_SHOWN
from gateway.apps.health.chat.symptoms import Lexicon
from gateway.apps.health.chat.trend import severity_trend
from gateway.apps.health.chat.wording import (
    counted,
    day_words,
    decimal,
    entries,
    listed,
    moment_words,
    period_words,
    sentence,
    symptom_words,
)  # fmt: skip

_SUGGESTIONS_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class View:
    """Whose answer it is: the person's zone and day, and the symptoms of their records."""

    zone: ZoneInfo
    today: date
    known: Sequence[SymptomName]
    lexicon: Lexicon


def emergency_text(number: str) -> str:
    return (
        f"If this is happening now, call {number}.\n"
        "Do not wait for this page: it only shows records. If you are with somebody, let them know."
    )


def greeting_text() -> str:
    return "Hello. Ask me about your symptom records: what you had, when, how often and how bad it was."


def help_text() -> str:
    return (
        "I look things up in your own symptom records.\n"
        "You can ask for a list, how often, when last or first, how long ago, how bad on average or at worst, "
        "what is most frequent, how it changes, and to compare two periods or two symptoms.\n"
        "Say when in your own words: last week, in March, since 1 June, between 3 and 10 May."
    )


def out_of_scope_text() -> str:
    return "I can only look up your own symptom records, so I have no answer to that. You could ask one of these:"


def unknown_text(symptoms: Sequence[str], view: View) -> str:
    has_some = "What you have recorded most: " + listed([name.symptom for name in view.known[:_SUGGESTIONS_MAX]]) + "."
    return f"There are no entries of {listed(symptoms)} in your records. {has_some if view.known else ''}".strip()


def unknown_word_text(words: Sequence[str]) -> str:
    return f"I do not know {listed([f'“{word}”' for word in words])} as a symptom. Did you mean one of these?"


def one_sided_text() -> str:
    return "To compare, I need two periods or two symptoms. Did you mean one of these?"


def answer_text(frame: QueryFrame, found: Findings, view: View) -> str:
    """Return the answer to a question about records."""
    return _ANSWERS[frame.intent](frame, found, view)


def examples(known: Sequence[SymptomName]) -> list[str]:
    """Return three questions that these records can answer."""
    if not known:
        return ["What did I log last week?", "Which symptom do I have most often?", "What can I ask?"]
    often, other = known[0].symptom.lower(), known[min(1, len(known) - 1)].symptom.lower()
    return [
        f"How often did I have {often} this year?",
        f"When did I last have {other}?",
        f"How bad was {often} on average?",
    ]


def suggestions(frame: QueryFrame) -> list[str]:
    """Return what may be asked next, as follow-ups."""
    nexts = {
        Intent.LIST: ("How many is that?", "How bad was it on average?", "And the worst one?"),
        Intent.COUNT: ("List them", "How bad was it on average?", "And the worst one?"),
        Intent.AVERAGE_SEVERITY: ("And the worst one?", "How many is that?", "List them"),
        Intent.MAX_SEVERITY: ("What was the average severity?", "List them", "How many is that?"),
        Intent.LATEST: ("How bad was it?", "And the first time?", "How often in all?"),
        Intent.FIRST: ("And the last time?", "How often in all?", "How bad was it on average?"),
        Intent.DURATION_SINCE: ("How bad was it?", "How often in all?", "List them"),
        Intent.TREND: ("List them", "And the worst one?", "How many is that?"),
        Intent.COMPARE: ("List them", "And the worst one?"),
        Intent.MOST_FREQUENT: ("And last month?", "And this year?"),
    }
    return list(nexts.get(frame.intent, ()))


def no_entries_text(frame: QueryFrame, view: View) -> str:
    """Return that there is nothing, and where the nearest entry lies."""
    said = f"There are no entries of {symptom_words(frame)} {period_words(frame.period, view.today)}."
    names = {name for symptom in frame.symptoms for name in view.lexicon.names_of(symptom)}
    known = [name for name in view.known if name.symptom in names or not frame.symptoms]
    if not known:
        return said
    first, last = min(name.first for name in known), max(name.last for name in known)
    days = sorted({moment.astimezone(view.zone).date() for moment in (first, last)})
    if len(days) == 1:
        return f"{said} The only day with entries is {day_words(days[0])}."
    return f"{said} Your entries reach from {day_words(days[0])} to {day_words(days[1])}."


def _about(frame: QueryFrame, view: View) -> str:
    return f"{symptom_words(frame)} {period_words(frame.period, view.today)}"


def _list(frame: QueryFrame, found: Findings, view: View) -> str:
    page = _page(found)
    if not page.items:
        return no_entries_text(frame, view)
    total = page.total if page.total is not None else len(page.items)
    at_least = "" if page.total_is_exact else "at least "
    said = sentence(f"{at_least}{entries(total)} of {_about(frame, view)}.")
    return f"{said} These are the latest {ROWS_SHOWN}." if total > len(page.items) else said


def _count(frame: QueryFrame, found: Findings, view: View) -> str:
    stats = _stats(found)
    return f"{entries(stats.count)} of {_about(frame, view)}." if stats.count else no_entries_text(frame, view)


def _record(record: SymptomRecord, view: View) -> str:
    severity = f", severity {record.severity}" if record.severity is not None else ""
    return f"{record.symptom} {moment_words(record.recorded_at, view.zone, view.today)}{severity}"


def _edge(word: str) -> Callable[[QueryFrame, Findings, View], str]:
    def said(frame: QueryFrame, found: Findings, view: View) -> str:
        page = _page(found)
        if not page.items:
            return no_entries_text(frame, view)
        limits = "" if frame.period.is_all_time else f", {period_words(frame.period, view.today)}"
        return f"The {word} entry of {symptom_words(frame)}{limits}: {_record(page.items[0], view)}."

    return said


def _duration_since(frame: QueryFrame, found: Findings, view: View) -> str:
    page = _page(found)
    if not page.items:
        return no_entries_text(frame, view)
    days = (view.today - page.items[0].recorded_at.astimezone(view.zone).date()).days
    ago = f"{counted(days, 'day')} ago" if days > 0 else "Today"
    return f"{ago}: the latest entry of {symptom_words(frame)} is {_record(page.items[0], view)}."


def _average(frame: QueryFrame, found: Findings, view: View) -> str:
    stats = _stats(found)
    if not stats.count:
        return no_entries_text(frame, view)
    if stats.average_severity is None:
        return f"None of the {entries(stats.count)} of {_about(frame, view)} states a severity."
    rests = entries(stats.severity_count)
    without = stats.count - stats.severity_count
    left_out = f" ({without:,} more without a severity)" if without else ""
    return (
        f"{decimal(stats.average_severity)} out of 10 on average: {_about(frame, view)}, over {rests}{left_out}. "
        f"The highest was {stats.max_severity}."
    )


def _maximum(frame: QueryFrame, found: Findings, view: View) -> str:
    stats, page = _stats(found), _page(found)
    if not stats.count:
        return no_entries_text(frame, view)
    if stats.max_severity is None or not page.items:
        return f"None of the {entries(stats.count)} of {_about(frame, view)} states a severity."
    return (
        f"{stats.max_severity} out of 10 is the highest: {_about(frame, view)}, over {entries(stats.severity_count)}. "
        f"Latest so: {_record(page.items[0], view)}."
    )


def _trend(frame: QueryFrame, found: Findings, view: View) -> str:
    stats = _stats(found)
    if not stats.count:
        return no_entries_text(frame, view)
    rests = f"{entries(stats.count)} of {_about(frame, view)}"
    trend = severity_trend(stats.series)
    if trend is None:
        return f"{rests}: too few to tell a direction."
    moves = "no clear rise or fall" if trend.is_steady else (
        f"{'a rise' if trend.slope > 0 else 'a fall'} of {abs(trend.slope):.1f} points a month"
    )  # fmt: skip
    return f"The severity shows {moves}, over {rests} (average {decimal(stats.average_severity or 0)})."


def _ranking(frame: QueryFrame, found: Findings, view: View) -> str:
    if not found.ranking:
        return no_entries_text(frame, view)
    best, *others = found.ranking
    when = period_words(frame.period, view.today)
    then = f" Then {listed([f'{other.symptom} ({other.count:,})' for other in others])}." if others else ""
    return f"{best.symptom} is the most frequent {when}, with {entries(best.count)}.{then}"


def _compare(frame: QueryFrame, found: Findings, view: View) -> str:
    if frame.second is not None:
        sides = [period_words(period, view.today) for period in (frame.period, frame.second)]
        head = sentence(f"{symptom_words(frame)}:")
    else:
        sides = list(frame.symptoms)
        head = sentence(f"{period_words(frame.period, view.today)}:")
    return "\n".join([head, *(f"{side}: {_side(stats)}" for side, stats in zip(sides, found.sides, strict=False))])


def _side(stats: SymptomStats) -> str:
    if stats.average_severity is None:
        return entries(stats.count)
    return f"{entries(stats.count)}, average severity {decimal(stats.average_severity)}, highest {stats.max_severity}"


def _page(found: Findings) -> SymptomPage:
    assert found.page is not None  # noqa: S101 - asking gives a page for these intents
    return found.page


def _stats(found: Findings) -> SymptomStats:
    assert found.stats is not None  # noqa: S101 - asking gives statistics for these intents
    return found.stats


_ANSWERS: Final[Mapping[Intent, Callable[[QueryFrame, Findings, View], str]]] = MappingProxyType(
    {
        Intent.LIST: _list,
        Intent.COUNT: _count,
        Intent.LATEST: _edge("latest"),
        Intent.FIRST: _edge("first"),
        Intent.DURATION_SINCE: _duration_since,
        Intent.AVERAGE_SEVERITY: _average,
        Intent.MAX_SEVERITY: _maximum,
        Intent.TREND: _trend,
        Intent.MOST_FREQUENT: _ranking,
        Intent.COMPARE: _compare,
    }
)
