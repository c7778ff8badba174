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
from gateway.apps.health.chat.reply import Text, key, text_of
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


def emergency_text(number: str) -> Text:
    return text_of(
        "If this is happening now, ", key(f"call {number}"), ".\n"
        "Do not wait for this page: it only shows records. If you are with somebody, let them know.",
    )  # fmt: skip


def in_doubt_text(number: str) -> Text:
    """Return what stands before an answer to words that may as well have been an emergency."""
    return text_of("If somebody is in danger now, ", key(f"call {number}"), ".\n")


def greeting_text() -> Text:
    return text_of("Hello. Ask me about your symptom records: what you had, when, how often and how bad it was.")


def help_text() -> Text:
    return text_of(
        "I look things up in your own symptom records.\n"
        "You can ask for a list, how often, when last or first, how long ago, how bad on average or at worst, "
        "what is most frequent, how it changes, and to compare two periods or two symptoms.\n"
        "Say when in your own words: last week, in March, since 1 June, between 3 and 10 May."
    )


def out_of_scope_text() -> Text:
    return text_of(
        "I can only look up your own symptom records, so I have no answer to that. You could ask one of these:"
    )


def unknown_text(symptoms: Sequence[str], view: View) -> Text:
    most = listed([name.symptom for name in view.known[:_SUGGESTIONS_MAX]])
    known = f" What you have recorded most: {most}." if view.known else ""
    return text_of("There are ", key("no entries"), f" of {listed(symptoms)} in your records.{known}")


def unknown_word_text(words: Sequence[str]) -> Text:
    return text_of(f"I do not know {listed([f'“{word}”' for word in words])} as a symptom. Did you mean one of these?")


def told_text(symptom: str) -> Text:
    return text_of(f"I note nothing down; I look up what you recorded of {symptom}. Did you mean one of these?")


def doubtful_text() -> Text:
    return text_of("I am not sure that I understood all of that. Did you mean one of these?")


def one_sided_text() -> Text:
    return text_of("To compare, I need two periods or two symptoms. Did you mean one of these?")


def either_text(frame: QueryFrame, others: Sequence[QueryFrame]) -> Text:
    named = " or ".join(listed(each.symptoms) for each in (frame, *others))
    return text_of(f"I read that as {named}. Did you mean one of these?")


def answer_text(frame: QueryFrame, found: Findings, view: View) -> Text:
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


def _nothing(frame: QueryFrame, found: Findings, view: View) -> Text:
    """Return that there is nothing, and where the nearest entries lie."""
    said = (
        "There are ", key("no entries"), f" of {symptom_words(frame)} {period_words(frame.period, view.today)}."
    )  # fmt: skip
    near = [
        (which, day_words(row.recorded_at.astimezone(view.zone).date()))
        for which, row in (("before", found.before), ("after", found.after))
        if row is not None
    ]
    if not near:
        return text_of(*said)
    if len(near) == 1:
        [(which, day)] = near
        return text_of(*said, f" The nearest one {which} that is on {day}.")
    [(_, before), (_, after)] = near
    return text_of(*said, f" The nearest ones are on {before} and {after}.")


def _about(frame: QueryFrame, view: View) -> str:
    return f"{symptom_words(frame)} {period_words(frame.period, view.today)}"


def _list(frame: QueryFrame, found: Findings, view: View) -> Text:
    page = _page(found)
    if not page.items:
        return _nothing(frame, found, view)
    total = page.total if page.total is not None else len(page.items)
    count = entries(total) if page.total_is_exact else f"At least {entries(total)}"
    cut = f" These are the latest {ROWS_SHOWN}." if total > len(page.items) else ""
    return text_of(key(count), f" of {_about(frame, view)}.{cut}")


def _count(frame: QueryFrame, found: Findings, view: View) -> Text:
    stats = _stats(found)
    if not stats.count:
        return _nothing(frame, found, view)
    return text_of(key(entries(stats.count)), f" of {_about(frame, view)}.")


def _called(record: SymptomRecord, frame: QueryFrame) -> str:
    """Return the record's own name where the question does not say it: it asked for another, or for any."""
    is_said = [record.symptom.casefold()] == [symptom.casefold() for symptom in frame.symptoms]
    return "" if is_said else f" ({record.symptom})"


def _severity(record: SymptomRecord) -> str:
    return f", severity {record.severity}" if record.severity is not None else ""


def _edge(word: str) -> Callable[[QueryFrame, Findings, View], Text]:
    def said(frame: QueryFrame, found: Findings, view: View) -> Text:
        page = _page(found)
        if not page.items:
            return _nothing(frame, found, view)
        row = page.items[0]
        limits = "" if frame.period.is_all_time else f", {period_words(frame.period, view.today)},"
        return text_of(
            f"The {word} entry of {symptom_words(frame)}{_called(row, frame)}{limits} was ",
            key(moment_words(row.recorded_at, view.zone, view.today)),
            f"{_severity(row)}.",
        )

    return said


