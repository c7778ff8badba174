"""The words of an alert: a subject, and plain text. Times are the owner's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from gateway.alerts.message import Message, Part
from gateway.alerts.report import one_line

PRODUCT: Final = "Drawbridge"
SUBJECT_MAX: Final = 160
TEXT_MAX: Final = 12_000
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Words:
    """What a channel sends. ``title`` is the subject without product and name."""

    id: str
    severity: str
    at: float
    subject: str
    title: str
    text: str


def put(message: Message, *, name: str, zone: ZoneInfo) -> Words:
    """Return the words of ``message`` for the appliance called ``name``."""
    first, *rest = message.parts
    more = f", and {len(rest)} more" if rest else ""
    title = one_line(f"{'TEST: ' if message.is_test else ''}{_headline(first)}", SUBJECT_MAX - len(more)) + more
    blocks = ["\n".join(_lines(part, zone)) for part in message.parts]
    text = "\n\n".join(blocks)[:TEXT_MAX]
    made = _moment(message.made, zone)
    return Words(
        id=message.id,
        severity=message.severity,
        at=message.made,
        subject=one_line(f"[{PRODUCT}] {name}: {title}", SUBJECT_MAX + 60),
        title=title,
        text=f"{text}\n\n-- \n{name}, {made}, message {message.id}\n",
    )


def _headline(part: Part) -> str:
    match part.kind:
        case "recovery":
            return f"Over after {span(_length_s(part))}: {part.summary}"
        case "passed" if part.ended:
            return f"{part.ended + 1} times, over now: {part.summary}"
        case "passed":
            return f"Over after {span(_length_s(part))}: {part.summary}"
        case "start" if part.ended:
            return f"Again: {part.summary}"
        case "events" if part.events > 1:
            return f"{part.events} times: {part.summary}"
        case _:
            return part.summary


def _lines(part: Part, zone: ZoneInfo) -> Iterator[str]:
    yield f"{part.severity.upper()} at the {part.host}: {_headline(part)}"
    if part.kind == "start":
        yield f"Since {_moment(part.raised, zone)}."
    elif part.cleared is not None and part.kind in {"recovery", "passed"}:
        ended = _moment(part.cleared, zone, after=part.raised)
        yield f"It lasted {span(_length_s(part))}, from {_moment(part.raised, zone)} to {ended}."
        if part.end_summary and part.end_summary != part.summary:
            yield part.end_summary
    elif part.kind == "events":
        yield f"At {_moment(part.raised, zone)}."
    if part.ended:
        yield f"{part.ended} more since the last alert, {span(part.ended_s)} in all."
    if part.kind == "events" and part.events > 1:
        yield f"{part.events} since the last alert. The latest:"
        yield from (f"- {_moment(at, zone)} {summary}" for at, summary in part.recent)
    elif part.kind != "events" and part.events:
        yield f"Reported {part.events} more times meanwhile."
    if part.detail:
        yield part.detail
    yield from _follow(part)
    yield f"Cause: {part.cause}"


def _follow(part: Part) -> Iterator[str]:
    lasting = [one for one in part.folded if one.is_raised]
    over = [one for one in part.folded if not one.is_raised]
    for title, some in (
        ("Not well yet, and told again if it stays so:" if part.kind != "start" else "Because of it:", lasting),
        ("Over too:" if part.kind != "start" else "Because of it, and over:", over),
    ):
        if some:
            yield title
            yield from (f"- {one.summary} ({one.cause})" for one in some)


def _length_s(part: Part) -> float:
    return max(0.0, (part.cleared or part.raised) - part.raised)


def span(seconds: float) -> str:
    """Return a length of time in its two largest units: ``12 min``, ``3 h 5 min``."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    large, small = (("d", _DAY), ("h", _HOUR)) if whole >= _DAY else (("h", _HOUR), ("min", _MINUTE))
    rest = whole % large[1] // small[1]
    return f"{whole // large[1]} {large[0]}" + (f" {rest} {small[0]}" if rest else "")


def _moment(unix_s: float, zone: ZoneInfo, *, after: float | None = None) -> str:
    """Return a time as ``14:02 on 21 Nov``; without the day where it is the day of ``after``."""
    local = datetime.fromtimestamp(unix_s, zone)
    clock = f"{local:%H:%M}"
    if after is not None and local.date() == datetime.fromtimestamp(after, zone).date():
        return clock
    return f"{clock} on {local.day} {local:%b}"