def _duration_since(frame: QueryFrame, found: Findings, view: View) -> Text:
    page = _page(found)
    if not page.items:
        return _nothing(frame, found, view)
    row = page.items[0]
    days = (view.today - row.recorded_at.astimezone(view.zone).date()).days
    ago = {0: "Today", 1: "Yesterday"}.get(days, f"{counted(days, 'day')} ago")
    moment = moment_words(row.recorded_at, view.zone, view.today)
    return text_of(
        key(ago), f": the latest entry of {symptom_words(frame)}{_called(row, frame)} was {moment}{_severity(row)}."
    )


def _without_severity(frame: QueryFrame, count: int, view: View) -> Text:
    if count == 1:
        return text_of(f"The one entry of {_about(frame, view)} states no severity.")
    return text_of(f"None of the {entries(count)} of {_about(frame, view)} states a severity.")


def _rests(count: int, without: int) -> str:
    """Return what a figure rests on: "over 69 entries (2 more without a severity)"."""
    left_out = f" ({without:,} more without a severity)" if without else ""
    return f"over {entries(count)}{left_out}"


def _average(frame: QueryFrame, found: Findings, view: View) -> Text:
    stats = _stats(found)
    if not stats.count:
        return _nothing(frame, found, view)
    if stats.average_severity is None:
        return _without_severity(frame, stats.count, view)
    if stats.severity_count == 1:
        return text_of(key(f"{stats.max_severity} out of 10"), f", the only entry of {_about(frame, view)} that says.")
    return text_of(
        key(f"{decimal(stats.average_severity)} out of 10"),
        f" on average: {_about(frame, view)}, {_rests(stats.severity_count, stats.count - stats.severity_count)}. "
        f"The highest was {stats.max_severity}.",
    )


def _maximum(frame: QueryFrame, found: Findings, view: View) -> Text:
    stats, page = _stats(found), _page(found)
    if not stats.count:
        return _nothing(frame, found, view)
    if stats.max_severity is None or not page.items:
        return _without_severity(frame, stats.count, view)
    row = page.items[0]
    moment = moment_words(row.recorded_at, view.zone, view.today)
    return text_of(
        key(f"{stats.max_severity} out of 10"),
        f" is the highest: {_about(frame, view)}, {_rests(stats.severity_count, stats.count - stats.severity_count)}. "
        f"Latest so{_called(row, frame)}: {moment}.",
    )


def _trend(frame: QueryFrame, found: Findings, view: View) -> Text:
    stats = _stats(found)
    if not stats.count:
        return _nothing(frame, found, view)
    rests = f"{entries(stats.count)} of {_about(frame, view)}"
    trend = severity_trend(stats.series)
    if trend is None:
        return text_of(f"{rests}: ", key("too few to tell a direction"), ".")
    moves = "no clear rise or fall" if trend.is_steady else (
        f"{'a rise' if trend.slope > 0 else 'a fall'} of {abs(trend.slope):.1f} points a month"
    )  # fmt: skip
    average = decimal(stats.average_severity or 0)
    return text_of("The severity shows ", key(moves), f", over {rests} (average {average}).")


def _ranking(frame: QueryFrame, found: Findings, view: View) -> Text:
    if not found.ranking:
        return _nothing(frame, found, view)
    best, *others = found.ranking
    tied = [best.symptom, *(other.symptom for other in others if other.count == best.count)]
    when = period_words(frame.period, view.today)
    rest = [f"{other.symptom} ({other.count:,})" for other in others if other.count < best.count]
    then = f" Then {listed(rest)}." if rest else ""
    if len(tied) == 1:
        return text_of(key(best.symptom), f" is the most frequent {when}, with {entries(best.count)}.{then}")
    return text_of(key(listed(tied)), f" are the most frequent {when}, with {entries(best.count)} each.{then}")


def _compare(frame: QueryFrame, found: Findings, view: View) -> Text:
    first, second = found.sides[0], found.sides[1]
    names = side_names(frame, view)
    difference = first.count - second.count
    if difference:
        more, less = (0, 1) if difference > 0 else (1, 0)
        told = (key(f"{abs(difference):,} more"), f" {names[more]} than {names[less]}.")
    else:
        told = (key("As many"), f" {names[0]} as {names[1]}.")
    about = symptom_words(frame) if frame.second is not None else period_words(frame.period, view.today)
    sides = "".join(f"\n{sentence(name)}: {_side(stats)}." for name, stats in zip(names, found.sides, strict=True))
    return text_of(f"{sentence(about)}: ", *told, sides)


def side_names(frame: QueryFrame, view: View) -> list[str]:
    """Return what the sides of a comparison are called: its periods, or its symptoms."""
    if frame.second is None:
        return list(frame.symptoms)
    return [period_words(period, view.today) for period in (frame.period, frame.second)]


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


_ANSWERS: Final[Mapping[Intent, Callable[[QueryFrame, Findings, View], Text]]] = MappingProxyType(
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
